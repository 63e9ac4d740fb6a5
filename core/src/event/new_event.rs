//! An event on its way into a log.

use super::{EnvelopeError, EventId, Json, RecordId};
use bytestring::ByteString;

/// An event on its way into a log: validated, and cleaned of what only the server writes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// The event id.
    pub id: EventId,
    /// Which record the event changes.
    pub record_id: RecordId,
    /// Whether the published package can read the event ([`super::Envelope::package_complete`]).
    pub package_complete: bool,
    /// The JSON object as it came, byte for byte, without a top-level `_id` and `serverSequence`. Never empty: it
    /// holds at least the event id. Shares the frame's buffer unless something had to be cut out.
    pub body: ByteString,
}

impl NewEvent {
    /// Validates an event that a client pushed.
    pub fn read(text: &Json) -> Result<Self, EnvelopeError> {
        let _ = text;
        todo!()
    }
}
