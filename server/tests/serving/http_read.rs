//! Events that are read by HTTP.

use crate::support::http::{get, post, send};
use crate::support::{Server, http};
use serde_json::{Value, json};
use std::net::SocketAddr;

fn push(address: SocketAddr, repository: &str, events: &[Value]) {
    let body = json!({ "events": events }).to_string();
    let pushed = post(address, &format!("/api/events/{repository}/batch"), &body);
    assert_eq!(pushed.status, 201, "{pushed:?}");
}

fn numbered(count: usize) -> Vec<Value> {
    (1..=count)
        .map(|number| json!({"eventId": format!("e{number}")}))
        .collect()
}

fn sequences(page: &Value) -> Vec<u64> {
    let events = page["events"].as_array().unwrap();
    assert_eq!(page["count"], events.len());
    events
        .iter()
        .map(|event| event["serverSequence"].as_u64().unwrap())
        .collect()
}

#[test]
fn pages_are_told_to_go_on_until_the_head() {
    let server = Server::start();
    push(server.address, "users", &numbered(2_500));
    let page = |query: &str| get(server.address, &format!("/api/events/users{query}")).json();
    let first = page("");
    assert_eq!(sequences(&first), (1..=100).collect::<Vec<_>>());
    assert_eq!((&first["hasMore"], &first["lastSequence"]), (&json!(true), &json!(100)));
    assert_eq!(first["repository"], "users");
    assert_eq!(sequences(&page("?limit=5000")).len(), 1_000);
    assert_eq!(sequences(&page("?limit=2&afterSequence=7")), [8, 9]);
    assert_eq!(page("?limit=2&seq=7"), page("?limit=2&afterSequence=7"));
    let last = page("?limit=1000&afterSequence=2000");
    assert_eq!(sequences(&last), (2_001..=2_500).collect::<Vec<_>>());
    assert_eq!(
        (&last["hasMore"], &last["lastSequence"]),
        (&json!(false), &json!(2_500))
    );
    let behind = page("?afterSequence=2500");
    let expected = json!({"repository": "users", "events": [], "count": 0, "hasMore": false, "lastSequence": 2500});
    assert_eq!(behind, expected);
    assert_eq!(page("?afterSequence=9999"), expected);
    assert_eq!(page("?limit=0")["hasMore"], true);
    assert_eq!(get(server.address, "/api/events/nobody").json()["lastSequence"], 0);
}

#[test]
fn since_compares_times_and_includes_events_without_one() {
    let server = Server::start();
    let events = [
        json!({"eventId": "early", "createdAt": "2025-01-23T09:59:59.999Z"}),
        json!({"eventId": "late", "_created_at": "2025-01-23T12:00:00.000001+02:00"}),
        json!({"eventId": "millis", "createdAt": 1_737_626_400_000_i64}),
        json!({"eventId": "without"}),
        json!({"eventId": "unreadable", "createdAt": "yesterday"}),
        json!({"eventId": "old", "createdAt": "1999-01-01T00:00:00Z"}),
    ];
    push(server.address, "users", &events);
    let page = get(server.address, "/api/events/users?since=2025-01-23T10:00:00Z").json();
    assert_eq!(sequences(&page), [2, 3, 4, 5]);
    assert_eq!((&page["hasMore"], &page["lastSequence"]), (&json!(false), &json!(6)));
    let page = get(
        server.address,
        "/api/events/users?since=2025-01-23T10:00:00Z&afterSequence=2&limit=1",
    )
    .json();
    assert_eq!(sequences(&page), [3]);
    assert_eq!((&page["hasMore"], &page["lastSequence"]), (&json!(true), &json!(3)));
}

#[test]
fn since_looks_through_a_long_log() {
    let server = Server::start();
    let mut events = numbered(3_000);
    for event in &mut events {
        event["createdAt"] = json!("1999-01-01T00:00:00Z");
    }
    events[2_900]["createdAt"] = json!("2025-01-01T00:00:00Z");
    push(server.address, "users", &events);
    let page = get(server.address, "/api/events/users?since=2000-01-01T00:00:00Z").json();
    assert_eq!(sequences(&page), [2_901]);
    assert_eq!(
        (&page["hasMore"], &page["lastSequence"]),
        (&json!(false), &json!(3_000))
    );
}

#[test]
fn a_query_that_cannot_be_read_is_told() {
    let server = Server::start();
    for (query, name) in [
        ("afterSequence=x", "afterSequence"),
        ("seq=-1", "seq"),
        ("limit=many", "limit"),
        ("since=soon", "since"),
    ] {
        get(server.address, &format!("/api/events/users?{query}")).assert_error(400, "bad_message", name);
    }
}

#[test]
fn one_event_is_found_by_its_id_and_a_record_by_its_newest_event() {
    let server = Server::start();
    let events = [
        json!({"eventId": "1/2", "dataId": "alice", "data": {"n": 1}}),
        json!({"_event_id": "e2", "_data_id": "alice", "_data": {"n": 2}}),
        json!({"eventId": "e3", "data": {"id": 7}}),
    ];
    push(server.address, "a%20b%2F%C3%A4", &events);
    let found = |target: &str| get(server.address, &format!("/api/events/a%20b%2F%C3%A4/{target}"));
    assert_eq!(found("1%2F2").json()["event"]["serverSequence"], 1);
    assert_eq!(found("byDataId/alice").json()["event"]["serverSequence"], 2);
    assert_eq!(found("byDataId/7").json()["repository"], "a b/ä");
    found("other").assert_error(404, "not_found", "Event not found");
    found("byDataId/bob").assert_error(404, "not_found", "No event");
}

#[test]
fn repositories_are_listed_with_their_heads() {
    let server = Server::start();
    push(server.address, "users", &numbered(3));
    push(server.address, "a%2Fb", &numbered(1));
    let expected = json!({
        "repositories": [
            {"name": "a/b", "eventCount": 1, "maxSequence": 1},
            {"name": "users", "eventCount": 3, "maxSequence": 3},
        ],
        "count": 2,
    });
    assert_eq!(get(server.address, "/api/repositories").json(), expected);
    assert_eq!(get(server.address, "/api/ns/other/repositories").json()["count"], 0);
}

#[test]
fn paths_and_methods_that_are_not_there_are_told_apart() {
    let server = Server::start();
    for target in [
        "/api",
        "/api/event",
        "/api/events",
        "/nowhere",
        "/api/events/a/b/c",
        "/api/ns",
    ] {
        get(server.address, target).assert_error(404, "not_found", "Endpoint not found");
    }
    let put = send(server.address, "PUT", "/api/events/users", &[], b"{}");
    put.assert_error(405, "method_not_allowed", "Method not allowed");
    assert_eq!(put.header("Allow"), Some("GET, HEAD, POST, OPTIONS"));
    for (method, target) in [
        ("POST", "/api/health"),
        ("DELETE", "/api/events/users/e1"),
        ("POST", "/api/repositories"),
    ] {
        let refused = send(server.address, method, target, &[], b"");
        refused.assert_error(405, "method_not_allowed", "Method not allowed");
    }
    get(server.address, "/api/ns/a.b/repositories").assert_error(400, "bad_message", "namespace");
}

#[test]
fn head_is_get_without_the_body() {
    let server = Server::start();
    push(server.address, "users", &numbered(2));
    let whole = get(server.address, "/api/events/users");
    let head = send(server.address, "HEAD", "/api/events/users", &[], b"");
    assert_eq!((head.status, head.body.as_str()), (200, ""));
    assert_eq!(head.header("Content-Length"), Some(&*whole.body.len().to_string()));
}

#[test]
fn many_requests_share_a_connection() {
    use std::io::{BufRead, BufReader, Read, Write};
    let server = Server::start();
    let mut stream = http::connect(server.address);
    let mut reader = BufReader::new(stream.try_clone().unwrap());
    for _ in 0..3 {
        stream
            .write_all(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n")
            .unwrap();
        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            assert!(reader.read_line(&mut head).unwrap() > 0);
        }
        assert!(head.starts_with("HTTP/1.1 200 "), "{head}");
        let mut body = [0; 6];
        reader.read_exact(&mut body).unwrap();
        assert_eq!(&body, b"alive\n");
    }
}
