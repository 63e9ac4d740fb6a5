//! The habits of plain servers (PROTOCOL.md section 10), each of them harmless.

use super::*;

const COMPLETE: &str = r#"{"type":"sync_complete","repository":"notes"}"#;

fn pull_after(sequence: u64) -> String {
    format!(r#"{{"type":"request_events","repository":"notes","afterSequence":{sequence}}}"#)
}

/// A client that is current with a plain server whose log is empty.
fn live() -> World {
    let mut world = World::plain(config(&["notes"]));
    world.receive(COMPLETE);
    assert_eq!(*world.state(), ConnectionState::Live);
    world.forget();
    world
}

fn events(range: core::ops::RangeInclusive<u64>) -> Vec<String> {
    range
        .map(|sequence| event(sequence, &format!("r{sequence}"), "1"))
        .collect()
}

fn plain_ack(id: &str) -> String {
    format!(r#"{{"type":"ack","eventIds":["{id}"],"repositories":{{"notes":["{id}"]}}}}"#)
}

#[test]
fn the_main_path_against_a_plain_server() {
    let mut world = World::plain(config(&["notes"]));
    world.receive(&plain_events(&events(1..=2)));
    world.receive(COMPLETE);
    world.receive(COMPLETE);
    let id = world.put("a", "1");
    world.receive(&plain_events(&[event(3, "a", "1").replace("x3", &id)]));
    world.receive(&plain_ack(&id));
    insta::assert_snapshot!(world.trace());
}

#[test]
fn pulls_are_repeated_until_a_reply_is_empty() {
    let mut world = World::plain(config(&["notes"]));
    assert_eq!(world.frames(), [pull_after(0)]);
    world.receive(&plain_events(&events(1..=100)));
    world.receive(COMPLETE);
    assert_eq!(world.frames(), [pull_after(100)]);
    assert_eq!(*world.state(), ConnectionState::CatchingUp);
    world.receive(&plain_events(&events(101..=130)));
    world.receive(COMPLETE);
    assert_eq!(world.frames(), [pull_after(130)]);
    world.receive(COMPLETE);
    assert_eq!(world.frames(), [""; 0]);
    assert_eq!((world.cursor(), world.state()), (130, &ConnectionState::Live));
}

#[test]
fn a_live_event_before_the_catch_up_does_not_jump_over_what_was_missed() {
    let mut world = World::plain(config(&["notes"]));
    world.forget();
    world.receive(&plain_events(&events(500..=500)));
    world.receive(&plain_events(&events(1..=100)));
    world.receive(COMPLETE);
    assert_eq!((world.cursor(), world.frames()), (100, vec![pull_after(100)]));
    // Nothing is left of it: it comes again.
    world.receive(&plain_events(&events(101..=200)));
    world.receive(COMPLETE);
    for first in [201, 301, 401] {
        world.receive(&plain_events(&events(first..=first + 99)));
        world.receive(COMPLETE);
    }
    world.receive(COMPLETE);
    assert_eq!((world.cursor(), world.state()), (500, &ConnectionState::Live));
    assert_eq!(world.disk.records.len(), 500);
}

#[test]
fn a_catch_up_cut_to_the_newest_events_of_records_is_confirmed_and_taken() {
    let mut world = World::plain(config(&["notes"]));
    world.forget();
    let newest: Vec<String> = [7, 9, 12]
        .iter()
        .map(|sequence| event(*sequence, &format!("r{sequence}"), "1"))
        .collect();
    world.receive(&plain_events(&newest));
    world.receive(COMPLETE);
    assert_eq!((world.cursor(), world.frames()), (0, vec![pull_after(0)]));
    world.receive(&plain_events(&newest));
    world.receive(COMPLETE);
    assert_eq!((world.cursor(), world.frames()), (12, vec![pull_after(12)]));
    world.receive(COMPLETE);
    assert_eq!(*world.state(), ConnectionState::Live);
    assert_eq!(world.disk.records.len(), 3);
}

#[test]
fn a_reply_with_holes_behind_the_cursor_is_taken_whole() {
    let mut world = World::plain(config(&["notes"]));
    world.receive(&plain_events(&[
        event(1, "a", "1"),
        event(5, "b", "1"),
        event(9, "c", "1"),
    ]));
    world.receive(COMPLETE);
    assert_eq!(world.cursor(), 9);
}

#[test]
fn a_live_event_while_current_continues_or_is_pulled_for() {
    let mut world = live();
    world.receive(&plain_events(&events(1..=1)));
    assert_eq!((world.cursor(), world.frames()), (1, vec![]));
    world.receive(&plain_events(&events(4..=4)));
    assert_eq!((world.cursor(), world.frames()), (1, vec![pull_after(1)]));
    world.receive(&plain_events(&events(2..=4)));
    world.receive(COMPLETE);
    world.receive(COMPLETE);
    assert_eq!((world.cursor(), world.disk.records.len()), (4, 4));
    assert_eq!(*world.state(), ConnectionState::Live);
}

#[test]
fn a_hole_that_no_pull_fills_is_accepted() {
    let mut world = live();
    world.receive(&plain_events(&events(3..=3)));
    for _ in 0..2 {
        world.receive(&plain_events(&events(3..=3)));
        world.receive(COMPLETE);
    }
    world.receive(COMPLETE);
    assert_eq!((world.cursor(), world.disk.records.len()), (3, 1));
}

#[test]
fn newest_first_is_sorted() {
    let mut world = World::plain(config(&["notes"]));
    let reversed: Vec<String> = (1..=5)
        .rev()
        .map(|sequence| event(sequence, "a", &sequence.to_string()))
        .collect();
    world.receive(&plain_events(&reversed));
    world.receive(COMPLETE);
    assert_eq!((world.cursor(), world.visible("a")), (5, "5".into()));
}

#[test]
fn broadcast_duplicates_and_old_events_change_nothing_and_late_ones_count() {
    let mut world = live();
    world.receive(&plain_events(&[
        event(1, "a", "1"),
        event(3, "a", "3"),
        event(4, "b", "4"),
    ]));
    for _ in 0..2 {
        world.receive(&plain_events(&[
            event(1, "a", "1"),
            event(3, "a", "3"),
            event(4, "b", "4"),
        ]));
        world.receive(COMPLETE);
    }
    world.receive(COMPLETE);
    assert_eq!(world.cursor(), 4);
    world.forget();
    world.receive(&plain_events(&[event(3, "a", "again")]).replace("again", "9"));
    world.receive(&plain_events(&[event(2, "a", "2")]));
    assert!(
        !world.trace().contains("commit"),
        "a repeated or overtaken event changes nothing"
    );
    world.receive(&plain_events(&[event(2, "c", "2")]));
    assert_eq!(
        (world.cursor(), world.visible("c"), world.visible("a")),
        (4, "2".into(), "3".into())
    );
}

#[test]
fn a_repeated_sequence_counts_for_every_record() {
    let mut world = live();
    world.receive(&plain_events(&[event(1, "a", "1")]));
    world.receive(&plain_events(&[event(1, "b", "1").replace("x1", "y1")]));
    world.receive(&plain_events(&[event(2, "c", "1")]));
    assert_eq!((world.cursor(), world.disk.records.len()), (2, 3));
}

#[test]
fn an_own_event_that_is_echoed_before_its_ack_settles() {
    let mut world = live();
    let id = world.put("a", "1");
    world.receive(&plain_events(&[event(1, "a", "1").replace("x1", &id)]));
    world.receive(&plain_ack(&id));
    assert!(matches!(world.own_states()[0], OwnState::Settled { .. }));
    assert_eq!(world.client.pending(), 0);
    assert_eq!(world.sent.len(), 1, "no pull is needed");
}

#[test]
fn an_ack_without_a_sequence_settles_when_a_pull_asked_for_after_it_is_empty() {
    let mut world = live();
    let id = world.put("a", "1");
    world.forget();
    world.receive(&plain_ack(&id));
    assert_eq!(world.own_states(), [OwnState::Acked(None)]);
    assert_eq!(world.frames(), [pull_after(0)]);
    assert_eq!(
        (world.visible("a"), world.state()),
        ("1".into(), &ConnectionState::Live)
    );
    world.receive(COMPLETE);
    assert!(matches!(world.own_states()[0], OwnState::Settled { .. }));
    assert_eq!(world.frames(), [""; 0]);
}

#[test]
fn an_ack_that_comes_during_a_pull_waits_for_the_next() {
    let mut world = live();
    let first = world.put("a", "1");
    let second = world.put("b", "1");
    world.forget();
    // A jump starts a pull.
    world.receive(&plain_events(&events(9..=9)));
    world.receive(&plain_ack(&first));
    world.receive(&plain_ack(&second));
    assert_eq!(world.client.pending(), 2);
    world.receive(&plain_events(&events(9..=9)));
    world.receive(COMPLETE);
    world.receive(&plain_events(&events(9..=9)));
    world.receive(COMPLETE);
    world.receive(COMPLETE);
    assert_eq!(world.own_states(), [OwnState::Acked(None), OwnState::Acked(None)]);
    assert_eq!(world.frames().pop(), Some(pull_after(9)));
    world.receive(COMPLETE);
    assert!(
        world
            .own_states()
            .iter()
            .all(|state| matches!(state, OwnState::Settled { .. }))
    );
}

#[test]
fn an_ack_that_is_durable_only_after_a_cut_settles_by_the_pulls_of_the_next_connection() {
    let mut world = live();
    let id = world.put("a", "1");
    world.storing = false;
    world.receive(&plain_ack(&id));
    world.disconnect(None);
    world.give(ClientInput::Connectivity(true));
    world.open();
    world.receive(r#"{"type":"auth_success"}"#);
    world.receive(COMPLETE);
    assert_eq!(world.client.pending(), 1, "storage has not answered yet");
    for _ in 0..20 {
        while !world.asked.is_empty() {
            world.store();
        }
        world.receive(COMPLETE);
    }
    assert!(matches!(world.own_states()[0], OwnState::Settled { .. }));
}

#[test]
fn an_ack_that_names_no_repository_counts() {
    let mut world = live();
    let id = world.put("a", "1");
    world.receive(&format!(r#"{{"type":"ack","eventIds":[null,"{id}"]}}"#));
    assert_eq!(world.client.pending(), 0);
}

#[test]
fn an_error_that_names_nothing_sends_again_later() {
    let mut world = live();
    world.put("a", "1");
    let pushed = world.frame();
    world.receive(r#"{"type":"error","message":"Failed to push event"}"#);
    assert_eq!(
        world.client.blocked(),
        Some(Blocked::Refused("Failed to push event".into()))
    );
    world.pass(999);
    assert_eq!(world.frames(), [""; 0]);
    world.pass(1);
    assert_eq!(world.frames(), [pushed]);
}

#[test]
fn a_pull_that_is_answered_by_an_error_is_asked_again_later() {
    let mut world = World::plain(config(&["notes"]));
    world.forget();
    world.receive(r#"{"type":"error","message":"Database not connected"}"#);
    world.pass(1_000);
    assert_eq!(world.frames(), [pull_after(0)]);
    world.receive(r#"{"type":"error","message":"Database not connected"}"#);
    world.pass(2_000);
    assert_eq!(world.frames(), [pull_after(0)]);
    world.receive(COMPLETE);
    assert_eq!(*world.state(), ConnectionState::Live);
}

#[test]
fn a_pull_that_is_not_answered_is_asked_again() {
    let mut config = config(&["notes"]);
    config.timing.heartbeat_interval = Duration::from_hours(1);
    let mut world = World::plain(config);
    world.forget();
    for _ in 0..2 {
        world.pass(29_000);
        world.receive(&plain_events(&events(1..=2)));
    }
    world.pass(29_000);
    assert_eq!(world.frames(), [""; 0], "the answer is still coming");
    world.pass(1_000);
    assert_eq!(world.frames(), [pull_after(2)]);
}

#[test]
fn one_frame_at_a_time_is_pushed_to_a_plain_server() {
    let mut config = config(&["notes"]);
    config.limits.push_events = 2;
    let mut world = World::plain(config);
    world.receive(COMPLETE);
    world.forget();
    let request = world.write((0..5).map(|n| upsert(&format!("r{n}"), "1")).collect());
    let ids = world.written(request).unwrap().unwrap();
    for acked in ids.chunks(2) {
        let frames = world.frames();
        let pushes: Vec<&String> = frames.iter().filter(|frame| frame.contains("push_event")).collect();
        assert_eq!(pushes.len(), 1, "{frames:?}");
        assert!(acked.iter().all(|id| pushes[0].contains(&**id)));
        for id in acked {
            world.receive(&plain_ack(id));
        }
    }
    assert_eq!(world.client.pending(), 0);
}

#[test]
fn an_error_that_says_auth_on_a_live_connection_asks_for_credentials() {
    let mut world = live();
    world.put("a", "1");
    world.receive(r#"{"type":"error","message":"Not authenticated"}"#);
    assert_eq!(
        world.client.blocked(),
        Some(Blocked::Credentials("Not authenticated".into()))
    );
}

#[test]
fn a_sync_complete_without_a_name_answers_the_oldest_pull() {
    let mut world = World::plain(config(&["notes", "users"]));
    world.receive(r#"{"type":"sync_complete"}"#);
    world.receive(r#"{"type":"sync_complete"}"#);
    assert_eq!(*world.state(), ConnectionState::Live);
    world.receive(r#"{"type":"sync_complete"}"#);
    assert_eq!(*world.state(), ConnectionState::Live);
}

#[test]
fn events_without_a_sequence_or_an_id_are_told_and_left_out() {
    let mut world = live();
    world.receive(&plain_events(&[
        event(1, "a", "1"),
        event(2, "b", "1").replace(r#","serverSequence":2"#, ""),
        r#"{"serverSequence":3}"#.into(),
    ]));
    assert_eq!((world.cursor(), world.disk.records.len()), (1, 1));
    assert!(
        world
            .notices
            .iter()
            .any(|notice| matches!(notice, Notice::Trouble { .. }))
    );
}

#[test]
fn what_does_not_continue_is_kept_within_the_limit() {
    let mut config = config(&["notes"]);
    config.limits.plain_live_events = 10;
    let mut world = World::plain(config);
    for sequence in 500..600 {
        world.receive(&plain_events(&events(sequence..=sequence)));
        assert!(world.client.repositories[0].plain.held_events() <= 10);
    }
    world.receive(&plain_events(&events(1..=100)));
    world.receive(COMPLETE);
    assert_eq!(world.cursor(), 100);
}

#[test]
fn a_plain_server_without_a_limit_is_applied_as_it_comes() {
    let mut world = World::plain(config(&["notes"]));
    for first in [1, 101, 201] {
        world.receive(&plain_events(&events(first..=first + 99)));
        assert_eq!(world.cursor(), first + 99);
    }
    world.receive(COMPLETE);
    world.receive(COMPLETE);
    assert_eq!(*world.state(), ConnectionState::Live);
}

#[test]
fn a_resync_with_a_plain_server_doubts_nothing() {
    let mut world = live();
    let id = world.put("a", "1");
    world.receive(&plain_events(&[event(1, "a", "1").replace("x1", &id)]));
    world.forget();
    world.give(ClientInput::Resync {
        repository: repository("notes"),
    });
    assert_eq!(world.frames(), [pull_after(0)]);
    for _ in 0..2 {
        world.receive(&plain_events(&[event(2, "a", "2")]));
        world.receive(COMPLETE);
    }
    world.receive(COMPLETE);
    assert_eq!((world.visible("a"), world.client.pending()), ("2".into(), 0));
    assert!(matches!(world.own_states()[0], OwnState::Settled { .. }));
    assert_eq!(*world.state(), ConnectionState::Live);
}

#[test]
fn a_client_that_was_extended_before_goes_on_from_its_cursor() {
    let mut world = World::live(config(&["notes"]));
    world.receive(&stream(0, 2, &events(1..=2)));
    world.disconnect(None);
    world.give(ClientInput::Connectivity(true));
    world.open();
    world.sent.clear();
    world.receive(r#"{"type":"auth_success"}"#);
    assert_eq!(world.frames(), [pull_after(2)]);
}
