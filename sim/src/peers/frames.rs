//! What plain clients send, and what they read of an event.

use driftless_core::client::{Change, ChangeKind};
use driftless_core::event::{Json, Timestamp};
use serde::Deserialize;

/// An event's text in the spelling of the published package, or in that of the seed documents.
pub(super) fn event(id: &str, change: &Change, wall: Timestamp, in_seeds: bool) -> String {
    let names = if in_seeds {
        ["eventId", "operation", "createdAt", "dataId", "data"]
    } else {
        ["_event_id", "_operation", "_created_at", "_data_id", "_data"]
    };
    let [name, operation, created, record, data] = names;
    let mut text = format!(
        r#"{{"{name}":{},"{operation}":{},"{created}":"{wall}","{record}":{}"#,
        quoted(id),
        operation_of(&change.kind),
        quoted(&change.record),
    );
    if let ChangeKind::Upsert { data: json, .. } = &change.kind {
        text.push_str(r#",""#);
        text.push_str(data);
        text.push_str(r#"":"#);
        text.push_str(json);
    }
    text.push('}');
    text
}

const fn operation_of(kind: &ChangeKind) -> u8 {
    match kind {
        ChangeKind::Upsert { .. } => 1,
        ChangeKind::Delete => 2,
    }
}

/// A text as JSON.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// What a plain client needs of an event.
#[derive(Debug, Deserialize)]
pub(super) struct Seen {
    #[serde(alias = "_event_id", alias = "eventId")]
    pub(super) id: String,
    #[serde(rename = "serverSequence")]
    pub(super) sequence: u64,
}

impl Seen {
    /// Reads an event; `None` if it has no id or no sequence.
    pub(super) fn read(event: &Json) -> Option<Self> {
        serde_json::from_str(event).ok()
    }
}
