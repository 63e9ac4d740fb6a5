//! What each line is answered with.

use crate::process::{Client, Server, free_address, run};
use serde_json::{Value, json};
use tempfile::TempDir;

#[test]
fn a_change_is_told_to_both_and_acked_once() {
    let server = Server::new();
    let mut anna = Client::start(&server.url(), &[]);
    let ben = Client::start(&server.url(), &[]);
    anna.connected();
    ben.connected();
    anna.say(
        r#"{"op":"upsert","repository":"users","id":"alice","data":{"n":12345678901234567890,"ä":1.0},"request":[1]}"#,
    );
    let expected = json!({
        "event": "changed", "repository": "users", "id": "alice", "data": {"n": 12_345_678_901_234_567_890_u64, "ä": 1.0},
        "origin": "local", "sequence": null, "request": [1],
    });
    assert_eq!(anna.expect("changed"), expected);
    let acked = anna.expect("acked");
    assert_eq!(acked["repository"], "users");
    assert_eq!(acked["eventIds"].as_array().unwrap().len(), 1);
    let seen = ben.expect("changed");
    assert_eq!((&seen["origin"], &seen["sequence"]), (&json!("remote"), &json!(1)));
    assert_eq!(seen["data"], expected["data"]);
    anna.ask(r#"{"op":"delete","repository":"users","id":"alice"}"#, "changed");
    let seen = ben.expect("changed");
    assert_eq!((&seen["data"], &seen["sequence"]), (&Value::Null, &json!(2)));
}

#[test]
fn reads_are_answered_from_what_was_written_before() {
    let mut client = Client::start(&format!("ws://{}/sync", free_address()), &[]);
    client.upsert("b", "2");
    client.upsert("a", "1");
    client.say(r#"{"op":"delete","repository":"users","id":"b"}"#);
    let record = client.ask(r#"{"op":"get","repository":"users","id":"a","request":"r"}"#, "record");
    let expected = json!({
        "event": "record", "repository": "users", "id": "a", "data": 1, "pending": true, "sequence": null, "request": "r",
    });
    assert_eq!(record, expected);
    let deleted = client.ask(r#"{"op":"get","repository":"users","id":"b"}"#, "record");
    assert_eq!((&deleted["data"], &deleted["pending"]), (&Value::Null, &json!(true)));
    let missing = client.ask(r#"{"op":"get","repository":"users","id":"c"}"#, "record");
    assert_eq!((&missing["data"], &missing["pending"]), (&Value::Null, &json!(false)));
    let records = client.ask(r#"{"op":"query","repository":"users","request":{"x":1}}"#, "records");
    let expected = json!({
        "event": "records", "repository": "users", "request": {"x": 1},
        "records": [{"id": "a", "data": 1, "pending": true, "sequence": null}],
    });
    assert_eq!(records, expected);
}

#[test]
fn each_change_of_one_record_has_a_line_of_its_own() {
    let mut client = Client::start(&format!("ws://{}/sync", free_address()), &[]);
    for number in 0..50 {
        client.say(&format!(
            r#"{{"op":"upsert","repository":"users","id":"a","data":{number},"request":{number}}}"#
        ));
    }
    for number in 0..50 {
        let changed = client.expect("changed");
        assert_eq!(
            (&changed["data"], &changed["request"]),
            (&json!(number), &json!(number))
        );
    }
}

#[test]
fn status_says_what_waits_and_why() {
    let address = free_address();
    let mut client = Client::start(&format!("ws://{address}/sync"), &[]);
    let status = client.ask(r#"{"op":"status","request":0}"#, "status");
    let expected = json!({
        "event": "status", "connected": false, "pending": [], "blocked": null, "cursors": {"users": 0}, "request": 0,
    });
    assert_eq!(status, expected);
    client.upsert("a", "1");
    client.upsert("b", "2");
    let status = client.ask(r#"{"op":"status"}"#, "status");
    assert_eq!(status["pending"].as_array().unwrap().len(), 2);
    assert_eq!(status["blocked"], "not connected to the server");
    client.say(r#"{"op":"flush","request":7}"#);
    let _server = Server::start(&address, &[]);
    // Acks are told before the flush that waited for them is answered.
    let mut acked = Vec::new();
    let flushed = loop {
        let line = client.next().unwrap();
        match line["event"].as_str().unwrap() {
            "acked" => acked.extend(line["eventIds"].as_array().unwrap().clone()),
            "flushed" => break line,
            _ => {}
        }
    };
    assert_eq!(
        (json!(acked), &flushed["request"]),
        (status["pending"].clone(), &json!(7))
    );
    let status = client.ask(r#"{"op":"status"}"#, "status");
    assert_eq!(
        (&status["connected"], &status["pending"], &status["blocked"]),
        (&json!(true), &json!([]), &Value::Null)
    );
}

#[test]
fn bad_input_is_an_error_line_and_the_client_goes_on() {
    let mut client = Client::start(&format!("ws://{}/sync", free_address()), &[]);
    let wrong = [
        ("nonsense", "not a JSON object"),
        ("[]", "not a JSON object"),
        (r#"{"op":"dance"}"#, "there is no op `dance`"),
        (r#"{"op":"get","repository":"users"}"#, "`id` is missing"),
        (r#"{"op":"get","repository":"others","id":"a"}"#, "not registered"),
        (
            r#"{"op":"upsert","repository":"others","id":"a","data":1}"#,
            "not registered",
        ),
        (
            r#"{"op":"upsert","repository":"_users","id":"a","data":1}"#,
            "`repository`: ",
        ),
        (r#"{"op":"token","token":"a\nb"}"#, "header"),
    ];
    for (line, expected) in wrong {
        let error = client.ask(line, "error");
        assert!(error["message"].as_str().unwrap().contains(expected), "{line}: {error}");
    }
    let error = client.ask(
        r#"{"op":"upsert","repository":"others","id":"a","data":1,"request":"r"}"#,
        "error",
    );
    assert_eq!(error["request"], "r");
    client.upsert("a", "1");
    assert_eq!(client.expect("changed")["data"], 1);
}

#[test]
fn the_end_of_stdin_is_a_stop_behind_everything_asked_for() {
    let address = free_address();
    let mut client = Client::start(&format!("ws://{address}/sync"), &[]);
    for number in 0..100 {
        client.upsert(&number.to_string(), "1");
    }
    client.say(r#"{"op":"flush"}"#);
    client.end_stdin();
    let _server = Server::start(&address, &[]);
    client.expect("flushed");
    while client.next().is_some() {}
    assert!(client.wait().success());
}

#[test]
fn stop_and_sigterm_end_at_once_and_keep_what_waits() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("client.db");
    let nowhere = format!("ws://{}/sync", free_address());
    let mut client = Client::on_file(&nowhere, &file);
    client.upsert("a", "1");
    client.say(r#"{"op":"flush"}"#);
    client.say(r#"{"op":"stop"}"#);
    client.expect("changed");
    assert!(client.wait().success());
    let mut client = Client::on_file(&nowhere, &file);
    client.upsert("b", "2");
    client.expect("changed");
    client.terminate();
    assert!(client.wait().success());
    let mut client = Client::on_file(&nowhere, &file);
    let status = client.ask(r#"{"op":"status"}"#, "status");
    assert_eq!(status["pending"].as_array().unwrap().len(), 2);
}

#[test]
fn a_file_in_use_and_wrong_flags_are_refused_with_a_sentence() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("client.db");
    let nowhere = format!("ws://{}/sync", free_address());
    let mut first = Client::on_file(&nowhere, &file);
    first.ask(r#"{"op":"status"}"#, "status");
    let path = file.to_str().unwrap();
    let (status, _, error) = run(&["client", "--url", &nowhere, "--repository", "users", "--db", path]);
    assert_eq!(status, Some(3), "{error}");
    assert!(error.contains("in use by another client"), "{error}");
    let wrong = [
        (
            vec!["--url", "http://localhost/sync", "--repository", "users"],
            "wss://",
        ),
        (vec!["--url", &nowhere, "--repository", "_users"], "does not start with"),
        (
            vec!["--url", &nowhere, "--repository", "users", "--header", "x"],
            "NAME=VALUE",
        ),
        (
            vec!["--url", &nowhere, "--repository", "users", "--header", "Host=x"],
            "handshake",
        ),
        (vec!["--url", &nowhere], "--repository"),
    ];
    for (flags, expected) in wrong {
        let (status, _, error) = run(&[&["client"][..], &flags].concat());
        assert_eq!(status, Some(2), "{error}");
        assert!(error.contains(expected), "{error}");
    }
}
