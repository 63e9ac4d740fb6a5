//! Connect, authenticate, stay alive, reconnect.

use super::*;

#[test]
fn the_main_path_from_start_to_an_acked_write() {
    let mut world = World::new(config(&["notes"]));
    world.start();
    world.open();
    world.receive(AUTH_SUCCESS);
    world.receive(&stream(
        0,
        2,
        &[event(1, "a", r#"{"n":1}"#), event(2, "b", r#"{"n":2}"#)],
    ));
    world.receive(r#"{"type":"sync_complete","repository":"notes","lastSequence":2,"ref":1}"#);
    let id = world.put("a", r#"{"n":3}"#);
    world.receive(&ack(&id, 3));
    world.receive(&stream(2, 3, &[event(3, "a", r#"{"n":3}"#).replace("x3", &id)]));
    insta::assert_snapshot!(world.trace());
}

/// The delay that the client waits for now.
fn retry_in(world: &World) -> Duration {
    match world.state() {
        ConnectionState::Offline { retry_in: Some(delay) } => *delay,
        state => panic!("{state:?}"),
    }
}

fn wake(world: &World) -> (&'static str, u128) {
    let wake = world.client.next_wake().unwrap();
    (wake.reason, wake.at.since(world.now).as_millis())
}

#[test]
fn an_attempt_that_does_not_open_in_time_is_given_up() {
    let mut world = World::new(config(&["notes"]));
    world.start();
    assert_eq!(wake(&world), ("connect timeout", 1_500));
    world.forget();
    world.pass(1_500);
    insta::assert_snapshot!(world.trace(), @r"
    close 1 1001 the connection did not open in time
    notify Connection(Offline { retry_in: Some(3s) })
    ");
}

#[test]
fn auth_that_is_not_answered_in_time_ends_the_connection() {
    let mut world = World::new(config(&["notes"]));
    world.start();
    world.open();
    assert_eq!(wake(&world), ("auth timeout", 1_500));
    world.pass(1_500);
    assert_eq!(retry_in(&world), Duration::from_secs(3));
}

#[test]
fn delays_and_timeouts_double_with_failures_up_to_their_caps() {
    let mut world = World::new(config(&["notes"]));
    world.start();
    let mut timeouts = Vec::new();
    for failure in 0..12 {
        timeouts.push(wake(&world).1);
        world.disconnect(None);
        let full = Duration::from_secs(3 << failure).min(Duration::from_mins(1));
        assert!(retry_in(&world) <= full);
        world.give(ClientInput::Connectivity(true));
    }
    assert_eq!(timeouts[..6], [1_500, 3_000, 6_000, 12_000, 24_000, 30_000]);
    assert_eq!(timeouts[11], 30_000);
}

#[test]
fn a_connection_that_stayed_up_brings_the_delay_back_to_the_base() {
    let mut world = World::new(config(&["notes"]));
    world.start();
    for _ in 0..5 {
        world.disconnect(None);
        world.give(ClientInput::Connectivity(true));
    }
    world.open();
    world.receive(AUTH_SUCCESS);
    world.pass(9_000);
    assert_eq!(world.client.link.failures, 5);
    world.pass(1_000);
    world.disconnect(None);
    assert_eq!(retry_in(&world), Duration::from_secs(3));
}

#[test]
fn completions_and_frames_of_old_sockets_are_ignored() {
    let mut world = World::new(config(&["notes"]));
    world.start();
    let old = world.socket;
    world.disconnect(None);
    world.give(ClientInput::Connected { socket: old });
    assert!(matches!(world.state(), ConnectionState::Offline { .. }));
    world.give(ClientInput::Connectivity(true));
    world.open();
    world.forget();
    world.give(ClientInput::Frame {
        socket: old,
        frame: AUTH_SUCCESS.into(),
    });
    world.give(ClientInput::Disconnected {
        socket: old,
        code: Some(CloseCode::UNAUTHENTICATED),
        reason: "late".into(),
    });
    world.give(ClientInput::Flushed { socket: old, bytes: 9 });
    world.give(ClientInput::Alive { socket: old });
    assert_eq!(*world.state(), ConnectionState::Authenticating);
    assert_eq!(world.trace(), "");
}

#[test]
fn a_network_that_is_there_again_ends_the_wait_and_nothing_else() {
    let mut world = World::new(config(&["notes"]));
    world.give(ClientInput::Connectivity(true));
    assert_eq!(world.trace(), "");
    world.start();
    world.disconnect(None);
    world.give(ClientInput::Connectivity(true));
    assert_eq!(*world.state(), ConnectionState::Connecting);
    let socket = world.socket;
    world.give(ClientInput::Connectivity(true));
    assert_eq!(world.socket, socket);
}

#[test]
fn a_stop_closes_the_connection_and_asks_for_nothing_more() {
    let mut world = World::live(config(&["notes"]));
    world.storing = false;
    world.put_later("a", "1");
    let waiting = world.put_later("b", "1");
    world.forget();
    world.give(ClientInput::Stop);
    assert_eq!(world.written(waiting), Some(Err(WriteError::Stopped)));
    assert_eq!(*world.state(), ConnectionState::Offline { retry_in: None });
    let late = world.put_later("c", "1");
    assert_eq!(world.written(late), Some(Err(WriteError::Stopped)));
    world.give(ClientInput::Connectivity(true));
    world.pass(600_000);
    assert_eq!(world.client.next_wake(), None);
    insta::assert_snapshot!(world.trace(), @r"
    close 1 1000 the client stops
    notify Written { request: RequestId(2), result: Err(Stopped) }
    notify Connection(Offline { retry_in: None })
    notify Written { request: RequestId(3), result: Err(Stopped) }
    ");
}

#[test]
fn work_that_is_not_at_its_commit_is_left_undone_by_a_stop() {
    let mut world = World::live(config(&["notes"]));
    world.storing = false;
    let write = world.put_later("a", "1");
    world.give(ClientInput::Stop);
    world.store();
    assert_eq!(world.written(write), Some(Err(WriteError::Stopped)));
    assert!(world.asked.is_empty());

    let mut world = World::live(config(&["notes"]));
    world.storing = false;
    let write = world.put_later("a", "1");
    world.store();
    world.give(ClientInput::Stop);
    world.store();
    assert!(world.written(write).unwrap().is_ok());
    assert!(world.asked.is_empty());
    assert_eq!(world.client.next_wake(), None);
}

#[test]
fn a_stop_ends_what_waits_for_storage_to_work_again() {
    let mut world = World::live(config(&["notes"]));
    world.storing = false;
    world.receive(&stream(0, 1, &[event(1, "a", "1")]));
    world.fail_storage();
    world.give(ClientInput::Stop);
    assert_eq!(world.client.next_wake(), None);
    assert_eq!(world.client.inbox.bytes(), 0);
}

#[test]
fn a_client_that_is_stopped_before_storage_is_open_opens_it_at_the_next_start() {
    let mut world = World::new(config(&["notes"]));
    world.storing = false;
    world.start();
    world.give(ClientInput::Stop);
    world.store();
    assert_eq!(*world.state(), ConnectionState::Offline { retry_in: None });
    world.storing = true;
    world.start();
    assert_eq!(*world.state(), ConnectionState::Connecting);
}

#[test]
fn a_client_that_was_stopped_can_start_again() {
    let mut world = World::live(config(&["notes"]));
    world.give(ClientInput::Stop);
    world.start();
    world.open();
    world.receive(AUTH_SUCCESS);
    assert!(world.state().is_connected());
    world.put("a", "1");
    assert_eq!(world.client.pending(), 1);
}

#[test]
fn connected_means_authenticated() {
    let mut world = World::new(config(&["notes"]));
    assert!(!world.state().is_connected());
    world.start();
    world.open();
    assert!(!world.state().is_connected());
    world.receive(AUTH_SUCCESS);
    assert_eq!(*world.state(), ConnectionState::CatchingUp);
    assert!(world.state().is_connected());
    world.receive(r#"{"type":"sync_complete","repository":"notes"}"#);
    assert_eq!(*world.state(), ConnectionState::Live);
}

#[test]
fn a_client_without_repositories_is_live_at_once() {
    let mut world = World::online(config(&[]));
    assert_eq!(*world.state(), ConnectionState::Live);
    world.receive(&stream(0, 1, &[event(1, "a", "1")]));
    assert_eq!(world.trace(), "");
}
