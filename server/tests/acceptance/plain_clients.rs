//! The habits of the published client do it no harm.

use crate::support::event::{Event, assert_dense, batch, upsert};
use crate::support::load::fill;
use crate::support::peer::{Frame, Peer};
use crate::support::{Server, http};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

/// `limits.plain_hold`: how long a plain peer hears nothing of a repository that it has not requested.
const HOLD: Duration = Duration::from_secs(1);

#[test]
fn a_live_event_before_the_first_request_does_not_overtake_the_missed_ones() {
    let server = Server::start();
    fill(server.address, "user", "e", 10, 200);
    let mut pushed = 0;
    let (mut peer, live) = loop {
        let authenticated = Instant::now();
        let mut peer = Peer::plain(server.address);
        fill(server.address, "user", &format!("live{pushed}"), 1, 200);
        pushed += 1;
        peer.send(r#"{"type":"request_events","repository":"user","afterSequence":4}"#);
        // On a machine that was held up for the whole time of grace, the peer came too late to be protected.
        if authenticated.elapsed() < HOLD / 2 {
            break (peer, 10 + pushed);
        }
    };

    // The published client keeps the highest sequence that it has seen, so every frame has to continue the one before.
    let events = peer.events_up_to("user", live);
    assert_dense(5, &events);
    peer.skip_to("sync_complete");
    fill(server.address, "user", "later", 3, 200);
    assert_dense(live + 1, &peer.events_up_to("user", live + 3));
}

#[test]
fn a_plain_peer_that_requests_nothing_hears_what_happens_after_it_came() {
    let server = Server::start();
    fill(server.address, "user", "before", 5, 200);
    let mut peer = Peer::plain(server.address);
    fill(server.address, "user", "after", 5, 200);
    let events = peer.events_up_to("user", 10);
    assert_eq!(events.len(), 5);
    assert_dense(6, &events);
}

#[test]
fn a_saved_cursor_above_the_head_is_answered_from_the_start() {
    let server = Server::start();
    fill(server.address, "user", "e", 20, 200);
    for cursor in ["21", "9223372036854775807"] {
        let mut peer = Peer::plain(server.address);
        peer.send(&format!(
            r#"{{"type":"request_events","repository":"user","afterSequence":{cursor}}}"#
        ));
        let events = peer.events_up_to("user", 20);
        assert_eq!(events.len(), 20);
        assert_dense(1, &events);
    }
}

#[test]
fn what_a_limit_cuts_off_follows_by_itself() {
    let server = Server::start();
    fill(server.address, "counter_log", "e", 12, 200);
    let mut peer = Peer::plain(server.address);
    peer.send(r#"{"type":"request_events","repository":"counter_log","afterSequence":0,"limit":5}"#);
    assert_dense(1, &peer.events_up_to("counter_log", 5));
    let complete = peer.expect("sync_complete");
    assert_eq!(complete.repository.as_deref(), Some("counter_log"));
    assert_eq!(complete.has_more, Some(true));
    let rest = peer.events_up_to("counter_log", 12);
    assert_eq!(rest.len(), 7);
    assert_dense(6, &rest);
}

#[test]
fn a_whole_queue_of_ten_thousand_in_one_frame_is_acked_and_stored_in_order() {
    let server = Server::start();
    let ids: Vec<String> = (0..10_000).map(|number| format!("queued-{number}")).collect();
    let events: Vec<String> = ids.iter().map(|id| upsert(id, id, r#"{"n":1}"#)).collect();
    let mut peer = Peer::plain(server.address);
    peer.send(&batch("user", &events));
    let ack = peer.skip_to("ack");
    assert_eq!(ack.event_ids, ids);
    assert_eq!(ack.repositories["user"], ids);
    let log = http::log(server.address, "user");
    assert_dense(1, &log);
    assert_eq!(log.iter().map(Event::id).collect::<Vec<_>>(), ids);
    assert!(
        log.iter()
            .all(|event| ack.sequences["user"][event.id()] == event.sequence())
    );
}

#[test]
fn a_token_in_an_authorization_field_of_auth_counts() {
    let server = Server::start_with(&["--token", "secret"]);
    for auth in [
        r#"{"type":"auth","Authorization":"Bearer secret","X-Custom-Header":"value"}"#,
        r#"{"type":"auth","token":"secret"}"#,
    ] {
        let mut peer = Peer::open(server.address);
        peer.send(auth);
        peer.expect("auth_success");
    }
    let mut peer = Peer::open(server.address);
    peer.send(r#"{"type":"auth","Authorization":"Bearer wrong"}"#);
    assert_eq!(peer.expect("error").code.as_deref(), Some("auth_failed"));
    assert_eq!(peer.closed(), Some(4401));
}

#[test]
fn the_published_start_up_gets_every_repository_once() {
    let server = Server::start();
    fill(server.address, "user", "u", 300, 200);
    fill(server.address, "counter_log", "l", 200, 200);
    let mut peer = Peer::plain(server.address);
    peer.send(r#"{"type":"request_all_events"}"#);
    assert_eq!(received(&mut peer, None), [("counter_log", 200), ("user", 300)]);
    for (repository, after) in [("user", 300), ("counter_log", 200)] {
        peer.send(&format!(
            r#"{{"type":"request_events","repository":"{repository}","afterSequence":{after}}}"#
        ));
        assert_eq!(received(&mut peer, Some(repository)), [] as [(&str, usize); 0]);
    }
}

#[test]
fn a_frame_never_mixes_the_spellings_for_a_plain_peer() {
    let server = Server::start();
    push_mixed(server.address);
    let mut peer = Peer::plain(server.address);
    peer.send(r#"{"type":"request_events","repository":"user","afterSequence":0}"#);
    let mut events = Vec::new();
    loop {
        let frame = peer.receive();
        if frame.kind == "sync_complete" {
            break;
        }
        let package = |event: &Event| event.text().contains("_event_id");
        let events_of_frame = frame.events();
        let first = package(&events_of_frame[0]);
        assert!(
            events_of_frame.iter().all(|event| package(event) == first),
            "{}",
            frame.text
        );
        events.extend(events_of_frame);
    }
    assert_eq!(events.len(), 9);
    assert_dense(1, &events);
}

fn push_mixed(address: SocketAddr) {
    let events: Vec<String> = (0..9)
        .map(|number| match number % 3 {
            0 => format!(r#"{{"eventId":"seed-{number}","data":{{"id":"r"}}}}"#),
            _ => upsert(&format!("package-{number}"), "r", "{}"),
        })
        .collect();
    let mut peer = Peer::extended(address);
    peer.send(&batch("user", &events));
    peer.expect("ack");
}

/// How many events of which repository come up to the next `sync_complete`, which names `repository`.
fn received(peer: &mut Peer, repository: Option<&str>) -> Vec<(&'static str, usize)> {
    let mut frames: Vec<Frame> = Vec::new();
    let complete = loop {
        let frame = peer.receive();
        if frame.kind == "sync_complete" {
            break frame;
        }
        frames.push(frame);
    };
    assert_eq!(complete.repository.as_deref(), repository);
    let mut counts = Vec::new();
    for name in ["counter_log", "user"] {
        let of_name = frames.iter().filter(|frame| frame.repository.as_deref() == Some(name));
        let events: Vec<Event> = of_name.flat_map(Frame::events).collect();
        assert_dense(1, &events);
        if !events.is_empty() {
            counts.push((name, events.len()));
        }
    }
    counts
}
