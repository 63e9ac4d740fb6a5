//! Extended streams, frame by frame.

use crate::peer::End;
use crate::world::World;
use driftless_core::event::Sequence;
use driftless_core::wire::{CloseCode, ServerMessage, ServerReply};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn extended(world: &mut World) -> usize {
    let peer = world.add_peer();
    world.say(peer, r#"{"type":"auth","protocol":1}"#);
    world.run_for(Duration::from_millis(20));
    world.heard(peer);
    peer
}

/// Checks that the `events` frames of a repository follow each other from `after`, and gives the end.
fn chained(frames: &[String], mut after: u64) -> u64 {
    for frame in frames {
        let ServerMessage::Events(events) = ServerReply::decode(&frame.as_str().into()).unwrap().message else {
            continue;
        };
        assert_eq!(events.after.map(Sequence::get), Some(after), "{frame:.100}");
        let last = events.last.unwrap().get();
        assert_eq!(events.events.len() as u64, last - after, "{frame:.100}");
        after = last;
    }
    after
}

#[test]
fn frames_follow_each_other_without_a_gap_through_catch_up_and_live() {
    let mut world = World::new();
    let (writer, reader) = (extended(&mut world), extended(&mut world));
    let text = "x".repeat(500);
    let push = |world: &mut World, from: usize, to: usize| {
        let event = |n| format!(r#"{{"eventId":"e{n}","data":{{"t":"{text}"}}}}"#);
        let events: Vec<_> = (from..to).map(event).collect();
        world.say(
            writer,
            &format!(
                r#"{{"type":"push_events_batch","repository":"users","events":[{}]}}"#,
                events.join(",")
            ),
        );
    };
    push(&mut world, 0, 1_000);
    world.run_for(SECOND);
    world.say(
        reader,
        r#"{"type":"subscribe","repositories":{"users":{"afterSequence":10}}}"#,
    );
    for n in 0..20 {
        push(&mut world, 1_000 + n * 50, 1_050 + n * 50);
        world.run_for(Duration::from_millis(3));
        world.listen(reader, n % 3 == 0);
    }
    world.listen(reader, true);
    world.run_for(5 * SECOND);
    let heard = world.heard(reader);
    assert_eq!(chained(&heard, 10), 2_000);
    let complete = heard
        .iter()
        .filter(|frame| frame.starts_with(r#"{"type":"sync_complete""#))
        .count();
    assert_eq!(complete, 1, "once, when the head was reached first");
    let largest = heard.iter().map(String::len).max().unwrap();
    assert!(largest <= world.limits.page_bytes + 200, "{largest}");
}

#[test]
fn nothing_streams_that_is_not_subscribed() {
    let mut world = World::new();
    let (writer, reader) = (extended(&mut world), extended(&mut world));
    world.say(
        writer,
        r#"{"type":"push_event","repository":"users","event":{"eventId":"a"}}"#,
    );
    world.run_for(5 * SECOND);
    assert_eq!(world.heard(reader), [""; 0]);
}

#[test]
fn another_subject_ends_all_streams() {
    let mut world = World::new();
    let (writer, reader) = (extended(&mut world), extended(&mut world));
    world.say(
        reader,
        r#"{"type":"subscribe","repositories":{"users":{"afterSequence":0}}}"#,
    );
    world.run_for(SECOND);
    world.say(reader, r#"{"type":"auth","protocol":1,"token":"other"}"#);
    world.run_for(SECOND);
    world.heard(reader);
    world.say(
        writer,
        r#"{"type":"push_event","repository":"users","event":{"eventId":"a"}}"#,
    );
    world.run_for(SECOND);
    assert_eq!(world.heard(reader), [""; 0]);
}

#[test]
fn the_same_subject_keeps_its_streams() {
    let mut world = World::new();
    let (writer, reader) = (extended(&mut world), extended(&mut world));
    world.say(
        reader,
        r#"{"type":"subscribe","repositories":{"users":{"afterSequence":0}}}"#,
    );
    world.run_for(SECOND);
    world.say(reader, r#"{"type":"auth","protocol":1}"#);
    world.run_for(SECOND);
    world.heard(reader);
    world.say(
        writer,
        r#"{"type":"push_event","repository":"users","event":{"eventId":"a"}}"#,
    );
    world.run_for(SECOND);
    assert_eq!(chained(&world.heard(reader), 0), 1);
}

#[test]
fn who_does_not_authenticate_is_closed() {
    let mut world = World::new();
    let peer = world.add_peer();
    world.run_for(11 * SECOND);
    assert_eq!(world.peers[peer].end, End::Closed(CloseCode::UNAUTHENTICATED));
}

#[test]
fn who_is_silent_after_a_ping_is_closed() {
    let mut world = World::new();
    let peer = extended(&mut world);
    world.run_for(42 * SECOND);
    assert_eq!(world.heard(peer), [r#"{"type":"ping"}"#]);
    assert_eq!(world.peers[peer].end, End::Closed(CloseCode::HEARTBEAT_MISSED));
}

#[test]
fn a_stopping_server_finishes_what_is_under_way() {
    let mut world = World::new();
    let peer = extended(&mut world);
    world.store_delay = SECOND;
    world.say(
        peer,
        r#"{"type":"push_event","repository":"users","event":{"eventId":"a"}}"#,
    );
    world.run_for(Duration::from_millis(100));
    world.shut_down();
    world.run_for(5 * SECOND);
    let heard = world.heard(peer);
    assert!(
        heard.iter().any(|frame| frame.starts_with(r#"{"type":"ack""#)),
        "{heard:?}"
    );
    assert_eq!(world.peers[peer].end, End::Closed(CloseCode::RESTART));
}

#[test]
fn behind_a_refused_event_nothing_of_its_log_is_stored_until_it_comes_again() {
    let mut world = World::new();
    let peer = extended(&mut world);
    let push = |id: &str, repository: &str| {
        format!(r#"{{"type":"push_event","repository":"{repository}","event":{{"eventId":"{id}"}}}}"#)
    };
    world.store_fails = true;
    world.say(peer, &push("a", "users"));
    world.run_for(Duration::from_millis(100));
    world.store_fails = false;
    world.say(peer, &push("b", "users"));
    world.say(peer, &push("c", "todos"));
    world.run_for(Duration::from_millis(100));
    assert_eq!((world.ids("users").len(), world.ids("todos").len()), (0, 1));
    let heard = world.heard(peer);
    assert!(
        heard[0].contains(r#""retryable":true"#) && heard[0].contains(r#""eventIds":["a"]"#),
        "{heard:?}"
    );
    world.say(peer, &push("a", "users"));
    world.say(peer, &push("b", "users"));
    world.run_for(Duration::from_millis(100));
    let ids: Vec<_> = world.ids("users").iter().map(ToString::to_string).collect();
    assert_eq!(ids, ["a", "b"]);
}
