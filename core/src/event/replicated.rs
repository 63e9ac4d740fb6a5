//! An event as a client folds it into a record.

use super::envelope::share;
use super::{Envelope, EnvelopeError, EventId, Json, Operation, RecordId, Sequence, Timestamp};
use alloc::vec::Vec;
use bytestring::ByteString;

/// An event as a client folds it into a record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
        let envelope = Envelope::read(text)?;
        let data = match envelope.operation {
            Operation::Delete => None,
            Operation::Insert | Operation::Update => envelope.data.as_ref(),
        };
        let changed = envelope.changed.as_ref();
        Ok(Self {
            id: envelope.event_id(text),
            record_id: envelope.record(text),
            operation: envelope.operation,
            created_at: envelope.created_at,
            data: data.map(|data| Json::trusted(share(text, data))),
            changed: changed.map(|names| names.iter().map(|name| share(text, name)).collect()),
            sequence: envelope.sequence,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &'static str) -> Event {
        Event::read(&Json::parse(text).unwrap()).unwrap()
    }

    #[test]
    fn both_spellings_make_the_same_event() {
        let package = read(
            r#"{"_event_id":"e","_operation":1,"_created_at":"2025-01-23T10:00:00Z","_data_id":"r","_data":{"a":1},"_changed":["a"],"serverSequence":9}"#,
        );
        let seeds = read(
            r#"{"eventId":"e","operation":"update","createdAt":1737626400000,"dataId":"r","data":{"a":1},"changed":["a"],"serverSequence":9}"#,
        );
        assert_eq!(package, seeds);
        assert_eq!(package.sequence, Some(Sequence::new(9)));
        assert_eq!(package.data.unwrap().text(), r#"{"a":1}"#);
    }

    #[test]
    fn a_delete_has_no_data() {
        let event = read(r#"{"eventId":"e","operation":2,"data":{"id":"r"}}"#);
        assert_eq!((&*event.record_id, event.data), ("r", None));
    }

    #[test]
    fn a_flat_document_is_the_record() {
        let event = read(
            r#"{"_id":1,"eventId":"e","id":"r","operation":0,"createdAt":5,"name":"Ä","n":1.0,"serverSequence":3}"#,
        );
        assert_eq!(&*event.record_id, "r");
        assert_eq!(event.data.unwrap().text(), r#"{"id":"r","name":"Ä","n":1.0}"#);
    }
}
