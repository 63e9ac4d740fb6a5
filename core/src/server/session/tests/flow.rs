//! When the peer is not read from.

use super::bench::{Bench, grant, rights};
use crate::server::{Grant, HubReply, HubRequest, Refusal, ServerLimits};
use crate::wire::ErrorCode;
use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;

fn bench(limits: ServerLimits) -> Bench {
    Bench::authenticated(r#"{"type":"auth","protocol":1}"#, limits)
}

/// The changes of reading, and nothing else.
fn reading(bench: &mut Bench) -> String {
    let trace = bench.trace();
    let lines = trace.lines().filter(|line| matches!(*line, "pause" | "resume"));
    lines.collect::<alloc::vec::Vec<_>>().join(" ")
}

fn push(bench: &mut Bench, id: u32) {
    bench.frame(&format!(
        r#"{{"type":"push_event","repository":"a","event":{{"eventId":"{id}"}}}}"#
    ));
}

#[test]
fn many_pushes_under_way_stop_the_reading_until_half_are_answered() {
    let mut bench = bench(ServerLimits {
        pushes: 4,
        ..ServerLimits::default()
    });
    for id in 1..=4 {
        assert_eq!(reading(&mut bench), "");
        push(&mut bench, id);
    }
    assert_eq!(reading(&mut bench), "pause");
    bench.pushed(1, &[("1", Ok(1))]);
    assert_eq!(reading(&mut bench), "");
    bench.pushed(2, &[("2", Ok(2))]);
    assert_eq!(reading(&mut bench), "resume");
}

#[test]
fn many_bytes_under_way_stop_the_reading() {
    let mut bench = bench(ServerLimits {
        push_bytes: 30,
        ..ServerLimits::default()
    });
    push(&mut bench, 1);
    assert_eq!(reading(&mut bench), "");
    push(&mut bench, 2);
    assert_eq!(reading(&mut bench), "pause");
    bench.pushed(1, &[("1", Ok(1))]);
    bench.pushed(2, &[("2", Ok(2))]);
    assert_eq!(reading(&mut bench), "resume");
}

#[test]
fn many_requests_stop_the_reading() {
    let mut bench = bench(ServerLimits {
        requests: 2,
        ..ServerLimits::default()
    });
    for _ in 0..2 {
        bench.frame(r#"{"type":"request_all_events"}"#);
    }
    assert_eq!(reading(&mut bench), "pause");
    bench.hub(HubReply::ReadDone);
    assert_eq!(reading(&mut bench), "resume");
}

#[test]
fn subscriptions_that_the_hub_has_not_taken_up_stop_the_reading() {
    for frame in [
        r#"{"type":"subscribe","repositories":{"a":{"afterSequence":0}}}"#,
        r#"{"type":"unsubscribe","repositories":["a"]}"#,
    ] {
        let mut bench = bench(ServerLimits {
            requests: 2,
            ..ServerLimits::default()
        });
        bench.frame(frame);
        assert_eq!(reading(&mut bench), "");
        bench.frame(frame);
        assert_eq!(reading(&mut bench), "pause");
        bench.hub(HubReply::ReadDone);
        assert_eq!(reading(&mut bench), "resume");
    }
}

#[test]
fn another_subject_is_not_read_from_before_the_hub_knows() {
    let mut bench = bench(ServerLimits::default());
    bench.frame(r#"{"type":"auth","protocol":1}"#);
    assert_eq!(reading(&mut bench), "pause");
    let subject = "bob".into();
    bench.grant(2, Grant { subject, ..grant() });
    assert_eq!(reading(&mut bench), "");
    bench.hub(HubReply::Reset);
    assert_eq!(reading(&mut bench), "resume");
}

#[test]
fn many_changes_of_rights_stop_the_reading() {
    let mut bench = bench(ServerLimits {
        requests: 2,
        ..ServerLimits::default()
    });
    for (auth, names) in [(2, ["a"]), (3, ["b"])] {
        bench.frame(r#"{"type":"auth","protocol":1}"#);
        assert_eq!(reading(&mut bench), "pause");
        let rights = Arc::new(rights(&names, &[]));
        bench.grant(auth, Grant { rights, ..grant() });
        assert_eq!(reading(&mut bench), if auth == 2 { "resume" } else { "" });
    }
    bench.hub(HubReply::ReadDone);
    assert_eq!(reading(&mut bench), "resume");
}

#[test]
fn a_peer_that_does_not_take_its_replies_is_not_read_from() {
    let mut bench = bench(ServerLimits {
        reply_bytes: 60,
        ..ServerLimits::default()
    });
    bench.fast = false;
    for _ in 0..5 {
        bench.frame(r#"{"type":"ping"}"#);
    }
    assert_eq!(reading(&mut bench), "pause");
    bench.flush();
    assert_eq!(reading(&mut bench), "resume");
    // What it does not take of its streams does not count: the hub bounds that.
    bench.hub_frame(&"x".repeat(1_000));
    assert_eq!(reading(&mut bench), "");
}

#[test]
fn the_hub_gets_back_the_bytes_of_its_own_frames_alone() {
    let mut bench = bench(ServerLimits::default());
    bench.fast = false;
    bench.frame(r#"{"type":"ping"}"#);
    bench.hub_frame("0123456789");
    bench.frame(r#"{"type":"ping"}"#);
    bench.hub_frame("0123");
    bench.flush();
    assert_eq!(bench.hub, [HubRequest::Flushed { bytes: 14 }]);
}

#[test]
fn the_hub_can_close() {
    let mut bench = bench(ServerLimits::default());
    bench.hub(HubReply::Close {
        code: crate::wire::CloseCode::RATE_LIMITED,
        reason: "Too much.",
    });
    assert_eq!(bench.trace(), "hub Detach\nclose 4429 Too much.");
}

#[test]
fn an_idle_session_is_small() {
    // Ten thousand idle connections are the common case of a server.
    assert!(size_of::<crate::server::Session>() <= 384);
}

#[test]
fn a_peer_that_goes_on_asking_for_too_much_is_closed() {
    let mut bench = bench(ServerLimits {
        refusals: 2,
        ..ServerLimits::default()
    });
    let refused = Err(Refusal::Retry(ErrorCode::RateLimited));
    for (id, outcome) in (1..).zip([refused, refused, Ok(1), refused, refused]) {
        push(&mut bench, id);
        bench.pushed(id.into(), &[("x", outcome)]);
    }
    assert!(!bench.session.is_closed());
    push(&mut bench, 6);
    bench.pushed(6, &[("x", refused)]);
    assert!(
        bench
            .trace()
            .ends_with("hub Detach\nclose 4429 Too much at once for too long.")
    );
}
