//! Pushes and the replies to them.

use super::bench::{Bench, grant, rights};
use crate::server::{Grant, Refusal, ServerLimits};
use crate::wire::ErrorCode;
use alloc::sync::Arc;

const CONFLICT: Refusal = Refusal::Conflict(crate::event::Sequence::new(7));
const RETRY: Refusal = Refusal::Retry(ErrorCode::StoreUnavailable);

fn batch(bench: &mut Bench, events: &str) {
    bench.frame(&alloc::format!(
        r#"{{"type":"push_events_batch","repository":"a","ref":"r","events":[{events}]}}"#
    ));
}

#[test]
fn a_push_is_acked_once_it_is_durable() {
    let mut bench = Bench::plain();
    bench.frame(r#"{"type":"push_event","repository":"a","event":{"eventId":"x"},"ref":1}"#);
    bench.pushed(1, &[("x", Ok(5))]);
    insta::assert_snapshot!(bench.trace(), @r#"
    hub push 1 default/a: x
    send {"type":"ack","ref":1,"eventIds":["x"],"repositories":{"a":["x"]},"sequences":{"a":{"x":5}}}
    "#);
}

#[test]
fn valid_events_are_stored_and_invalid_ones_named() {
    let mut bench = Bench::extended();
    batch(
        &mut bench,
        r#"{"eventId":"x"},{"no":"id"},{"_event_id":"y","_operation":"what"},{"eventId":"z"},5"#,
    );
    bench.pushed(1, &[("x", Ok(1)), ("z", Ok(2))]);
    insta::assert_snapshot!(bench.trace(), @r#"
    hub release default/a: y
    hub push 1 default/a: x z
    send {"type":"ack","ref":"r","eventIds":["x","z"],"repositories":{"a":["x","z"]},"sequences":{"a":{"x":1,"z":2}}}
    send {"type":"error","ref":"r","message":"the event has no `_event_id` (or `eventId`)","code":"invalid_event","retryable":false,"repository":"a","eventIds":["y"],"indexes":[1,2,4]}
    "#);
}

#[test]
fn what_is_all_invalid_never_reaches_the_hub() {
    let mut bench = Bench::plain();
    batch(&mut bench, "{}");
    insta::assert_snapshot!(bench.trace(), @r#"send {"type":"error","ref":"r","message":"the event has no `_event_id` (or `eventId`)","code":"invalid_event","retryable":false,"repository":"a","indexes":[0]}"#);
}

#[test]
fn an_empty_batch_is_acked() {
    let mut bench = Bench::plain();
    batch(&mut bench, "");
    insta::assert_snapshot!(bench.trace(), @r#"send {"type":"ack","ref":"r","eventIds":[],"repositories":{"a":[]},"sequences":{"a":{}}}"#);
}

#[test]
fn conflicts_are_told_to_extended_peers_together_with_the_invalid() {
    let mut bench = Bench::extended();
    batch(&mut bench, r#"{"eventId":"x"},{"eventId":"y"},{},{"eventId":"z"}"#);
    bench.pushed(1, &[("x", Ok(1)), ("y", Err(CONFLICT)), ("z", Err(CONFLICT))]);
    insta::assert_snapshot!(bench.trace(), @r#"
    hub push 1 default/a: x y z
    send {"type":"ack","ref":"r","eventIds":["x"],"repositories":{"a":["x"]},"sequences":{"a":{"x":1}}}
    send {"type":"error","ref":"r","message":"The event id is taken by an event with another body.","code":"event_id_conflict","retryable":false,"repository":"a","eventIds":["y","z"],"indexes":[1,2,3]}
    "#);
}

#[test]
fn a_plain_peer_gets_an_ack_for_a_conflict() {
    let mut bench = Bench::plain();
    batch(&mut bench, r#"{"eventId":"x"}"#);
    bench.pushed(1, &[("x", Err(CONFLICT))]);
    insta::assert_snapshot!(bench.trace(), @r#"
    hub push 1 default/a: x
    send {"type":"ack","ref":"r","eventIds":["x"],"repositories":{"a":["x"]},"sequences":{"a":{"x":7}}}
    "#);
}

#[test]
fn what_has_to_be_sent_again_has_an_error_of_its_own_behind_the_others() {
    let mut bench = Bench::extended();
    batch(&mut bench, r#"{},{"eventId":"x"},{"eventId":"y"},{"eventId":"z"}"#);
    bench.pushed(1, &[("x", Ok(1)), ("y", Err(RETRY)), ("z", Err(RETRY))]);
    insta::assert_snapshot!(bench.trace(), @r#"
    hub push 1 default/a: x y z
    send {"type":"ack","ref":"r","eventIds":["x"],"repositories":{"a":["x"]},"sequences":{"a":{"x":1}}}
    send {"type":"error","ref":"r","message":"the event has no `_event_id` (or `eventId`)","code":"invalid_event","retryable":false,"repository":"a","indexes":[0]}
    send {"type":"error","ref":"r","message":"The store did not take the events; send them again, in order.","code":"store_unavailable","retryable":true,"repository":"a","eventIds":["y","z"],"indexes":[2,3]}
    "#);
}

#[test]
fn names_that_are_none_rights_that_are_none_and_sizes_reject_by_name() {
    let limits = ServerLimits {
        event_bytes: 40,
        batch_events: 2,
        ..ServerLimits::default()
    };
    let mut bench = Bench::with(limits);
    bench.frame(r#"{"type":"auth","protocol":1}"#);
    let rights = Arc::new(rights(&["a", "b"], &["a"]));
    bench.grant(1, Grant { rights, ..grant() });
    bench.trace();
    for frame in [
        r#"{"type":"push_event","repository":"_a","event":{"eventId":"x"}}"#,
        r#"{"type":"push_events_batch","repository":"b","events":[{"eventId":"x"},{}]}"#,
        r#"{"type":"push_events_batch","repository":"a","events":[{},{},{}]}"#,
        r#"{"type":"push_event","repository":"a","event":{"eventId":"x","data":"0123456789012345678901234"}}"#,
    ] {
        bench.frame(frame);
    }
    insta::assert_snapshot!(bench.trace(), @r#"
    send {"type":"error","message":"a repository name does not start with `_` or `system.`","code":"invalid_repository","retryable":false,"repository":"_a","eventIds":["x"],"indexes":[0]}
    hub release default/b: x
    send {"type":"error","message":"The credentials do not allow the repository to be written.","code":"forbidden","retryable":false,"repository":"b","eventIds":["x"],"indexes":[0,1]}
    send {"type":"error","message":"The batch has more than 2 events; send it in parts.","code":"batch_too_large","retryable":false,"repository":"a"}
    hub release default/a: x
    send {"type":"error","message":"The event is larger than 40 bytes.","code":"event_too_large","retryable":false,"repository":"a","eventIds":["x"],"indexes":[0]}
    "#);
}

#[test]
fn an_answer_to_nothing_is_counted() {
    let mut bench = Bench::extended();
    bench.pushed(4, &[("x", Ok(1))]);
    assert_eq!((bench.session.ignored_completions(), bench.trace().as_str()), (1, ""));
}

#[test]
fn of_more_events_than_a_batch_may_have_none_is_named() {
    let mut bench = Bench::with(ServerLimits {
        batch_events: 1,
        ..ServerLimits::default()
    });
    batch(&mut bench, r#"{"eventId":"x"},{"eventId":"y"}"#);
    insta::assert_snapshot!(bench.trace(), @r#"send {"type":"error","ref":"r","message":"Not authenticated","code":"not_authenticated","retryable":true,"repository":"a"}"#);
}

#[test]
fn the_hub_waits_for_no_event_that_the_rights_do_not_allow_any_more() {
    let mut bench = Bench::extended();
    batch(&mut bench, r#"{"eventId":"x"},{"eventId":"y"}"#);
    bench.pushed(1, &[("x", Err(RETRY)), ("y", Err(RETRY))]);
    bench.frame(r#"{"type":"auth","protocol":1}"#);
    let rights = Arc::new(rights(&["a"], &[]));
    bench.grant(2, Grant { rights, ..grant() });
    bench.trace();
    batch(&mut bench, r#"{"eventId":"x"},{"eventId":"y"}"#);
    insta::assert_snapshot!(bench.trace(), @r#"
    hub release default/a: x y
    send {"type":"error","ref":"r","message":"The credentials do not allow the repository to be written.","code":"forbidden","retryable":false,"repository":"a","eventIds":["x","y"],"indexes":[0,1]}
    "#);
}
