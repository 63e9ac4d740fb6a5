//! Signs of life.

use super::bench::Bench;
use crate::server::{ServerLimits, SessionInput};
use core::time::Duration;

const INTERVAL: Duration = Duration::from_secs(30);
const TIMEOUT: Duration = Duration::from_secs(10);

#[test]
fn a_peer_that_answers_stays() {
    let mut bench = Bench::plain();
    for _ in 0..10 {
        bench.pass(INTERVAL);
        assert_eq!(bench.trace(), r#"send {"type":"ping"}"#);
        bench.frame(r#"{"type":"pong"}"#);
    }
}

#[test]
fn any_byte_is_life() {
    let mut bench = Bench::plain();
    bench.pass(INTERVAL);
    bench.pass(Duration::from_secs(9));
    bench.input(SessionInput::Alive);
    bench.pass(Duration::from_secs(20));
    assert!(!bench.session.is_closed());
}

#[test]
fn silence_after_a_ping_closes() {
    let mut bench = Bench::plain();
    bench.pass(INTERVAL);
    bench.trace();
    bench.pass(TIMEOUT);
    insta::assert_snapshot!(bench.trace(), @r"
    hub Detach
    close 4408 No sign of life after a ping.
    ");
}

#[test]
fn silence_counts_from_when_the_ping_has_left() {
    let mut bench = Bench::plain();
    bench.fast = false;
    bench.pass(INTERVAL);
    bench.pass(Duration::from_secs(20));
    bench.flush();
    bench.pass(Duration::from_secs(9));
    assert!(!bench.session.is_closed());
    bench.pass(Duration::from_secs(1));
    assert!(bench.session.is_closed());
}

#[test]
fn silence_does_not_count_while_the_peer_is_not_read_from() {
    let mut bench = Bench::authenticated(
        r#"{"type":"auth"}"#,
        ServerLimits {
            pushes: 1,
            ..ServerLimits::default()
        },
    );
    bench.frame(r#"{"type":"push_event","repository":"a","event":{"eventId":"x"}}"#);
    bench.pass(INTERVAL * 10);
    assert!(!bench.session.is_closed());
    bench.pushed(1, &[("x", Ok(1))]);
    bench.pass(Duration::from_secs(9));
    assert!(!bench.session.is_closed());
    bench.pass(Duration::from_secs(1));
    assert!(bench.session.is_closed());
}

#[test]
fn a_socket_that_takes_nothing_closes() {
    let mut bench = Bench::plain();
    bench.fast = false;
    bench.pass(Duration::from_secs(5));
    bench.hub_frame("0123456789");
    // Every byte is progress.
    for _ in 0..3 {
        bench.pass(Duration::from_secs(39));
        bench.input(SessionInput::Flushed { bytes: 1 });
    }
    bench.pass(Duration::from_secs(39));
    assert!(!bench.session.is_closed());
    bench.pass(Duration::from_secs(1));
    assert!(
        bench
            .trace()
            .ends_with("close 4408 The peer takes nothing of what is sent.")
    );
}

#[test]
fn an_idle_socket_does_not_stall() {
    let mut bench = Bench::plain();
    bench.fast = true;
    bench.hub_frame("x");
    for _ in 0..10 {
        bench.pass(INTERVAL);
        bench.input(SessionInput::Alive);
    }
    bench.fast = false;
    bench.hub_frame("x");
    bench.pass(Duration::from_secs(39));
    assert!(!bench.session.is_closed());
}
