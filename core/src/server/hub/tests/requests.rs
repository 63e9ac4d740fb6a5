//! One-off reads of extended peers, and what all requests share.

use super::bench::{Bench, at, limits, read_event, repository};
use crate::event::{Json, Sequence, Timestamp};
use crate::server::{HubReply, HubRequest, Peer, Read, RequestKind, ServerLimits};
use alloc::format;
use alloc::vec::Vec;

fn bench(peer: Peer) -> Bench {
    let mut bench = Bench::new(limits());
    bench.commit("a", 3);
    bench.attach(1, peer);
    bench
}

fn since(text: &str) -> RequestKind {
    RequestKind::One {
        repository: repository("dated"),
        after: Sequence::new(1),
        since: Timestamp::parse(text),
    }
}

#[test]
fn a_request_stands_beside_the_stream() {
    let mut bench = bench(Peer::Extended);
    bench.subscribe(1, "a", at(2));
    bench.settle();
    bench.request(1, "a", 0, Some(2));
    bench.settle();
    bench.commit("a", 1);
    assert_eq!(
        bench.heard(1),
        ["a(2,3]:a3", "a=3", "a(0,2]:a1 a2", "a=2+", "a(3,4]:a4"]
    );
    bench.leave_nothing();
}

#[test]
fn every_frame_of_an_answer_carries_the_ref() {
    let mut bench = bench(Peer::Extended);
    let read = |kind, reference: &'static str| {
        HubRequest::Read(Read {
            reference: Json::parse(reference).ok(),
            kind,
            limit: None,
        })
    };
    let one = RequestKind::One {
        repository: repository("a"),
        after: Sequence::new(1),
        since: None,
    };
    bench.ask(1, read(one, "{\"x\":1}"));
    bench.ask(1, read(RequestKind::All, "null"));
    bench.settle();
    assert_eq!(
        bench
            .said(1)
            .iter()
            .filter(|reply| **reply == HubReply::ReadDone)
            .count(),
        2
    );
    bench.ask(1, read(RequestKind::All, "\"r\""));
    bench.settle();
    let frames = bench
        .frames(1)
        .iter()
        .map(|frame| &**frame)
        .collect::<Vec<_>>()
        .join("\n");
    insta::assert_snapshot!(frames, @r#"
    {"type":"events","ref":"r","repository":"a","afterSequence":0,"lastSequence":3,"events":[{"eventId":"a1","serverSequence":1},{"eventId":"a2","serverSequence":2},{"eventId":"a3","serverSequence":3}]}
    {"type":"sync_complete","ref":"r"}
    "#);
}

#[test]
fn a_cursor_above_the_head_has_nothing_behind_it() {
    let mut bench = bench(Peer::Extended);
    bench.request(1, "a", 9, None);
    bench.settle();
    assert_eq!(bench.heard(1), ["a=3"]);
}

#[test]
fn since_selects_by_the_events_own_time_and_after_counts_too() {
    for peer in [Peer::Extended, Peer::Plain] {
        let mut bench = bench(peer);
        let dated = |id: &str, at: &str| read_event(&format!(r#"{{"eventId":"{id}","createdAt":{at}}}"#));
        let events = [
            dated("behind after", "\"2025-06-01T00:00:00Z\""),
            dated("old", "\"2025-01-01T00:00:00Z\""),
            dated("equal", "\"2025-03-01T01:00:00+01:00\""),
            dated("unreadable", "\"yesterday\""),
            dated("old2", "1000"),
            dated("new", "\"2025-03-01T00:00:00.0001Z\""),
        ];
        bench.store("dated", events.into());
        bench.commits.clear();
        bench.read(1, since("2025-03-01T00:00:00Z"), None);
        bench.read(1, since("2025-03-01T00:00:00Z"), Some(2));
        bench.read(1, since("2025-03-01T00:00:00Z"), Some(3));
        bench.settle();
        let heard: Vec<_> = bench.heard(1);
        match peer {
            Peer::Plain => assert_eq!(
                heard,
                [
                    "dated:equal unreadable new",
                    "dated=6",
                    "dated:equal unreadable",
                    "dated=5+",
                    "dated:equal unreadable new",
                    "dated=6"
                ]
            ),
            Peer::Extended => assert_eq!(heard[..2], ["dated(1,6]:equal unreadable new", "dated=6"]),
        }
    }
}

#[test]
fn a_long_answer_is_many_frames_and_complete() {
    let mut bench = Bench::new(ServerLimits {
        page_bytes: 500,
        stream_bytes: 1_000,
        ..limits()
    });
    for peer in [Peer::Extended, Peer::Plain] {
        let connection = if peer == Peer::Plain { 1 } else { 2 };
        bench.attach(connection, peer);
        bench.commit("a", 100);
        bench.request(connection, "a", 0, None);
        bench.settle();
        let frames = bench.frames(connection);
        assert!(frames.iter().all(|frame| frame.len() <= 500));
        let events: usize = frames.iter().map(|frame| frame.matches("eventId").count()).sum();
        assert_eq!(events, bench.logs[&super::bench::log("a")].len());
    }
}

#[test]
fn more_requests_than_twice_the_limit_are_refused() {
    let mut bench = Bench::new(ServerLimits {
        requests: 2,
        ..limits()
    });
    bench.attach(1, Peer::Extended);
    for _ in 0..5 {
        bench.request(1, "a", 0, None);
    }
    let said = bench.said(1);
    assert!(
        matches!(&said[..], [HubReply::Failed(_), HubReply::ReadDone]),
        "{said:?}"
    );
    bench.settle();
    assert_eq!(bench.heard(1).len(), 4);
}
