use super::*;
use alloc::string::String;
use alloc::string::ToString;

fn json(text: impl Into<String>) -> Json {
    Json::parse(text.into()).unwrap()
}

fn error(text: &str) -> EnvelopeError {
    Envelope::read(&json(text)).unwrap_err()
}

fn record_id(text: &str) -> String {
    Envelope::read(&json(text)).unwrap().record_id.into_owned()
}

fn complete(text: &str) -> bool {
    Envelope::read(&json(text)).unwrap().package_complete
}

#[test]
fn the_event_id_is_all_that_an_event_must_have() {
    let text = json(r#"{"eventId":"e"}"#);
    let envelope = Envelope::read(&text).unwrap();
    assert_eq!((&*envelope.id, &*envelope.record_id), ("e", "e"));
    assert_eq!(envelope.operation, Operation::Insert);
    assert_eq!((envelope.created_at, envelope.sequence), (None, None));
    assert_eq!(envelope.data.as_deref(), Some("{}"));
    assert!(!envelope.package_complete);
}

#[test]
fn the_package_counts_where_both_spellings_are_there() {
    let text = json(
        r#"{"eventId":"s","operation":"nonsense","createdAt":1,"dataId":"t","data":{"id":"u"},"changed":["x"],
            "_event_id":"p","_operation":1,"_created_at":"2025-01-23T10:00:00Z","_data_id":"q","_data":{"id":"r"},"_changed":["y"]}"#,
    );
    let envelope = Envelope::read(&text).unwrap();
    assert_eq!((&*envelope.id, &*envelope.record_id), ("p", "q"));
    assert_eq!(envelope.operation, Operation::Update);
    assert_eq!(envelope.data.as_deref(), Some(r#"{"id":"r"}"#));
    assert_eq!(envelope.changed.as_deref(), Some(&["y".into()][..]));
    assert_eq!(envelope.created_at, Timestamp::parse("2025-01-23T10:00:00Z"));
    assert!(envelope.package_complete);
}

#[test]
fn the_spelling_that_does_not_count_is_data_of_a_flat_document() {
    let text = json(r#"{"_event_id":"p","eventId":"s","eventId":"s2","name":"n"}"#);
    let envelope = Envelope::read(&text).unwrap();
    assert_eq!(
        envelope.data.as_deref(),
        Some(r#"{"eventId":"s","eventId":"s2","name":"n"}"#)
    );
}

#[test]
fn a_mix_of_spellings_is_read() {
    let text = json(r#"{"eventId":"e","_operation":"delete","createdAt":1737626400000,"_data_id":7}"#);
    let envelope = Envelope::read(&text).unwrap();
    assert_eq!((&*envelope.id, &*envelope.record_id), ("e", "7"));
    assert_eq!(envelope.operation, Operation::Delete);
    assert_eq!(envelope.created_at, Timestamp::parse("2025-01-23T10:00:00Z"));
    assert_eq!(envelope.data, None);
}

#[test]
fn record_ids_come_from_the_first_place_that_has_one() {
    for (text, id) in [
        (
            r#"{"eventId":"e","_data_id":"1","_data":{"id":"2"},"dataId":"3","data":{"id":"4"},"id":"5"}"#,
            "1",
        ),
        (
            r#"{"eventId":"e","_data":{"id":"2"},"dataId":"3","data":{"id":"4"},"id":"5"}"#,
            "2",
        ),
        (r#"{"eventId":"e","dataId":"3","data":{"id":"4"},"id":"5"}"#, "3"),
        (r#"{"eventId":"e","data":{"id":"4"},"id":"5"}"#, "4"),
        (r#"{"eventId":"e","data":{},"id":"5"}"#, "5"),
        (r#"{"eventId":"e","_data":{},"data":{"id":"4"}}"#, "e"),
        (r#"{"eventId":"e","data":{"id":1.0}}"#, "1.0"),
        (
            r#"{"eventId":"e","dataId":-12345678901234567890123}"#,
            "-12345678901234567890123",
        ),
        (r#"{"eventId":"e","data":{"i\u0064":"\u00e4"}}"#, "ä"),
        (r#"{"eventId":"e","data":{"id":true},"id":""}"#, "e"),
        (r#"{"eventId":"e","data":[{"id":1}],"dataId":null}"#, "e"),
    ] {
        assert_eq!(record_id(text), id, "{text}");
    }
}

#[test]
fn an_unreadable_date_is_none() {
    for date in ["null", "\"yesterday\"", "1.5", "99999999999999999999", "{}", "true"] {
        let text = json(alloc::format!(r#"{{"eventId":"e","createdAt":{date}}}"#));
        assert_eq!(Envelope::read(&text).unwrap().created_at, None, "{date}");
    }
}

#[test]
fn changed_is_a_list_of_names_or_nothing() {
    for (changed, read) in [
        ("[]", Some(0)),
        (r#"["a","\u00e4"]"#, Some(2)),
        ("true", None),
        ("[1]", None),
    ] {
        let text = json(alloc::format!(r#"{{"eventId":"e","_changed":{changed}}}"#));
        assert_eq!(
            Envelope::read(&text).unwrap().changed.map(|names| names.len()),
            read,
            "{changed}"
        );
    }
}

#[test]
fn what_is_not_an_event_is_told_by_field() {
    let long = "x".repeat(257);
    let longer = "x".repeat(1025);
    for (text, sentence) in [
        ("[]", "an event is a JSON object"),
        ("{}", "the event has no `_event_id` (or `eventId`)"),
        (r#"{"eventId":1}"#, "the event's `eventId` is not a string"),
        (
            r#"{"_event_id":null,"eventId":"e"}"#,
            "the event's `_event_id` is not a string",
        ),
        (r#"{"eventId":"\ud800"}"#, "the event's `eventId` is not a string"),
        (r#"{"_event_id":""}"#, "the event's `_event_id` is empty"),
        (
            &alloc::format!(r#"{{"eventId":"{long}"}}"#),
            "the event's `eventId` is longer than 256 bytes",
        ),
        (
            r#"{"eventId":"e","operation":3}"#,
            "the event's `operation` is not 0 (insert), 1 (update) or 2 (delete), nor one of these names",
        ),
        (
            r#"{"eventId":"e","_data_id":{}}"#,
            "the event's `_data_id` is not a string or a number",
        ),
        (r#"{"eventId":"e","dataId":""}"#, "the event's `dataId` is empty"),
        (
            &alloc::format!(r#"{{"eventId":"e","data":{{"id":"{longer}"}}}}"#),
            "the event's `data.id` is longer than 1024 bytes",
        ),
        (
            r#"{"eventId":"e","operation":2}"#,
            "the event is a delete and has no `_data_id` (or `dataId`)",
        ),
        (
            r#"{"eventId":"e","eventId":"e"}"#,
            "the event has more than one `eventId`",
        ),
        (
            r#"{"eventId":"e","\u0065ventId":"e"}"#,
            "the event has more than one `eventId`",
        ),
        (
            r#"{"_event_id":"e","_data":1,"_data":1}"#,
            "the event has more than one `_data`",
        ),
        (r#"{"eventId":"e","id":1,"id":2}"#, "the event has more than one `id`"),
        (
            r#"{"eventId":"e","serverSequence":1,"serverSequence":1}"#,
            "the event has more than one `serverSequence`",
        ),
    ] {
        assert_eq!(error(text).to_string(), sentence, "{text}");
    }
}

#[test]
fn complete_means_that_the_published_package_reads_it() {
    let whole = r#"{"_event_id":"e","_operation":0,"_created_at":"2025-01-23T10:00:00Z","_data":{}}"#;
    assert!(complete(whole));
    for key in ["_event_id", "_operation", "_created_at", "_data"] {
        let other = whole.replace(
            &alloc::format!("\"{key}\""),
            &alloc::format!("\"eventId\":\"e\",\"{key}2\""),
        );
        assert!(!complete(&other), "{other}");
    }
    assert!(!complete(&whole.replace("{}", "[]")));
    assert!(!complete(&whole.replace("\":0", "\":null")));
    assert!(complete(&whole.replace("\":0", "\":\"update\"")));
    assert!(!complete(&whole.replace("2025", "year")));
    assert!(complete(
        r#"{"_event_id":"e","_operation":2,"_created_at":"2025-01-23T10:00:00Z","_data_id":"r"}"#
    ));
    assert!(!complete(
        r#"{"_event_id":"e","_operation":2,"_created_at":"2025-01-23T10:00:00Z","dataId":"r"}"#
    ));
    assert!(!complete(
        r#"{"_event_id":"e","_operation":1,"_created_at":"2025-01-23T10:00:00Z","_data_id":"r"}"#
    ));
}

#[test]
fn an_invalid_event_can_still_be_named() {
    assert_eq!(
        event_id(&json(r#"{"eventId":"e","operation":9}"#)).as_deref(),
        Some("e")
    );
    assert_eq!(
        event_id(&json(r#"{"_event_id":"p","eventId":"e"}"#)).as_deref(),
        Some("p")
    );
    assert_eq!(event_id(&json(r#"{"eventId":1}"#)), None);
    assert_eq!(event_id(&json("[]")), None);
}
