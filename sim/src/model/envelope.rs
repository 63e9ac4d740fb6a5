//! Reads events as clients and servers write them, without the reader under test.

use bytestring::ByteString;
use driftless_core::event::{Event, EventId, Json, Operation, RecordId, Sequence, Timestamp};
use serde::Deserialize;
use serde_json::value::RawValue;
use std::borrow::Cow;

/// The envelope in one spelling or the other. What mixes them, or stores records flat, is left to `core`'s reader.
#[derive(Deserialize)]
struct Envelope<'a> {
    #[serde(borrow, rename = "_event_id", alias = "eventId")]
    id: Cow<'a, str>,
    #[serde(borrow, default, rename = "_operation", alias = "operation")]
    operation: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "_created_at", alias = "createdAt")]
    created_at: Option<&'a RawValue>,
    #[serde(borrow, rename = "_data_id", alias = "dataId")]
    record: Cow<'a, str>,
    #[serde(borrow, default, rename = "_data", alias = "data")]
    data: Option<&'a RawValue>,
    #[serde(borrow, default, rename = "_changed", alias = "changed")]
    changed: Option<&'a RawValue>,
    #[serde(default, rename = "serverSequence")]
    sequence: Option<u64>,
}

/// An event, if the text is one.
pub(crate) fn read_event(text: &ByteString) -> Option<Event> {
    match serde_json::from_str::<Envelope<'_>>(text) {
        Ok(envelope) => complete(text, envelope).or_else(|| by_core(text)),
        Err(_) => by_core(text),
    }
}

fn complete(text: &ByteString, envelope: Envelope<'_>) -> Option<Event> {
    let operation = match envelope.operation.map(RawValue::get) {
        None | Some("0" | "\"insert\"") => Operation::Insert,
        Some("1" | "\"update\"") => Operation::Update,
        Some("2" | "\"delete\"") => Operation::Delete,
        Some(_) => return None,
    };
    let data = match operation {
        Operation::Delete => None,
        Operation::Insert | Operation::Update => Some(Json::parse(text.slice_ref(envelope.data?.get())).ok()?),
    };
    let changed = match envelope.changed {
        Some(names) => {
            let names: Vec<String> = serde_json::from_str(names.get()).ok()?;
            Some(names.into_iter().map(ByteString::from).collect())
        }
        None => None,
    };
    Some(Event {
        id: EventId::new(share(text, envelope.id)).ok()?,
        record_id: RecordId::new(share(text, envelope.record)).ok()?,
        operation,
        created_at: envelope.created_at.and_then(|value| moment(value.get())),
        data,
        changed,
        sequence: envelope.sequence.map(Sequence::new),
    })
}

fn share(text: &ByteString, part: Cow<'_, str>) -> ByteString {
    match part {
        Cow::Borrowed(part) => text.slice_ref(part),
        Cow::Owned(part) => part.into(),
    }
}

/// ISO 8601 text or milliseconds.
fn moment(value: &str) -> Option<Timestamp> {
    match value.strip_prefix('"') {
        Some(text) => Timestamp::parse(text.strip_suffix('"')?),
        None => Timestamp::from_millis(value.parse().ok()?),
    }
}

fn by_core(text: &ByteString) -> Option<Event> {
    Event::read(&Json::parse(text.clone()).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_spellings_are_read_as_core_reads_them() {
        for text in [
            r#"{"_event_id":"e","_operation":1,"_created_at":"2025-01-23T10:00:00.000Z","_data_id":"r","_data":{"a":1},"_changed":["a"],"serverSequence":9}"#,
            r#"{"eventId":"e","operation":"update","createdAt":1737626400000,"dataId":"r","data":{"a":1},"changed":["a"],"serverSequence":9}"#,
            r#"{"_event_id":"e","_operation":2,"_data_id":"r"}"#,
            r#"{"eventId":"e","id":"r","name":"flat"}"#,
        ] {
            let text = ByteString::from(text);
            assert_eq!(read_event(&text), by_core(&text), "{text}");
            assert!(read_event(&text).is_some());
        }
        assert_eq!(read_event(&"{}".into()), None);
    }
}
