//! Frames that are no messages, and the small messages.

use super::bench::Bench;
use crate::server::{ServerLimits, SessionInput};

#[test]
fn a_frame_that_is_no_message_gets_an_error_and_the_connection_stays() {
    let mut bench = Bench::plain();
    for frame in [
        "",
        "[]",
        "{}",
        r#"{"type":1}"#,
        r#"{"type":"what","ref":1}"#,
        r#"{"type":"push_event","repository":"a"}"#,
        r#"{"type":"request_events","repository":"a","since":"yesterday"}"#,
        r#"{"type":"request_events","repository":"_a"}"#,
        r#"{"type":"subscribe","repositories":{}}"#,
        r#"{"type":"unsubscribe","repositories":[]}"#,
    ] {
        bench.frame(frame);
    }
    bench.input(SessionInput::Binary);
    insta::assert_snapshot!(bench.trace());
    assert!(!bench.session.is_closed());
}

#[test]
fn frames_nested_too_deep_are_bad_messages() {
    let mut bench = Bench::plain();
    let deep = alloc::format!(
        r#"{{"type":"push_event","repository":"a","event":{{"eventId":"x","d":{}{}}}}}"#,
        "[".repeat(200),
        "]".repeat(200)
    );
    bench.frame(&deep);
    assert!(bench.trace().contains("bad_message"));
}

#[test]
fn a_frame_over_the_limit_closes() {
    let mut bench = Bench::plain();
    bench.input(SessionInput::TooBig);
    insta::assert_snapshot!(bench.trace(), @r"
    hub Detach
    close 1009 The frame is larger than the server reads.
    ");
    let mut bench = Bench::with(ServerLimits {
        frame_bytes: 10,
        ..ServerLimits::default()
    });
    bench.frame(r#"{"type":"ping"}"#);
    assert!(bench.trace().contains("close 1009"));
}

#[test]
fn ping_is_answered_and_the_rest_is_taken_note_of() {
    let mut bench = Bench::extended();
    bench.frame(r#"{"type":"ping","ref":{"a":1}}"#);
    bench.frame(r#"{"type":"pong"}"#);
    bench.frame(r#"{"type":"events_received","repository":"a","count":3}"#);
    assert_eq!(bench.trace(), r#"send {"type":"pong","ref":{"a":1}}"#);
}

#[test]
fn a_connection_that_is_gone_leaves_the_hub_and_does_nothing_more() {
    let mut bench = Bench::extended();
    bench.input(SessionInput::Closed);
    bench.input(SessionInput::Closed);
    bench.frame(r#"{"type":"ping"}"#);
    bench.input(SessionInput::Shutdown);
    bench.pass(core::time::Duration::from_hours(1));
    assert_eq!(bench.trace(), "hub Detach");
    let mut bench = Bench::new();
    bench.input(SessionInput::Closed);
    assert!(bench.trace().is_empty());
}
