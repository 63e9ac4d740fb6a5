//! Nothing acked is lost, nothing un-acked is forgotten, nothing is stored twice.

use crate::client_host::repository;
use crate::world::World;
use driftless_core::client::{Blocked, Notice};
use driftless_core::event::EventId;
use driftless_core::server::{Access, Rights};
use driftless_core::wire::ErrorCode;
use std::sync::Arc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn live(world: &mut World) -> usize {
    let client = world.add_client(&["users", "todos"]);
    world.start(client);
    world.run_for(SECOND);
    client
}

fn pending(world: &World, client: usize) -> Vec<EventId> {
    world.clients[client].disk.pending(&repository("users"))
}

#[test]
fn a_reconnect_resends_unacked_events_in_order() {
    let mut world = World::new();
    let client = live(&mut world);
    world.clients[client].trace.take();
    for n in 0..3 {
        world.upsert(client, "users", &format!("u{n}"), "{}");
    }
    // Sent, and stored; the acks are lost.
    world.run_until(SECOND, "all are stored", |world| world.ids("users").len() == 3);
    world.cut_client(client);
    for n in 3..5 {
        world.upsert(client, "users", &format!("u{n}"), "{}");
    }
    world.converge(&["users"], 10 * SECOND);
    let names: Vec<_> = world
        .events("users")
        .iter()
        .map(|event| event.record_id.to_string())
        .collect();
    assert_eq!(names, ["u0", "u1", "u2", "u3", "u4"]);
    let mut acked = world.clients[client].acked();
    acked.sort();
    let mut ids = world.ids("users");
    ids.sort();
    assert_eq!(acked, ids, "each is told once");
    assert_kept!(world.clients[client].trace.take());
}

#[test]
fn what_is_written_offline_survives_a_crash_and_arrives_once_in_order() {
    let mut world = World::new();
    world.reachable = false;
    let client = world.add_client(&["users"]);
    world.start(client);
    for n in 0..500 {
        world.upsert(client, "users", &format!("u{}", n % 10), &format!(r#"{{"n":{n}}}"#));
    }
    world.run_for(10 * SECOND);
    let written = pending(&world, client);
    assert_eq!(written.len(), 500);
    world.crash(client, false);
    world.start(client);
    world.reachable = true;
    world.converge(&["users"], 30 * SECOND);
    assert_eq!(world.ids("users"), written);
}

#[test]
fn a_server_that_dies_before_it_tells_has_the_events_once() {
    for appends_survive in [false, true] {
        let mut world = World::new();
        let client = live(&mut world);
        for n in 0..50 {
            world.upsert(client, "users", &format!("u{n}"), "{}");
        }
        world.run_for(Duration::from_millis(7));
        world.crash_server(appends_survive);
        world.run_for(SECOND);
        world.start_server();
        world.converge(&["users"], 10 * SECOND);
        assert_eq!(world.ids("users").len(), 50);
    }
}

#[test]
fn a_failing_store_is_tried_again_without_losing_the_order() {
    let mut world = World::new();
    let client = live(&mut world);
    world.store_fails = true;
    for n in 0..5 {
        world.upsert(client, "users", &format!("u{n}"), "{}");
        world.run_for(Duration::from_millis(200));
    }
    world.run_for(3 * SECOND);
    assert_eq!(pending(&world, client).len(), 5);
    let blocked = world.clients[client].machine.as_ref().unwrap().blocked();
    assert!(matches!(blocked, Some(Blocked::Refused(_))), "{blocked:?}");
    let written = pending(&world, client);
    world.store_fails = false;
    world.converge(&["users"], 20 * SECOND);
    assert_eq!(world.ids("users"), written);
    let rejected = |notice: &Notice| matches!(notice, Notice::Rejected { .. });
    assert_eq!(world.clients[client].told(rejected), 0);
}

#[test]
fn a_refused_event_leaves_the_outbox_and_is_surfaced() {
    let mut world = World::new();
    let client = live(&mut world);
    let other = live(&mut world);
    world.rights = Arc::new(Rights {
        scope: "all".into(),
        read: Access::All,
        write: Access::Only([repository("todos")].into()),
    });
    world.cut_client(client);
    world.upsert(client, "users", "alice", r#"{"n":1}"#);
    world.upsert(client, "todos", "t", "{}");
    world.converge(&["users", "todos"], 10 * SECOND);
    assert_eq!((world.ids("users").len(), world.ids("todos").len()), (0, 1));
    assert_eq!(world.visible(client, "users").len(), 0, "its effect is undone");
    let rejected: Vec<_> = world.clients[client]
        .notices
        .iter()
        .filter_map(|notice| match notice {
            Notice::Rejected { body, code, .. } => Some((body.to_string(), *code)),
            _ => None,
        })
        .collect();
    assert_eq!(rejected.len(), 1);
    assert!(rejected[0].0.contains(r#""n":1"#), "{rejected:?}");
    assert_eq!(rejected[0].1, Some(ErrorCode::Forbidden));
    assert_eq!(world.visible(other, "todos").len(), 1);
}

#[test]
fn a_failing_disk_makes_a_write_fail_or_wait_and_loses_nothing() {
    let mut world = World::new();
    let client = live(&mut world);
    let other = live(&mut world);
    world.clients[client].disk_failures = 1;
    world.upsert(client, "users", "lost", "{}");
    world.run_for(SECOND);
    let failed = |notice: &Notice| matches!(notice, Notice::Written { result: Err(_), .. });
    assert_eq!(world.clients[client].told(failed), 1, "the application was told");
    world.clients[client].disk_failures = 5;
    world.upsert(other, "users", "kept", "{}");
    world.converge(&["users"], 200 * SECOND);
    assert_eq!(world.visible(client, "users").len(), 1);
}

#[test]
fn a_window_of_events_is_under_way_and_no_more() {
    let mut world = World::new();
    let client = world.add_client(&["users"]);
    world.clients[client].config.limits.window_events = 10;
    world.clients[client].config.limits.push_events = 4;
    world.start(client);
    world.run_for(SECOND);
    world.store_delay = SECOND;
    for n in 0..100 {
        world.upsert(client, "users", &format!("u{n}"), "{}");
    }
    world.clients[client].trace.take();
    world.run_for(Duration::from_millis(900));
    let sent = world.clients[client].trace.take();
    let pushes = sent
        .lines()
        .filter(|line| line.contains("> {") && line.contains("push_event"));
    let events: usize = pushes.map(|line| line.matches("_event_id").count()).sum();
    assert_eq!(events, 10);
    world.converge(&["users"], 60 * SECOND);
    let names: Vec<_> = world
        .events("users")
        .iter()
        .map(|event| event.record_id.to_string())
        .collect();
    assert_eq!(names, (0..100).map(|n| format!("u{n}")).collect::<Vec<_>>());
}

#[test]
fn a_server_with_smaller_limits_gets_what_it_takes_and_the_rest_is_surfaced() {
    let mut world = World::new();
    world.limits.frame_bytes = 4_000;
    world.limits.event_bytes = 3_000;
    world.crash_server(false);
    world.start_server();
    let client = live(&mut world);
    let data = |bytes: usize| format!(r#"{{"text":"{}"}}"#, "x".repeat(bytes));
    for n in 0..20 {
        world.upsert(client, "users", &format!("u{n}"), &data(700));
    }
    world.upsert(client, "users", "event", &data(3_000));
    world.upsert(client, "users", "frame", &data(20_000));
    world.upsert(client, "users", "last", &data(1));
    world.converge(&["users"], 10 * SECOND);
    assert_eq!(world.ids("users").len(), 21);
    let too_large =
        |notice: &Notice| matches!(notice, Notice::Rejected { code, .. } if *code == Some(ErrorCode::EventTooLarge));
    assert_eq!(world.clients[client].told(too_large), 2);
}
