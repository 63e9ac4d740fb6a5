//! Writing needs no server.

use crate::support::event::{Event, assert_dense};
use crate::support::{Client, Server, http};
use serde_json::json;

#[test]
fn what_was_written_offline_survives_a_kill_and_arrives_once_each_in_order() {
    let mut server = Server::down();
    let url = format!("ws://{}/sync", server.address);
    let files = tempfile::tempdir().unwrap();
    let start = || Client::start(&url, &files.path().join("a.db"), &["notes"], &[]);

    let mut client = start();
    for number in 0..500 {
        client.upsert("notes", &format!("note-{}", number % 50), &json!({"number": number}));
    }
    // Lines are answered in order: the status counts what was written before it.
    let written = client.pending();
    assert_eq!(written.len(), 500);
    assert!(!client.status()["blocked"].is_null());
    client.kill();

    let mut client = start();
    assert_eq!(client.pending(), written);
    assert_eq!(client.records("notes").len(), 50);
    server.launch();
    client.flush();
    client.reach("notes", 500);

    let log = http::log(server.address, "notes");
    assert_dense(1, &log);
    assert_eq!(log.iter().map(Event::id).collect::<Vec<_>>(), written);
    let records = client.records("notes");
    assert!(records.iter().all(|record| record["pending"] == false), "{records:?}");
}
