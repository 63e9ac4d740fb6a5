//! Pings, and what counts as life.

use super::*;

fn pings(world: &mut World) -> usize {
    world
        .frames()
        .iter()
        .filter(|frame| *frame == r#"{"type":"ping"}"#)
        .count()
}

#[test]
fn two_seconds_of_silence_after_a_ping_end_the_connection() {
    let mut world = World::live(config(&["notes"]));
    world.pass(29_999);
    assert_eq!(pings(&mut world), 0);
    world.pass(1);
    assert_eq!(pings(&mut world), 1);
    world.pass(1_999);
    assert!(world.state().is_connected());
    world.forget();
    world.pass(1);
    insta::assert_snapshot!(world.trace(), @r"
    close 1 4408 no sign of life after a ping
    notify Connection(Offline { retry_in: Some(3s) })
    ");
}

#[test]
fn any_received_byte_is_life() {
    let socket = SocketId(1);
    let lives = [
        ClientInput::Alive { socket },
        ClientInput::Frame {
            socket,
            frame: r#"{"type":"pong"}"#.into(),
        },
        ClientInput::Frame {
            socket,
            frame: "not even JSON".into(),
        },
    ];
    for life in lives {
        let mut world = World::live(config(&["notes"]));
        world.pass(30_000);
        world.pass(1_000);
        world.give(life);
        world.pass(20_000);
        assert!(world.state().is_connected());
    }
}

#[test]
fn a_ping_goes_out_every_interval() {
    let mut world = World::live(config(&["notes"]));
    for _ in 0..10 {
        world.pass(30_000);
        world.receive(r#"{"type":"pong"}"#);
    }
    assert_eq!(pings(&mut world), 10);
}

#[test]
fn a_servers_ping_is_answered() {
    let mut world = World::live(config(&["notes"]));
    world.receive(r#"{"type":"ping"}"#);
    assert_eq!(world.frame(), r#"{"type":"pong"}"#);
}

#[test]
fn a_client_that_does_not_listen_does_not_take_the_quiet_for_silence() {
    let mut world = paused();
    world.pass(60_000);
    assert!(world.state().is_connected());
    world.storing = true;
    world.store();
    assert!(!world.client.link.paused);
    world.pass(2_000);
    assert!(!world.state().is_connected());
}

/// A client with more to apply than it keeps.
fn paused() -> World {
    let mut config = config(&["notes"]);
    config.limits.received_bytes = 100;
    let mut world = World::live(config);
    world.storing = false;
    world.receive(&stream(0, 1, &[event(1, "a", "1")]));
    assert!(world.client.link.paused);
    world
}

#[test]
fn the_silence_is_counted_from_when_the_ping_has_left() {
    let mut world = World::live(config(&["notes"]));
    world.flushing = false;
    world.pass(30_000);
    world.pass(10_000);
    assert!(world.state().is_connected());
    world.flush(5);
    world.pass(5_000);
    assert!(world.state().is_connected());
    world.flush(1_000);
    world.pass(2_000);
    assert!(!world.state().is_connected());
}

#[test]
fn a_connection_that_takes_no_bytes_for_an_interval_is_ended() {
    let mut world = World::live(config(&["notes"]));
    world.flushing = false;
    world.pass(59_999);
    assert!(world.state().is_connected());
    world.pass(1);
    assert!(!world.state().is_connected());
}
