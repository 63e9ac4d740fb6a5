//! Decodes what servers send. Published servers leave fields out and spell some oddly, so what is not needed is not
//! insisted on.

use super::{Ack, AuthSuccess, Events, Extended, Limits, ServerError, ServerMessage, ServerReply, SyncComplete};
use crate::event::members::{elements, string, unsigned};
use crate::event::{EventId, MAX_DEPTH, Sequence};
use crate::wire::frame::{Field, Frame, Sentence, entries, missing, wrong};
use crate::wire::{Epoch, ErrorCode, PROTOCOL_VERSION};
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bytestring::ByteString;

/// Deepest nesting that is read from a server: what a server accepts from others, with room for what it wraps around.
const MAX_SERVER_DEPTH: usize = MAX_DEPTH + 32;

impl ServerReply {
    /// Decodes a text frame. A frame that is not a message of a server is told in one sentence.
    pub fn decode(frame: &ByteString) -> Result<Self, String> {
        let mut fields = Frame::read(frame)?;
        if fields.nests_deeper(MAX_SERVER_DEPTH) {
            return Err(format!("the frame nests deeper than {MAX_SERVER_DEPTH} levels"));
        }
        let message = message(&mut fields)?;
        Ok(Self {
            reference: fields.any(Field::Ref).map(|reference| reference.detached()),
            message,
        })
    }
}

fn message(fields: &mut Frame<'_>) -> Result<ServerMessage, Sentence> {
    let kind = fields.text(Field::Type)?.ok_or_else(|| missing(Field::Type))?;
    Ok(match &*kind {
        "auth_success" => ServerMessage::AuthSuccess(AuthSuccess {
            extended: extended(fields)?,
        }),
        "ping" => ServerMessage::Ping,
        "pong" => ServerMessage::Pong,
        "events" => ServerMessage::Events(Events {
            repository: repository(fields)?,
            events: fields.events()?,
            after: fields.number(Field::AfterSequence)?.map(Sequence::new),
            last: fields.number(Field::LastSequence)?.map(Sequence::new),
        }),
        "ack" => ServerMessage::Ack(ack(fields)?),
        "sync_complete" => ServerMessage::SyncComplete(SyncComplete {
            repository: optional_repository(fields)?,
            last: fields.number(Field::LastSequence)?.map(Sequence::new),
            has_more: fields.boolean(Field::HasMore)?.unwrap_or(false),
        }),
        "history_changed" => ServerMessage::HistoryChanged {
            repository: repository(fields)?,
            epoch: epoch(fields)?,
        },
        "error" => ServerMessage::Error(error(fields)),
        _ => return Err("`type` is not one that this client knows".into()),
    })
}

fn repository(fields: &Frame<'_>) -> Result<ByteString, Sentence> {
    optional_repository(fields)?.ok_or_else(|| missing(Field::Repository))
}

fn optional_repository(fields: &Frame<'_>) -> Result<Option<ByteString>, Sentence> {
    Ok(fields.text(Field::Repository)?.map(|name| fields.share(name)))
}

fn epoch(fields: &Frame<'_>) -> Result<Epoch, Sentence> {
    let text = fields.text(Field::Epoch)?.ok_or_else(|| missing(Field::Epoch))?;
    Epoch::new(text).ok_or_else(|| wrong(Field::Epoch, &format!("1 to {} bytes long", Epoch::MAX_BYTES)))
}

/// Only the integer 1 in `protocol` makes a peer extended.
fn extended(fields: &Frame<'_>) -> Result<Option<Extended>, Sentence> {
    if fields.raw(Field::Protocol).and_then(unsigned) != Some(PROTOCOL_VERSION) {
        return Ok(None);
    }
    Ok(Some(Extended {
        epoch: epoch(fields)?,
        scope: fields.text(Field::Scope)?.map(Cow::into_owned).unwrap_or_default(),
        server_time: fields.text(Field::ServerTime)?.map(Cow::into_owned).unwrap_or_default(),
        heartbeat_ms: fields.number(Field::HeartbeatMs)?.unwrap_or(30_000),
        limits: fields.raw(Field::Limits).map(limits).transpose()?.unwrap_or_default(),
    }))
}

fn limits(value: &str) -> Result<Limits, Sentence> {
    let mut limits = Limits::default();
    let read = entries(value, |name, value| {
        let limit = match &*name {
            "frameBytes" => &mut limits.frame_bytes,
            "eventBytes" => &mut limits.event_bytes,
            "batchEvents" => &mut limits.batch_events,
            _ => return Some(()),
        };
        *limit = unsigned(value)?;
        Some(())
    });
    read.map(|()| limits)
        .ok_or_else(|| wrong(Field::Limits, "an object of non-negative integers"))
}

fn ack(fields: &Frame<'_>) -> Result<Ack, Sentence> {
    let event_ids = fields
        .raw(Field::EventIds)
        .map(|list| id_list(fields, list).ok_or_else(|| wrong(Field::EventIds, "a list")));
    let mut repositories = Vec::new();
    if let Some(value) = fields.raw(Field::Repositories) {
        entries(value, |name, list| {
            repositories.push((fields.share(name), id_list(fields, list)?));
            Some(())
        })
        .ok_or_else(|| wrong(Field::Repositories, "an object of lists"))?;
    }
    let mut sequences = Vec::new();
    if let Some(value) = fields.raw(Field::Sequences) {
        entries(value, |name, object| {
            sequences.push((fields.share(name), sequences_by_id(fields, object)?));
            Some(())
        })
        .ok_or_else(|| wrong(Field::Sequences, "an object of objects of non-negative integers"))?;
    }
    Ok(Ack {
        event_ids: event_ids.transpose()?.unwrap_or_default(),
        repositories,
        sequences,
    })
}

/// The event ids of a list; what is not one is left out.
fn id_list(fields: &Frame<'_>, list: &str) -> Option<Vec<EventId>> {
    let mut ids = Vec::new();
    elements(list, |value| {
        ids.extend(event_id(fields, value));
        Some(())
    })?;
    Some(ids)
}

fn event_id(fields: &Frame<'_>, value: &str) -> Option<EventId> {
    // The id's bytes are shared with the frame where they can be.
    let json = fields.json(value);
    match string(&json)? {
        Cow::Borrowed(id) => EventId::new(json.text().slice_ref(id)).ok(),
        Cow::Owned(id) => EventId::new(id).ok(),
    }
}

fn sequences_by_id(fields: &Frame<'_>, object: &str) -> Option<Vec<(EventId, Sequence)>> {
    let object = fields.json(object);
    let mut sequences = Vec::new();
    entries(&object, |id, value| {
        let id = match id {
            Cow::Borrowed(id) => EventId::new(object.text().slice_ref(id)),
            Cow::Owned(id) => EventId::new(id),
        };
        let sequence = unsigned(value)?;
        sequences.extend(id.ok().map(|id| (id, Sequence::new(sequence))));
        Some(())
    })?;
    Some(sequences)
}

/// An error is told to the application in whatever state it comes: fields that cannot be read are left out.
fn error(fields: &Frame<'_>) -> ServerError {
    let text = |field| fields.text(field).ok().flatten();
    let mut indexes = Vec::new();
    if let Some(list) = fields.raw(Field::Indexes) {
        elements(list, |value| {
            indexes.extend(unsigned(value));
            Some(())
        });
    }
    ServerError {
        message: text(Field::Message).map(Cow::into_owned).unwrap_or_default(),
        code: text(Field::Code).and_then(|code| ErrorCode::parse(&code)),
        retryable: fields.boolean(Field::Retryable).ok().flatten(),
        repository: text(Field::Repository).map(|name| fields.share(name)),
        event_ids: fields
            .raw(Field::EventIds)
            .and_then(|list| id_list(fields, list))
            .unwrap_or_default(),
        indexes,
    }
}
