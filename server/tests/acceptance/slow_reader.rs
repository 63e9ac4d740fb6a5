//! A reader that does not read costs the server a position, not a queue.

use crate::support::event::{assert_dense, batch, upsert};
use crate::support::load::fill;
use crate::support::memory::{MIB, peak, reset_peak, resident};
use crate::support::wait::until;
use crate::support::{Peer, Server, http};
use std::time::{Duration, Instant};

/// What 200,000 events (40 MB) pushed past readers that stand still may add to the server: its bounded buffers and
/// the batches on their way to the store.
const SERVER_GROWTH: u64 = 16 * MIB;

/// 80 MB, which fill the cache of the store's writer (64 MiB): growth after them is not the cache's.
const WARM_EVENTS: u64 = 20_000;
const WARM_BYTES: usize = 4_000;

/// Frames of 36 kB for a peer that does not read: 150 MB, more than the buffers of any network hold.
const MOST_FRAMES: u64 = 4_000;

/// How long a frame that nobody takes is waited for.
const STILL: Duration = Duration::from_secs(2);

/// What such a peer may add to the server: its bounded buffers and what the store keeps of what it took.
const DEAF_GROWTH: u64 = 64 * MIB;

#[test]
fn readers_that_stand_still_cost_bounded_memory_and_get_everything_later() {
    // They stand still for as long as the load takes on this machine, which must not end the connection here.
    let server = Server::start_with(&["--heartbeat-ms", "600000"]);
    fill(server.address, "feed", "warm", WARM_EVENTS, WARM_BYTES);
    let mut reader = Peer::extended(server.address);
    reader.subscribe("feed", WARM_EVENTS);
    reader.expect("sync_complete");
    let mut plain = Peer::plain(server.address);
    plain.send(&format!(
        r#"{{"type":"request_events","repository":"feed","afterSequence":{WARM_EVENTS}}}"#
    ));
    plain.expect("sync_complete");

    let before = resident(server.pid());
    reset_peak(server.pid());
    let start = Instant::now();
    fill(server.address, "feed", "e", 200_000, 200);
    eprintln!(
        "200000 events pushed past two standing readers in {:?}",
        start.elapsed()
    );

    let start = Instant::now();
    for peer in [&mut reader, &mut plain] {
        let events = peer.events_up_to("feed", WARM_EVENTS + 200_000);
        assert_eq!(events.len(), 200_000);
        assert_dense(WARM_EVENTS + 1, &events);
    }
    eprintln!("read after it in {:?}", start.elapsed());

    let growth = peak(server.pid()).saturating_sub(before);
    eprintln!("server: {} KiB before, {} KiB more at most", before >> 10, growth >> 10);
    assert!(growth < SERVER_GROWTH, "the server grew by {growth} bytes");
}

#[test]
fn a_reader_that_stops_for_good_is_closed_by_the_heartbeat_and_resumes_from_its_cursor() {
    let server = Server::start_with(&["--heartbeat-ms", "500", "--heartbeat-timeout-ms", "500"]);
    let mut reader = Peer::extended(server.address);
    reader.subscribe("feed", 0);
    reader.expect("sync_complete");
    fill(server.address, "feed", "e", 20_000, 200);
    until("the standing reader's end", || {
        let health = http::get(server.address, "/api/health").json();
        (health["activeConnections"] == 0).then_some(())
    });

    // What the network had taken before the end still arrives, and is whole.
    let mut events = Vec::new();
    while let Ok(frame) = reader.try_receive() {
        events.extend(frame.events());
    }
    let cursor = events.len() as u64;
    eprintln!("closed after sequence {cursor}");

    let mut reader = Peer::extended(server.address);
    reader.subscribe("feed", cursor);
    if cursor < 20_000 {
        events.extend(reader.events_up_to("feed", 20_000));
    }
    assert_eq!(events.len(), 20_000);
    assert_dense(1, &events);
}

#[test]
fn a_silent_peer_is_closed_with_4408() {
    let server = Server::start_with(&["--heartbeat-ms", "200", "--heartbeat-timeout-ms", "200"]);
    let mut silent = Peer::extended(server.address);
    silent.stay_silent();
    assert_eq!(silent.closed(), Some(4408));
}

#[test]
fn a_peer_that_does_not_read_its_acks_is_not_read_from() {
    let server = Server::start_with(&["--heartbeat-ms", "600000"]);
    let mut peer = Peer::extended(server.address);
    let before = resident(server.pid());
    reset_peak(server.pid());
    // Ids as long as they may be: acks are as large as what they answer.
    let frame = |number: u64| {
        let events: Vec<String> = (0..100)
            .map(|event| upsert(&format!("{number}-{event}-{}", "i".repeat(230)), "r", "{}"))
            .collect();
        batch("feed", &events)
    };
    let mut sent = 0;
    while sent < MOST_FRAMES && peer.send_within(&frame(sent), STILL) {
        sent += 1;
    }
    eprintln!("the server took {sent} frames ahead of their acks");
    assert!(sent < MOST_FRAMES, "the server reads on");
    let growth = peak(server.pid()).saturating_sub(before);
    eprintln!("server: {} KiB before, {} KiB more at most", before >> 10, growth >> 10);
    assert!(growth < DEAF_GROWTH, "the server grew by {growth} bytes");

    for number in 0..=sent {
        if number == sent {
            peer.flush();
        }
        let ack = peer.expect("ack");
        assert_eq!(ack.event_ids.len(), 100);
        assert!(ack.event_ids[0].starts_with(&format!("{number}-0-")));
    }
}
