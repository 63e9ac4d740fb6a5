//! The envelope: the fields of an event that the protocol knows, in two spellings (PROTOCOL.md section 3).

use super::{Json, Sequence, Timestamp};
use alloc::borrow::Cow;
use alloc::vec::Vec;

/// What an event does to its record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Operation {
    /// Creates the record; an insert of an existing record is an update. What an absent operation means.
    #[default]
    Insert,
    /// Changes the record.
    Update,
    /// Deletes the record.
    Delete,
}

/// Which of the two spellings of the envelope's field names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spelling {
    /// `_event_id`, `_operation`, … as the published package writes them since its core 0.8.
    #[default]
    Package,
    /// `eventId`, `operation`, … as the seed documents write them.
    Seeds,
}

/// Why an object is not an event.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Not a JSON object.
    #[error("an event is a JSON object")]
    NotAnObject,
}

/// The envelope of one event, borrowed from the event's text.
#[derive(Clone, Debug)]
pub struct Envelope<'a> {
    /// The event id.
    pub id: Cow<'a, str>,
    /// What the event does.
    pub operation: Operation,
    /// When its author made it; `None` if absent or unreadable, which sorts before all.
    pub created_at: Option<Timestamp>,
    /// Which record it changes; the event id where no field says.
    pub record_id: Cow<'a, str>,
    /// The record's data after the event; for a flat document, its fields beside the envelope. `None` for a delete without data.
    pub data: Option<Cow<'a, str>>,
    /// The names of the fields that the event changes.
    pub changed: Option<Vec<Cow<'a, str>>>,
    /// The server sequence that the event carries.
    pub sequence: Option<Sequence>,
    /// Whether the published package can read the event: every field that it needs is there in its spelling.
    pub package_complete: bool,
}

impl<'a> Envelope<'a> {
    /// Reads the envelope of an event.
    pub fn read(text: &'a Json) -> Result<Self, EnvelopeError> {
        let _ = text;
        todo!()
    }
}
