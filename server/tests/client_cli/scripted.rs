//! What only a scripted server does.

use crate::process::{Client, DEADLINE};
use serde_json::{Value, json};
use std::net::{TcpListener, TcpStream};
use std::thread;
use tungstenite::{Message, WebSocket};

/// A server that refuses every event for good.
fn refuse_everything(listener: &TcpListener) {
    let (tcp, _) = listener.accept().unwrap();
    tcp.set_read_timeout(Some(DEADLINE)).unwrap();
    let mut socket = tungstenite::accept(tcp).unwrap();
    loop {
        let Ok(message) = socket.read() else {
            return;
        };
        let Message::Text(text) = message else {
            continue;
        };
        let frame: Value = serde_json::from_str(&text).unwrap();
        answer(&mut socket, &frame);
    }
}

fn answer(socket: &mut WebSocket<TcpStream>, frame: &Value) {
    let reply = match frame["type"].as_str().unwrap() {
        "auth" => json!({
            "type": "auth_success", "protocol": 1, "epoch": "e", "scope": "s", "serverTime": "2025-01-23T10:00:00Z",
            "heartbeatMs": 30_000, "limits": {"frameBytes": 1 << 24, "eventBytes": 1 << 24, "batchEvents": 10_000},
        }),
        "subscribe" => json!({"type": "sync_complete", "repository": "users", "lastSequence": 0, "ref": frame["ref"]}),
        "push_event" => refusal(&[frame["event"].clone()], &frame["ref"]),
        "push_events_batch" => refusal(frame["events"].as_array().unwrap(), &frame["ref"]),
        "ping" => json!({"type": "pong"}),
        _ => return,
    };
    socket.send(Message::text(reply.to_string())).unwrap();
}

fn refusal(events: &[Value], reference: &Value) -> Value {
    let ids: Vec<&Value> = events.iter().map(|event| &event["eventId"]).collect();
    let indexes: Vec<usize> = (0..ids.len()).collect();
    json!({
        "type": "error", "code": "event_id_conflict", "retryable": false, "message": "the id is taken",
        "repository": "users", "eventIds": ids, "indexes": indexes, "ref": reference,
    })
}

#[test]
fn a_refused_event_comes_back_with_its_reason_and_its_body() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("ws://{}/sync", listener.local_addr().unwrap());
    let server = thread::spawn(move || refuse_everything(&listener));
    let mut client = Client::start(&url, &["--spelling", "seeds"]);
    client.upsert("a", r#"{"n":1}"#);
    let rejected = client.expect("rejected");
    assert_eq!(rejected["repository"], "users");
    assert_eq!(rejected["code"], "event_id_conflict");
    assert_eq!(rejected["message"], "the id is taken");
    assert_eq!(rejected["eventId"], rejected["body"]["eventId"]);
    assert_eq!(
        (&rejected["body"]["dataId"], &rejected["body"]["data"]),
        (&json!("a"), &json!({"n": 1}))
    );
    // It has left the outbox and the record.
    client.ask(r#"{"op":"flush"}"#, "flushed");
    let record = client.ask(r#"{"op":"get","repository":"users","id":"a"}"#, "record");
    assert_eq!(record["data"], Value::Null);
    client.say(r#"{"op":"stop"}"#);
    assert!(client.wait().success());
    server.join().unwrap();
}
