//! Events that come by HTTP.

use crate::support::http::{get, post, send};
use crate::support::{Server, Setup, socket};
use driftless_core::server::ServerLimits;
use driftless_server::http::HttpLimits;
use serde_json::json;

/// Bytes that a parser would change: order, number text, escapes, white space.
const RAW: &str =
    r#"{"_event_id":"e\u00e4","z":1.0, "a":1e400,"n":12345678901234567890123,"_data":{"b":"\/","id":"r"}}"#;

#[test]
fn an_event_comes_back_byte_for_byte() {
    let server = Server::start();
    let pushed = post(server.address, "/api/events/users", RAW);
    assert_eq!(pushed.status, 201);
    let expected = json!({"status": "success", "repository": "users", "eventId": "eä", "serverSequence": 1});
    assert_eq!(pushed.json(), expected);
    let stored = format!("{},\"serverSequence\":1}}", RAW.strip_suffix('}').unwrap());
    let events = get(server.address, "/api/events/users").body;
    assert!(events.contains(&stored), "{events}");
    for target in ["/api/events/users/e%C3%A4", "/api/events/users/byDataId/r"] {
        let body = get(server.address, target).body;
        assert_eq!(body, format!(r#"{{"repository":"users","event":{stored}}}"#));
    }
}

#[test]
fn a_repeat_is_a_201_with_the_first_sequence() {
    let server = Server::start();
    for _ in 0..2 {
        let pushed = post(server.address, "/api/events/users", r#"{"eventId":"e","data":1}"#);
        assert_eq!((pushed.status, &pushed.json()["serverSequence"]), (201, &json!(1)));
        assert_eq!(pushed.json().get("conflicts"), None);
    }
    let other = post(server.address, "/api/events/users", r#"{"eventId":"e","data":2}"#);
    assert_eq!(other.status, 201);
    assert_eq!(other.json()["serverSequence"], 1);
    assert_eq!(other.json()["conflicts"], json!(["e"]));
    let batch = r#"{"events":[{"eventId":"f"},{"eventId":"e","data":2}]}"#;
    let batch = post(server.address, "/api/events/users/batch", batch);
    assert_eq!(batch.status, 201);
    let expected = json!({
        "status": "success", "repository": "users", "eventIds": ["f", "e"], "count": 2,
        "sequences": {"f": 2, "e": 1}, "conflicts": ["e"],
    });
    assert_eq!(batch.json(), expected);
    assert_eq!(get(server.address, "/api/events/users").json()["count"], 2);
    let metrics = get(server.address, "/metrics").body;
    assert!(
        metrics.contains("\ndriftless_events_conflicting_total 2\n"),
        "{metrics}"
    );
    assert!(metrics.contains("\ndriftless_events_duplicate_total 1\n"), "{metrics}");
}

#[test]
fn one_invalid_event_keeps_the_whole_batch_out() {
    let server = Server::start();
    let target = "/api/events/users/batch";
    let batch = r#"{"events":[{"_event_id":"a"},{"_data":{}},{"_event_id":"c"}]}"#;
    let refused = post(server.address, target, batch);
    refused.assert_error(400, "invalid_event", "Missing required field: _event_id (events[1])");
    assert_eq!(get(server.address, "/api/events/users").json()["count"], 0);
    for (body, message) in [
        ("{}", "Missing required field: events"),
        (r#"{"events":{}}"#, "`events` is not an array"),
        (r#"[{"_event_id":"a"}]"#, "not a JSON object"),
        (r#"{"events":[{"_event_id":"a"}"#, "not valid JSON"),
        (r#"{"events":[],"events":[]}"#, "duplicate field"),
    ] {
        post(server.address, target, body).assert_error(400, "bad_message", message);
    }
    let empty = post(server.address, target, r#"{"events":[]}"#);
    assert_eq!((empty.status, &empty.json()["count"]), (201, &json!(0)));
}

#[test]
fn what_is_not_an_event_is_told() {
    let server = Server::start();
    let target = "/api/events/users";
    let missing = "Missing required field: _event_id";
    for (body, code, message) in [
        ("{}", "invalid_event", missing),
        (r#"{"_data":{"eventId":"inside"}}"#, "invalid_event", missing),
        (r#"{"_event_id":7}"#, "invalid_event", "not a string"),
        (r#"{"_event_id":""}"#, "invalid_event", "empty"),
        (r#"{"_event_id":"e","_operation":2}"#, "invalid_event", "delete"),
        ("[]", "invalid_event", "JSON object"),
        ("", "bad_message", "not valid JSON"),
        (r#"{"_event_id":"e"} x"#, "bad_message", "not valid JSON"),
    ] {
        post(server.address, target, body).assert_error(400, code, message);
    }
    let deep = format!(r#"{{"_event_id":"e","x":{}{}}}"#, "[".repeat(200), "]".repeat(200));
    post(server.address, target, &deep).assert_error(400, "bad_message", "128 levels");
    send(server.address, "POST", target, &[], b"{\"_event_id\":\"\xff\"}").assert_error(400, "bad_message", "UTF-8");
    for repository in ["_mine", "system.users", "a%00b", &"x".repeat(129)] {
        let target = format!("/api/events/{repository}");
        post(server.address, &target, r#"{"eventId":"e"}"#).assert_error(400, "invalid_repository", "repository name");
    }
}

#[test]
fn the_body_is_json_whatever_its_type() {
    let server = Server::start();
    for (index, kind) in ["text/plain", "application/x-www-form-urlencoded", "image/png"]
        .iter()
        .enumerate()
    {
        let body = format!(r#"{{"eventId":"{index}"}}"#);
        let headers = [("Content-Type", *kind)];
        let pushed = send(server.address, "POST", "/api/events/users", &headers, body.as_bytes());
        assert_eq!(pushed.status, 201, "{kind}");
    }
}

#[test]
fn sizes_have_limits() {
    let server = Server::with(Setup {
        limits: ServerLimits {
            event_bytes: 100,
            batch_events: 2,
            ..ServerLimits::default()
        },
        http: HttpLimits {
            body_bytes: 1_000,
            ..HttpLimits::default()
        },
        ..Setup::default()
    });
    let event = |bytes: usize| format!(r#"{{"eventId":"e","x":"{}"}}"#, "x".repeat(bytes));
    let target = "/api/events/users";
    post(server.address, target, &event(200)).assert_error(413, "event_too_large", "100 bytes");
    post(server.address, target, &event(1_000)).assert_error(413, "event_too_large", "1000 bytes");
    post(server.address, target, &event(1 << 20)).assert_error(413, "event_too_large", "1000 bytes");
    let batch = r#"{"events":[{"eventId":"a"},{"eventId":"b"},{"eventId":"c"}]}"#;
    let target = "/api/events/users/batch";
    post(server.address, target, batch).assert_error(413, "batch_too_large", "2 events");
    assert_eq!(get(server.address, "/api/repositories").json()["count"], 0);
}

#[test]
fn what_is_pushed_by_http_is_broadcast_to_sockets_and_the_other_way_round() {
    let server = Server::start();
    let mut socket = socket::subscribed(server.address, "/sync", "users");
    assert_eq!(socket::hear(&mut socket)["type"], "sync_complete");
    post(server.address, "/api/events/users", r#"{"eventId":"from-http"}"#);
    let frame = socket::hear(&mut socket);
    assert_eq!(frame["events"], json!([{"eventId": "from-http", "serverSequence": 1}]));
    let push = r#"{"type":"push_event","repository":"users","event":{"eventId":"from-socket"}}"#;
    socket::say(&mut socket, push);
    while socket::hear(&mut socket)["type"] != "ack" {}
    let read = get(server.address, "/api/events/users?afterSequence=1").json();
    assert_eq!(read["events"], json!([{"eventId": "from-socket", "serverSequence": 2}]));
}

#[test]
fn namespaces_do_not_see_each_other() {
    let server = Server::start();
    let mut socket = socket::subscribed(server.address, "/sync/tenant", "users");
    assert_eq!(socket::hear(&mut socket)["type"], "sync_complete");
    post(server.address, "/api/events/users", r#"{"eventId":"a"}"#);
    let pushed = post(server.address, "/api/ns/tenant/events/users", r#"{"eventId":"b"}"#);
    assert_eq!(pushed.json()["serverSequence"], 1);
    assert_eq!(socket::hear(&mut socket)["events"][0]["eventId"], "b");
    for (target, id) in [("/api/ns/default", "a"), ("/api/ns/tenant", "b")] {
        let read = get(server.address, &format!("{target}/events/users")).json();
        assert_eq!(read["events"], json!([{"eventId": id, "serverSequence": 1}]));
    }
}
