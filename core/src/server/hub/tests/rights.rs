//! Rights, and connections whose rights or subject change.

use super::bench::{Bench, at, limits, repository};
use crate::name::RepositoryName;
use crate::server::{Access, HubReply, HubRequest, Peer, RequestKind, Rights, ServerLimits};
use crate::wire::ErrorCode;
use core::time::Duration;

fn only(names: &[&str]) -> Rights {
    let names = names
        .iter()
        .map(|name| repository(name))
        .collect::<alloc::collections::BTreeSet<RepositoryName>>();
    Rights {
        scope: "some".into(),
        read: Access::Only(names),
        write: Access::All,
    }
}

#[test]
fn a_plain_peer_hears_only_of_what_it_may_read() {
    let mut bench = Bench::new(limits());
    bench.attach_with(1, Peer::Plain, only(&["a"]));
    bench.commit("a", 1);
    bench.commit("b", 1);
    bench.read(1, RequestKind::All, None);
    bench.settle();
    bench.pass(Duration::from_secs(1));
    bench.commit("b", 1);
    assert_eq!(bench.heard(1), ["a:a1", "*=?"]);
    // With more rights it hears of more, from then on.
    bench.attach(1, Peer::Plain);
    bench.commit("b", 1);
    assert_eq!(bench.heard(1), ["b:b3"]);
    bench.leave_nothing();
}

#[test]
fn narrower_rights_end_streams_and_requests() {
    let mut bench = Bench::new(limits());
    bench.attach(1, Peer::Extended);
    for name in ["a", "b"] {
        bench.subscribe(1, name, at(0));
    }
    bench.settle();
    bench.heard(1);
    bench.request(1, "b", 0, None);
    bench.request(1, "b", 0, None);
    bench.request(1, "a", 0, None);
    bench.attach_with(1, Peer::Extended, only(&["a"]));
    bench.settle();
    bench.commit("a", 1);
    bench.commit("b", 1);
    let said = bench.said(1);
    let failed = |reply: &HubReply| matches!(reply, HubReply::Failed(failure) if failure.code == ErrorCode::Forbidden);
    assert_eq!(said.iter().filter(|reply| failed(reply)).count(), 2);
    // One for each request, and one for the new rights.
    assert_eq!(said.iter().filter(|reply| **reply == HubReply::ReadDone).count(), 4);
    let frames = said.iter().filter_map(|reply| match reply {
        HubReply::Frame(frame) => Some(super::bench::short(frame)),
        _ => None,
    });
    assert_eq!(frames.collect::<alloc::vec::Vec<_>>(), ["a=0", "a(0,1]:a1"]);
    bench.leave_nothing();
}

#[test]
fn narrower_rights_skip_the_rest_of_a_request_for_all() {
    let mut bench = Bench::new(limits());
    for name in ["a", "b", "c"] {
        bench.commit(name, 1);
    }
    bench.attach(1, Peer::Plain);
    bench.read(1, RequestKind::All, None);
    bench.complete();
    bench.attach_with(1, Peer::Plain, only(&["b"]));
    bench.settle();
    assert_eq!(bench.heard(1), ["b:b1", "*=?"]);
    bench.leave_nothing();
}

#[test]
fn a_reset_ends_everything_but_what_the_socket_owes() {
    let mut bench = Bench::new(limits());
    bench.fast = false;
    bench.attach(1, Peer::Extended);
    bench.subscribe(1, "a", at(0));
    bench.settle();
    bench.commit("a", 1);
    bench.request(1, "a", 0, None);
    bench.ask(1, HubRequest::Reset);
    bench.commit("a", 1);
    bench.settle();
    let said = bench.said(1);
    assert_eq!(said.last(), Some(&HubReply::Reset));
    assert_eq!(said.len(), 4);
    assert_eq!(bench.hub.readers(), 0);
    let owed = bench
        .hub
        .connections
        .values()
        .next()
        .map(|connection| connection.unflushed);
    assert_eq!(owed, bench.unflushed.values().next().copied());
    // Requests between the subjects count for nobody.
    bench.request(1, "a", 0, None);
    bench.subscribe(1, "a", at(0));
    assert!(bench.work.is_empty());
    bench.attach(1, Peer::Plain);
    bench.request(1, "a", 0, None);
    bench.settle();
    assert_eq!(bench.heard(1), ["a:a1 a2", "a=2"]);
    bench.leave_nothing();
}

#[test]
fn the_number_of_streams_is_limited_aloud() {
    let mut bench = Bench::new(ServerLimits { streams: 2, ..limits() });
    bench.attach(1, Peer::Extended);
    for name in ["a", "b", "c", "a"] {
        bench.subscribe(1, name, at(0));
    }
    let limited =
        |reply: &HubReply| matches!(reply, HubReply::Failed(failure) if failure.code == ErrorCode::RateLimited);
    assert_eq!(bench.said(1).iter().filter(|reply| limited(reply)).count(), 1);
    bench.settle();
    assert_eq!(bench.hub.readers(), 2);
}
