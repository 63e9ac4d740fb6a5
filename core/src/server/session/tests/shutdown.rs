//! A server that stops.

use super::bench::Bench;
use crate::server::SessionInput;
use core::time::Duration;

const PUSH: &str = r#"{"type":"push_event","repository":"a","event":{"eventId":"x"}}"#;

#[test]
fn an_idle_connection_is_closed_at_once() {
    let mut bench = Bench::plain();
    bench.input(SessionInput::Shutdown);
    assert_eq!(
        bench.trace(),
        "hub Detach\nclose 1012 The server is stopping; connect again."
    );
    let mut bench = Bench::new();
    bench.input(SessionInput::Shutdown);
    assert!(bench.trace().starts_with("close 1012"));
}

#[test]
fn pushes_under_way_are_answered_first_and_no_new_ones_taken() {
    let mut bench = Bench::plain();
    bench.frame(PUSH);
    bench.trace();
    bench.input(SessionInput::Shutdown);
    bench.frame(PUSH);
    bench.pushed(1, &[("x", Ok(1))]);
    insta::assert_snapshot!(bench.trace(), @r#"
    pause
    send {"type":"ack","eventIds":["x"],"repositories":{"a":["x"]},"sequences":{"a":{"x":1}}}
    hub Detach
    close 1012 The server is stopping; connect again.
    "#);
}

#[test]
fn a_store_that_never_answers_does_not_stop_the_stopping() {
    let mut bench = Bench::plain();
    bench.frame(PUSH);
    bench.input(SessionInput::Shutdown);
    bench.pass(Duration::from_secs(9));
    assert!(!bench.session.is_closed());
    bench.pass(Duration::from_secs(1));
    assert!(bench.trace().contains("close 1012"));
}
