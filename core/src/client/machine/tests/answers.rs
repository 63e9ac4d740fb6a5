//! Events that the server leaves unanswered.

use super::outbox::{pushed, refusal};
use super::*;

fn put_all(world: &mut World, records: &[&str]) -> Vec<String> {
    records.iter().map(|record| world.put(record, "1")).collect()
}

#[test]
fn what_is_not_answered_in_time_is_sent_again_in_order_with_a_growing_delay() {
    let mut world = World::live(config(&["notes"]));
    let ids = put_all(&mut world, &["a", "b"]);
    assert_eq!(pushed(&mut world), ["a", "b"]);
    for quiet in [29_999, 59_999, 59_999] {
        world.forget();
        world.pass_answered(quiet);
        assert_eq!(pushed(&mut world), [""; 0]);
        world.pass_answered(1);
        assert_eq!(pushed(&mut world), ["a", "b"]);
        assert!(world.trace().contains("leaves events unanswered"));
    }
    // One answer is enough, however often an event was sent.
    world.receive(&ack(&ids[0], 1));
    world.receive(&ack(&ids[1], 2));
    world.pass_answered(200_000);
    assert_eq!(pushed(&mut world), [""; 0]);
    // And the delay starts from the base.
    world.put("c", "1");
    world.pass_answered(30_000);
    assert_eq!(pushed(&mut world), ["c", "c"]);
}

#[test]
fn answers_that_come_one_after_the_other_keep_it_from_sending_again() {
    let mut world = World::live(config(&["notes"]));
    let records: Vec<String> = (0..10).map(|n| format!("r{n}")).collect();
    let request = world.write(records.iter().map(|record| upsert(record, "1")).collect());
    let ids = world.written(request).unwrap().unwrap();
    world.forget();
    for (id, sequence) in ids.iter().zip(1..) {
        world.pass_answered(29_999);
        world.receive(&ack(id, sequence));
    }
    assert_eq!(pushed(&mut world), [""; 0]);
    assert_eq!(world.client.pending(), 0);
}

#[test]
fn an_event_that_alone_is_not_answered_is_sent_again_however_many_others_are() {
    let mut world = World::live(config(&["notes"]));
    world.put("swallowed", "1");
    for sequence in 1..=3 {
        world.pass_answered(10_000);
        if sequence < 3 {
            let id = world.put(&format!("r{sequence}"), "1");
            world.receive(&ack(&id, sequence));
        }
    }
    assert_eq!(pushed(&mut world), ["swallowed", "r1", "r2", "swallowed"]);
}

#[test]
fn the_time_to_answer_begins_when_the_socket_has_taken_the_event() {
    let mut world = World::live(config(&["notes"]));
    world.flushing = false;
    world.put("a", "1");
    let bytes = world.sent.iter().map(String::len).sum::<usize>();
    world.pass_answered(20_000);
    world.flush(bytes - 1);
    world.pass_answered(9_000);
    assert_eq!(world.client.timers.deadline(Timer::Lane(0)), None);
    world.flush(1);
    world.pass_answered(29_999);
    assert_eq!(pushed(&mut world), ["a"]);
    world.pass_answered(1);
    assert_eq!(pushed(&mut world), ["a"]);
}

#[test]
fn nothing_is_sent_again_while_the_answers_are_not_read() {
    let mut config = config(&["notes"]);
    config.limits.received_bytes = 100;
    let mut world = World::live(config);
    let id = world.put("a", "1");
    world.storing = false;
    world.receive(&stream(0, 1, &[event(1, "x", "1")]));
    assert!(world.client.link.paused);
    world.forget();
    world.pass_answered(100_000);
    assert_eq!(pushed(&mut world), [""; 0]);
    world.storing = true;
    world.store();
    world.receive(&ack(&id, 2));
    assert_eq!(world.client.pending(), 0);
}

#[test]
fn an_event_that_has_appeared_frees_its_place_though_its_ack_never_comes() {
    let mut world = World::live(config(&["notes"]));
    let id = world.put("a", "1");
    world.receive(&stream(0, 1, &[event(1, "a", "1").replace("x1", &id)]));
    world.forget();
    world.pass_answered(30_000);
    assert_eq!(pushed(&mut world), ["a"]);
    world.receive(&ack(&id, 1));
    assert_eq!(world.client.repositories[0].lane.len(), 0);
}

#[test]
fn a_late_refusal_of_a_settled_event_is_left_behind_with_the_connection() {
    let mut world = World::live(config(&["notes"]));
    let id = world.put("a", "1");
    world.pass_answered(30_000);
    world.receive(&ack(&id, 1));
    world.put("b", "1");
    world.forget();
    // The answer to what was sent again: the server takes nothing more before the event comes once more.
    world.receive(&refusal("store_unavailable", true, &[&id]));
    assert!(matches!(world.state(), ConnectionState::Offline { .. }));
    world.give(ClientInput::Connectivity(true));
    world.open();
    world.receive(AUTH_SUCCESS);
    world.receive(&stream(0, 1, &[event(1, "a", "1").replace("x1", &id)]));
    world.receive(r#"{"type":"sync_complete","repository":"notes"}"#);
    assert_eq!(pushed(&mut world), ["b"]);
}

#[test]
fn an_event_that_was_refused_for_now_goes_out_again_though_an_earlier_time_was_acked() {
    let mut world = World::live(config(&["notes"]));
    let id = world.put("a", "1");
    world.give(ClientInput::Resync {
        repository: repository("notes"),
    });
    world.put("b", "1");
    world.receive(r#"{"type":"sync_complete","repository":"notes","ref":2}"#);
    assert_eq!(pushed(&mut world), ["a", "a", "b"]);
    // The server had no room for the second time while the first one was at its store.
    world.receive(&refusal("rate_limited", true, &[&id]));
    world.receive(&ack(&id, 1));
    assert_eq!(world.client.pending(), 1);
    world.pass(1_000);
    assert_eq!(pushed(&mut world), ["a", "b"]);
    world.receive(&ack(&id, 1));
    assert_eq!(world.client.repositories[0].lane.len(), 1);
}

#[test]
fn an_event_that_landed_before_an_answer_without_a_name_may_be_refused_still() {
    let mut world = World::live(config(&["notes"]));
    let id = world.put("a", "1");
    world.receive(r#"{"type":"error","message":"Unreadable.","code":"bad_message","retryable":false}"#);
    world.pass(1_000);
    assert_eq!(pushed(&mut world), ["a", "a"]);
    world.receive(&ack(&id, 1));
    world.put("b", "1");
    world.receive(&refusal("store_unavailable", true, &[&id]));
    assert!(matches!(world.state(), ConnectionState::Offline { .. }));
}

#[test]
fn a_plain_server_is_given_the_same_frame_again() {
    let mut world = World::plain(config(&["notes"]));
    world.receive(r#"{"type":"sync_complete","repository":"notes"}"#);
    world.write(vec![upsert("a", "1"), upsert("b", "1")]);
    let pushes = |world: &mut World| -> Vec<String> {
        let frames = world.frames();
        frames.into_iter().filter(|frame| frame.contains("push")).collect()
    };
    let first = pushes(&mut world);
    assert_eq!(first.len(), 1);
    world.pass_answered(30_000);
    assert_eq!(pushes(&mut world), first);
}
