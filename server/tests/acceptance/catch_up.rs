//! A log of any length is read whole, in pages, by anyone, in bounded memory.

use crate::support::event::assert_dense;
use crate::support::load::fill;
use crate::support::memory::{MIB, peak, reset_peak, resident};
use crate::support::{Client, Peer, Server};
use std::time::Instant;

const EVENTS: u64 = 100_000;
const EVENT_BYTES: usize = 200;

/// `limits.page_bytes`: nothing waits long behind a frame on a slow link.
const FRAME_BYTES: usize = 64 << 10;

/// What serving 20 MB of log may add to the server: its bounded buffers and the store's page cache.
const SERVER_GROWTH: u64 = 32 * MIB;

/// What the whole client process may ever have resident, its log of 20 MB notwithstanding.
const CLIENT_RESIDENT: u64 = 64 * MIB;

#[test]
fn a_hundred_thousand_events_arrive_whole_in_pages_and_in_bounded_memory() {
    let server = Server::start();
    fill(server.address, "big", "e", EVENTS, EVENT_BYTES);

    let before = resident(server.pid());
    reset_peak(server.pid());
    let start = Instant::now();
    read_as_extended_peer(&server);
    eprintln!("extended peer: {EVENTS} events in {:?}", start.elapsed());
    let start = Instant::now();
    read_as_plain_peer(&server);
    eprintln!("plain peer: {EVENTS} events in {:?}", start.elapsed());
    let start = Instant::now();
    read_as_client(&server);
    eprintln!("client: {EVENTS} events in {:?}", start.elapsed());

    let growth = peak(server.pid()).saturating_sub(before);
    eprintln!("server: {} KiB before, {} KiB more at most", before >> 10, growth >> 10);
    assert!(growth < SERVER_GROWTH, "the server grew by {growth} bytes");
}

fn read_as_extended_peer(server: &Server) {
    let mut peer = Peer::extended(server.address);
    peer.subscribe("big", 0);
    let mut events = Vec::new();
    loop {
        let frame = peer.receive();
        if frame.kind == "sync_complete" {
            assert_eq!(frame.last_sequence, Some(EVENTS));
            break;
        }
        assert_eq!(frame.kind, "events");
        assert!(frame.text.len() <= FRAME_BYTES, "a frame of {} bytes", frame.text.len());
        assert_eq!(frame.after_sequence, Some(events.len() as u64));
        events.extend(frame.events());
        assert_eq!(frame.last_sequence, Some(events.len() as u64));
    }
    assert_eq!(events.len() as u64, EVENTS);
    assert_dense(1, &events);
}

fn read_as_plain_peer(server: &Server) {
    let mut peer = Peer::plain(server.address);
    peer.send(r#"{"type":"request_all_events"}"#);
    let mut events = Vec::new();
    loop {
        let frame = peer.receive();
        if frame.kind == "sync_complete" {
            break;
        }
        assert!(frame.text.len() <= FRAME_BYTES, "a frame of {} bytes", frame.text.len());
        events.extend(frame.events());
    }
    assert_eq!(events.len() as u64, EVENTS);
    assert_dense(1, &events);
}

fn read_as_client(server: &Server) {
    let files = tempfile::tempdir().unwrap();
    let url = format!("ws://{}/sync", server.address);
    let mut client = Client::start(&url, &files.path().join("c.db"), &["big"], &[]);
    client.reach("big", EVENTS);
    let most = peak(client.pid());
    eprintln!("client: {} KiB resident at most", most >> 10);
    assert!(most < CLIENT_RESIDENT, "the client had {most} bytes resident");
    let first = client.ask(serde_json::json!({"op": "get", "repository": "big", "id": "e-0"}));
    assert_eq!(first["sequence"], 1);
    let last = client.ask(serde_json::json!({"op": "get", "repository": "big", "id": "e-99999"}));
    assert_eq!(last["sequence"], EVENTS);
}
