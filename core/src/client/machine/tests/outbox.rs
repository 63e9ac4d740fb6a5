//! The outbox against an extended server.

use super::*;
use crate::wire::ErrorCode;

pub(super) fn refusal(code: &str, retryable: bool, ids: &[&str]) -> String {
    let ids: Vec<String> = ids.iter().map(|id| format!("\"{id}\"")).collect();
    format!(
        r#"{{"type":"error","message":"No.","code":"{code}","retryable":{retryable},"repository":"notes","eventIds":[{}]}}"#,
        ids.join(",")
    )
}

/// The record ids of the events in the frames that were sent.
pub(super) fn pushed(world: &mut World) -> Vec<String> {
    let frames = world.frames();
    let ids = |frame: &String| {
        frame
            .split(r#""_data_id":""#)
            .skip(1)
            .map(|rest| rest.split('"').next().unwrap().to_string())
            .collect::<Vec<_>>()
    };
    frames.iter().flat_map(ids).collect()
}

fn reconnect(world: &mut World) {
    world.disconnect(None);
    world.give(ClientInput::Connectivity(true));
    world.open();
    world.receive(AUTH_SUCCESS);
    world.forget();
    world.receive(r#"{"type":"sync_complete","repository":"notes"}"#);
}

#[test]
fn one_event_goes_alone_and_more_go_in_a_batch() {
    let mut world = World::live(config(&["notes"]));
    world.put("a", "1");
    world.write(vec![upsert("b", "2"), upsert("c", "3")]);
    let types: Vec<String> = world.frames().iter().map(|frame| frame[9..28].to_string()).collect();
    assert_eq!(types, [r#"push_event","reposi"#, r#"push_events_batch","#]);
}

#[test]
fn the_outbox_waits_until_the_repository_is_current() {
    let mut world = World::online(config(&["notes"]));
    world.put("a", "1");
    assert_eq!(world.client.blocked(), Some(Blocked::CatchingUp));
    assert_eq!(pushed(&mut world), [""; 0]);
    world.receive(r#"{"type":"sync_complete","repository":"notes","ref":1}"#);
    assert_eq!(pushed(&mut world), ["a"]);
    assert_eq!(world.client.blocked(), None);
    world.disconnect(None);
    assert_eq!(world.client.blocked(), Some(Blocked::Offline));
}

#[test]
fn a_reconnect_resends_unacked_events_in_order() {
    let mut world = World::live(config(&["notes"]));
    let ids: Vec<String> = ["a", "b", "c"].iter().map(|record| world.put(record, "1")).collect();
    world.receive(&ack(&ids[1], 1));
    world.receive(&stream(0, 1, &[event(1, "b", "1").replace("x1", &ids[1])]));
    reconnect(&mut world);
    assert_eq!(pushed(&mut world), ["a", "c"]);
}

#[test]
fn a_restart_resends_what_storage_holds() {
    let mut world = World::new(config(&["notes"]));
    world.start();
    for record in ["a", "b"] {
        world.put(record, "1");
    }
    let mut again = World::on(world.disk.clone(), config(&["notes"]));
    again.start();
    assert_eq!(again.client.pending(), 2);
    again.open();
    again.receive(AUTH_SUCCESS);
    again.receive(r#"{"type":"sync_complete","repository":"notes"}"#);
    assert_eq!(pushed(&mut again), ["a", "b"]);
    // Local sequences go on.
    again.put("c", "1");
    assert_eq!(again.disk.own.keys().next_back().unwrap().0, 3);
}

#[test]
fn a_window_at_a_time_is_in_flight() {
    let mut config = config(&["notes"]);
    config.limits.window_events = 4;
    config.limits.push_events = 3;
    let mut world = World::live(config);
    let records: Vec<String> = (0..10).map(|n| format!("r{n}")).collect();
    let request = world.write(records.iter().map(|record| upsert(record, "1")).collect());
    let ids = world.written(request).unwrap().unwrap();
    assert_eq!(world.sent.len(), 2);
    assert_eq!(pushed(&mut world), records[..4]);
    world.receive(&ack(&ids[0], 1));
    assert_eq!(pushed(&mut world), [""; 0]);
    world.receive(&ack(&ids[1], 2));
    assert_eq!(pushed(&mut world), records[4..6]);
    for (index, id) in ids.iter().enumerate().skip(2) {
        world.receive(&ack(id, index as u64 + 1));
    }
    assert_eq!(pushed(&mut world), records[6..]);
    assert_eq!(world.client.pending(), 0);
}

#[test]
fn frames_and_window_are_bounded_by_bytes_unless_one_event_is_larger() {
    let mut config = config(&["notes"]);
    config.limits.window_bytes = 1_500;
    config.limits.push_bytes = 700;
    let mut world = World::live(config);
    let data = format!("\"{}\"", "x".repeat(200));
    let big = format!("\"{}\"", "x".repeat(5_000));
    let mut changes = vec![upsert("big", &big)];
    changes.extend((0..6).map(|n| upsert(&format!("r{n}"), &data)));
    let request = world.write(changes);
    let ids = world.written(request).unwrap().unwrap();
    assert_eq!(pushed(&mut world), ["big"]);
    world.receive(&ack(&ids[0], 1));
    let frames: Vec<usize> = world
        .sent
        .iter()
        .map(|frame| frame.matches("_data_id").count())
        .collect();
    assert_eq!(frames, [2, 2]);
    assert!(world.sent.iter().all(|frame| frame.len() < 800));
}

#[test]
fn an_event_that_is_larger_than_the_window_goes_alone() {
    let mut config = config(&["notes"]);
    config.limits.window_bytes = 1_000;
    let mut world = World::live(config);
    let big = format!("\"{}\"", "x".repeat(5_000));
    let request = world.write(vec![upsert("a", "1"), upsert("big", &big), upsert("b", "2")]);
    let ids = world.written(request).unwrap().unwrap();
    assert_eq!(pushed(&mut world), ["a"]);
    // Storage is not asked again and again meanwhile.
    world.forget();
    world.give(ClientInput::Tick);
    assert!(world.trace().is_empty());
    for (sequence, (id, next)) in (1..).zip(ids.iter().zip([vec!["big"], vec!["b"], vec![]])) {
        world.receive(&ack(id, sequence));
        assert_eq!(pushed(&mut world), next);
    }
    assert_eq!(world.client.pending(), 0);
}

#[test]
fn nothing_more_is_sent_while_the_socket_does_not_take_it() {
    let mut config = config(&["notes"]);
    config.limits.window_bytes = 1_000;
    let mut world = World::live(config);
    world.flushing = false;
    let data = format!("\"{}\"", "x".repeat(1_000));
    let first = world.put("a", &data);
    world.put("b", "1");
    world.receive(&ack(&first, 1));
    assert_eq!(pushed(&mut world), ["a"]);
    world.flush(2_000);
    assert_eq!(pushed(&mut world), ["b"]);
}

#[test]
fn the_servers_batch_limit_counts() {
    let mut world = World::new(config(&["notes"]));
    world.start();
    world.open();
    world.receive(&AUTH_SUCCESS.replace("10000", "2"));
    world.receive(r#"{"type":"sync_complete","repository":"notes"}"#);
    world.forget();
    world.write((0..5).map(|n| upsert(&format!("r{n}"), "1")).collect());
    let sizes: Vec<usize> = world
        .frames()
        .iter()
        .map(|frame| frame.matches("_data_id").count())
        .collect();
    assert_eq!(sizes, [2, 2, 1]);
}

/// A live client of `notes` whose server has told these limits.
fn limited(frame_bytes: &str, event_bytes: &str) -> World {
    let mut world = World::new(config(&["notes"]));
    world.start();
    world.open();
    world.receive(
        &AUTH_SUCCESS
            .replace("16777216", frame_bytes)
            .replace("15728640", event_bytes),
    );
    world.receive(r#"{"type":"sync_complete","repository":"notes"}"#);
    world.forget();
    world
}

fn rejected(world: &World) -> Vec<(String, Option<ErrorCode>)> {
    let rejected = |notice: &Notice| match notice {
        Notice::Rejected { event, code, .. } => Some((event.to_string(), *code)),
        _ => None,
    };
    world.notices.iter().filter_map(rejected).collect()
}

#[test]
fn an_event_over_the_servers_limit_is_refused_here_and_blocks_nothing() {
    let mut world = limited("16777216", "200");
    let big = format!("\"{}\"", "x".repeat(200));
    let request = world.write(vec![upsert("a", "1"), upsert("big", &big), upsert("b", "2")]);
    let ids = world.written(request).unwrap().unwrap();
    assert_eq!(pushed(&mut world), ["a", "b"]);
    assert_eq!(rejected(&world), [(ids[1].to_string(), Some(ErrorCode::EventTooLarge))]);
    assert_eq!((world.client.pending(), world.visible("big")), (2, "none".into()));
    assert!(matches!(world.own_states()[1], OwnState::Rejected { .. }));
    // Nor when it is all that there is.
    world.put("big", &big);
    world.put("c", "3");
    assert_eq!(pushed(&mut world), ["c"]);
    reconnect(&mut world);
    assert_eq!(rejected(&world).len(), 0, "it is told once");
}

#[test]
fn frames_are_no_larger_than_the_server_reads() {
    let mut world = limited("2000", "15728640");
    let body = |record: &str, data: usize| upsert(record, &format!("\"{}\"", "x".repeat(data)));
    world.write((0..5).map(|n| body(&format!("r{n}"), 300)).collect());
    let frames = world.frames();
    assert!(frames.len() < 5, "several go together where they fit");
    let around = r#"{"type":"push_event","repository":"notes","event":}"#.len();
    // The event's text is longer than its data by as much as this one's.
    let id = world.put("s", "\"\"");
    let own = world.disk.own.values().find(|own| *own.id == *id).unwrap();
    let most = 2_000 - around - own.body.len();
    world.forget();
    world.write(vec![body("t", most), body("u", most + 1)]);
    assert_eq!(world.sent.iter().map(String::len).collect::<Vec<_>>(), [2_000]);
    assert_eq!((pushed(&mut world), rejected(&world).len()), (vec!["t".to_string()], 1));
    assert!(frames.iter().all(|frame| frame.len() <= 2_000));
}

#[test]
fn a_retryable_refusal_sends_everything_in_flight_again_in_order_with_a_growing_delay() {
    let mut world = World::live(config(&["notes"]));
    let ids: Vec<String> = ["a", "b", "c"].iter().map(|record| world.put(record, "1")).collect();
    world.forget();
    world.receive(&refusal("store_unavailable", true, &[&ids[1]]));
    world.receive(&refusal("store_unavailable", true, &[&ids[2]]));
    assert_eq!(world.client.blocked(), Some(Blocked::Refused("No.".into())));
    world.receive(&ack(&ids[0], 1));
    world.put("d", "1");
    world.pass(999);
    assert_eq!(pushed(&mut world), [""; 0]);
    world.pass(1);
    assert_eq!(pushed(&mut world), ["b", "c", "d"]);
    world.receive(&refusal("rate_limited", true, &[&ids[1]]));
    world.pass(1_999);
    assert_eq!(pushed(&mut world), [""; 0]);
    world.pass(1);
    assert_eq!(pushed(&mut world), ["b", "c", "d"]);
    world.receive(&ack(&ids[1], 2));
    world.receive(&refusal("rate_limited", true, &[&ids[2]]));
    world.pass(1_000);
    assert_eq!(pushed(&mut world), ["c", "d"]);
    assert_eq!(world.client.blocked(), None);
}

#[test]
fn an_event_refused_for_good_leaves_and_its_record_is_as_without_it() {
    let mut world = World::live(config(&["notes"]));
    world.receive(&stream(0, 1, &[event(1, "a", "1")]));
    let first = world.put("a", "2");
    world.put("a", "3");
    world.forget();
    world.receive(&refusal("invalid_event", false, &[&first]));
    insta::assert_snapshot!(world.trace(), @r#"
    storage load ["a"] own ["0194929a-b500-71cb-9e39-e64381da8b37"]
    storage commit set 0194929a-b500-71cb-9e39-e64381da8b37 Rejected { code: Some(InvalidEvent), message: "No." }
    notify Rejected { repository: "notes", event: "0194929a-b500-71cb-9e39-e64381da8b37", body: {"_event_id":"0194929a-b500-71cb-9e39-e64381da8b37","_operation":1,"_created_at":"2025-01-23T10:00:00.000Z","_data_id":"a","_data":2}, code: Some(InvalidEvent), message: "No." }
    "#);
    assert_eq!((world.client.pending(), world.visible("a")), (1, "3".into()));
    let second = world.disk.own.values().last().unwrap().id.to_string();
    world.receive(&refusal("forbidden", false, &[&second]));
    assert_eq!((world.client.pending(), world.visible("a")), (0, "1".into()));
    assert!(!world.record("a").unwrap().pending);
    // It is not sent again.
    reconnect(&mut world);
    assert_eq!(pushed(&mut world), [""; 0]);
}

#[test]
fn a_record_that_only_a_refused_event_made_is_gone() {
    let mut world = World::live(config(&["notes"]));
    let id = world.put("a", "1");
    world.receive(&refusal("event_id_conflict", false, &[&id]));
    assert_eq!(world.record("a"), None);
    assert!(world.notices.iter().any(|notice| matches!(
        notice,
        Notice::Changed {
            data: None,
            content: true,
            ..
        }
    )));
}

#[test]
fn an_ack_above_the_cursor_keeps_the_event_in_the_local_layer_until_it_appears() {
    let mut world = World::live(config(&["notes"]));
    let id = world.put("a", "2");
    world.receive(&ack(&id, 2));
    assert_eq!(world.own_states(), [OwnState::Acked(Some(Sequence::new(2)))]);
    assert_eq!(world.client.pending(), 0);
    // Another client's earlier event does not cover it.
    world.receive(&stream(0, 1, &[event(1, "a", "1")]));
    assert_eq!(world.visible("a"), "2");
    world.receive(&stream(1, 2, &[event(2, "a", "2").replace("x2", &id)]));
    assert!(matches!(world.own_states()[0], OwnState::Settled { .. }));
    assert_eq!(world.record("a").unwrap().confirmed, world.record("a").unwrap().visible);
}

#[test]
fn an_own_event_that_appears_before_its_ack_counts_as_acked_once() {
    let mut world = World::live(config(&["notes"]));
    let id = world.put("a", "1");
    world.receive(&stream(0, 1, &[event(1, "a", "1").replace("x1", &id)]));
    assert_eq!((world.client.pending(), world.cursor()), (0, 1));
    assert!(matches!(world.own_states()[0], OwnState::Settled { .. }));
    world.receive(&ack(&id, 1));
    let told = world
        .notices
        .iter()
        .filter(|notice| matches!(notice, Notice::Acked { .. }))
        .count();
    assert_eq!(told, 1);
    reconnect(&mut world);
    assert_eq!(pushed(&mut world), [""; 0]);
}

#[test]
fn an_ack_at_or_below_the_cursor_settles_at_once() {
    let mut world = World::live(config(&["notes"]));
    let id = world.put("a", "1");
    // The peer may not read the event itself.
    world.receive(&stream(0, 3, &[]));
    world.receive(&ack(&id, 2));
    assert!(matches!(world.own_states()[0], OwnState::Settled { .. }));
}

#[test]
fn an_acked_event_that_the_cursor_passes_without_it_is_pushed_again_and_settles() {
    let mut world = World::live(config(&["notes"]));
    let id = world.put("a", "1");
    assert_eq!(pushed(&mut world), ["a"]);
    world.receive(&ack(&id, 2));
    // The server has lost it, or the peer may not read it: only the server can tell.
    world.receive(&stream(0, 3, &[]));
    assert_eq!(pushed(&mut world), ["a"]);
    world.receive(&ack(&id, 2));
    assert!(matches!(world.own_states()[0], OwnState::Settled { .. }));
    assert_eq!(world.record("a"), None);
}

#[test]
fn an_acked_event_that_was_passed_while_the_client_was_down_is_pushed_again_when_it_is_current() {
    let mut world = World::live(config(&["notes"]));
    let id = world.put("a", "1");
    world.receive(&ack(&id, 1));
    let mut again = World::on(world.disk.clone(), config(&["notes"]));
    again.start();
    again.open();
    again.receive(AUTH_SUCCESS);
    again.receive(&stream(0, 2, &[event(2, "b", "1")]));
    again.receive(r#"{"type":"sync_complete","repository":"notes"}"#);
    assert_eq!(pushed(&mut again), ["a"]);
    again.receive(&ack(&id, 1));
    assert!(matches!(again.own_states()[0], OwnState::Settled { .. }));
}

#[test]
fn an_acked_event_above_the_head_was_lost_and_is_pushed_again() {
    let mut world = World::live(config(&["notes"]));
    let first = world.put("a", "1");
    world.receive(&ack(&first, 1));
    world.receive(&stream(0, 1, &[event(1, "a", "1").replace("x1", &first)]));
    let second = world.put("b", "1");
    world.receive(&ack(&second, 2));
    // The server is put back by one event: what this client has seen of it is all there.
    reconnect(&mut world);
    assert_eq!(pushed(&mut world), ["b"]);
    assert_eq!(world.client.pending(), 1);
}

#[test]
fn acks_of_events_that_were_not_sent_on_this_connection_are_ignored() {
    let mut world = World::live(config(&["notes"]));
    let id = world.put("a", "1");
    world.disconnect(None);
    world.give(ClientInput::Connectivity(true));
    world.open();
    world.receive(AUTH_SUCCESS);
    world.receive(&ack(&id, 1));
    assert_eq!(world.client.pending(), 1);
}

#[test]
fn an_ack_that_storage_fails_to_keep_is_kept_later() {
    let mut world = World::live(config(&["notes"]));
    let id = world.put("a", "1");
    world.storing = false;
    world.receive(&ack(&id, 1));
    world.fail_storage();
    assert_eq!(world.client.pending(), 1);
    world.storing = true;
    world.pass(1_000);
    assert_eq!(world.client.pending(), 0);
}

#[test]
fn settled_events_are_kept_for_a_while_and_pruned() {
    let mut config = config(&["notes"]);
    config.limits.kept_events = 2;
    let mut world = World::live(config);
    for sequence in 1..=600 {
        let id = world.put("a", "1");
        world.receive(&ack(&id, sequence));
        world.receive(&stream(
            sequence - 1,
            sequence,
            &[event(sequence, "a", "1").replace(&format!("x{sequence}"), &id)],
        ));
    }
    assert!(world.disk.own.len() < 300, "{}", world.disk.own.len());
    world.forget();
    world.now = world.now + Duration::from_mins(1);
    for sequence in 601..=900 {
        let id = world.put("a", "1");
        world.receive(&stream(
            sequence - 1,
            sequence,
            &[event(sequence, "a", "1").replace(&format!("x{sequence}"), &id)],
        ));
    }
    let expected = WALL + 60_000 - 7 * 24 * 60 * 60 * 1_000;
    assert!(world.trace().contains(&format!("prune before {expected} keep 2")));
}

#[test]
fn lanes_do_not_wait_for_each_other() {
    let mut world = World::live(config(&["notes", "users"]));
    world.receive(r#"{"type":"sync_complete","repository":"users"}"#);
    let id = world.put("a", "1");
    world.receive(&refusal("store_unavailable", true, &[&id]));
    world.forget();
    let mut change = upsert("u", "1");
    change.repository = repository("users");
    world.write(vec![change]);
    assert_eq!(pushed(&mut world), ["u"]);
}

#[test]
fn an_error_that_names_no_event_blocks_the_outbox_and_says_so() {
    let mut world = World::live(config(&["notes"]));
    let id = world.put("a", "1");
    world.forget();
    world.receive(r#"{"type":"error","message":"Unreadable.","code":"bad_message","retryable":false}"#);
    world.put("b", "2");
    assert_eq!(world.frames(), [""; 0]);
    assert_eq!(world.client.blocked(), Some(Blocked::Refused("Unreadable.".into())));
    world.pass(1_000);
    assert!(world.frames()[0].contains(&id));
}
