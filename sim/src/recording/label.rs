//! Frames in a few words.

use crate::scenario::Way;
use bytestring::ByteString;
use driftless_core::client::{Notice, StorageRequest};
use driftless_core::event::{Event, Json};
use driftless_core::wire::{Ack, ClientMessage, ClientRequest, Events, ServerError, ServerMessage, ServerReply};
use std::fmt::Write as _;

/// Longest label, in characters.
const MAX_LABEL: usize = 120;

/// What a frame says, and the repository that it is about.
pub(super) fn frame(way: Way, frame: &ByteString) -> (String, Option<String>) {
    let read = match way {
        Way::Up => ClientRequest::decode(frame)
            .ok()
            .map(|request| request_label(&request.message)),
        Way::Down => ServerReply::decode(frame).ok().map(|reply| reply_label(&reply.message)),
    };
    let (label, repository) = read.unwrap_or_else(|| (format!("? {}", &**frame), None));
    (cut(&label, MAX_LABEL), repository)
}

/// A text, or its beginning.
pub(super) fn cut(text: &str, characters: usize) -> String {
    match text.char_indices().nth(characters) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}

fn request_label(message: &ClientMessage) -> (String, Option<String>) {
    match message {
        ClientMessage::Auth(auth) => (
            auth.protocol
                .map_or("auth, plain".into(), |version| format!("auth v{version}")),
            None,
        ),
        ClientMessage::Ping => ("ping".into(), None),
        ClientMessage::Pong => ("pong".into(), None),
        ClientMessage::PushEvent { repository, event } => push(repository, std::slice::from_ref(event)),
        ClientMessage::PushEventsBatch { repository, events } => push(repository, events),
        ClientMessage::RequestEvents(request) => {
            let mut label = format!("request {}", request.repository);
            if let Some(after) = request.after {
                let _ = write!(label, " after {after}");
            }
            (label, Some(request.repository.to_string()))
        }
        ClientMessage::RequestAllEvents { repository, .. } => {
            let name = repository.as_ref().map(ToString::to_string);
            (format!("request all {}", name.as_deref().unwrap_or_default()), name)
        }
        ClientMessage::EventsReceived { repository, count } => {
            (format!("received {repository} ×{count}"), Some(repository.to_string()))
        }
        ClientMessage::Subscribe(subscribe) => {
            let positions = subscribe.repositories.iter();
            let positions: Vec<_> = positions.map(|(name, at)| format!("{name}>{}", at.after)).collect();
            (format!("subscribe {}", positions.join(" ")), None)
        }
        ClientMessage::Unsubscribe { repositories } => {
            let names: Vec<_> = repositories.iter().map(ToString::to_string).collect();
            (format!("unsubscribe {}", names.join(" ")), None)
        }
    }
}

fn push(repository: &ByteString, events: &[Json]) -> (String, Option<String>) {
    let label = match events {
        [event] => format!("push {repository} {}", change(event)),
        _ => format!("push {repository} ×{}", events.len()),
    };
    (label, Some(repository.to_string()))
}

/// The record that an event changes, marked where it is deleted.
fn change(event: &Json) -> String {
    Event::read(event).map_or("?".into(), |event| {
        let sign = if event.data.is_none() { "−" } else { "" };
        format!("{sign}{}", &*event.record_id)
    })
}

fn reply_label(message: &ServerMessage) -> (String, Option<String>) {
    match message {
        ServerMessage::AuthSuccess(success) => {
            let plain = if success.extended.is_none() { ", plain" } else { "" };
            (format!("auth ok{plain}"), None)
        }
        ServerMessage::Ping => ("ping".into(), None),
        ServerMessage::Pong => ("pong".into(), None),
        ServerMessage::Events(events) => (events_label(events), Some(events.repository.to_string())),
        ServerMessage::Ack(ack) => ack_label(ack),
        ServerMessage::SyncComplete(complete) => {
            let name = complete.repository.as_ref().map(ToString::to_string);
            let mut label = format!("complete {}", name.as_deref().unwrap_or("all"));
            if let Some(last) = complete.last {
                let _ = write!(label, " at {last}");
            }
            (label, name)
        }
        ServerMessage::HistoryChanged { repository, .. } => {
            (format!("history changed {repository}"), Some(repository.to_string()))
        }
        ServerMessage::Error(error) => error_label(error),
    }
}

fn events_label(events: &Events) -> String {
    let sequence = |event: Option<&Json>| event.and_then(|event| Event::read(event).ok()?.sequence);
    let name = &events.repository;
    match (sequence(events.events.first()), sequence(events.events.last())) {
        (Some(first), Some(last)) if first == last => format!("events {name} {first}"),
        (Some(first), Some(last)) => format!("events {name} {first}..{last}"),
        _ => format!("events {name} ×{}", events.events.len()),
    }
}

fn ack_label(ack: &Ack) -> (String, Option<String>) {
    let mut label = String::from("ack");
    for (name, sequences) in &ack.sequences {
        let numbers = || sequences.iter().map(|(_, sequence)| sequence.get());
        match (numbers().min(), numbers().max()) {
            (Some(first), Some(last)) if first == last => write!(label, " {name} {first}"),
            (Some(first), Some(last)) => write!(label, " {name} {first}..{last}"),
            _ => Ok(()),
        }
        .expect("writing to a string cannot fail");
    }
    if ack.sequences.is_empty() {
        let _ = write!(label, " ×{}", ack.event_ids.len());
    }
    let name = ack.repositories.first().map(|(name, _)| name.to_string());
    (label, name)
}

fn error_label(error: &ServerError) -> (String, Option<String>) {
    let code = error.code.map_or("error".into(), |code| format!("error {code}"));
    let label = format!("{code}: {}", error.message);
    (label, error.repository.as_ref().map(ToString::to_string))
}

/// What storage is asked, in a few words.
pub(super) fn storage(request: &StorageRequest) -> String {
    match request {
        StorageRequest::Open { .. } => "open".into(),
        StorageRequest::Load { records, own, .. } => format!("load {} records, {} own", records.len(), own.len()),
        StorageRequest::Outbox { repository, after, .. } => format!("outbox {repository} after {}", after.0),
        StorageRequest::Unsettled { repository, .. } => format!("unsettled {repository}"),
        StorageRequest::Stale { repository, .. } => format!("stale {repository}"),
        StorageRequest::Commit(transaction) => format!("commit {} changes", transaction.changes.len()),
    }
}

/// What the application is told, in a few words.
pub(super) fn notice(notice: &Notice) -> String {
    let text = match notice {
        Notice::Changed {
            repository,
            record,
            data,
            ..
        } => {
            let data = data.as_ref().map_or("deleted", |data| &**data);
            format!("sees {repository}/{} = {data}", &**record)
        }
        Notice::Acked { repository, events } => format!("told: acked {repository} ×{}", events.len()),
        Notice::Written { result: Ok(events), .. } => format!("told: written ×{}", events.len()),
        Notice::Written { result: Err(error), .. } => format!("told: not written: {error}"),
        Notice::Rejected {
            repository, message, ..
        } => format!("told: rejected in {repository}: {message}"),
        Notice::CaughtUp { repository } => format!("told: caught up with {repository}"),
        Notice::HistoryChanged { repository } => format!("told: history of {repository} changed"),
        other => format!("told: {other:?}"),
    };
    cut(&text, MAX_LABEL)
}
