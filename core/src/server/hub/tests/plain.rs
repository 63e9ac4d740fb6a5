//! Plain peers: what they hear, and when.

use super::bench::{Bench, event, limits, package_event};
use crate::server::{ConnectionId, HubReply, Peer, RequestKind, ServerLimits};
use crate::wire::CloseCode;
use alloc::vec;
use alloc::vec::Vec;
use core::time::Duration;

const HOLD: Duration = Duration::from_secs(1);
const ALMOST_HOLD: Duration = Duration::from_millis(999);

fn bench() -> Bench {
    let mut bench = Bench::new(limits());
    bench.commit("a", 2);
    bench.commit("b", 2);
    bench.attach(1, Peer::Plain);
    bench
}

#[test]
fn it_hears_nothing_for_a_second_and_then_everything_since_it_came() {
    let mut bench = bench();
    bench.commit("a", 1);
    bench.pass(HOLD / 2);
    bench.commit("a", 1);
    assert!(bench.heard(1).is_empty() && bench.work.is_empty());
    bench.pass(HOLD / 2);
    bench.settle();
    assert_eq!(bench.heard(1), ["a:a3 a4"]);
    // From then on it is live, in new repositories too.
    bench.commit("a", 1);
    bench.commit("new", 1);
    assert!(bench.work.is_empty());
    assert_eq!(bench.heard(1), ["a:a5", "new:new1"]);
    bench.leave_nothing();
}

#[test]
fn a_request_is_answered_whole_and_live_goes_on_behind_it() {
    let mut bench = bench();
    bench.commit("a", 1);
    bench.request(1, "a", 1, None);
    bench.commit("a", 1);
    bench.settle();
    assert_eq!(bench.heard(1), ["a:a2 a3 a4", "a=4"]);
    bench.commit("a", 1);
    assert_eq!(bench.heard(1), ["a:a5"]);
    // The other repository is still held.
    bench.commit("b", 1);
    assert!(bench.heard(1).is_empty());
    bench.pass(HOLD);
    bench.settle();
    assert_eq!(bench.heard(1), ["b:b3"]);
    bench.leave_nothing();
}

#[test]
fn requests_are_answered_in_order_and_nothing_overtakes_an_answer() {
    let mut bench = bench();
    bench.request(1, "a", 0, None);
    bench.request(1, "b", 0, None);
    bench.pass(HOLD);
    bench.commit("b", 1);
    bench.commit("c", 1);
    assert!(bench.heard(1).is_empty());
    bench.settle();
    assert_eq!(bench.heard(1), ["a:a1 a2", "a=2", "b:b1 b2 b3", "b=3", "c:c1"]);
    bench.leave_nothing();
}

#[test]
fn a_live_reader_waits_while_a_request_moves_it() {
    let mut bench = bench();
    bench.request(1, "a", 0, None);
    bench.settle();
    bench.heard(1);
    bench.request(1, "a", 0, None);
    // The page is read before this commit and arrives behind it.
    let super::bench::Work::Page(read, page) = bench.work.pop_front().unwrap() else {
        panic!()
    };
    let page = bench.page(&page);
    bench.commit("a", 1);
    assert!(bench.heard(1).is_empty());
    bench.input(crate::server::HubInput::PageRead { read, result: Ok(page) });
    bench.settle();
    assert_eq!(bench.heard(1), ["a:a1 a2", "a=2", "a:a3"]);
}

#[test]
fn a_limit_is_a_page_size_and_the_rest_comes_a_second_later() {
    let mut bench = bench();
    bench.commit("a", 3);
    bench.request(1, "a", 0, Some(2));
    bench.settle();
    assert_eq!(bench.heard(1), ["a:a1 a2", "a=2+"]);
    bench.commit("a", 1);
    bench.pass(ALMOST_HOLD);
    assert!(bench.heard(1).is_empty());
    bench.pass(Duration::from_millis(1));
    bench.settle();
    assert_eq!(bench.heard(1), ["a:a3 a4 a5 a6"]);
    bench.commit("a", 1);
    assert_eq!(bench.heard(1), ["a:a7"]);
    bench.leave_nothing();
}

#[test]
fn another_request_takes_the_place_of_the_rest() {
    let mut bench = bench();
    bench.commit("a", 3);
    bench.request(1, "a", 0, Some(2));
    bench.settle();
    bench.pass(HOLD / 2);
    bench.request(1, "a", 2, Some(2));
    bench.settle();
    bench.pass(HOLD / 2 + Duration::from_millis(1));
    bench.settle();
    assert_eq!(bench.heard(1), ["a:a1 a2", "a=2+", "a:a3 a4", "a=4+"]);
    bench.request(1, "a", 4, Some(2));
    bench.settle();
    bench.commit("a", 1);
    bench.pass(HOLD * 2);
    assert_eq!(bench.heard(1), ["a:a5", "a=5", "a:a6"]);
    bench.leave_nothing();
}

#[test]
fn a_limit_that_cuts_nothing_says_so() {
    let mut bench = bench();
    bench.request(1, "a", 0, Some(2));
    bench.request(1, "a", 2, Some(0));
    bench.request(1, "a", 1, Some(0));
    bench.settle();
    assert_eq!(bench.heard(1), ["a:a1 a2", "a=2", "a=2", "a=1+"]);
}

#[test]
fn a_cursor_above_the_head_is_answered_from_the_beginning() {
    let mut bench = bench();
    bench.request(1, "a", 50, None);
    bench.settle();
    assert_eq!(bench.heard(1), ["a:a1 a2", "a=2"]);
    bench.commit("a", 1);
    assert_eq!(bench.heard(1), ["a:a3"]);
    bench.request(1, "empty", 7, None);
    bench.settle();
    assert_eq!(bench.heard(1), ["empty=0"]);
}

#[test]
fn all_repositories_are_answered_with_one_sync_complete() {
    let mut bench = bench();
    bench.read(1, RequestKind::All, None);
    bench.settle();
    assert_eq!(bench.heard(1), ["a:a1 a2", "b:b1 b2", "*=?"]);
    bench.commit("b", 1);
    assert_eq!(bench.heard(1), ["b:b3"]);
    bench.read(1, RequestKind::All, Some(1));
    bench.settle();
    assert_eq!(bench.heard(1), ["a:a1", "b:b1", "*=?+"]);
    bench.pass(HOLD);
    bench.settle();
    assert_eq!(bench.heard(1), ["a:a2", "b:b2 b3"]);
    bench.leave_nothing();
}

#[test]
fn a_repository_that_was_not_there_starts_at_its_first_event_even_if_its_report_is_lost() {
    let mut bench = bench();
    bench.read(1, RequestKind::All, None);
    bench.settle();
    bench.pass(HOLD);
    bench.heard(1);
    bench.store("new", vec![event("lost")]);
    bench.commits.clear();
    bench.store("new", vec![event("next")]);
    bench.tell();
    bench.settle();
    assert_eq!(bench.heard(1), ["new:lost next"]);
}

#[test]
fn frames_do_not_mix_what_the_published_package_can_read_with_what_it_can_not() {
    let mut bench = bench();
    let mixed = || vec![package_event("p"), package_event("q"), event("s"), package_event("r")];
    bench.store("m", mixed());
    bench.commits.clear();
    bench.request(1, "m", 0, None);
    bench.settle();
    assert_eq!(bench.heard(1), ["m:p q", "m:s", "m:r", "m=4"]);
    bench.store("m", vec![event("t"), package_event("u")]);
    bench.tell();
    assert_eq!(bench.heard(1), ["m:t", "m:u"]);
    // A stream from the store does the same.
    bench.request(1, "m", 0, Some(0));
    bench.settle();
    bench.pass(HOLD);
    bench.settle();
    assert_eq!(bench.heard(1), ["m=0+", "m:p q", "m:s", "m:r", "m:t", "m:u"]);
}

#[test]
fn a_frame_to_a_plain_peer_carries_no_field_of_the_extension() {
    let mut bench = bench();
    bench.request(1, "a", 0, None);
    bench.settle();
    bench.commit("a", 1);
    let frames = bench
        .frames(1)
        .iter()
        .map(|frame| &**frame)
        .collect::<Vec<_>>()
        .join("\n");
    insta::assert_snapshot!(frames, @r#"
    {"type":"events","repository":"a","events":[{"eventId":"a1","serverSequence":1},{"eventId":"a2","serverSequence":2}]}
    {"type":"sync_complete","repository":"a","lastSequence":2}
    {"type":"events","repository":"a","events":[{"eventId":"a3","serverSequence":3}]}
    "#);
}

#[test]
fn peers_of_other_namespaces_hear_nothing() {
    let mut bench = bench();
    let request = crate::server::HubRequest::Attach {
        namespace: crate::name::Namespace::new("other").unwrap(),
        peer: Peer::Plain,
        rights: alloc::sync::Arc::new(crate::server::Rights::all()),
    };
    bench.ask(2, request);
    bench.pass(HOLD);
    bench.commit("a", 1);
    assert!(bench.heard(2).is_empty());
    bench.leave_nothing();
}

#[test]
fn its_streams_are_bounded_and_it_is_closed_rather_than_left_with_a_gap() {
    let mut bench = Bench::new(ServerLimits { streams: 2, ..limits() });
    bench.attach(1, Peer::Plain);
    bench.pass(HOLD);
    for name in ["a", "b"] {
        bench.commit(name, 1);
    }
    assert_eq!(bench.heard(1), ["a:a1", "b:b1"]);
    // What it asks for it gets, once.
    bench.store("c", vec![event("c1"), event("c2")]);
    bench.commits.clear();
    bench.request(1, "c", 0, None);
    bench.read(1, RequestKind::All, None);
    bench.settle();
    assert_eq!(bench.heard(1), ["c:c1 c2", "c=2", "a:a1", "b:b1", "c:c1 c2", "*=?"]);
    assert_eq!(bench.hub.readers(), 2);
    bench.commit("a", 1);
    assert_eq!(bench.heard(1), ["a:a2"]);
    bench.commit("c", 1);
    let closed = |reply: &HubReply| matches!(reply, HubReply::Close { code, .. } if *code == CloseCode::RATE_LIMITED);
    assert!(bench.replies.remove(&ConnectionId(1)).unwrap().iter().all(closed));
    assert_eq!(bench.hub.readers(), 2);
    bench.leave_nothing();
}

fn closes(bench: &mut Bench) -> Vec<CloseCode> {
    let code = |reply| match reply {
        HubReply::Close { code, .. } => Some(code),
        _ => None,
    };
    bench.said(1).into_iter().filter_map(code).collect()
}

#[test]
fn one_that_leaves_a_refused_event_with_the_server_is_closed_to_send_it_with_the_next_connection() {
    let mut bench = bench();
    bench.push(1, 1, "a", &["x"]);
    bench.fail();
    bench.push(1, 2, "b", &["y"]);
    bench.fail();
    bench.pass(limits().plain_refusal / 2);
    // What comes again in time ends it, if it is all.
    bench.push(1, 3, "a", &["x"]);
    bench.settle();
    assert_eq!(closes(&mut bench), []);
    bench.pass(limits().plain_refusal / 2);
    assert_eq!(closes(&mut bench), [CloseCode::TRY_AGAIN_LATER]);
    bench.push(1, 4, "b", &["y"]);
    bench.push(1, 5, "b", &["z"]);
    bench.fail();
    bench.push(1, 6, "b", &["y", "z"]);
    bench.settle();
    bench.pass(limits().plain_refusal * 2);
    assert_eq!(closes(&mut bench), []);
    bench.push(1, 7, "a", &["w"]);
    bench.fail();
    bench.leave_nothing();
}

#[test]
fn an_extended_peer_has_all_the_time_that_it_wants_to_send_a_refused_event_again() {
    let mut bench = Bench::new(limits());
    bench.attach(1, Peer::Extended);
    bench.push(1, 1, "a", &["x"]);
    bench.fail();
    bench.pass(limits().plain_refusal * 2);
    assert_eq!(closes(&mut bench), []);
    bench.leave_nothing();
}
