//! An event's way into a log and out again, against a slow reference that builds a tree.

use bytestring::ByteString;
use driftless_core::event::{Envelope, Event, EventBatch, EventBatchBuilder, Json, NewEvent, Sequence};
use proptest::prelude::*;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Any JSON value as text, with white space, escapes, and numbers that no machine type holds.
fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        Just("true".to_owned()),
        "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,5})?([eE][+-]?[0-9]{1,3})?",
        text(),
    ];
    leaf.prop_recursive(3, 16, 4, |inner| {
        let member = (text(), inner.clone()).prop_map(|(key, value)| format!("{key} :\t{value}"));
        prop_oneof![
            prop::collection::vec(inner, 0..4).prop_map(|items| format!("[ {}]", items.join(" ,"))),
            prop::collection::vec(member, 0..4).prop_map(|members| format!("{{{} }}", members.join(",\n"))),
        ]
    })
}

/// A JSON string, plain or with escapes.
fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        any::<String>().prop_map(|text| serde_json::to_string(&text).unwrap()),
        r#""(\\u00[0-9a-f]{2}|\\n|\\"|[a-z{}\[\],:])*""#,
    ]
}

const KNOWN: &[&str] = &[
    "_event_id",
    "eventId",
    "_operation",
    "operation",
    "_created_at",
    "createdAt",
    "_data",
    "data",
    "_data_id",
    "dataId",
    "_changed",
    "changed",
    "serverSequence",
    "_id",
    "id",
    "name",
];

fn key() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => prop::sample::select(KNOWN).prop_map(|key| format!("\"{key}\"")),
        1 => prop::sample::select(KNOWN).prop_map(escaped),
        1 => text(),
    ]
}

/// The key with every character as an escape.
fn escaped(key: &str) -> String {
    let units: Vec<_> = key.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect();
    format!("\"{}\"", units.concat())
}

/// An object that is often an event.
fn object() -> impl Strategy<Value = String> {
    let member = (
        key(),
        prop_oneof![value(), Just("\"e1\"".to_owned()), Just("1".to_owned())],
    );
    (prop::collection::vec(member, 0..6), any::<bool>()).prop_map(|(members, named)| {
        let id = named.then(|| "\"eventId\":\"e\"".to_owned());
        let members = id
            .into_iter()
            .chain(members.into_iter().map(|(key, value)| format!(" {key}: {value}")));
        format!("{{{}\n}}", members.collect::<Vec<_>>().join(" ,"))
    })
}

/// The members of an object in no order, each value as its text; the last of several with one key counts.
fn slow_members(object: &str) -> BTreeMap<String, String> {
    let members: BTreeMap<String, &RawValue> = serde_json::from_str(object).unwrap();
    members
        .into_iter()
        .map(|(key, value)| (key, value.get().to_owned()))
        .collect()
}

proptest! {
    #[test]
    fn the_spliced_event_has_the_members_of_the_pushed_one_and_its_sequence(object in object(), sequence in 1u64..u64::MAX / 4) {
        let json = Json::parse(object.clone()).unwrap();
        let Ok(event) = NewEvent::read(&json) else { return Ok(()) };
        let sequence = Sequence::new(sequence);
        let mut batch = EventBatchBuilder::new(sequence);
        let stored = batch.append(&event).1.to_owned();

        let mut expected = slow_members(&object);
        expected.remove("_id");
        expected.insert("serverSequence".into(), sequence.to_string());
        let stored = std::str::from_utf8(&stored).unwrap();
        prop_assert_eq!(slow_members(stored), expected);

        prop_assert!(EventBatch::same_body(stored.as_bytes(), sequence, &event.body));
        let again = NewEvent::read(&Json::parse(stored.to_owned()).unwrap()).unwrap();
        prop_assert_eq!(&again.body, &event.body, "what comes back can be pushed again");
        let read = Event::read(&Json::parse(stored.to_owned()).unwrap()).unwrap();
        prop_assert_eq!(read.sequence, Some(sequence));
        prop_assert_eq!((read.id, read.record_id), (event.id, event.record_id));
    }

    #[test]
    fn an_event_without_what_the_server_writes_is_kept_byte_for_byte(object in object()) {
        let json = Json::parse(object.clone()).unwrap();
        let Ok(event) = NewEvent::read(&json) else { return Ok(()) };
        let members = slow_members(&object);
        if !members.contains_key("_id") && !members.contains_key("serverSequence") {
            prop_assert_eq!(event.body, object);
        }
    }

    #[test]
    fn whatever_is_json_is_an_event_or_told(value in value(), object in object()) {
        for text in [value, object] {
            let json = Json::parse(text).unwrap();
            prop_assert_eq!(Envelope::read(&json).is_ok(), NewEvent::read(&json).is_ok());
            prop_assert_eq!(Event::read(&json).is_ok(), NewEvent::read(&json).is_ok());
        }
    }

    #[test]
    fn data_of_an_event_is_json(object in object()) {
        let event = Event::read(&Json::parse(object).unwrap());
        if let Ok(Event { data: Some(data), .. }) = event {
            prop_assert!(Json::parse(ByteString::clone(data.text())).is_ok());
        }
    }
}
