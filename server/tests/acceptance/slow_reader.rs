//! A reader that does not read costs the server a position, not a queue.

use crate::support::event::assert_dense;
use crate::support::load::fill;
use crate::support::memory::{MIB, peak, reset_peak, resident};
use crate::support::wait::until;
use crate::support::{Peer, Server, http};
use std::time::Instant;

/// What 200,000 events (40 MB) pushed past a reader that stands still may add to the server: its bounded buffers and
/// the batches on their way to the store.
const SERVER_GROWTH: u64 = 16 * MIB;

/// 80 MB, which fill the cache of the store's writer (64 MiB): growth after them is not the cache's.
const WARM_EVENTS: u64 = 20_000;
const WARM_BYTES: usize = 4_000;

#[test]
fn a_reader_that_stands_still_costs_bounded_memory_and_gets_everything_later() {
    // It stands still for as long as the load takes on this machine, which must not end the connection here.
    let server = Server::start_with(&["--heartbeat-ms", "600000"]);
    fill(server.address, "feed", "warm", WARM_EVENTS, WARM_BYTES);
    let mut reader = Peer::extended(server.address);
    reader.subscribe("feed", WARM_EVENTS);
    reader.expect("sync_complete");

    let before = resident(server.pid());
    reset_peak(server.pid());
    let start = Instant::now();
    fill(server.address, "feed", "e", 200_000, 200);
    eprintln!("200000 events pushed past a standing reader in {:?}", start.elapsed());

    let start = Instant::now();
    let events = reader.events_up_to("feed", WARM_EVENTS + 200_000);
    eprintln!("read after it in {:?}", start.elapsed());
    assert_eq!(events.len(), 200_000);
    assert_dense(WARM_EVENTS + 1, &events);

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
