//! A store that does not read.

use super::bench::{Bench, Work, at, limits};
use crate::event::{EventBatchBuilder, Json, Sequence};
use crate::machine::Machine;
use crate::server::hub::HubInput;
use crate::server::{HubReply, HubRequest, Page, Peer, Read, RequestKind, Subscription};
use crate::wire::ErrorCode;
use core::time::Duration;

#[test]
fn a_stream_asks_again_ever_more_slowly_and_loses_nothing() {
    let mut bench = Bench::new(limits());
    bench.attach(1, Peer::Extended);
    bench.commit("a", 2);
    bench.subscribe(1, "a", at(0));
    let mut waits = alloc::vec::Vec::new();
    for _ in 0..8 {
        bench.fail();
        assert!(bench.work.is_empty());
        let wake = bench.hub.next_wake().unwrap();
        waits.push(wake.at.since(bench.now).as_millis());
        bench.pass(wake.at.since(bench.now));
    }
    assert_eq!(waits, [100, 200, 400, 800, 1_600, 3_200, 5_000, 5_000]);
    bench.settle();
    assert_eq!(bench.heard(1), ["a(0,2]:a1 a2", "a=2"]);
    // After a success the wait is short again.
    bench.subscribe(1, "a", at(0));
    bench.fail();
    assert_eq!(
        bench.hub.next_wake().unwrap().at.since(bench.now),
        Duration::from_millis(100)
    );
    bench.leave_nothing();
}

#[test]
fn a_request_of_an_extended_peer_fails_with_its_ref() {
    let mut bench = Bench::new(limits());
    bench.attach(1, Peer::Extended);
    bench.commit("a", 1);
    let kind = RequestKind::One {
        repository: super::bench::repository("a"),
        after: Sequence::ZERO,
        since: None,
    };
    let reference = Some(Json::parse("5").unwrap());
    bench.ask(
        1,
        HubRequest::Read(Read {
            reference: reference.clone(),
            kind,
            limit: None,
        }),
    );
    bench.read(1, RequestKind::All, None);
    bench.fail();
    let said = bench.said(1);
    let [HubReply::Failed(failure), HubReply::ReadDone] = &said[..] else {
        panic!("{said:?}")
    };
    assert_eq!(
        (failure.code, failure.reference.clone()),
        (ErrorCode::StoreUnavailable, reference)
    );
    assert_eq!(failure.repository, Some(super::bench::repository("a")));
    // The next one has its own try.
    bench.pass(Duration::from_millis(100));
    bench.settle();
    assert_eq!(bench.heard(1), ["a(0,1]:a1", "*=?"]);
}

#[test]
fn a_request_of_a_plain_peer_is_tried_again() {
    let mut bench = Bench::new(limits());
    bench.attach(1, Peer::Plain);
    bench.commit("a", 1);
    bench.read(1, RequestKind::All, None);
    bench.fail();
    bench.pass(Duration::from_millis(100));
    bench.complete();
    bench.fail();
    bench.pass(Duration::from_millis(200));
    bench.settle();
    assert_eq!(bench.heard(1), ["a:a1", "*=?"]);
    bench.leave_nothing();
}

#[test]
fn a_page_with_a_gap_is_a_failure_of_the_store() {
    let mut bench = Bench::new(limits());
    bench.attach(1, Peer::Extended);
    bench.commit("a", 3);
    bench.subscribe(1, "a", at(0));
    let Some(Work::Page(read, _)) = bench.work.pop_front() else {
        panic!()
    };
    let mut events = EventBatchBuilder::new(Sequence::new(3));
    events.append(&super::bench::event("a3"));
    let page = Page {
        events: events.build(),
        head: Sequence::new(3),
    };
    bench.input(HubInput::PageRead { read, result: Ok(page) });
    assert!(bench.heard(1).is_empty());
    bench.pass(Duration::from_millis(100));
    bench.settle();
    assert_eq!(bench.heard(1), ["a(0,3]:a1 a2 a3", "a=3"]);
}

#[test]
fn a_store_that_does_not_show_what_it_reported_is_asked_again_later() {
    let mut bench = Bench::new(limits());
    bench.attach(1, Peer::Extended);
    bench.subscribe(1, "a", at(0));
    bench.settle();
    bench.heard(1);
    // Two commits are reported, the first report is lost, and the page that closes the gap shows neither.
    bench.store("a", [super::bench::event("x")].into());
    bench.store("a", [super::bench::event("y")].into());
    bench.commits.pop_front();
    bench.tell();
    let Some(Work::Page(read, _)) = bench.work.pop_front() else {
        panic!()
    };
    let page = Page {
        events: EventBatchBuilder::new(Sequence::new(1)).build(),
        head: Sequence::ZERO,
    };
    bench.input(HubInput::PageRead { read, result: Ok(page) });
    assert!(bench.work.is_empty());
    bench.pass(Duration::from_millis(100));
    bench.settle();
    assert_eq!(bench.heard(1), ["a(0,2]:x y"]);
}

#[test]
fn late_and_unknown_completions_are_counted_and_ignored() {
    let mut bench = Bench::new(limits());
    bench.attach(1, Peer::Extended);
    bench.commit("a", 1);
    bench.subscribe(1, "a", at(0));
    bench.ask(1, HubRequest::Detach);
    bench.attach(1, Peer::Extended);
    bench.complete();
    assert_eq!(bench.hub.ignored_completions(), 1);
    assert!(bench.heard(1).is_empty());
}

#[test]
fn nothing_but_a_push_counts_before_attach() {
    let mut bench = Bench::new(limits());
    let subscription = Subscription {
        reference: None,
        epoch: None,
        repositories: [(super::bench::repository("a"), at(0))].into(),
    };
    bench.ask(1, HubRequest::Subscribe(subscription));
    bench.request(1, "a", 0, None);
    bench.ask(1, HubRequest::Flushed { bytes: 1 });
    bench.ask(
        1,
        HubRequest::Unsubscribe {
            repositories: [super::bench::repository("a")].into(),
        },
    );
    bench.ask(1, HubRequest::Detach);
    assert!(bench.work.is_empty() && bench.said(1).is_empty());
    bench.push(1, 1, "a", &["x"]);
    bench.settle();
    assert_eq!(bench.results(1).len(), 1);
    bench.leave_nothing();
}
