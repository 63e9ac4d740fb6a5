//! The habits of the published server do our client no harm.

use crate::support::Client;
use crate::support::plain_server::{PlainServer, Script};
use crate::support::wait::until;
use serde_json::{Value, json};
use std::collections::HashSet;
use tempfile::TempDir;

const REPOSITORY: &str = "user";

#[test]
fn a_catch_up_that_is_cut_at_a_hundred_becomes_whole() {
    let server = PlainServer::start(REPOSITORY, Script::default());
    for version in 1..=2 {
        for record in 0..250 {
            server.happen(event(&format!("{version}-{record}"), record, version));
        }
    }
    let (mut client, _files) = client_of(&server);
    client.reach(REPOSITORY, 500);
    let records = client.records(REPOSITORY);
    assert_eq!(records.len(), 250);
    assert!(
        records.iter().all(|record| record["data"]["version"] == 2),
        "{records:?}"
    );
}

#[test]
fn a_live_event_before_the_catch_up_hides_nothing() {
    let script = Script {
        on_auth: vec![event("live", 1_000, 1), event("live again", 1_001, 1)],
        ..Script::default()
    };
    let server = PlainServer::start(REPOSITORY, script);
    for record in 0..150 {
        server.happen(event(&format!("{record}"), record, 1));
    }
    let (mut client, _files) = client_of(&server);
    client.reach(REPOSITORY, 151);
    assert_eq!(client.records(REPOSITORY).len(), 151);

    // Missed while away, and again a live one first.
    server.cut();
    for record in 150..300 {
        server.happen(event(&format!("{record}"), record, 1));
    }
    client.reach(REPOSITORY, 302);
    assert_eq!(client.records(REPOSITORY).len(), 302);
}

#[test]
fn echoes_and_acks_without_sequences_leave_each_write_once_and_settled() {
    let server = PlainServer::start(REPOSITORY, Script::default());
    let (mut client, _files) = client_of(&server);
    for number in 0..60 {
        client.upsert(
            REPOSITORY,
            &format!("record-{}", number % 20),
            &json!({"number": number}),
        );
    }
    client.flush();
    client.reach(REPOSITORY, 60);
    let records = until("settled records", || {
        let records = client.records(REPOSITORY);
        records
            .iter()
            .all(|record| record["pending"] == false)
            .then_some(records)
    });
    assert_eq!(records.len(), 20);
    assert!(
        records
            .iter()
            .all(|record| record["data"]["number"].as_u64() >= Some(40)),
        "{records:?}"
    );
    assert_stored_once_in_order(&server, 60);
    assert_acked_once(&mut client, 60);
}

#[test]
fn an_old_event_that_is_broadcast_again_changes_nothing() {
    let server = PlainServer::start(REPOSITORY, Script::default());
    let (mut client, _files) = client_of(&server);
    server.happen(event("old", 1, 1));
    server.happen(event("new", 1, 2));
    client.reach(REPOSITORY, 2);
    let before = client.records(REPOSITORY);
    server.repeat("old");
    server.repeat("new");
    server.happen(event("behind them", 2, 1));
    client.reach(REPOSITORY, 3);
    assert_eq!(client.records(REPOSITORY)[..1], before);
}

#[test]
fn pushes_whose_acks_are_lost_are_sent_again_and_stored_once() {
    let script = Script {
        lost_acks: 3,
        ..Script::default()
    };
    let server = PlainServer::start(REPOSITORY, script);
    let (mut client, _files) = client_of(&server);
    for number in 0..40 {
        client.upsert(REPOSITORY, &format!("record-{number}"), &json!({"number": number}));
    }
    client.flush();
    client.reach(REPOSITORY, 40);
    assert_stored_once_in_order(&server, 40);
    assert_acked_once(&mut client, 40);
}

#[test]
fn the_seeds_spelling_reaches_a_plain_server_that_knows_no_other() {
    let server = PlainServer::start(REPOSITORY, Script::default());
    let files = tempfile::tempdir().unwrap();
    let db = files.path().join("client.db");
    let flags = ["--spelling", "seeds"];
    let mut client = Client::start(&server.url, &db, &[REPOSITORY], &flags);
    client.upsert(REPOSITORY, "alice", &json!({"id": "alice", "name": "Alice"}));
    let stored = until("the event", || server.log().first().cloned());
    assert!(stored["eventId"].is_string(), "{stored}");
    assert_eq!(stored["data"], json!({"id": "alice", "name": "Alice"}));
    assert!(stored.get("_event_id").is_none(), "{stored}");
}

fn client_of(server: &PlainServer) -> (Client, TempDir) {
    let files = tempfile::tempdir().unwrap();
    let client = Client::start(&server.url, &files.path().join("client.db"), &[REPOSITORY], &[]);
    (client, files)
}

/// Another client's event.
fn event(id: &str, record: u64, version: u64) -> Value {
    json!({
        "_event_id": id,
        "_operation": 0,
        "_created_at": "2026-01-02T03:04:05.678Z",
        "_data_id": format!("other-{record}"),
        "_data": {"version": version},
    })
}

fn assert_stored_once_in_order(server: &PlainServer, count: u64) {
    let numbers: Vec<u64> = server
        .log()
        .iter()
        .map(|event| event["_data"]["number"].as_u64().unwrap())
        .collect();
    assert_eq!(numbers, (0..count).collect::<Vec<_>>());
}

fn assert_acked_once(client: &mut Client, count: usize) {
    let lines = client.said(|line| line["event"] == "acked");
    let ids: Vec<&Value> = lines
        .iter()
        .flat_map(|line| line["eventIds"].as_array().unwrap())
        .collect();
    assert_eq!(ids.len(), count);
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), count);
}
