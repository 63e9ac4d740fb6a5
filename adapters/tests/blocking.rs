//! The client for programs without an asynchronous runtime.

#![cfg(feature = "blocking")]
#![allow(clippy::unwrap_used, reason = "these are tests")]

use driftless::blocking::{Client, Threads, block_on};
use driftless::client::{Connection, NotAcked};
use driftless::core::client::{Notice, ServerOrder};
use driftless::server::{Listening, Server, ServerConfig};
use driftless::storage::{Comparison, Direction};
use driftless::store::Memory;
use serde::{Deserialize, Serialize};
use std::sync::{Arc, mpsc};
use std::thread;
use std::time::Duration;

/// Far longer than any of these steps takes.
const DEADLINE: Duration = Duration::from_secs(30);

#[derive(Debug, PartialEq, Serialize, Deserialize)]
struct Note {
    id: u64,
    text: String,
}

fn note(id: u64, text: &str) -> Note {
    let text = text.to_owned();
    Note { id, text }
}

/// A server on threads, which lives as long as the test's process.
fn serve() -> String {
    let server = Server::start(ServerConfig::new(Arc::new(Memory::new())), Threads).unwrap();
    let listening = block_on(Listening::bind(server, "127.0.0.1:0".parse().unwrap())).unwrap();
    let address = listening.address().unwrap();
    thread::spawn(move || block_on(listening.run(std::future::pending())));
    format!("ws://{address}/sync")
}

fn open(url: &str) -> Client {
    Client::open(Client::builder(url).repository("notes", ServerOrder)).unwrap()
}

#[test]
fn calls_block_until_they_are_done() {
    let url = serve();
    let (one, other) = (open(&url), open(&url));
    assert!(one.connection().any(|state| state == Connection::Live));
    let (mine, theirs) = (
        one.repository::<Note>("notes").unwrap(),
        other.repository::<Note>("notes").unwrap(),
    );
    let mut notices = other.notices();
    mine.upsert(&note(1, "one")).unwrap().acked().unwrap();
    assert!(notices.any(|notice| matches!(notice, Ok(Notice::Changed { .. }))));
    assert_eq!(theirs.get("1").unwrap().unwrap().value, note(1, "one"));
    let batch = one.batch().upsert(&mine, &note(2, "two")).unwrap();
    let batch = batch.delete(&mine, "1").unwrap();
    batch.commit().unwrap().acked().unwrap();
    one.sync_now().unwrap();
    let mut watch = theirs.query().order_by("id", Direction::Descending).watch();
    assert!(watch.any(|answer| answer.unwrap().iter().map(|item| &item.value).eq([&note(2, "two")])));
    let mut lines = Vec::new();
    assert_eq!(theirs.export(&mut lines).unwrap(), 1);
    assert_eq!(mine.import(&lines[..]).unwrap(), 1);
    one.flush().unwrap();
    assert_eq!(mine.query().include_deleted().all().unwrap().len(), 2);
    other.stop();
    assert_eq!(watch.next().map(|answer| answer.is_ok()), None);
    assert_eq!(
        notices.find(|notice| matches!(notice, Ok(Notice::Written { .. }))),
        None
    );
    one.stop();
}

#[test]
fn a_callback_is_told_until_its_watching_is_dropped() {
    let client = open("ws://127.0.0.1:1/sync");
    let notes = client.repository::<Note>("notes").unwrap();
    let (sender, told) = mpsc::channel();
    let query = notes.query().filter("text", Comparison::equal("x"));
    let watching = query.clone().watch_with(move |answer| {
        let _ = sender.send(answer.unwrap().len());
    });
    let watching = watching.unwrap();
    assert_eq!(told.recv_timeout(DEADLINE), Ok(0));
    let receipt = notes.upsert(&note(1, "x")).unwrap();
    assert_eq!(told.recv_timeout(DEADLINE), Ok(1));
    // Of no concern to it, and then again of some.
    notes.upsert(&note(2, "y")).unwrap();
    notes.upsert(&note(3, "x")).unwrap();
    assert_eq!(told.recv_timeout(DEADLINE), Ok(2));
    drop(watching);
    // The callback is gone, and with it the sender.
    assert_eq!(told.recv_timeout(DEADLINE), Err(mpsc::RecvTimeoutError::Disconnected));
    assert_eq!(query.count().unwrap(), 2);
    client.stop();
    assert_eq!(receipt.acked(), Err(NotAcked::Stopped));
}
