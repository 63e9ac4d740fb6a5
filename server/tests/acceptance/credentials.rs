//! Who may come in, and how a client that may not says so and recovers.

use crate::support::{Client, Server, http};
use serde_json::{Value, json};

#[test]
fn a_client_without_the_token_keeps_its_writes_until_it_is_given_one() {
    let server = Server::start_with(&["--token", "open sesame"]);
    let files = tempfile::tempdir().unwrap();
    let url = format!("ws://{}/sync", server.address);
    let db = files.path().join("client.db");
    let mut client = Client::start(&url, &db, &["notes"], &["--token", "wrong"]);
    client.upsert("notes", "a", &json!({"kept": true}));
    client.wait("what is wrong", |line| line["event"] == "error");
    let status = client.status();
    assert_eq!(status["connected"], false);
    assert_eq!(status["pending"].as_array().map(Vec::len), Some(1));
    assert!(status["blocked"].is_string(), "{status}");

    client.send(&json!({"op": "token", "token": "open sesame"}));
    client.flush();
    client.reach("notes", 1);
    assert_eq!(client.said(|line| line["event"] == "rejected"), [] as [Value; 0]);
    assert_eq!(http::get(server.address, "/api/events/notes").status, 401);
}
