//! Histories with one thing wrong.

use super::bench::{Bench, cursor, link, name, settle, state};
use super::right;
use crate::check::{Invariant, Node};
use driftless_core::client::{ClientLimits, Cursor, Notice, OwnState, StorageChange};
use driftless_core::event::EventId;
use driftless_core::server::ServerLimits;
use driftless_core::{Instant, Wake};
use std::sync::Arc;

fn id(text: &str) -> EventId {
    EventId::new(text.to_owned()).unwrap()
}

/// Client 0 has written and pushed `a`.
fn pushed() -> Bench {
    let mut bench = Bench::new();
    bench.write(0, "a", "r");
    bench.push(0, "a", "r");
    assert_eq!(bench.broken(), None);
    bench
}

/// And it is stored.
fn stored() -> Bench {
    let mut bench = pushed();
    bench.store(&[("a", "r")]);
    assert_eq!(bench.broken(), None);
    bench
}

/// And client 0 has got it.
fn got() -> Bench {
    let mut bench = stored();
    bench.down(0, &Bench::events(0, &[("a", "r")]));
    assert_eq!(bench.broken(), None);
    bench
}

#[test]
fn an_ack_of_what_is_not_durable_or_stands_elsewhere() {
    let mut bench = pushed();
    bench.ack(0, "a", 1);
    assert_eq!(bench.broken(), Some(Invariant::DurableAck));
    let mut bench = stored();
    bench.ack(0, "a", 2);
    assert_eq!(bench.broken(), Some(Invariant::DurableAck));
    let mut bench = pushed();
    bench.down(0, r#"{"type":"ack","eventIds":["a"],"repositories":{"notes":["a"]}}"#);
    assert_eq!(bench.broken(), Some(Invariant::DurableAck));
}

#[test]
fn a_gap_in_the_log_and_events_that_are_not_in_it() {
    let mut bench = stored();
    bench
        .checks
        .committed(Instant::ZERO, &name(), &super::batch(3, &[("b", "r")]));
    assert_eq!(bench.broken(), Some(Invariant::DenseSequences));
    let mut bench = pushed();
    bench.down(0, &Bench::events(0, &[("a", "r")]));
    assert_eq!(bench.broken(), Some(Invariant::DenseSequences));
    let mut bench = stored();
    bench.down(0, &Bench::events(0, &[("a", "other")]));
    assert_eq!(bench.broken(), Some(Invariant::DenseSequences));
}

#[test]
fn a_stream_that_repeats_skips_or_changes_on_its_way() {
    let mut bench = got();
    bench.down(0, &Bench::events(0, &[("a", "r")]));
    assert_eq!(bench.broken(), Some(Invariant::OrderedDelivery));
    let mut bench = got();
    bench.write(0, "b", "r");
    bench.store(&[("b", "r")]);
    bench.down(1, &Bench::events(1, &[("b", "r")]));
    assert_eq!(bench.broken(), Some(Invariant::OrderedDelivery));
    let mut bench = stored();
    bench.sent(0, &Bench::events(0, &[("a", "r")]));
    bench
        .checks
        .client_got(Instant::ZERO, 0, link(0), &r#"{"type":"pong"}"#.into());
    assert_eq!(bench.broken(), Some(Invariant::OrderedDelivery));
}

#[test]
fn an_event_that_is_stored_twice_or_by_nobody_or_under_another_id() {
    let mut bench = stored();
    bench.store(&[("a", "r")]);
    assert_eq!(bench.broken(), Some(Invariant::IdempotentPush));
    let mut bench = stored();
    bench.store(&[("x", "r")]);
    assert_eq!(bench.broken(), Some(Invariant::IdempotentPush));
    let mut bench = pushed();
    let renamed = super::bench::body("a", "r").replace(r#""_event_id":"a""#, r#""_event_id":"z""#);
    bench.up(
        0,
        &format!(r#"{{"type":"push_event","repository":"notes","event":{renamed}}}"#),
    );
    assert_eq!(bench.broken(), Some(Invariant::IdempotentPush));
}

#[test]
fn a_cursor_without_its_records_and_records_without_their_events() {
    let mut bench = got();
    let moved = StorageChange::Cursor {
        repository: name(),
        cursor: cursor(1, "a"),
    };
    bench.commit(0, vec![moved.clone()]);
    assert_eq!(bench.broken(), Some(Invariant::ExactlyOnceEffect));
    let mut bench = got();
    let mut changes = Bench::applied(1, "a", "r", true);
    changes.retain(|change| !matches!(change, StorageChange::Cursor { .. }));
    bench.commit(0, changes);
    assert_eq!(bench.broken(), Some(Invariant::ExactlyOnceEffect));
    let mut bench = got();
    let mut changes = Bench::applied(1, "a", "r", true);
    if let StorageChange::Record(record) = &mut changes[0] {
        record.confirmed = Some(Arc::new(state("b", Some(1))));
    }
    bench.commit(0, changes);
    assert_eq!(bench.broken(), Some(Invariant::ExactlyOnceEffect));
    let mut bench = right();
    bench.commit(
        0,
        vec![StorageChange::Cursor {
            repository: name(),
            cursor: Cursor::default(),
        }],
    );
    assert_eq!(
        bench.broken(),
        Some(Invariant::ExactlyOnceEffect),
        "a cursor that goes back"
    );
}

#[test]
fn an_event_that_is_told_and_not_kept_or_leaves_too_early() {
    let mut bench = Bench::new();
    bench.ask(0, "a", "r");
    bench.tell_written(0, "a");
    assert_eq!(bench.broken(), Some(Invariant::NothingLost));
    let mut bench = pushed();
    bench.commit(0, vec![settle("a")]);
    assert_eq!(bench.broken(), Some(Invariant::NothingLost));
    let mut bench = pushed();
    let rejected = OwnState::Rejected {
        code: None,
        message: String::new(),
    };
    let refuse = StorageChange::SetOwn {
        repository: name(),
        event: id("a"),
        state: rejected,
    };
    bench.commit(0, vec![refuse]);
    assert_eq!(
        bench.broken(),
        Some(Invariant::NothingLost),
        "the server did not refuse it"
    );
    let mut bench = Bench::new();
    bench.push(0, "a", "r");
    assert_eq!(
        bench.broken(),
        Some(Invariant::NothingLost),
        "pushed before it is durable"
    );
}

#[test]
fn an_acked_event_that_a_restore_took_and_nobody_pushed_again() {
    let mut bench = right();
    bench.restore("e", 0);
    bench.end();
    assert!(bench.broken().is_some());
}

#[test]
fn a_writers_events_in_another_order() {
    let mut bench = pushed();
    bench.write(0, "b", "r");
    bench.push(0, "b", "r");
    bench.store(&[("b", "r")]);
    bench.store(&[("a", "r")]);
    assert_eq!(bench.broken(), Some(Invariant::WriterOrder));
}

#[test]
fn a_copy_of_a_device_may_push_what_its_author_cannot() {
    let mut bench = Bench::new();
    bench.write(0, "a", "r");
    bench.stop(1);
    bench.checks.copied(Instant::ZERO, 0, 1);
    bench.write(0, "b", "r");
    bench.store(&[("b", "r"), ("a", "r")]);
    assert_eq!(bench.broken(), None);
    bench.write(0, "c", "r");
    bench.write(0, "d", "r");
    bench.store(&[("d", "r"), ("c", "r")]);
    assert_eq!(bench.broken(), Some(Invariant::WriterOrder));
}

#[test]
fn a_record_that_shows_what_is_neither_confirmed_nor_its_own() {
    let mut bench = got();
    let mut changes = Bench::applied(1, "a", "r", true);
    if let StorageChange::Record(record) = &mut changes[0] {
        record.visible = Some(Arc::new(state("b", Some(1))));
    }
    bench.commit(0, changes);
    assert_eq!(bench.broken(), Some(Invariant::Convergence));
}

#[test]
fn a_reader_that_is_sent_more_than_its_buffer() {
    let limits = ServerLimits {
        stream_bytes: 300,
        reply_bytes: 40,
        ..ServerLimits::default()
    };
    let mut bench = stored().limited(&limits);
    bench.write(0, "b", "r");
    bench.write(0, "c", "r");
    bench.store(&[("b", "r"), ("c", "r")]);
    bench.sent(1, &Bench::events(0, &[("a", "r"), ("b", "r")]));
    assert_eq!(bench.broken(), None);
    bench.sent(1, &Bench::events(2, &[("c", "r")]));
    assert_eq!(bench.broken(), Some(Invariant::BoundedQueues));
}

#[test]
fn a_peer_that_is_read_from_while_it_does_not_take_its_replies() {
    let limits = ServerLimits {
        reply_bytes: 20,
        ..ServerLimits::default()
    };
    let mut bench = Bench::new().limited(&limits);
    bench.sent(0, &r#"{"type":"pong"}"#.into());
    bench.up(0, r#"{"type":"ping"}"#);
    assert_eq!(bench.broken(), None);
    bench.sent(0, &r#"{"type":"pong"}"#.into());
    bench.up(0, r#"{"type":"ping"}"#);
    assert_eq!(bench.broken(), Some(Invariant::BoundedQueues));
}

#[test]
fn a_client_that_sends_more_than_its_window() {
    let mut bench = Bench::new();
    bench.stop(0);
    let limits = ClientLimits {
        window_events: 1,
        ..ClientLimits::default()
    };
    let config = super::bench::config(limits);
    bench
        .checks
        .client_started(Instant::ZERO, 0, &config, &crate::disk::ClientDisk::new());
    bench.connect(0);
    bench.write(0, "a", "r");
    bench.push(0, "a", "r");
    bench.push(0, "a", "r");
    assert_eq!(bench.broken(), None, "the same event again");
    bench.write(0, "b", "r");
    bench.push(0, "b", "r");
    assert_eq!(bench.broken(), Some(Invariant::BoundedQueues));
}

#[test]
fn an_end_at_which_somebody_is_behind() {
    let mut bench = got();
    assert!(!bench.is_settled());
    bench.time_is_over();
    let failure = bench.checks.failure().unwrap();
    assert_eq!(failure.invariant, Invariant::Liveness);
    assert!(
        failure
            .message
            .contains("client 0: its cursor of notes is 0, and the head is 1"),
        "{failure}"
    );
}

#[test]
fn a_client_of_another_history_that_goes_on_as_before() {
    let another = || {
        let mut bench = right();
        bench.write(1, "b", "r");
        bench.restore("e", 0);
        bench.store(&[("b", "r"), ("a", "r")]);
        bench.connect(0);
        bench
    };
    let mut bench = another();
    bench.subscribe(0, 1, 1, Some("a"));
    bench.down(0, &Bench::events(1, &[("a", "r")]));
    assert_eq!(
        bench.broken(),
        Some(Invariant::ChangedHistoryNoticed),
        "the server does not notice"
    );
    let mut bench = another();
    bench.apply(0, 2, "a", "r", false);
    assert_eq!(
        bench.broken(),
        Some(Invariant::ChangedHistoryNoticed),
        "the client does not notice"
    );
    let mut bench = another();
    bench.subscribe(0, 1, 1, Some("a"));
    bench.down(
        0,
        r#"{"type":"history_changed","ref":1,"repository":"notes","epoch":"e"}"#,
    );
    let again = Cursor {
        generation: 1,
        refolding: true,
        epoch: cursor(1, "a").epoch,
        ..Cursor::default()
    };
    bench.commit(
        0,
        vec![StorageChange::Cursor {
            repository: name(),
            cursor: again.clone(),
        }],
    );
    assert_eq!(bench.broken(), None);
    let applied = Cursor {
        generation: 1,
        refolding: true,
        ..cursor(1, "b")
    };
    bench.commit(
        0,
        vec![StorageChange::Cursor {
            repository: name(),
            cursor: applied,
        }],
    );
    assert_eq!(bench.broken(), Some(Invariant::ChangedHistoryNoticed), "nobody is told");
}

#[test]
fn a_client_of_this_history_that_is_told_another_one() {
    let mut bench = right();
    bench.subscribe(0, 2, 1, Some("a"));
    bench.down(
        0,
        r#"{"type":"history_changed","ref":2,"repository":"notes","epoch":"e"}"#,
    );
    assert_eq!(bench.broken(), Some(Invariant::ChangedHistoryNoticed));
}

#[test]
fn a_machine_that_wakes_in_the_past_or_acts_for_what_is_gone() {
    let at = Instant::from_micros;
    let wake = |micros| {
        Some(Wake {
            at: at(micros),
            reason: "ping",
        })
    };
    let mut bench = Bench::new();
    bench.checks.machine(at(9), Node::Hub, at(5), wake(6));
    assert_eq!(bench.broken(), None);
    bench.checks.machine(at(9), Node::Hub, at(5), wake(5));
    assert_eq!(bench.broken(), Some(Invariant::MachineContract));
    let mut bench = Bench::new();
    bench.checks.session_closed(at(9), link(0));
    bench.sent(0, &r#"{"type":"pong"}"#.into());
    assert_eq!(bench.broken(), Some(Invariant::MachineContract));
    let mut bench = Bench::new();
    let notice = Notice::Written {
        request: driftless_core::client::RequestId(7),
        result: Ok(Vec::new()),
    };
    bench.checks.noticed(at(9), 0, &notice);
    assert_eq!(bench.broken(), Some(Invariant::MachineContract));
}

#[test]
fn the_shape_of_a_delivery_is_its_frames_and_not_their_ids() {
    let shape = |id: &str, frames: usize| {
        let mut bench = Bench::new();
        bench.write(0, id, "r");
        bench.write(0, "z", "r");
        bench.store(&[(id, "r"), ("z", "r")]);
        if frames == 1 {
            bench.down(1, &Bench::events(0, &[(id, "r"), ("z", "r")]));
        } else {
            bench.down(1, &Bench::events(0, &[(id, "r")]));
            bench.down(1, &Bench::events(1, &[("z", "r")]));
        }
        assert_eq!(bench.broken(), None);
        bench.checks.shape()
    };
    assert_eq!(shape("a", 1), shape("b", 1));
    assert_ne!(shape("a", 1), shape("a", 2));
}
