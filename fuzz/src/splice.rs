//! An event's way into a log and out again.

use crate::slow::Members;
use driftless_core::event::{Envelope, Event, EventBatch, EventBatchBuilder, Json, NewEvent, Sequence};

/// Reads the bytes as an event, gives it a place in a log, and compares what is stored with a slow reference: the same
/// members in the same order, each value byte for byte, without `_id` and the author's `serverSequence`, and with the
/// server's as the last.
///
/// # Panics
///
/// If the two differ, or if what is stored does not read as the same event again.
pub fn splice(data: &[u8]) {
    let Ok(text) = core::str::from_utf8(data) else {
        return;
    };
    let Ok(json) = Json::parse(text.to_owned()) else {
        return;
    };
    // A number that depends on the input, of every length.
    let digits = u32::try_from(text.len() % 19).unwrap_or(0);
    let sequence = Sequence::new(10u64.pow(digits));
    let event = NewEvent::read(&json);
    assert_eq!(Envelope::read(&json).is_ok(), event.is_ok());
    match event {
        Ok(event) => stored(text, &event, sequence),
        Err(_) => assert!(
            !is_minimal_event(text),
            "an event with a good id and nothing else is an event"
        ),
    }
}

fn stored(text: &str, event: &NewEvent, sequence: Sequence) {
    let mut batch = EventBatchBuilder::new(sequence);
    batch.append(event);
    batch.append_stored(b"{}", false);
    let batch = batch.build();
    let stored = batch.text(0, 1);

    if let (Some(pushed), Some(kept)) = (Members::read(text), Members::read(stored)) {
        let mut expected = pushed.0;
        expected.retain(|(key, _)| key != "_id" && key != "serverSequence");
        expected.push(("serverSequence".to_owned(), sequence.to_string()));
        assert_eq!(kept.0, expected, "{text}");
    }
    let json = Json::parse(stored.to_owned()).expect("what is stored is JSON");
    let again = NewEvent::read(&json).expect("what is stored is an event");
    assert_eq!(&again, event, "what is stored is the event that was pushed");
    let read = Event::read(&json).expect("what is stored is an event");
    assert_eq!(
        (&read.id, &read.record_id, read.sequence),
        (&event.id, &event.record_id, Some(sequence))
    );
    assert!(EventBatch::same_body(stored.as_bytes(), sequence, &event.body));
    assert!(!EventBatch::same_body(stored.as_bytes(), sequence.next(), &event.body));
}

/// Whether the text is an object with one short plain `eventId` and nothing else that the envelope knows.
fn is_minimal_event(text: &str) -> bool {
    const ENVELOPE: &[&str] = &[
        "_event_id",
        "_operation",
        "_created_at",
        "_data",
        "_data_id",
        "_changed",
        "operation",
        "createdAt",
        "data",
        "dataId",
        "changed",
        "serverSequence",
        "id",
    ];
    let Some(members) = Members::read(text) else {
        return false;
    };
    let plain = |id: &str| id.len() > 2 && id.len() < 200 && id.starts_with('"') && !id.contains('\\');
    members.count("eventId") == 1
        && members.value("eventId").is_some_and(plain)
        && ENVELOPE.iter().all(|key| members.count(key) == 0)
}
