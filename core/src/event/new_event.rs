//! An event on its way into a log.

use super::members::without;
use super::{Envelope, EnvelopeError, EventId, Json, RecordId};
use bytestring::ByteString;

/// An event on its way into a log: validated, and cleaned of what only the server writes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
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
        let envelope = Envelope::read(text)?;
        let body = if envelope.server_written {
            without(text, |key| matches!(key, b"_id" | b"serverSequence")).into()
        } else {
            text.text().clone()
        };
        Ok(Self {
            id: envelope.event_id(text),
            record_id: envelope.record(text),
            package_complete: envelope.package_complete,
            body,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn body(text: &'static str) -> ByteString {
        NewEvent::read(&Json::parse(text).unwrap()).unwrap().body
    }

    #[test]
    fn what_the_server_writes_is_cut_and_nothing_else() {
        assert_eq!(
            body(r#"{"_id":{"$oid":"1"},"eventId":"a","serverSequence":7,"data":{"_id":1,"serverSequence":2}}"#),
            r#"{"eventId":"a","data":{"_id":1,"serverSequence":2}}"#
        );
        assert_eq!(
            body(r#"{"eventId":"a" , "server\u0053equence":7 }"#),
            r#"{"eventId":"a" }"#
        );
        assert_eq!(
            body(r#" {"eventId":"a","n":1.0,"n":1e400} "#),
            r#"{"eventId":"a","n":1.0,"n":1e400}"#
        );
    }

    #[test]
    fn an_event_without_anything_to_cut_shares_the_frame() {
        let frame = ByteString::from_static(r#"{"eventId":"a","data":{"id":7}}"#);
        let event = NewEvent::read(&Json::parse(frame.clone()).unwrap()).unwrap();
        assert_eq!(event.body.as_ptr(), frame.as_ptr());
        assert_eq!((&*event.id, &*event.record_id), ("a", "7"));
        assert_eq!(event.id.as_ptr(), frame[12..].as_ptr());
    }
}
