//! What is not a message is told with its field, and with the request's `ref`.

use bytestring::ByteString;
use driftless_core::event::MAX_DEPTH;
use driftless_core::wire::{ClientRequest, ErrorCode, ServerReply};

/// Every frame with what is said about it, one a line.
fn told(frames: &[&str]) -> String {
    let tell = |frame: &&str| match ClientRequest::decode(&ByteString::from(*frame)) {
        Ok(request) => format!("{frame}\n    {request:?}"),
        Err(error) => {
            let reference = error
                .reference
                .map_or_else(String::new, |reference| format!(" (ref {reference})"));
            format!("{frame}\n    {}: {}{reference}", error.code, error.message)
        }
    };
    frames.iter().map(tell).collect::<Vec<_>>().join("\n")
}

#[test]
fn frames_that_are_no_message() {
    assert_kept!(told(&[
        "",
        "{",
        "null",
        "[]",
        "\"ping\"",
        "{} {}",
        "{\"type\":\"ping\"",
        "{'type':'ping'}",
        "{\"type\":\"\u{1}\"}",
        "{}",
        r#"{"type":null}"#,
        r#"{"type":1}"#,
        r#"{"type":"\ud800"}"#,
        r#"{"type":"Ping"}"#,
        r#"{"type":"auth_success"}"#,
        r#"{"ref":{"a":1},"type":"nothing that a client sends, and longer than sixty-four bytes ä"}"#,
        r#"{"type":"ping","ref":7,"x":[}"#,
    ]));
}

#[test]
fn fields_that_cannot_be_read() {
    assert_kept!(told(&[
        r#"{"type":"auth","token":7,"ref":1}"#,
        r#"{"type":"auth","\ud800":7}"#,
        r#"{"type":"push_event","event":{}}"#,
        r#"{"type":"push_event","repository":"users"}"#,
        r#"{"type":"push_event","repository":["users"],"event":{},"ref":"r"}"#,
        r#"{"type":"push_events_batch","repository":"users"}"#,
        r#"{"type":"push_events_batch","repository":"users","events":{},"ref":"r"}"#,
        r#"{"type":"push_events_batch","repository":"users","events":null}"#,
        r#"{"type":"request_events"}"#,
        r#"{"type":"request_events","repository":"_x","ref":[]}"#,
        r#"{"type":"request_events","repository":""}"#,
        r#"{"type":"request_events","repository":"users","afterSequence":-1}"#,
        r#"{"type":"request_events","repository":"users","afterSequence":1.0}"#,
        r#"{"type":"request_events","repository":"users","afterSequence":"1"}"#,
        r#"{"type":"request_events","repository":"users","limit":true}"#,
        r#"{"type":"request_events","repository":"users","since":"yesterday"}"#,
        r#"{"type":"request_all_events","repository":"a\u0000b"}"#,
        r#"{"type":"events_received","count":1}"#,
        r#"{"type":"events_received","repository":"users","count":-1}"#,
        r#"{"type":"subscribe"}"#,
        r#"{"type":"subscribe","repositories":["users"]}"#,
        r#"{"type":"subscribe","epoch":1,"repositories":{}}"#,
        r#"{"type":"subscribe","epoch":"","repositories":{}}"#,
        r#"{"type":"subscribe","repositories":{"users":7}}"#,
        r#"{"type":"subscribe","repositories":{"users":{"afterSequence":"7"}}}"#,
        r#"{"type":"subscribe","repositories":{"users":{"afterSequence":7,"seen":7}}}"#,
        r#"{"type":"subscribe","repositories":{"users":{"seen":[7,"a","b"]}}}"#,
        r#"{"type":"subscribe","repositories":{"users":{"seen":[7,""]}}}"#,
        r#"{"type":"subscribe","repositories":{"system.users":{}}}"#,
        r#"{"type":"unsubscribe","repositories":{}}"#,
        r#"{"type":"unsubscribe","repositories":["_x"]}"#,
        r#"{"type":"unsubscribe","repositories":[1]}"#,
    ]));
}

#[test]
fn a_long_ref_is_refused_and_not_repeated() {
    let frame = |bytes: usize| ByteString::from(format!(r#"{{"type":"ping","ref":"{}"}}"#, "r".repeat(bytes - 2)));
    assert!(ClientRequest::decode(&frame(256)).is_ok());
    let error = ClientRequest::decode(&frame(257)).unwrap_err();
    assert_eq!((error.code, error.reference), (ErrorCode::BadMessage, None));
    assert_eq!(error.message, "`ref` is longer than 256 bytes");
}

#[test]
fn nesting_is_limited_over_the_whole_frame() {
    let frame = |levels: usize| {
        let (open, close) = ("[".repeat(levels - 1), "]".repeat(levels - 1));
        ByteString::from(format!(r#"{{"type":"ping","ref":1,"x":{open}{close},"y":"[[["}}"#))
    };
    assert!(ClientRequest::decode(&frame(MAX_DEPTH)).is_ok());
    let error = ClientRequest::decode(&frame(MAX_DEPTH + 1)).unwrap_err();
    assert_eq!(error.message, "the frame nests deeper than 128 levels");
    assert_eq!(error.reference.unwrap().text(), "1");
    // A server's frame wraps what a client could send in a few levels more.
    assert!(ServerReply::decode(&frame(MAX_DEPTH + 32)).is_ok());
    assert!(ServerReply::decode(&frame(1 << 20)).is_err());
}

#[test]
fn nesting_is_limited_before_in_and_behind_a_batch() {
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let fits = |before: usize, inside: usize, behind: usize| {
        let (before, inside, behind) = (nested(before), nested(inside), nested(behind));
        let frame = format!(
            r#"{{"type":"push_events_batch","repository":"users","a":{before},"events":[1,{inside},{{}}],"b":{behind}}}"#
        );
        ClientRequest::decode(&ByteString::from(frame)).is_ok()
    };
    assert!(fits(MAX_DEPTH - 1, MAX_DEPTH - 2, MAX_DEPTH - 1));
    assert!(!fits(MAX_DEPTH, 1, 1));
    assert!(!fits(1, MAX_DEPTH - 1, 1));
    assert!(!fits(1, 1, MAX_DEPTH));
}

#[test]
fn frames_of_a_server_that_cannot_be_read() {
    let tell = |frame: &&str| {
        format!(
            "{frame}\n    {}",
            ServerReply::decode(&ByteString::from(*frame)).unwrap_err()
        )
    };
    let frames = [
        "",
        "[]",
        "{}",
        r#"{"type":"auth"}"#,
        r#"{"type":"auth_success","protocol":1}"#,
        r#"{"type":"auth_success","protocol":1,"epoch":"e","heartbeatMs":"x"}"#,
        r#"{"type":"auth_success","protocol":1,"epoch":"e","limits":[]}"#,
        r#"{"type":"events","events":[]}"#,
        r#"{"type":"events","repository":"users"}"#,
        r#"{"type":"events","repository":"users","events":[],"afterSequence":-1}"#,
        r#"{"type":"ack","eventIds":"e"}"#,
        r#"{"type":"ack","repositories":{"users":"e"}}"#,
        r#"{"type":"ack","sequences":{"users":{"e":"1"}}}"#,
        r#"{"type":"sync_complete","hasMore":1}"#,
        r#"{"type":"history_changed","repository":"users"}"#,
    ];
    assert_kept!(frames.iter().map(tell).collect::<Vec<_>>().join("\n"));
}
