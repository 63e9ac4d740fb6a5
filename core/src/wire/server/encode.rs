//! Encodes what servers send.

use super::{Ack, Events, Extended, Limits, ServerError, ServerMessage, ServerReply, SyncComplete};
use crate::event::{EventId, Json, Sequence};
use crate::wire::PROTOCOL_VERSION;
use crate::wire::object::{Object, push_list, push_number, push_object, push_string};
use alloc::string::String;
use bytestring::ByteString;

impl ServerReply {
    /// Encodes a text frame.
    pub fn encode(&self) -> ByteString {
        let reference = self.reference.as_ref();
        let start = |kind: &str, capacity: usize| Object::message(kind, reference, capacity);
        let object = match &self.message {
            ServerMessage::AuthSuccess(auth) => match &auth.extended {
                Some(extended) => encode_extended(start("auth_success", 256), extended),
                None => start("auth_success", 0),
            },
            ServerMessage::Ping => start("ping", 0),
            ServerMessage::Pong => start("pong", 0),
            ServerMessage::Events(events) => encode_event_list(reference, events),
            ServerMessage::Ack(ack) => encode_ack_lists(start("ack", 256), ack),
            ServerMessage::SyncComplete(complete) => encode_sync_complete(start("sync_complete", 128), complete),
            ServerMessage::HistoryChanged { repository, epoch } => start("history_changed", 128)
                .string("repository", repository)
                .string("epoch", epoch.as_str()),
            ServerMessage::Error(error) => encode_error(start("error", 256), error),
        };
        object.finish()
    }
}

/// Encodes an `events` frame around stored events as [`crate::event::EventBatch::text`] gives them: comma-separated
/// JSON objects. `range` is what extended peers are told: `afterSequence` and `lastSequence`.
pub fn encode_events(
    repository: &str,
    range: Option<(Sequence, Sequence)>,
    reference: Option<&Json>,
    events: &str,
) -> ByteString {
    let (after, last) = range.unzip();
    let write = |text: &mut String| {
        text.push('[');
        text.push_str(events);
        text.push(']');
    };
    events_head(reference, repository, after, last, events.len())
        .with("events", write)
        .finish()
}

/// Encodes an `ack` of events of one repository.
pub fn encode_ack<'a, I>(repository: &str, acked: I, reference: Option<&Json>) -> ByteString
where
    I: IntoIterator<Item = (&'a EventId, Sequence)>,
    I::IntoIter: Clone,
{
    let acked = acked.into_iter();
    let bytes: usize = acked.clone().map(|(id, _)| 3 * id.len() + 32).sum();
    let mut name = String::with_capacity(repository.len() + 4);
    name.push('{');
    push_string(&mut name, repository);
    name.push(':');
    let ids = |text: &mut String| push_list(text, acked.clone(), |text, (id, _)| push_string(text, id));
    let sequences = acked.clone().map(|(id, sequence)| (&**id, sequence.get()));
    Object::message("ack", reference, bytes + 2 * repository.len() + 64)
        .with("eventIds", ids)
        .with("repositories", |text| {
            text.push_str(&name);
            ids(text);
            text.push('}');
        })
        .with("sequences", |text| {
            text.push_str(&name);
            push_object(text, sequences, push_number);
            text.push('}');
        })
        .finish()
}

fn encode_event_list(reference: Option<&Json>, events: &Events) -> Object {
    let bytes = events.events.iter().map(|event| event.len() + 1).sum();
    events_head(reference, &events.repository, events.after, events.last, bytes).with("events", |text| {
        push_list(text, &events.events, |text, event: &Json| text.push_str(event));
    })
}

fn events_head(
    reference: Option<&Json>,
    repository: &str,
    after: Option<Sequence>,
    last: Option<Sequence>,
    bytes: usize,
) -> Object {
    Object::message("events", reference, repository.len() + bytes + 112)
        .string("repository", repository)
        .optional("afterSequence", after.map(Sequence::get), Object::number)
        .optional("lastSequence", last.map(Sequence::get), Object::number)
}

fn encode_extended(object: Object, extended: &Extended) -> Object {
    object
        .number("protocol", PROTOCOL_VERSION)
        .string("epoch", extended.epoch.as_str())
        .string("scope", &extended.scope)
        .string("serverTime", &extended.server_time)
        .number("heartbeatMs", extended.heartbeat_ms)
        .with("limits", |text| push_limits(text, extended.limits))
}

fn push_limits(text: &mut String, limits: Limits) {
    let members = [
        ("frameBytes", limits.frame_bytes),
        ("eventBytes", limits.event_bytes),
        ("batchEvents", limits.batch_events),
    ];
    push_object(text, members, push_number);
}

fn encode_ack_lists(object: Object, ack: &Ack) -> Object {
    let ids = |text: &mut String, ids: &[EventId]| push_list(text, ids, push_id);
    let repositories = ack.repositories.iter().map(|(name, list)| (&**name, list.as_slice()));
    let sequences = ack.sequences.iter().map(|(name, list)| (&**name, list));
    let object = object
        .with("eventIds", |text| ids(text, &ack.event_ids))
        .with("repositories", |text| push_object(text, repositories, ids));
    if ack.sequences.is_empty() {
        return object;
    }
    object.with("sequences", |text| {
        push_object(text, sequences, |text, list| {
            push_object(
                text,
                list.iter().map(|(id, sequence)| (&**id, sequence.get())),
                push_number,
            );
        });
    })
}

fn encode_sync_complete(object: Object, complete: &SyncComplete) -> Object {
    object
        .optional("repository", complete.repository.as_deref(), Object::string)
        .optional("lastSequence", complete.last.map(Sequence::get), Object::number)
        .optional("hasMore", complete.has_more.then_some("true"), Object::raw)
}

fn encode_error(object: Object, error: &ServerError) -> Object {
    let event_ids = Some(&error.event_ids).filter(|ids| !ids.is_empty());
    let indexes = Some(&error.indexes).filter(|indexes| !indexes.is_empty());
    object
        .string("message", &error.message)
        .optional("code", error.code, |object, name, code| {
            object.string(name, code.as_str())
        })
        .optional("retryable", error.retryable, |object, name, retryable| {
            object.raw(name, if retryable { "true" } else { "false" })
        })
        .optional("repository", error.repository.as_deref(), Object::string)
        .optional("eventIds", event_ids, |object, name, ids| {
            object.with(name, |text| push_list(text, ids, push_id))
        })
        .optional("indexes", indexes, |object, name, indexes| {
            object.with(name, |text| push_list(text, indexes.iter().copied(), push_number))
        })
}

fn push_id(text: &mut String, id: &EventId) {
    push_string(text, id);
}
