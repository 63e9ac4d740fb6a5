//! A changed history is noticed, folded again, and given back what it lost.

use crate::client_host::repository;
use crate::store::Store;
use crate::world::World;
use driftless_core::client::{ClientInput, Notice};
use driftless_core::server::Rights;
use std::sync::Arc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn changed(notice: &Notice) -> bool {
    matches!(notice, Notice::HistoryChanged { .. })
}

/// Two clients; each has written, everything is acked and read.
fn used(world: &mut World) -> (usize, usize) {
    let clients = (world.add_client(&["users"]), world.add_client(&["users"]));
    for client in [clients.0, clients.1] {
        world.start(client);
        world.run_for(SECOND);
        for n in 0..5 {
            world.upsert(
                client,
                "users",
                &format!("u{n}"),
                &format!(r#"{{"by":{client},"n":{n}}}"#),
            );
        }
        world.converge(&["users"], 5 * SECOND);
    }
    clients
}

#[test]
fn a_restored_older_store_gets_back_what_it_lost() {
    let mut world = World::new();
    let clients = used(&mut world);
    let backup = world.store.clone();
    for client in [clients.0, clients.1] {
        for n in 3..8 {
            world.upsert(
                client,
                "users",
                &format!("u{n}"),
                &format!(r#"{{"by":{client},"later":{n}}}"#),
            );
        }
        world.delete(client, "users", &format!("u{client}"));
    }
    world.converge(&["users"], 5 * SECOND);
    let before: std::collections::BTreeSet<_> = world.ids("users").into_iter().collect();
    world.crash_server(true);
    world.store = backup;
    world.start_server();
    world.clients[clients.0].trace.take();
    world.run_for(8 * SECOND);
    world.converge(&["users"], 20 * SECOND);
    let after: std::collections::BTreeSet<_> = world.ids("users").into_iter().collect();
    assert_eq!(after, before, "both had kept what they wrote");
    for client in [clients.0, clients.1] {
        assert_eq!(world.clients[client].told(changed), 1, "client {client} was told");
    }
    assert_kept!(world.clients[clients.0].trace.take());
}

#[test]
fn a_restored_store_that_others_have_written_to_is_noticed() {
    let mut world = World::new();
    let (client, other) = used(&mut world);
    let backup = world.store.clone();
    world.upsert(client, "users", "late", r#"{"by":"client"}"#);
    world.converge(&["users"], 5 * SECOND);
    world.crash(other, true);
    world.crash_server(true);
    world.store = backup;
    world.reachable = false;
    world.start_server();
    world.run_for(SECOND);
    // Another client fills the place of what was lost before the first one comes back.
    world.crash(client, true);
    world.reachable = true;
    let third = world.add_client(&["users"]);
    world.start(third);
    world.upsert(third, "users", "other", r#"{"by":"third"}"#);
    world.converge(&["users"], 5 * SECOND);
    world.start(client);
    world.start(other);
    world.run_for(10 * SECOND);
    world.converge(&["users"], 20 * SECOND);
    assert_eq!(world.visible(client, "users").len(), 7, "both are there");
    assert_eq!(world.clients[client].told(changed), 1);
}

#[test]
fn another_store_is_another_history() {
    let mut world = World::new();
    let clients = used(&mut world);
    world.upsert(clients.0, "users", "mine", "{}");
    world.converge(&["users"], 5 * SECOND);
    let before: std::collections::BTreeSet<_> = world.ids("users").into_iter().collect();
    world.crash_server(true);
    world.store = Store::new("epoch-2");
    world.start_server();
    world.run_for(8 * SECOND);
    world.converge(&["users"], 20 * SECOND);
    let after: std::collections::BTreeSet<_> = world.ids("users").into_iter().collect();
    assert_eq!(after, before);
    for client in [clients.0, clients.1] {
        let cursor = world.clients[client].disk.cursor(&repository("users"));
        assert_eq!(cursor.epoch, Some(world.store.epoch.clone()));
        assert_eq!(world.clients[client].told(changed), 1);
    }
}

#[test]
fn what_was_not_acked_is_pushed_once_into_the_new_history() {
    let mut world = World::new();
    let (client, _) = used(&mut world);
    world.reachable = false;
    world.crash_server(true);
    world.upsert(client, "users", "offline", r#"{"n":1}"#);
    world.run_for(SECOND);
    world.store = Store::new("epoch-2");
    world.start_server();
    world.reachable = true;
    world.run_for(8 * SECOND);
    world.converge(&["users"], 20 * SECOND);
    assert_eq!(world.ids("users").len(), 11);
    assert!(world.visible(client, "users").contains_key("offline"));
}

#[test]
fn a_crash_in_the_middle_of_folding_again_is_survived() {
    for millis in (0..60).step_by(3) {
        let mut world = World::new();
        let (client, _) = used(&mut world);
        let before: std::collections::BTreeSet<_> = world.ids("users").into_iter().collect();
        world.crash_server(true);
        world.store = Store::new("epoch-2");
        world.start_server();
        world.run_until(10 * SECOND, "told", |world| world.clients[client].told(changed) > 0);
        world.run_for(Duration::from_millis(millis));
        world.crash(client, millis % 2 == 0);
        world.run_for(SECOND);
        world.start(client);
        world.run_for(8 * SECOND);
        world.converge(&["users"], 20 * SECOND);
        let after: std::collections::BTreeSet<_> = world.ids("users").into_iter().collect();
        assert_eq!(after, before, "crash after {millis} ms");
    }
}

#[test]
fn another_scope_is_read_again_from_the_beginning() {
    let mut world = World::new();
    let (client, _) = used(&mut world);
    world.rights = Arc::new(Rights {
        scope: "other".into(),
        ..Rights::all()
    });
    world.cut_client(client);
    world.run_for(8 * SECOND);
    world.converge(&["users"], 10 * SECOND);
    let cursor = world.clients[client].disk.cursor(&repository("users"));
    assert_eq!((cursor.scope.as_deref(), cursor.generation), (Some("other"), 1));
    assert_eq!(
        world.ids("users").len(),
        10,
        "nothing is pushed again that the server has"
    );
}

#[test]
fn a_resync_shows_the_same_in_the_end() {
    let mut world = World::new();
    let (client, other) = used(&mut world);
    let shown = world.visible(client, "users");
    let users = repository("users");
    world.input(client, ClientInput::Resync { repository: users });
    world.upsert(other, "users", "u0", r#"{"while":true}"#);
    world.converge(&["users"], 10 * SECOND);
    assert_eq!(world.visible(client, "users").len(), shown.len());
    assert_eq!(world.ids("users").len(), 11);
}

#[test]
fn an_acked_event_that_is_not_at_its_place_is_pushed_again() {
    let mut world = World::new();
    let client = world.add_client(&["users"]);
    let other = world.add_client(&["users"]);
    world.start(client);
    world.run_for(SECOND);
    // The ack comes, the stream does not: the cursor stays behind the ack.
    let backup = world.store.clone();
    world.commits_untold = true;
    world.upsert(client, "users", "mine", "{}");
    world.run_for(SECOND);
    assert_eq!(world.clients[client].acked().len(), 1);
    assert_eq!(world.clients[client].disk.cursor(&repository("users")).after.get(), 0);
    // What was acked is lost, and another event takes its place.
    world.crash_server(true);
    world.store = backup;
    world.commits_untold = false;
    world.reachable = false;
    world.start_server();
    world.run_for(Duration::from_millis(100));
    world.reachable = true;
    world.start(other);
    world.upsert(other, "users", "other", "{}");
    world.run_for(SECOND);
    world.converge(&["users"], 20 * SECOND);
    assert_eq!(world.ids("users").len(), 2);
    assert_eq!(world.visible(other, "users").len(), 2);
}
