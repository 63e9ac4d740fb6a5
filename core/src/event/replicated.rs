//! An event as a client folds it into a record.

use super::{EnvelopeError, EventId, Json, Operation, RecordId, Sequence, Timestamp};
use alloc::vec::Vec;
use bytestring::ByteString;

/// An event as a client folds it into a record.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// The event id.
    pub id: EventId,
    /// Which record it changes.
    pub record_id: RecordId,
    /// What it does.
    pub operation: Operation,
    /// When its author made it; `None`, which sorts before all, if absent or unreadable.
    pub created_at: Option<Timestamp>,
    /// The record's data after the event. `None` for a delete.
    pub data: Option<Json>,
    /// The names of the fields that it changes, where its author says.
    pub changed: Option<Vec<ByteString>>,
    /// Its place in the log; `None` for an event that no server has acked.
    pub sequence: Option<Sequence>,
}

impl Event {
    /// Reads an event as a server sent it, or as this client's outbox keeps it.
    pub fn read(text: &Json) -> Result<Self, EnvelopeError> {
        let _ = text;
        todo!()
    }
}
