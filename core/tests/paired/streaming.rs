//! One ordered stream to everyone.

use crate::client_host::repository;
use crate::world::World;
use driftless_core::client::{ClientInput, Notice, Origin};
use driftless_core::event::Sequence;
use driftless_core::server::{Access, Rights};
use std::sync::Arc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn two(world: &mut World) -> (usize, usize) {
    let clients = (
        world.add_client(&["users", "todos"]),
        world.add_client(&["users", "todos"]),
    );
    world.start(clients.0);
    world.start(clients.1);
    world.run_for(SECOND);
    clients
}

#[test]
fn the_way_of_a_change_from_one_client_to_another() {
    let mut world = World::new();
    let (writer, reader) = (world.add_client(&["users"]), world.add_client(&["users"]));
    world.start(writer);
    world.start(reader);
    world.run_for(SECOND);
    world.upsert(writer, "users", "alice", r#"{"name":"Alice","n":1.0}"#);
    world.run_for(SECOND);
    world.delete(reader, "users", "alice");
    world.run_for(SECOND);
    world.input(writer, ClientInput::Stop);
    world.run_for(SECOND);
    let (written, read) = (world.clients[writer].trace.take(), world.clients[reader].trace.take());
    assert_kept!(format!("writer\n{written}\n\nreader\n{read}"));
}

#[test]
fn what_one_upserts_the_other_has() {
    let mut world = World::new();
    let (writer, reader) = two(&mut world);
    for n in 0..20 {
        world.upsert(writer, "users", &format!("u{}", n % 7), &format!(r#"{{"n":{n}}}"#));
        world.upsert(reader, "todos", &format!("t{}", n % 3), &format!(r#"{{"n":{n}.0}}"#));
        world.run_for(Duration::from_millis(7));
    }
    world.delete(writer, "users", "u3");
    world.converge(&["users", "todos"], 5 * SECOND);
    assert_eq!(world.visible(reader, "users").len(), 6);
    assert_eq!(world.ids("users").len(), 21);
}

#[test]
fn writers_to_one_record_see_the_same_in_the_end() {
    let mut world = World::new();
    let (first, second) = two(&mut world);
    world.clients[first].skew_ms = -86_400_000;
    for n in 0..10 {
        for client in [first, second] {
            world.upsert(client, "users", "alice", &format!(r#"{{"by":{client},"n":{n}}}"#));
        }
        world.run_for(Duration::from_millis(3));
    }
    world.converge(&["users"], 5 * SECOND);
    assert_eq!(world.ids("users").len(), 20);
}

#[test]
fn what_the_application_is_told_ends_with_what_it_sees() {
    let mut world = World::new();
    let (writer, reader) = two(&mut world);
    for n in 0..5 {
        world.upsert(writer, "users", "alice", &format!(r#"{{"n":{n}}}"#));
        world.run_for(Duration::from_millis(30));
    }
    world.converge(&["users"], SECOND);
    for (client, by) in [(writer, Origin::Local), (reader, Origin::Remote)] {
        let changes: Vec<_> = world.clients[client]
            .notices
            .iter()
            .filter_map(|notice| match notice {
                Notice::Changed {
                    data,
                    origin,
                    content: true,
                    ..
                } => Some((data.clone().unwrap(), *origin)),
                _ => None,
            })
            .collect();
        let texts: Vec<_> = changes.iter().map(|(data, _)| data.to_string()).collect();
        assert_eq!(texts, (0..5).map(|n| format!(r#"{{"n":{n}}}"#)).collect::<Vec<_>>());
        assert!(changes.iter().all(|(_, origin)| *origin == by), "{changes:?}");
    }
    let last = |notice: &&Notice| matches!(notice, Notice::Changed { .. });
    let Some(Notice::Changed { pending, sequence, .. }) = world.clients[writer].notices.iter().rfind(last) else {
        panic!("the writer was told");
    };
    assert_eq!((*pending, sequence.map(Sequence::get)), (false, Some(5)));
}

#[test]
fn a_long_log_is_caught_up_whole_and_in_bounded_pieces() {
    let mut world = World::new();
    let writer = world.add_client(&["users"]);
    world.start(writer);
    world.run_for(SECOND);
    let text = "x".repeat(200);
    for n in 0..3_000 {
        world.upsert(
            writer,
            "users",
            &format!("u{}", n % 50),
            &format!(r#"{{"n":{n},"t":"{text}"}}"#),
        );
    }
    world.converge(&["users"], 60 * SECOND);
    let reader = world.add_client(&["users"]);
    world.start(reader);
    let mut most = 0;
    world.run_until(60 * SECOND, "the reader is current", |world| {
        most = most.max(
            world
                .links
                .values()
                .map(|link| link.to_client.bytes())
                .max()
                .unwrap_or(0),
        );
        world.clients[reader].disk.cursor(&repository("users")).after.get() == 3_000
    });
    assert!(
        most <= world.limits.stream_bytes + world.limits.page_bytes,
        "{most} bytes on the way"
    );
    world.converge(&["users"], SECOND);
}

#[test]
fn commits_that_the_hub_never_hears_of_cost_time_and_no_event() {
    let mut world = World::new();
    let (writer, _) = two(&mut world);
    world.commits_untold = true;
    for n in 0..5 {
        world.upsert(writer, "users", &format!("u{n}"), "{}");
    }
    world.run_for(5 * SECOND);
    world.commits_untold = false;
    world.upsert(writer, "users", "last", "{}");
    world.converge(&["users"], 5 * SECOND);
    assert_eq!(world.ids("users").len(), 6);
}

#[test]
fn a_client_hears_nothing_of_what_it_may_not_read() {
    let mut world = World::new();
    let (writer, _) = two(&mut world);
    world.upsert(writer, "todos", "t", "{}");
    world.upsert(writer, "users", "u", "{}");
    world.converge(&["users", "todos"], SECOND);
    world.rights = Arc::new(Rights {
        scope: "users".into(),
        read: Access::Only([repository("users")].into()),
        write: Access::All,
    });
    let other = world.add_client(&["users", "todos"]);
    world.start(other);
    world.run_for(5 * SECOND);
    assert_eq!(world.visible(other, "users").len(), 1);
    assert_eq!(world.visible(other, "todos").len(), 0);
}
