//! The one ordered stream of extended peers.

use super::bench::{Bench, at, event, limits, seen};
use crate::event::{EventBatchBuilder, Sequence};
use crate::server::hub::HubInput;
use crate::server::{HubRequest, Peer};
use alloc::vec;

fn bench() -> Bench {
    let mut bench = Bench::new(limits());
    bench.attach(1, Peer::Extended);
    bench
}

#[test]
fn a_stream_catches_up_says_so_once_and_goes_on_live() {
    let mut bench = bench();
    bench.commit("a", 2);
    bench.subscribe_with(1, "a", at(0), Some("e1"), Some("7"));
    bench.settle();
    bench.commit("a", 1);
    bench.commit("a", 2);
    let frames = bench.frames(1);
    insta::assert_snapshot!(frames.iter().map(|frame| &**frame).collect::<vec::Vec<_>>().join("\n"), @r#"
    {"type":"events","repository":"a","afterSequence":0,"lastSequence":2,"events":[{"eventId":"a1","serverSequence":1},{"eventId":"a2","serverSequence":2}]}
    {"type":"sync_complete","ref":7,"repository":"a","lastSequence":2}
    {"type":"events","repository":"a","afterSequence":2,"lastSequence":3,"events":[{"eventId":"a3","serverSequence":3}]}
    {"type":"events","repository":"a","afterSequence":3,"lastSequence":5,"events":[{"eventId":"a4","serverSequence":4},{"eventId":"a5","serverSequence":5}]}
    "#);
    bench.leave_nothing();
}

#[test]
fn a_commit_that_overtakes_the_page_is_neither_lost_nor_sent_twice() {
    let mut bench = bench();
    bench.commit("a", 1);
    bench.subscribe(1, "a", at(0));
    // The store reads the page, then a commit is reported, then the page arrives.
    let page = bench.page(&page_of(&bench));
    bench.commit("a", 1);
    let read = take_read(&mut bench);
    bench.input(HubInput::PageRead { read, result: Ok(page) });
    // It needs no other page: a log that grows all the time would never come to an end of them.
    assert!(bench.work.is_empty());
    assert_eq!(bench.heard(1), ["a(0,1]:a1", "a(1,2]:a2", "a=2"]);
    bench.leave_nothing();
}

#[test]
fn a_commit_that_a_page_already_held_is_not_sent_again() {
    let mut bench = bench();
    bench.store("a", vec![event("x"), event("y")]);
    bench.subscribe(1, "a", at(0));
    bench.settle();
    bench.tell();
    assert_eq!(bench.heard(1), ["a(0,2]:x y", "a=2"]);
}

#[test]
fn of_a_commit_that_overlaps_only_the_tail_is_sent() {
    let mut bench = bench();
    bench.commit("a", 2);
    bench.subscribe(1, "a", at(0));
    bench.settle();
    bench.heard(1);
    let mut builder = EventBatchBuilder::new(Sequence::new(2));
    for id in ["a2", "a3", "a4"] {
        builder.append(&event(id));
    }
    let events = alloc::sync::Arc::new(builder.build());
    let log = super::bench::log("a");
    bench.input(HubInput::Committed(crate::server::Committed { log, events }));
    assert_eq!(bench.heard(1), ["a(2,4]:a3 a4"]);
}

#[test]
fn a_lost_report_is_made_up_for_by_the_next_one() {
    let mut bench = bench();
    bench.subscribe(1, "a", at(0));
    bench.settle();
    bench.store("a", vec![event("lost")]);
    bench.commits.clear();
    bench.store("a", vec![event("next")]);
    bench.tell();
    assert_eq!(bench.heard(1), ["a=0"]);
    bench.settle();
    assert_eq!(bench.heard(1), ["a(0,2]:lost next"]);
}

#[test]
fn live_readers_share_one_frame() {
    let mut bench = bench();
    bench.attach(2, Peer::Extended);
    for connection in [1, 2] {
        bench.subscribe(connection, "a", at(0));
    }
    bench.settle();
    bench.commit("a", 3);
    let (one, two) = (bench.frames(1), bench.frames(2));
    assert_eq!(one[1].as_bytes().as_ptr(), two[1].as_bytes().as_ptr());
}

#[test]
fn subscribing_again_moves_the_position() {
    let mut bench = bench();
    bench.commit("a", 3);
    bench.subscribe(1, "a", at(2));
    bench.settle();
    assert_eq!(bench.heard(1), ["a(2,3]:a3", "a=3"]);
    bench.subscribe(1, "a", at(1));
    bench.subscribe(1, "a", at(0));
    bench.settle();
    assert_eq!(bench.heard(1), ["a(0,3]:a1 a2 a3", "a=3"]);
    bench.leave_nothing();
}

#[test]
fn unsubscribing_ends_a_stream_and_an_answer_on_its_way() {
    let mut bench = bench();
    bench.commit("a", 1);
    bench.subscribe(1, "a", at(0));
    bench.ask(1, unsubscribe());
    bench.settle();
    bench.commit("a", 1);
    assert!(bench.heard(1).is_empty());
    assert_eq!(bench.hub.readers(), 0);
}

#[test]
fn another_epoch_is_another_history_unless_nothing_was_read() {
    let mut bench = bench();
    bench.commit("a", 1);
    bench.subscribe_with(1, "a", at(1), Some("e0"), Some("\"r\""));
    bench.subscribe_with(1, "b", at(0), Some("e0"), None);
    bench.settle();
    let frames = bench.frames(1);
    assert_eq!(
        &*frames[0],
        r#"{"type":"history_changed","ref":"r","repository":"a","epoch":"e1"}"#
    );
    assert_eq!(super::bench::short(&frames[1]), "b=0");
    // No stream until it subscribes again.
    bench.commit("a", 1);
    assert!(bench.heard(1).is_empty());
    bench.subscribe(1, "a", at(0));
    bench.settle();
    assert_eq!(bench.heard(1), ["a(0,2]:a1 a2", "a=2"]);
}

#[test]
fn the_event_that_was_seen_last_has_to_be_the_stores() {
    let mut bench = bench();
    bench.commit("a", 3);
    bench.subscribe(1, "a", seen(2, "a2"));
    bench.settle();
    assert_eq!(bench.heard(1), ["a(2,3]:a3", "a=3"]);
    bench.subscribe(1, "a", seen(2, "other"));
    bench.settle();
    assert_eq!(bench.heard(1), ["a!e1"]);
    bench.subscribe(1, "a", seen(4, "a4"));
    bench.settle();
    assert_eq!(bench.heard(1), ["a!e1"]);
    bench.leave_nothing();
}

#[test]
fn a_seen_event_may_stand_before_or_behind_the_cursor() {
    let mut bench = bench();
    bench.commit("a", 4);
    let mut position = seen(1, "a1");
    position.after = Sequence::new(3);
    bench.subscribe(1, "a", position);
    bench.settle();
    assert_eq!(bench.heard(1), ["a(3,4]:a4", "a=4"]);
    let mut position = seen(3, "a3");
    position.after = Sequence::new(1);
    bench.subscribe(1, "a", position);
    bench.settle();
    assert_eq!(bench.heard(1), ["a(1,4]:a2 a3 a4", "a=4"]);
}

#[test]
fn a_cursor_above_the_head_is_another_history() {
    let mut bench = bench();
    bench.commit("a", 1);
    bench.subscribe(1, "a", at(2));
    bench.settle();
    assert_eq!(bench.heard(1), ["a!e1"]);
    assert_eq!(bench.hub.readers(), 0);
}

#[test]
fn nothing_is_kept_before_traffic_and_nothing_after_it() {
    let mut bench = Bench::new(limits());
    for connection in 1..=5 {
        bench.attach(
            connection,
            if connection % 2 == 0 {
                Peer::Plain
            } else {
                Peer::Extended
            },
        );
    }
    assert_eq!(bench.hub.readers(), 0);
    bench.subscribe(1, "a", at(0));
    bench.commit("a", 1);
    bench.request(2, "b", 0, Some(1));
    bench.leave_nothing();
}

#[test]
fn an_idle_connection_is_small() {
    // Ten thousand idle connections are the common case of a server.
    assert!(size_of::<crate::server::hub::connection::Connection>() <= 384);
}

fn unsubscribe() -> HubRequest {
    HubRequest::Unsubscribe {
        repositories: vec![super::bench::repository("a")],
    }
}

fn page_of(bench: &Bench) -> crate::server::PageRequest {
    match bench.work.front() {
        Some(super::bench::Work::Page(_, page)) => page.clone(),
        other => panic!("{other:?}"),
    }
}

fn take_read(bench: &mut Bench) -> crate::server::ReadId {
    match bench.work.pop_front() {
        Some(super::bench::Work::Page(read, _)) => read,
        other => panic!("{other:?}"),
    }
}
