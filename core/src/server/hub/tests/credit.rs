//! Flow control: bounded buffers, and readers that fall behind.

use super::bench::{Bench, Work, at, limits, short};
use crate::server::{ConnectionId, HubRequest, Peer, ServerLimits};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

const PAGE: usize = 600;
const STREAM: usize = 1_200;

fn small() -> ServerLimits {
    ServerLimits {
        page_bytes: PAGE,
        stream_bytes: STREAM,
        ..limits()
    }
}

fn slow(peer: Peer) -> Bench {
    let mut bench = Bench::new(small());
    bench.attach(1, peer);
    bench.fast = false;
    bench
}

/// Every event that the frames hold, in order.
fn events(heard: &[String]) -> Vec<String> {
    let of_frame = |frame: &String| frame.split_once(':').map(|(_, ids)| ids.into());
    let ids: Vec<String> = heard.iter().filter_map(of_frame).collect();
    ids.join(" ").split_whitespace().map(Into::into).collect()
}

fn all(name: &str, count: usize) -> Vec<String> {
    (1..=count).map(|n| format!("{name}{n}")).collect()
}

#[test]
fn a_slow_reader_holds_one_bounded_buffer_and_then_gets_everything() {
    let mut bench = slow(Peer::Extended);
    bench.subscribe(1, "a", at(0));
    bench.settle();
    let mut heard = Vec::new();
    for _ in 0..500 {
        bench.commit("a", 1);
        bench.settle();
        assert!(bench.unflushed[&ConnectionId(1)] < STREAM + PAGE);
    }
    heard.extend(bench.heard(1));
    assert!(events(&heard).len() < 30);
    while bench.unflushed.contains_key(&ConnectionId(1)) {
        bench.flush(1);
        bench.settle();
        assert!(
            bench
                .unflushed
                .get(&ConnectionId(1))
                .is_none_or(|bytes| *bytes < STREAM + PAGE)
        );
        heard.extend(bench.heard(1));
    }
    assert_eq!(events(&heard), all("a", 500));
    // It is live again.
    bench.commit("a", 1);
    assert_eq!(bench.heard(1), ["a(500,501]:a501"]);
    bench.leave_nothing();
}

#[test]
fn a_slow_reader_does_not_disturb_the_others() {
    let mut bench = slow(Peer::Extended);
    bench.attach(2, Peer::Extended);
    for connection in [1, 2] {
        bench.subscribe(connection, "a", at(0));
    }
    bench.settle();
    for n in 1..=100 {
        bench.commit("a", 1);
        bench.flush(2);
        let heard = bench.heard(2);
        assert_eq!(heard.last().cloned(), Some(format!("a({},{n}]:a{n}", n - 1)));
    }
}

#[test]
fn frames_of_many_events_are_at_most_a_page() {
    let mut bench = slow(Peer::Extended);
    bench.fast = true;
    bench.commit("a", 200);
    bench.subscribe(1, "a", at(0));
    bench.settle();
    bench.commit("a", 200);
    bench.settle();
    let frames = bench.frames(1);
    assert!(frames.iter().all(|frame| frame.len() <= PAGE));
    let heard: Vec<_> = frames.iter().map(short).collect();
    assert_eq!(events(&heard), all("a", 400));
}

#[test]
fn an_event_larger_than_a_page_is_sent_alone() {
    let mut bench = slow(Peer::Extended);
    bench.fast = true;
    let big = format!(r#"{{"eventId":"big","data":"{}"}}"#, "x".repeat(3 * STREAM));
    bench.store(
        "a",
        [super::bench::event("small"), super::bench::read_event(&big)].into(),
    );
    bench.store("a", [super::bench::event("last")].into());
    bench.subscribe(1, "a", at(0));
    bench.settle();
    assert_eq!(bench.heard(1), ["a(0,1]:small", "a(1,2]:big", "a(2,3]:last", "a=3"]);
}

#[test]
fn one_read_is_under_way_and_readers_take_turns() {
    let mut bench = slow(Peer::Extended);
    bench.fast = true;
    for name in ["a", "b", "c"] {
        bench.commit(name, 50);
        bench.subscribe(1, name, at(0));
    }
    let mut turns = String::new();
    while let Some(Work::Page(_, page)) = bench.work.front() {
        turns.push_str(&page.log.repository);
        assert_eq!(bench.work.len(), 1);
        bench.complete();
    }
    assert!(turns.starts_with("abcabcabc"), "{turns}");
}

#[test]
fn a_plain_peer_with_a_slow_socket_gets_its_answer_and_the_rest_in_order() {
    let mut bench = slow(Peer::Plain);
    bench.commit("a", 100);
    bench.request(1, "a", 0, None);
    bench.settle();
    bench.commit("a", 10);
    let mut heard = bench.heard(1);
    while bench.unflushed.contains_key(&ConnectionId(1)) {
        assert!(bench.unflushed[&ConnectionId(1)] < STREAM + PAGE);
        bench.flush(1);
        bench.settle();
        heard.extend(bench.heard(1));
    }
    bench.pass(small().plain_hold);
    bench.settle();
    heard.extend(bench.heard(1));
    assert_eq!(events(&heard), all("a", 110));
    assert_eq!(heard.iter().filter(|frame| frame.contains('=')).count(), 1);
    bench.leave_nothing();
}

#[test]
fn a_flood_of_subscriptions_without_credit_gives_nothing() {
    let mut bench = slow(Peer::Extended);
    bench.commit("a", 100);
    bench.subscribe(1, "a", at(0));
    bench.settle();
    let full = bench.unflushed[&ConnectionId(1)];
    for _ in 0..1_000 {
        bench.subscribe_with(1, "b", at(5), Some("e0"), None);
        bench.settle();
    }
    assert_eq!(bench.unflushed[&ConnectionId(1)], full);
    bench.flush(1);
    bench.settle();
    assert!(bench.heard(1).contains(&"b!e1".into()));
}

#[test]
fn more_flushed_bytes_than_were_sent_are_no_credit() {
    let mut bench = slow(Peer::Extended);
    bench.ask(1, HubRequest::Flushed { bytes: usize::MAX });
    bench.subscribe(1, "a", at(0));
    bench.settle();
    for _ in 0..500 {
        bench.commit("a", 1);
    }
    assert!(bench.unflushed[&ConnectionId(1)] < STREAM + PAGE);
}

#[test]
fn what_was_committed_during_an_answer_follows_it_as_far_as_there_is_credit_and_later_the_rest() {
    let mut bench = slow(Peer::Plain);
    bench.commit("a", 3);
    bench.request(1, "a", 0, None);
    let Some(Work::Page(read, page)) = bench.work.pop_front() else {
        panic!()
    };
    let page = bench.page(&page);
    for _ in 0..10 {
        bench.commit("a", 3);
    }
    let result = Ok(page);
    bench.input(crate::server::HubInput::PageRead { read, result });
    let mut heard = bench.heard(1);
    assert_eq!(heard[..2], ["a:a1 a2 a3", "a=3"]);
    assert!(events(&heard).len() < 33 && events(&heard).len() > 9 && bench.work.is_empty());
    while bench.unflushed.contains_key(&ConnectionId(1)) {
        bench.flush(1);
        bench.settle();
        heard.extend(bench.heard(1));
    }
    assert_eq!(events(&heard), all("a", 33));
    bench.leave_nothing();
}
