//! Events as the tests make and read them.

use serde::Deserialize;
use serde_json::value::RawValue;

/// A stored event: the bytes that came.
#[derive(Debug, Clone)]
pub(crate) struct Event {
    text: Box<RawValue>,
    sequence: u64,
    id: String,
}

impl From<Box<RawValue>> for Event {
    fn from(text: Box<RawValue>) -> Self {
        #[derive(Deserialize)]
        struct Envelope {
            #[serde(rename = "serverSequence")]
            sequence: u64,
            #[serde(rename = "_event_id")]
            package: Option<String>,
            #[serde(rename = "eventId")]
            seeds: Option<String>,
        }
        let envelope: Envelope = serde_json::from_str(text.get()).unwrap();
        Self {
            text,
            sequence: envelope.sequence,
            id: envelope.package.or(envelope.seeds).unwrap(),
        }
    }
}

impl Event {
    pub(crate) fn sequence(&self) -> u64 {
        self.sequence
    }

    pub(crate) fn id(&self) -> &str {
        &self.id
    }

    pub(crate) fn text(&self) -> &str {
        self.text.get()
    }
}

/// An event in the package's spelling that makes or replaces `record`.
pub(crate) fn upsert(id: &str, record: &str, data: &str) -> String {
    format!(
        r#"{{"_event_id":"{id}","_operation":0,"_created_at":"2026-01-02T03:04:05.678Z","_data_id":"{record}","_data":{data}}}"#
    )
}

/// A `push_events_batch` frame.
pub(crate) fn batch<S: AsRef<str>>(repository: &str, events: &[S]) -> String {
    let events: Vec<&str> = events.iter().map(AsRef::as_ref).collect();
    let events = events.join(",");
    format!(r#"{{"type":"push_events_batch","repository":"{repository}","events":[{events}]}}"#)
}

/// Asserts that these are the sequences `first`, `first` + 1, … and that no event id comes twice.
pub(crate) fn assert_dense(first: u64, events: &[Event]) {
    let mut ids = std::collections::HashSet::new();
    for (expected, event) in (first..).zip(events) {
        assert_eq!(event.sequence(), expected, "a gap or a repeat before {}", event.text());
        assert!(ids.insert(event.id()), "{} is there twice", event.id());
    }
}
