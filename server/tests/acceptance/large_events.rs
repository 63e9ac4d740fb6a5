//! Events up to the limit travel like all others; one above it hurts nobody else.

use crate::support::event::{Event, assert_dense, batch, upsert};
use crate::support::{Client, Peer, Server, http};
use serde_json::json;

/// `limits.page_bytes`.
const FRAME_BYTES: usize = 64 << 10;

const KIB: usize = 1 << 10;
const MIB: usize = 1 << 20;

#[test]
fn an_event_larger_than_a_page_has_a_frame_of_its_own() {
    let server = Server::start();
    let sizes = [100, 70 * KIB, 100, 63 * KIB, 3 * KIB, 2 * MIB, 14 * MIB, 100, 100];
    let mut pusher = Peer::extended(server.address);
    for (number, size) in sizes.iter().enumerate() {
        let event = upsert(&format!("e{number}"), "r", &format!("\"{}\"", "x".repeat(*size)));
        pusher.send(&batch("files", &[event]));
        pusher.expect("ack");
    }
    let mut peer = Peer::extended(server.address);
    peer.subscribe("files", 0);
    let mut events: Vec<Event> = Vec::new();
    loop {
        let frame = peer.receive();
        if frame.kind == "sync_complete" {
            break;
        }
        let of_frame = frame.events();
        assert!(
            frame.text.len() <= FRAME_BYTES || of_frame.len() == 1,
            "{} bytes",
            frame.text.len()
        );
        events.extend(of_frame);
    }
    assert_eq!(events.len(), sizes.len());
    assert_dense(1, &events);
}

#[test]
fn a_record_over_the_limit_is_refused_at_once_and_others_go_on() {
    let server = Server::start();
    let files = tempfile::tempdir().unwrap();
    let url = format!("ws://{}/sync", server.address);
    let mut a = Client::start(&url, &files.path().join("a.db"), &["files"], &[]);
    let mut b = Client::start(&url, &files.path().join("b.db"), &["files"], &[]);
    let large = "y".repeat(5 * MIB);
    a.upsert("files", "large", &json!({"text": large}));
    a.upsert("files", "too large", &json!({"text": "z".repeat(15 * MIB + 512 * KIB)}));
    a.upsert("files", "small", &json!({"text": "small"}));
    let error = a.wait("the refusal", |line| line["event"] == "error");
    assert!(
        error["message"].as_str().is_some_and(|text| text.contains("large")),
        "{error}"
    );
    a.flush();
    b.reach("files", 2);
    let records = b.records("files");
    assert_eq!(records.len(), 2);
    assert!(records[0]["data"]["text"] == large.as_str());
    assert_eq!(http::log(server.address, "files").len(), 2);
}
