//! What the server says to frames that it cannot follow. The connection stays open.

use crate::peer::End;
use crate::world::World;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn answers(frames: &[&str], auth: Option<&str>) -> String {
    let mut world = World::new();
    let peer = world.add_peer();
    if let Some(auth) = auth {
        world.say(peer, auth);
        world.run_for(SECOND);
        world.heard(peer);
    }
    let mut lines = Vec::new();
    for frame in frames {
        world.say(peer, frame);
        world.run_for(Duration::from_millis(100));
        lines.push((*frame).to_owned());
        lines.extend(world.heard(peer).into_iter().map(|answer| format!("    {answer}")));
    }
    if let End::Closed(code) = world.peers[peer].end {
        lines.push(format!("closed {code}"));
    }
    lines.join("\n")
}

#[test]
fn before_authentication() {
    assert_kept!(answers(
        &[
            r#"{"type":"ping","ref":1}"#,
            r#"{"type":"pong"}"#,
            r#"{"type":"request_all_events","ref":"r"}"#,
            r#"{"type":"push_event","repository":"users","event":{"eventId":"e"}}"#,
            r#"{"type":"subscribe","repositories":{"users":{"afterSequence":0}}}"#,
            r#"{"type":"teleport"}"#,
            "[]",
            r#"{"type":"auth","token":7}"#,
            r#"{"type":"auth","token":"bad"}"#,
            r#"{"type":"ping"}"#,
        ],
        None
    ));
}

#[test]
fn pushes() {
    assert_kept!(answers(
        &[
            r#"{"type":"push_event","repository":"users","event":{"eventId":"e1","data":{"n":1.0}},"ref":7}"#,
            r#"{"type":"push_event","repository":"users","event":{"eventId":"e1","data":{"n":1.0},"serverSequence":99,"_id":"x"}}"#,
            r#"{"type":"push_event","repository":"users","event":{"eventId":"e1","data":{"n":2}}}"#,
            r#"{"type":"push_event","repository":"users","event":{"eventId":7}}"#,
            r#"{"type":"push_event","repository":"users","event":null}"#,
            r#"{"type":"push_event","repository":"_users","event":{"eventId":"e2"}}"#,
            r#"{"type":"push_event","repository":"users"}"#,
            r#"{"type":"push_events_batch","repository":"users","events":[]}"#,
            r#"{"type":"push_events_batch","repository":"users","events":[{"eventId":"e3"},{"eventId":"e4","operation":9},1,{"eventId":"e5"},{"eventId":"e1","x":1}],"ref":{"a":1}}"#,
            r#"{"type":"push_events_batch","repository":"system.x","events":[{"eventId":"e6"},{}]}"#,
            r#"{"type":"push_events_batch","repository":"users","events":{}}"#,
        ],
        Some(r#"{"type":"auth","protocol":1}"#)
    ));
}

#[test]
fn reads() {
    assert_kept!(answers(
        &[
            r#"{"type":"push_events_batch","repository":"users","events":[{"eventId":"a","createdAt":"2025-01-01T00:00:00Z"},{"eventId":"b","createdAt":"2025-02-01T01:00:00+01:00"},{"eventId":"c"}]}"#,
            r#"{"type":"push_event","repository":"todos","event":{"eventId":"a"}}"#,
            r#"{"type":"request_events","repository":"users","ref":1}"#,
            r#"{"type":"request_events","repository":"users","afterSequence":2}"#,
            r#"{"type":"request_events","repository":"users","afterSequence":3}"#,
            r#"{"type":"request_events","repository":"users","since":"2025-02-01T00:00:00.000Z"}"#,
            r#"{"type":"request_events","repository":"users","since":"2025-02-01T00:00:00.001Z","limit":1}"#,
            r#"{"type":"request_events","repository":"users","limit":2}"#,
            r#"{"type":"request_events","repository":"users","since":"soon"}"#,
            r#"{"type":"request_events","repository":"nothing here"}"#,
            r#"{"type":"request_all_events","ref":2}"#,
            r#"{"type":"request_all_events","limit":1}"#,
            r#"{"type":"request_all_events","repository":"todos"}"#,
            r#"{"type":"events_received","repository":"users","count":3}"#,
        ],
        Some(r#"{"type":"auth","protocol":1}"#)
    ));
}

#[test]
fn streams() {
    assert_kept!(answers(
        &[
            r#"{"type":"subscribe","epoch":"epoch-1","repositories":{"users":{"afterSequence":0}},"ref":1}"#,
            r#"{"type":"push_event","repository":"users","event":{"eventId":"a"}}"#,
            r#"{"type":"push_event","repository":"users","event":{"eventId":"b"}}"#,
            r#"{"type":"subscribe","epoch":"epoch-1","repositories":{"users":{"afterSequence":1,"seen":[1,"a"]}},"ref":2}"#,
            r#"{"type":"subscribe","epoch":"epoch-1","repositories":{"users":{"afterSequence":1,"seen":[1,"z"]}},"ref":3}"#,
            r#"{"type":"push_event","repository":"users","event":{"eventId":"c"}}"#,
            r#"{"type":"subscribe","epoch":"epoch-1","repositories":{"users":{"afterSequence":9}},"ref":4}"#,
            r#"{"type":"subscribe","epoch":"epoch-0","repositories":{"users":{"afterSequence":1},"todos":{"afterSequence":0}},"ref":5}"#,
            r#"{"type":"subscribe","epoch":"epoch-1","repositories":{"users":{"afterSequence":3,"seen":[3,"c"]}},"ref":6}"#,
            r#"{"type":"unsubscribe","repositories":["users"]}"#,
            r#"{"type":"push_event","repository":"users","event":{"eventId":"d"}}"#,
        ],
        Some(r#"{"type":"auth","protocol":1}"#)
    ));
}
