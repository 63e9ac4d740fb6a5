//! What one client writes, another has, whatever happens to its process in between.

use crate::support::proxy::Proxy;
use crate::support::{Client, Server, http};
use serde_json::{Value, json};

#[test]
fn a_client_that_was_killed_asks_only_from_its_cursor_and_ends_with_the_same_records() {
    let server = Server::start();
    let proxy = Proxy::start(server.address);
    let files = tempfile::tempdir().unwrap();
    let direct = format!("ws://{}/sync", server.address);
    let recorded = format!("ws://{}/sync", proxy.address);
    let start_b = || Client::start(&recorded, &files.path().join("b.db"), &["users"], &[]);

    let mut a = Client::start(&direct, &files.path().join("a.db"), &["users"], &[]);
    let mut b = start_b();
    for number in 0..10 {
        a.upsert("users", &format!("user-{number}"), &json!({"number": number}));
    }
    a.flush();
    b.reach("users", 10);
    assert_eq!(a.records("users"), b.records("users"));
    b.kill();

    write_a_thousand(&mut a);
    a.flush();
    a.reach("users", 1_010);
    let mut b = start_b();
    b.reach("users", 1_010);
    let records = b.records("users");
    assert_eq!(a.records("users"), records);
    assert_eq!(records.len(), 500);

    let tenth = http::log(server.address, "users")[9].id().to_owned();
    assert_eq!(
        subscriptions(&proxy.sent_by_client(1)),
        [json!({"afterSequence": 10, "seen": [10, tenth]})]
    );
    assert_eq!(received(&proxy.sent_by_server(1)), (11..=1_010).collect::<Vec<_>>());
}

/// 990 writes to 500 records that exist or not, then ten deletes of which each is written again after.
fn write_a_thousand(client: &mut Client) {
    for number in 0..980 {
        let id = format!("user-{}", number % 500);
        client.upsert("users", &id, &json!({"number": number, "again": true}));
    }
    for number in 0..10 {
        client.delete("users", &format!("user-{number}"));
        client.upsert("users", &format!("user-{number}"), &json!({"back": number}));
    }
}

fn subscriptions(frames: &[Value]) -> Vec<Value> {
    let subscribes = frames.iter().filter(|frame| frame["type"] == "subscribe");
    subscribes.map(|frame| frame["repositories"]["users"].clone()).collect()
}

fn received(frames: &[Value]) -> Vec<u64> {
    let events = frames.iter().filter(|frame| frame["type"] == "events");
    let events = events.flat_map(|frame| frame["events"].as_array().unwrap());
    events.map(|event| event["serverSequence"].as_u64().unwrap()).collect()
}
