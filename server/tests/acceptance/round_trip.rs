//! The server rewrites nothing.

use crate::support::event::{Event, batch};
use crate::support::{Client, Peer, Server, http};
use serde::Deserialize;
use serde_json::json;
use serde_json::value::RawValue;

const REPOSITORY: &str = "mixed";

/// What is pushed, and what has to be stored of it, before `serverSequence` is added.
const EVENTS: [(&str, &str); 8] = [
    same(
        r#"{"_event_id":"package","_operation":0,"_created_at":"2025-01-23T10:00:00.000+02:00","_data_id":"r1","_data":{"z":1,"a":1844674407370955161612345,"f":1.0,"e":1e400,"m":-0,"t":1.10e-7,"s":"ünï\u0041\/😀\ud83d\ude00","n":{"b":[1.10,2,[]],"":null}},"extra":true}"#,
    ),
    same(
        r#"{"eventId":"seeds","operation":"update","createdAt":1737629400000,"data":{"id":"r2","price":9007199254740993,"rate":1.0},"unknown":{"k":[1e400]}}"#,
    ),
    same(
        r#"{"eventId":"evt_alice_1737629400000","id":"alice","username":"Alice Ünïcøde 🎉","avatarUrl":"https://example.org/\u00e9?a=1&b=2","big":123456789012345678901234567890,"one":1.0,"createdAt":"2025-01-23T10:00:00Z","updatedAt":"2025-01-23T10:05:00Z"}"#,
    ),
    same("{ \"eventId\" : \"spaces\",\t\"data\" : { \"id\" : \"r3\" , \"a\" : [ 1 , 2 ] } }"),
    same(r#"{"_event_id":"both","eventId":"not me","data":{"application":"data"},"_data":{"id":"r4"},"_operation":1}"#),
    same(r#"{"_event_id":"delete","_operation":2,"_created_at":"2025-01-23T10:00:00.000Z","_data_id":"r1"}"#),
    (
        r#"{"_id":{"$oid":"65b0"},"eventId":"databases own key","data":{"_id":"kept","serverSequence":7},"serverSequence":99}"#,
        r#"{"eventId":"databases own key","data":{"_id":"kept","serverSequence":7}}"#,
    ),
    same(r#"{"eventId":"only an id"}"#),
];

const fn same(event: &str) -> (&str, &str) {
    (event, event)
}

#[test]
fn both_spellings_and_flat_documents_come_back_byte_for_byte() {
    let mut server = Server::start();
    let mut live = Peer::extended(server.address);
    live.subscribe(REPOSITORY, 0);
    live.expect("sync_complete");
    push(&server);
    assert_stored(&live.events_up_to(REPOSITORY, 8));
    drop(live);
    assert_read_everywhere(&server);
    server.stop();
    server.launch();
    assert_read_everywhere(&server);
    server.kill();
    server.launch();
    assert_read_everywhere(&server);
}

#[test]
fn a_client_shows_numbers_and_text_as_they_were_written() {
    let server = Server::start();
    push(&server);
    let files = tempfile::tempdir().unwrap();
    let url = format!("ws://{}/sync", server.address);
    let mut client = Client::start(&url, &files.path().join("c.db"), &[REPOSITORY], &[]);
    client.reach(REPOSITORY, 8);
    let flat = client.ask_text(json!({"op": "get", "repository": REPOSITORY, "id": "alice"}));
    for part in [
        r#""big":123456789012345678901234567890"#,
        r#""one":1.0"#,
        r#""username":"Alice Ünïcøde 🎉""#,
        r#""avatarUrl":"https://example.org/\u00e9?a=1&b=2""#,
    ] {
        assert!(flat.contains(part), "{part} is not in {flat}");
    }
}

fn push(server: &Server) {
    let mut peer = Peer::extended(server.address);
    peer.send(&batch(REPOSITORY, &EVENTS.map(|(pushed, _)| pushed)));
    assert_eq!(peer.expect("ack").event_ids.len(), EVENTS.len());
}

fn assert_read_everywhere(server: &Server) {
    let mut peer = Peer::extended(server.address);
    peer.subscribe(REPOSITORY, 0);
    assert_stored(&peer.events_up_to(REPOSITORY, 8));
    let mut peer = Peer::plain(server.address);
    peer.send(&format!(
        r#"{{"type":"request_events","repository":"{REPOSITORY}","afterSequence":0}}"#
    ));
    assert_stored(&peer.events_up_to(REPOSITORY, 8));
    assert_stored(&http::log(server.address, REPOSITORY));
    assert_stored(&one_by_one(server));
}

fn one_by_one(server: &Server) -> Vec<Event> {
    #[derive(Deserialize)]
    struct Found {
        event: Box<RawValue>,
    }
    let ids = http::log(server.address, REPOSITORY);
    let get = |event: &Event| {
        let id = event.id().replace(' ', "%20");
        let response = http::get(server.address, &format!("/api/events/{REPOSITORY}/{id}"));
        assert_eq!(response.status, 200, "{}", response.body);
        let found: Found = serde_json::from_str(&response.body).unwrap();
        Event::from(found.event)
    };
    ids.iter().map(get).collect()
}

fn assert_stored(events: &[Event]) {
    let texts: Vec<&str> = events.iter().map(Event::text).collect();
    let expected: Vec<String> = (1..)
        .zip(EVENTS)
        .map(|(sequence, (_, stored))| {
            let open = stored.strip_suffix('}').unwrap();
            format!(r#"{open},"serverSequence":{sequence}}}"#)
        })
        .collect();
    assert_eq!(texts, expected);
}
