//! Two processes and a server: kills, restarts, other credentials, slow readers.

use crate::process::{Client, Server, free_address};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use tempfile::TempDir;

#[test]
fn what_was_written_offline_survives_a_kill_and_arrives_once_in_order() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("client.db");
    let address = free_address();
    let url = format!("ws://{address}/sync");
    let mut client = Client::on_file(&url, &file);
    for number in 0..100 {
        client.upsert(&format!("{number:03}"), &number.to_string());
    }
    for _ in 0..100 {
        client.expect("changed");
    }
    client.kill();
    let _server = Server::start(&address, &[]);
    let mut client = Client::on_file(&url, &file);
    client.ask(r#"{"op":"flush"}"#, "flushed");
    let mut other = Client::start(&url, &[]);
    for number in 0..100 {
        let seen = other.expect("changed");
        assert_eq!((&seen["data"], &seen["sequence"]), (&json!(number), &json!(number + 1)));
    }
    let (mine, theirs) = (records(&mut client), records(&mut other));
    assert_eq!(mine, theirs);
    assert_eq!(mine.as_array().unwrap().len(), 100);
}

fn records(client: &mut Client) -> Value {
    client.ask(r#"{"op":"query","repository":"users"}"#, "records")["records"].clone()
}

#[test]
fn a_killed_reader_goes_on_from_its_cursor() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("reader.db");
    let server = Server::new();
    let mut writer = Client::start(&server.url(), &[]);
    let reader = Client::on_file(&server.url(), &file);
    writer.upsert("first", "1");
    assert_eq!(reader.expect("changed")["id"], "first");
    reader.kill();
    writer.upsert("second", "2");
    writer.ask(r#"{"op":"flush"}"#, "flushed");
    let mut reader = Client::on_file(&server.url(), &file);
    // The first is not told again.
    assert_eq!(reader.expect("changed")["id"], "second");
    let status = reader.ask(r#"{"op":"status"}"#, "status");
    assert_eq!(status["cursors"], json!({"users": 2}));
    assert_eq!(records(&mut reader), records(&mut writer));
}

#[test]
fn another_token_opens_a_door_that_was_closed() {
    let server = Server::start("127.0.0.1:0", &["--token", "right"]);
    let mut client = Client::start(&server.url(), &["--token", "wrong"]);
    let error = client.expect("error");
    assert!(
        error["message"].as_str().unwrap().contains("refused the credentials"),
        "{error}"
    );
    client.upsert("a", "1");
    let status = client.ask(r#"{"op":"status"}"#, "status");
    assert!(status["blocked"].as_str().unwrap().contains("credentials"), "{status}");
    client.say(r#"{"op":"token","token":"right"}"#);
    client.connected();
    client.ask(r#"{"op":"flush"}"#, "flushed");
}

#[test]
fn a_reader_of_stdout_that_comes_late_misses_no_line() {
    /// Several times what pipe and queues hold.
    const RECORDS: u64 = 5_000;
    let server = Server::new();
    let mut writer = Client::start(&server.url(), &[]);
    let mut late = Client::start_unread(&server.url(), &[]);
    let padding = "x".repeat(200);
    for number in 0..RECORDS {
        writer.upsert(&number.to_string(), &format!(r#"{{"n":{number},"x":"{padding}"}}"#));
    }
    writer.ask(r#"{"op":"flush"}"#, "flushed");
    late.read();
    let mut seen = BTreeSet::new();
    while (seen.len() as u64) < RECORDS {
        seen.insert(late.expect("changed")["data"]["n"].as_u64().unwrap());
    }
    assert!(seen.into_iter().eq(0..RECORDS));
}
