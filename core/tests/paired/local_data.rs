//! What an application does with its own local data, while the server goes on.

use crate::client_host::repository;
use crate::world::World;
use driftless_core::client::{Change, ChangeKind, ClientInput, Notice, RequestId, Strategy, SyncFilter, Write};
use driftless_core::event::{EventId, Json, RecordId, Sequence, Timestamp};
use driftless_core::server::{Access, Rights};
use std::sync::Arc;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

fn live(world: &mut World) -> usize {
    let client = world.add_client(&["users", "todos"]);
    world.start(client);
    world.run_for(SECOND);
    client
}

fn clear(world: &mut World, client: usize) {
    let repository = repository("users");
    world.input(client, ClientInput::Clear { repository });
}

fn rejected(world: &World, client: usize) -> Vec<EventId> {
    let notices = world.clients[client].notices.iter();
    let ids = notices.filter_map(|notice| match notice {
        Notice::Rejected { event, .. } => Some(event.clone()),
        _ => None,
    });
    ids.collect()
}

#[test]
fn a_rejected_event_is_retried_once_the_right_is_there() {
    let mut world = World::new();
    let (client, other) = (live(&mut world), live(&mut world));
    let rights = world.rights.clone();
    world.rights = Arc::new(Rights {
        write: Access::Only([repository("todos")].into()),
        ..Rights::clone(&rights)
    });
    world.cut_client(client);
    world.upsert(client, "users", "alice", r#"{"n":1}"#);
    world.converge(&["users"], 10 * SECOND);
    let refused = rejected(&world, client);
    assert_eq!((refused.len(), world.ids("users").len()), (1, 0));
    world.rights = rights;
    world.cut_client(client);
    let data = Json::parse(r#"{"n":1}"#.to_owned()).unwrap();
    let retry = Write {
        request: RequestId(1_000),
        wall: Timestamp::from_millis(0).unwrap(),
        changes: vec![Change {
            repository: repository("users"),
            record: RecordId::new("alice").unwrap(),
            kind: ChangeKind::Upsert { data, changed: None },
        }],
        dismiss: vec![(repository("users"), refused[0].clone())],
    };
    world.clients[client].writing += 1;
    world.input(client, ClientInput::Write(retry));
    world.converge(&["users"], 10 * SECOND);
    let stored = world.ids("users");
    assert!(stored.len() == 1 && stored != refused);
    assert_eq!(world.visible(other, "users").len(), 1);
    let dismissed = |notice: &Notice| matches!(notice, Notice::Dismissed { event, .. } if *event == refused[0]);
    assert_eq!(world.clients[client].told(dismissed), 1);
}

#[test]
fn a_cleared_repository_comes_back_as_the_log_has_it() {
    let mut world = World::new();
    let (client, other) = (live(&mut world), live(&mut world));
    for n in 0..20 {
        world.upsert(other, "users", &format!("u{n}"), r#"{"of":"other"}"#);
    }
    world.converge(&["users"], 5 * SECOND);
    // Some are on their way and will be stored, others are not even sent.
    world.upsert(client, "users", "sent", "{}");
    world.run_for(Duration::from_millis(4));
    world.upsert(client, "users", "not sent", "{}");
    clear(&mut world, client);
    world.upsert(client, "users", "behind", "{}");
    world.converge(&["users"], 10 * SECOND);
    assert_eq!(world.visible(client, "users"), world.visible(other, "users"));
    assert!(world.visible(client, "users").contains_key("behind"));
    assert!(!world.visible(client, "users").contains_key("not sent"));
    let cleared = |notice: &Notice| matches!(notice, Notice::Cleared { .. });
    assert_eq!(world.clients[client].told(cleared), 1);
}

#[test]
fn a_server_that_waits_for_a_cleared_event_takes_later_ones_on_the_next_connection() {
    // The refusal comes before the repository is cleared, or behind it.
    for wait in [Duration::from_millis(100), Duration::ZERO] {
        let mut world = World::new();
        let client = live(&mut world);
        world.store_fails = true;
        world.upsert(client, "users", "refused", "{}");
        world.run_for(wait + Duration::from_millis(6));
        clear(&mut world, client);
        world.run_for(Duration::from_millis(50));
        world.store_fails = false;
        world.upsert(client, "users", "later", "{}");
        world.converge(&["users"], 10 * SECOND);
        let names: Vec<_> = world
            .events("users")
            .iter()
            .map(|event| event.record_id.to_string())
            .collect();
        assert_eq!(names, ["later"]);
    }
}

#[test]
fn clients_that_sync_in_rounds_hear_of_each_other() {
    let mut world = World::new();
    let (manual, periodic) = (world.add_client(&["users"]), world.add_client(&["users"]));
    world.clients[manual].config.strategy = Strategy::manual();
    world.clients[periodic].config.strategy = Strategy {
        every: Some(10 * SECOND),
        ..Strategy::manual()
    };
    world.start(manual);
    world.start(periodic);
    world.upsert(manual, "users", "alice", "{}");
    world.upsert(periodic, "users", "bob", "{}");
    world.run_for(5 * SECOND);
    let synced = |world: &World, client: usize| world.clients[client].told(|notice| *notice == Notice::Synced);
    assert_eq!((synced(&world, manual), synced(&world, periodic)), (0, 1));
    assert_eq!(world.ids("users").len(), 1);
    assert!(world.connections_of(manual).is_empty() && world.connections_of(periodic).is_empty());
    world.input(manual, ClientInput::SyncNow);
    world.run_for(SECOND);
    assert_eq!((synced(&world, manual), world.visible(manual, "users").len()), (1, 2));
    assert_eq!(world.visible(periodic, "users").len(), 1);
    // A round that meets a failing store goes on until all is pushed.
    world.store_fails = true;
    world.upsert(manual, "users", "carol", "{}");
    world.input(manual, ClientInput::SyncNow);
    world.run_for(3 * SECOND);
    assert_eq!(synced(&world, manual), 1);
    world.store_fails = false;
    world.converge(&["users"], 30 * SECOND);
    assert_eq!(synced(&world, manual), 2);
    assert!(world.connections_of(manual).is_empty());
}

#[test]
fn a_filtered_repository_begins_where_its_application_says() {
    let mut world = World::new();
    let writer = live(&mut world);
    for n in 0..10 {
        world.upsert(writer, "users", &format!("u{n}"), "{}");
        world.run_for(SECOND);
    }
    // In the middle by sequence and by time, beyond the last event, and after the last moment.
    let moment =
        |second: i64| Timestamp::from_millis(world.events("users")[0].created_at.unwrap().as_millis() + second * 1_000);
    let filter = |after: Option<u64>, since| SyncFilter {
        after: after.map(Sequence::new),
        since,
        fields: Vec::new(),
    };
    let cases = [
        (filter(Some(4), None), 6),
        (filter(None, moment(4)), 6),
        (filter(Some(99), None), 10),
        (filter(None, moment(9_999)), 0),
        (filter(Some(6), moment(4)), 4),
    ];
    for (filter, expected) in cases {
        let client = world.add_client(&["users"]);
        world.clients[client].config.repositories[0].filtered = true;
        world.clients[client].filter = Some(filter.clone());
        world.start(client);
        world.run_for(2 * SECOND);
        assert_eq!(world.visible(client, "users").len(), expected, "{filter:?}");
        let cursor = world.clients[client].disk.cursor(&repository("users"));
        assert_eq!((cursor.after.get(), cursor.refolding), (10, false), "{filter:?}");
    }
}
