//! What the server answers to what it cannot take, word for word where peers depend on it.

use crate::support::event::{assert_dense, batch, upsert};
use crate::support::peer::{Frame, Peer};
use crate::support::{Server, http};
use serde_json::json;

#[test]
fn a_frame_that_is_no_message_gets_an_error_and_the_connection_stays() {
    let server = Server::start();
    let mut peer = Peer::plain(server.address);
    let deep = format!(r#"{{"type":"ping","x":{}{}}}"#, "[".repeat(200), "]".repeat(200));
    for frame in [
        "not json",
        "[]",
        "{}",
        r#"{"type":1}"#,
        r#"{"type":"ping""#,
        r#"{"type":"push_event","repository":"notes"}"#,
        r#"{"type":"push_event","event":{"eventId":"e"}}"#,
        r#"{"type":"request_events"}"#,
        r#"{"type":"request_events","repository":"notes","since":"yesterday"}"#,
        &deep,
    ] {
        peer.send(frame);
        assert_refused(&peer.expect("error"), "bad_message", false);
    }
    peer.send_binary(b"\x00\x01");
    assert_refused(&peer.expect("error"), "bad_message", false);
    peer.send(r#"{"type":"dance"}"#);
    assert_refused(&peer.expect("error"), "unknown_type", false);
    peer.send(r#"{"type":"ping"}"#);
    peer.expect("pong");
}

#[test]
fn a_ref_comes_back_on_every_reply() {
    let server = Server::start();
    let mut peer = Peer::extended(server.address);
    let event = upsert("e", "r", "{}");
    for (request, kinds) in [
        (r#"{"type":"ping","ref":#}"#.to_owned(), vec!["pong"]),
        (
            format!(r#"{{"type":"push_event","repository":"notes","event":{event},"ref":#}}"#),
            vec!["ack"],
        ),
        (
            r#"{"type":"push_events_batch","repository":"notes","events":[{}],"ref":#}"#.to_owned(),
            vec!["error"],
        ),
        (
            r#"{"type":"request_events","repository":"notes","ref":#}"#.to_owned(),
            vec!["events", "sync_complete"],
        ),
        (r#"{"type":"dance","ref":#}"#.to_owned(), vec!["error"]),
    ] {
        let reference = json!({"n": [1, "two"]});
        peer.send(&request.replace('#', &reference.to_string()));
        for kind in kinds {
            assert_eq!(peer.expect(kind).reference.as_ref(), Some(&reference), "{request}");
        }
    }
}

#[test]
fn a_name_that_is_no_repository_is_refused_with_all_its_events() {
    let server = Server::start();
    let mut peer = Peer::plain(server.address);
    let long = "x".repeat(129);
    for name in ["", "_counters", "system.users", "a\\nb", &long] {
        peer.send(&batch(name, &[upsert("a", "r", "{}"), upsert("b", "r", "{}")]));
        let error = peer.expect("error");
        assert_refused(&error, "invalid_repository", false);
        assert_eq!(error.event_ids, ["a", "b"]);
    }
}

#[test]
fn the_valid_events_of_a_batch_are_stored_and_the_others_named() {
    let server = Server::start();
    let mut peer = Peer::plain(server.address);
    let events = [
        upsert("good", "r", "{}"),
        r#"{"_event_id":""}"#.to_owned(),
        upsert("good too", "r", "{}"),
        r#"{"data":{"id":"no event id"}}"#.to_owned(),
        r#"{"eventId":"twice","eventId":"twice"}"#.to_owned(),
        r#"{"eventId":"a delete of nothing","operation":2}"#.to_owned(),
        "17".to_owned(),
    ];
    peer.send(&batch("notes", &events));
    let ack = peer.skip_to_reply();
    assert_eq!(ack.kind, "ack", "{}", ack.text);
    assert_eq!(ack.event_ids, ["good", "good too"]);
    assert_eq!(ack.sequences["notes"]["good too"], 2);
    let error = peer.skip_to_reply();
    assert_refused(&error, "invalid_event", false);
    assert_eq!(error.repository.as_deref(), Some("notes"));
    assert_eq!(error.indexes, [1, 3, 4, 5, 6]);
    assert!(
        error.event_ids.contains(&"a delete of nothing".to_owned()),
        "{}",
        error.text
    );
    assert_dense(1, &http::log(server.address, "notes"));
}

#[test]
fn what_is_too_large_is_refused_by_name() {
    let server = Server::start();
    let mut peer = Peer::extended(server.address);
    let events: Vec<String> = (0..10_001)
        .map(|number| format!(r#"{{"eventId":"{number}"}}"#))
        .collect();
    peer.send(&batch("notes", &events));
    assert_refused(&peer.expect("error"), "batch_too_large", false);

    let mut peer = Peer::extended(server.address);
    let text = "x".repeat((15 << 20) + 1);
    let large = upsert("large", "r", &format!(r#""{text}""#));
    peer.send(&batch("notes", &[upsert("small", "r", "{}"), large]));
    assert_eq!(peer.expect("ack").event_ids, ["small"]);
    let error = peer.expect("error");
    assert_refused(&error, "event_too_large", false);
    assert_eq!(error.event_ids, ["large"]);
    assert_eq!(error.indexes, [1]);

    let frame = format!(r#"{{"type":"ping","x":"{}"}}"#, "x".repeat(16 << 20));
    // The server may close before it has taken all of it.
    let _ = peer.try_send(&frame);
    let code = peer.closed();
    assert!(matches!(code, Some(1009) | None), "{code:?}");
}

#[test]
fn nothing_but_auth_and_ping_works_before_auth() {
    let server = Server::start();
    let mut peer = Peer::open(server.address);
    peer.send(r#"{"type":"ping"}"#);
    peer.expect("pong");
    for frame in [
        batch("notes", &[upsert("e", "r", "{}")]),
        r#"{"type":"request_all_events"}"#.to_owned(),
        r#"{"type":"subscribe","repositories":{"notes":{"afterSequence":0}}}"#.to_owned(),
    ] {
        peer.send(&frame);
        let error = peer.expect("error");
        assert_refused(&error, "not_authenticated", true);
        assert_eq!(error.message.as_deref(), Some("Not authenticated"));
    }
    assert!(http::log(server.address, "notes").is_empty());
}

#[test]
fn wrong_credentials_end_the_connection_with_4401() {
    let server = Server::start_with(&["--token", "secret"]);
    for auth in [r#"{"type":"auth","token":"wrong"}"#, r#"{"type":"auth"}"#] {
        let mut peer = Peer::open(server.address);
        peer.send(auth);
        let error = peer.expect("error");
        assert_eq!(error.code.as_deref(), Some("auth_failed"));
        assert!(!error.text.contains("secret"), "{}", error.text);
        assert_eq!(peer.closed(), Some(4401));
    }
    assert_eq!(http::get(server.address, "/api/repositories").status, 401);
}

#[test]
fn a_repeat_is_acked_with_its_first_sequence_and_broadcast_to_nobody() {
    let server = Server::start();
    let mut listener = Peer::extended(server.address);
    listener.subscribe("notes", 0);
    listener.expect("sync_complete");
    let mut peer = Peer::extended(server.address);
    let first = batch("notes", &[upsert("a", "r", r#"{"n":1.0}"#), upsert("b", "r", "{}")]);
    peer.send(&first);
    let before = peer.expect("ack").sequences;
    peer.send(&first);
    assert_eq!(peer.expect("ack").sequences, before);
    peer.send(&batch("notes", &[upsert("c", "r", "{}")]));
    assert_eq!(peer.expect("ack").sequences["notes"]["c"], 3);
    let heard = listener.events_up_to("notes", 3);
    assert_eq!(heard.len(), 3);
    assert_dense(1, &heard);
}

#[test]
fn an_event_id_with_another_body_is_a_conflict_and_changes_nothing() {
    let server = Server::start();
    let mut peer = Peer::extended(server.address);
    peer.send(&batch("notes", &[upsert("a", "r", r#"{"n":1}"#)]));
    peer.expect("ack");
    let other = batch("notes", &[upsert("a", "r", r#"{"n":2}"#)]);
    peer.send(&other);
    let error = peer.expect("error");
    assert_refused(&error, "event_id_conflict", false);
    assert_eq!(error.event_ids, ["a"]);

    let mut plain = Peer::plain(server.address);
    plain.send(&other);
    assert_eq!(plain.expect("ack").sequences["notes"]["a"], 1);
    let body = format!(r#"{{"events":[{}]}}"#, upsert("a", "r", r#"{"n":3}"#));
    let response = http::post(server.address, "/api/events/notes/batch", &body);
    assert_eq!(response.status, 201, "{}", response.body);
    assert_eq!(response.json()["conflicts"], json!(["a"]));

    let log = http::log(server.address, "notes");
    assert_eq!(log.len(), 1);
    assert!(log[0].text().contains(r#""_data":{"n":1}"#), "{}", log[0].text());
}

#[test]
fn a_server_that_stops_says_so() {
    let mut server = Server::start();
    let mut peer = Peer::extended(server.address);
    server.stop();
    assert_eq!(peer.closed(), Some(1012));
}

fn assert_refused(error: &Frame, code: &str, retryable: bool) {
    assert_eq!(error.kind, "error", "{}", error.text);
    assert_eq!(error.code.as_deref(), Some(code), "{}", error.text);
    assert_eq!(error.retryable, Some(retryable), "{}", error.text);
    assert!(
        error.message.as_ref().is_some_and(|message| !message.is_empty()),
        "{}",
        error.text
    );
}
