//! Group commit and the order of appends.

use super::bench::{Bench, Work, limits};
use crate::event::Sequence;
use crate::server::{Append, ConnectionId, HubReply, HubRequest, Peer, PushId, Refusal, ServerLimits};
use crate::wire::ErrorCode;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// The events of the appends at the store.
fn at_store(bench: &Bench) -> Vec<String> {
    let ids = |append: &Append| {
        let events = append.runs.iter().flat_map(|run| &run.events);
        events.map(|event| event.id.to_string()).collect::<Vec<_>>().join(" ")
    };
    let append = |work: &Work| match work {
        Work::Append(_, append) => Some(ids(append)),
        _ => None,
    };
    bench.work.iter().filter_map(append).collect()
}

/// The outcomes of the pushes that were answered: sequences, `?` for a retryable refusal, `!` for a conflict.
fn outcomes(bench: &mut Bench, connection: u64) -> Vec<String> {
    let outcome = |outcome: &Result<Sequence, Refusal>| match outcome {
        Ok(sequence) => sequence.to_string(),
        Err(Refusal::Conflict(sequence)) => format!("!{sequence}"),
        Err(Refusal::Retry(_)) => "?".into(),
    };
    let results = bench.results(connection);
    results
        .iter()
        .map(|(push, results)| {
            let outcomes: Vec<_> = results.iter().map(|result| outcome(&result.outcome)).collect();
            format!("{push}: {}", outcomes.join(" "))
        })
        .collect()
}

fn bench(limits: ServerLimits) -> Bench {
    let mut bench = Bench::new(limits);
    for connection in [1, 2] {
        bench.attach(connection, Peer::Extended);
    }
    bench
}

#[test]
fn what_is_pushed_while_a_commit_is_under_way_goes_with_the_next_one() {
    let mut bench = bench(limits());
    bench.push(1, 1, "a", &["x"]);
    bench.push(1, 2, "a", &["y", "z"]);
    bench.push(2, 1, "b", &["w"]);
    assert_eq!(at_store(&bench), ["x"]);
    bench.complete();
    assert_eq!(at_store(&bench), ["y z w"]);
    assert_eq!(outcomes(&mut bench, 1), ["1: 1"]);
    bench.complete();
    assert_eq!(outcomes(&mut bench, 1), ["2: 2 3"]);
    assert_eq!(outcomes(&mut bench, 2), ["1: 1"]);
    bench.leave_nothing();
}

#[test]
fn a_commit_has_at_most_so_many_events_and_bytes() {
    let mut bench = bench(ServerLimits {
        commit_events: 2,
        ..limits()
    });
    bench.push(1, 1, "a", &["1", "2", "3", "4", "5"]);
    bench.push(1, 2, "a", &["6"]);
    assert_eq!(at_store(&bench), ["1 2"]);
    bench.complete();
    assert_eq!(at_store(&bench), ["3 4"]);
    bench.complete();
    assert_eq!(at_store(&bench), ["5 6"]);
    assert!(outcomes(&mut bench, 1).is_empty());
    bench.complete();
    assert_eq!(outcomes(&mut bench, 1), ["1: 1 2 3 4 5", "2: 6"]);
    bench.leave_nothing();
}

#[test]
fn an_event_larger_than_a_commit_goes_alone() {
    let mut bench = bench(ServerLimits {
        commit_bytes: 1,
        ..limits()
    });
    bench.push(1, 1, "a", &["x", "y"]);
    bench.push(1, 2, "a", &["z"]);
    assert_eq!(at_store(&bench), ["x"]);
    bench.settle();
    assert_eq!(outcomes(&mut bench, 1), ["1: 1 2", "2: 3"]);
    bench.leave_nothing();
}

#[test]
fn lanes_commit_at_once_and_a_log_keeps_its_lane() {
    let mut bench = Bench::with_lanes(limits(), 2);
    for (push, name) in (0u64..).zip(["a", "b", "a", "b"]) {
        bench.push(1, push, name, &[&format!("{name}{push}")]);
    }
    assert_eq!(at_store(&bench), ["a0", "b1"]);
    bench.settle();
    assert_eq!(outcomes(&mut bench, 1), ["0: 1", "1: 1", "2: 2", "3: 2"]);
}

#[test]
fn a_repeat_has_the_first_sequence_and_another_body_is_a_conflict() {
    let mut bench = bench(limits());
    bench.push(1, 1, "a", &["x", "x"]);
    bench.settle();
    let other = super::bench::read_event(r#"{"eventId":"x","other":true}"#);
    let request = HubRequest::Push {
        push: PushId(2),
        log: super::bench::log("a"),
        events: [other].into(),
    };
    bench.ask(2, request);
    bench.settle();
    assert_eq!(outcomes(&mut bench, 1), ["1: 1 1"]);
    assert_eq!(outcomes(&mut bench, 2), ["2: !1"]);
}

#[test]
fn a_failed_commit_refuses_all_and_holds_until_the_first_comes_again() {
    let mut bench = bench(limits());
    bench.push(1, 1, "a", &["x", "y"]);
    bench.push(1, 2, "a", &["z"]);
    bench.push(1, 3, "b", &["other log"]);
    bench.push(2, 1, "a", &["other connection"]);
    bench.fail();
    // What was queued behind it is refused with it; what is not behind it goes on.
    assert_eq!(outcomes(&mut bench, 1), ["1: ? ?", "2: ?"]);
    assert_eq!(at_store(&bench), ["other log other connection"]);
    bench.settle();
    assert_eq!(outcomes(&mut bench, 1), ["3: 1"]);
    bench.push(1, 4, "a", &["y", "z"]);
    assert_eq!(outcomes(&mut bench, 1), ["4: ? ?"]);
    bench.push(1, 5, "a", &["new", "x", "y"]);
    bench.push(1, 6, "a", &["z"]);
    bench.settle();
    assert_eq!(outcomes(&mut bench, 1), ["5: ? 2 3", "6: 4"]);
    bench.leave_nothing();
}

#[test]
fn an_event_that_comes_again_while_it_fails_is_not_refused_a_second_time() {
    let mut bench = bench(limits());
    bench.push(1, 1, "a", &["x"]);
    bench.push(1, 2, "a", &["y", "x", "y"]);
    bench.fail();
    assert_eq!(at_store(&bench), ["x y"]);
    bench.push(1, 3, "a", &["z"]);
    bench.settle();
    assert_eq!(outcomes(&mut bench, 1), ["1: ?", "2: ? 1 2", "3: 3"]);
    bench.leave_nothing();
}

#[test]
fn a_batch_that_fails_half_way_holds_at_its_first_event_that_is_not_stored() {
    let mut bench = bench(ServerLimits {
        commit_events: 2,
        ..limits()
    });
    bench.push(1, 1, "a", &["1", "2", "3", "4", "5"]);
    bench.complete();
    bench.fail();
    assert_eq!(outcomes(&mut bench, 1), ["1: 1 2 ? ? ?"]);
    bench.push(1, 2, "a", &["4", "5", "3"]);
    bench.settle();
    assert_eq!(outcomes(&mut bench, 1), ["2: ? ? 3"]);
    bench.leave_nothing();
}

#[test]
fn a_queue_that_is_full_refuses_and_holds() {
    let mut bench = bench(ServerLimits {
        queued_bytes: 200,
        ..limits()
    });
    bench.push(1, 1, "a", &["x"]);
    bench.push(1, 2, "a", &["y"]);
    let refused = bench.results(1);
    assert_eq!(refused[0].1[0].outcome, Err(Refusal::Retry(ErrorCode::RateLimited)));
    bench.settle();
    bench.push(1, 3, "a", &["z"]);
    bench.push(1, 4, "a", &["y"]);
    bench.settle();
    assert_eq!(outcomes(&mut bench, 1), ["1: 1", "3: ?", "4: 2"]);
    bench.leave_nothing();
}

#[test]
fn a_push_larger_than_the_queue_is_taken_when_nothing_else_waits() {
    let mut bench = bench(ServerLimits {
        queued_bytes: 1,
        ..limits()
    });
    bench.push(1, 1, "a", &["x", "y"]);
    bench.settle();
    assert_eq!(outcomes(&mut bench, 1), ["1: 1 2"]);
}

#[test]
fn an_earlier_failure_replaces_the_hold_of_a_later_refusal() {
    let mut bench = bench(ServerLimits {
        queued_bytes: 200,
        ..limits()
    });
    bench.push(1, 1, "a", &["x"]);
    bench.push(1, 2, "a", &["y"]);
    bench.fail();
    bench.push(1, 3, "a", &["y"]);
    bench.push(1, 4, "a", &["x"]);
    bench.settle();
    assert_eq!(outcomes(&mut bench, 1), ["2: ?", "1: ?", "3: ?", "4: 1"]);
}

#[test]
fn the_sessions_hold_counts_unless_there_is_an_earlier_one() {
    let mut bench = bench(limits());
    let hold = |id: &'static str| HubRequest::Hold {
        log: super::bench::log("a"),
        event: crate::event::EventId::new(id).unwrap(),
    };
    bench.ask(1, hold("x"));
    bench.ask(1, hold("later"));
    bench.push(1, 1, "a", &["later", "x"]);
    bench.settle();
    assert_eq!(outcomes(&mut bench, 1), ["1: ? 1"]);
}

#[test]
fn a_push_under_way_outlives_its_connection_and_keeps_its_order() {
    let mut bench = bench(limits());
    bench.push(1, 1, "a", &["x"]);
    bench.push(1, 2, "a", &["y"]);
    bench.ask(1, HubRequest::Detach);
    bench.fail();
    // The older edit was not stored: the newer one of the same connection must not be either.
    assert!(at_store(&bench).is_empty());
    assert_eq!(outcomes(&mut bench, 1), ["1: ?", "2: ?"]);
    bench.push(1, 3, "a", &["x"]);
    bench.settle();
    assert_eq!(outcomes(&mut bench, 1), ["3: 1"]);
    bench.leave_nothing();
}

#[test]
fn a_completion_with_the_wrong_number_of_outcomes_is_a_failure() {
    let mut bench = bench(limits());
    bench.push(1, 1, "a", &["x"]);
    let Some(Work::Append(append, _)) = bench.work.pop_front() else {
        panic!()
    };
    let result = Ok(crate::server::Appended { outcomes: Vec::new() });
    bench.input(crate::server::HubInput::Appended {
        append,
        result: result.clone(),
    });
    assert_eq!(outcomes(&mut bench, 1), ["1: ?"]);
    bench.input(crate::server::HubInput::Appended { append, result });
    assert_eq!(bench.hub.ignored_completions(), 1);
}

#[test]
fn a_connection_with_too_many_holds_is_closed() {
    let mut bench = bench(ServerLimits { streams: 1, ..limits() });
    for name in ["a", "b"] {
        bench.push(1, 1, name, &["x"]);
        bench.fail();
    }
    let closes = |reply: &HubReply| matches!(reply, HubReply::Close { .. });
    assert!(bench.replies[&ConnectionId(1)].iter().any(closes));
}

#[test]
fn a_held_event_that_the_session_refuses_for_good_is_not_waited_for() {
    let mut bench = bench(limits());
    bench.push(1, 1, "a", &["x", "y"]);
    bench.fail();
    let release = |id: &'static str| HubRequest::Release {
        log: super::bench::log("a"),
        events: [crate::event::EventId::new(id).unwrap()].into(),
    };
    // Another one changes nothing: `x` may still come again.
    bench.ask(1, release("y"));
    bench.push(1, 2, "a", &["z"]);
    bench.ask(1, release("x"));
    bench.push(1, 3, "a", &["y", "z"]);
    bench.settle();
    assert_eq!(outcomes(&mut bench, 1), ["1: ? ?", "2: ?", "3: 1 2"]);
}
