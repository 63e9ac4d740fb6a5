//! Forgetting a repository, whatever is under way.

use super::outbox::{pushed, refusal};
use super::*;

fn clear(world: &mut World) {
    let repository = repository("notes");
    world.give(ClientInput::Clear { repository });
}

fn told(world: &World) -> usize {
    let cleared = |notice: &&Notice| matches!(notice, Notice::Cleared { .. });
    world.notices.iter().filter(cleared).count()
}

/// Storage answers everything that it is asked.
fn store_all(world: &mut World) {
    while !world.asked.is_empty() {
        world.store();
    }
}

fn is_empty(world: &World) -> bool {
    let disk = &world.disk;
    (disk.records.len(), disk.own.len()) == (0, 0) && world.cursor() == 0
}

/// A client that has a record of another, and own events in four states.
fn full() -> World {
    let mut world = World::live(config(&["notes"]));
    world.receive(&stream(0, 1, &[event(1, "a", "1")]));
    let ids: Vec<String> = ["b", "c", "d", "e"]
        .iter()
        .map(|record| world.put(record, "1"))
        .collect();
    world.receive(&ack(&ids[0], 2));
    world.receive(&stream(1, 2, &[event(2, "b", "1").replace("x2", &ids[0])]));
    world.receive(&ack(&ids[1], 3));
    world.receive(&refusal("forbidden", false, &[&ids[2]]));
    assert!(matches!(
        world.own_states()[..],
        [
            OwnState::Settled { .. },
            OwnState::Acked(_),
            OwnState::Rejected { .. },
            OwnState::Pending
        ]
    ));
    world.forget();
    world
}

#[test]
fn everything_is_gone_and_read_again_from_0() {
    let mut world = full();
    let commits = world.disk.commits;
    clear(&mut world);
    // The second transaction writes the server's epoch into the new cursor.
    assert_eq!((told(&world), world.disk.commits), (1, commits + 2));
    assert!(is_empty(&world));
    assert_eq!((world.client.pending(), world.client.blocked()), (0, None));
    assert_eq!(*world.state(), ConnectionState::CatchingUp);
    assert!(world.frame().contains(r#""notes":{"afterSequence":0}"#));
    // The old stream does not count.
    world.receive(&stream(2, 3, &[event(3, "z", "1")]));
    assert!(is_empty(&world));
    world.receive(&stream(0, 1, &[event(1, "a", "1")]));
    world.receive(r#"{"type":"sync_complete","repository":"notes","ref":2,"lastSequence":1}"#);
    assert_eq!((world.cursor(), world.visible("a")), (1, "1".into()));
    let caught_up = Notice::CaughtUp {
        repository: repository("notes"),
    };
    assert!(world.notices.contains(&caught_up));
    // Places go on.
    world.put("f", "1");
    assert_eq!(world.disk.own.keys().next_back().unwrap().0, 5);
}

#[test]
fn an_answer_to_what_was_in_flight_changes_nothing_and_the_stream_tells_what_was_stored() {
    let mut world = World::live(config(&["notes"]));
    let id = world.put("a", "1");
    clear(&mut world);
    world.receive(&ack(&id, 1));
    assert_eq!(world.client.ignored(), 1);
    world.receive(&stream(0, 1, &[event(1, "a", "1").replace("x1", &id)]));
    assert!(world.notices.iter().any(|notice| matches!(
        notice,
        Notice::Changed {
            origin: Origin::Remote,
            pending: false,
            ..
        }
    )));
    assert_eq!((world.own_states(), world.visible("a")), (vec![], "1".into()));
}

#[test]
fn writes_before_it_are_gone_and_writes_behind_it_stay() {
    let mut world = World::live(config(&["notes"]));
    world.storing = false;
    let before = [world.put_later("a", "1"), world.put_later("b", "1")];
    clear(&mut world);
    clear(&mut world);
    let behind = world.put_later("b", "2");
    store_all(&mut world);
    assert!(
        before
            .iter()
            .all(|request| matches!(world.written(*request), Some(Ok(_))))
    );
    assert!(matches!(world.written(behind), Some(Ok(_))));
    assert_eq!(told(&world), 2);
    assert_eq!((world.visible("a"), world.visible("b")), ("none".into(), "2".into()));
    assert_eq!(world.client.pending(), 1);
}

#[test]
fn a_failure_is_tried_again_and_writes_behind_it_wait() {
    let mut world = full();
    world.storing = false;
    clear(&mut world);
    let behind = world.put_later("z", "1");
    world.fail_storage();
    assert!(world.asked.is_empty() && told(&world) == 0);
    assert_eq!(world.client.pending(), 1);
    world.storing = true;
    world.pass(1_000);
    assert!(matches!(world.written(behind), Some(Ok(_))));
    assert_eq!((told(&world), world.disk.own.len()), (1, 1));
}

#[test]
fn a_stop_clears_nothing_that_has_not_begun() {
    let mut world = full();
    world.storing = false;
    world.put_later("z", "1");
    clear(&mut world);
    world.give(ClientInput::Stop);
    store_all(&mut world);
    clear(&mut world);
    assert_eq!((told(&world), world.disk.records.is_empty()), (0, false));
    assert!(world.client.writes.is_empty());
}

#[test]
fn before_storage_is_open_and_offline_it_waits_for_its_turn() {
    let full = full();
    let mut world = World::on(full.disk, config(&["notes"]));
    world.storing = false;
    clear(&mut world);
    world.start();
    clear(&mut world);
    world.give(ClientInput::Clear {
        repository: repository("others"),
    });
    store_all(&mut world);
    // Whoever asks is answered, however soon behind another.
    assert_eq!((told(&world), is_empty(&world)), (2, true));
    world.storing = true;
    world.open();
    world.receive(AUTH_SUCCESS);
    assert!(world.frames().pop().unwrap().contains(r#""notes":{"afterSequence":0}"#));
    assert_eq!(world.disk.last_local.0, 4);
}

#[test]
fn a_page_that_is_being_applied_does_not_come_behind_it() {
    // At its load, at its commit, and waiting to be done again after either failed.
    for (answered, fails) in [(0, false), (1, false), (0, true), (1, true)] {
        let mut world = full();
        world.storing = false;
        world.receive(&stream(2, 3, &[event(3, "z", "1")]));
        world.receive(&stream(3, 4, &[event(4, "z", "2")]));
        (0..answered).for_each(|_| world.store());
        clear(&mut world);
        if fails {
            world.fail_storage();
        }
        world.storing = true;
        store_all(&mut world);
        world.pass(1_000);
        assert!(is_empty(&world), "{answered} {fails}: {}", world.trace());
        assert_eq!((told(&world), world.client.inbox.bytes()), (1, 0));
        assert!(!world.client.jobs.is_applying());
        assert!(world.frames().pop().unwrap().contains(r#""notes":{"afterSequence":0}"#));
    }
}

#[test]
fn the_rest_of_a_page_does_not_come_behind_it() {
    let mut config = config(&["notes"]);
    config.limits.storage_bytes = 10;
    let mut world = World::live(config);
    let events: Vec<String> = (1..=3)
        .map(|at| event(at, &format!("r{at}"), r#""12345678""#))
        .collect();
    world.receive(&stream(0, 3, &events));
    world.storing = false;
    let events: Vec<String> = (4..=6).map(|at| event(at, &format!("r{}", at - 3), "1")).collect();
    world.receive(&stream(3, 6, &events));
    world.store();
    clear(&mut world);
    store_all(&mut world);
    assert!(is_empty(&world));
    assert_eq!(world.client.inbox.bytes(), 0);
}

#[test]
fn verdicts_that_are_not_durable_go_with_it() {
    let mut world = World::live(config(&["notes"]));
    let ids = [world.put("a", "1"), world.put("b", "1")];
    world.storing = false;
    world.put_later("c", "1");
    world.receive(&ack(&ids[0], 1));
    world.receive(&refusal("forbidden", false, &[&ids[1]]));
    clear(&mut world);
    world.forget();
    store_all(&mut world);
    assert!(is_empty(&world));
    let talks = |notice: &Notice| matches!(notice, Notice::Acked { .. } | Notice::Rejected { .. });
    assert!(!world.notices.iter().any(talks));
    assert!(world.client.repositories[0].lane.verdicts.is_empty());
}

#[test]
fn what_is_read_of_the_outbox_meanwhile_goes_out_before_it() {
    let mut world = World::live(config(&["notes"]));
    world.storing = false;
    world.put_later("a", "1");
    world.store();
    world.store();
    assert!(matches!(world.asked[0].1, StorageRequest::Outbox { .. }));
    clear(&mut world);
    store_all(&mut world);
    assert_eq!((pushed(&mut world), is_empty(&world)), (vec!["a".to_string()], true));
}

#[test]
fn a_refold_and_its_sweeps_end_with_it() {
    for answered in 0..8 {
        let mut world = full();
        world.storing = false;
        world.give(ClientInput::Resync {
            repository: repository("notes"),
        });
        for _ in 0..answered {
            if world.asked.is_empty() {
                world.receive(r#"{"type":"sync_complete","repository":"notes","ref":2,"lastSequence":0}"#);
            }
            if !world.asked.is_empty() {
                world.store();
            }
        }
        clear(&mut world);
        world.storing = true;
        store_all(&mut world);
        assert!(is_empty(&world), "{answered}");
        if matches!(world.state(), ConnectionState::Offline { .. }) {
            // What the refold holds back to be sent again may be what the server waits for.
            world.pass(3_000);
            world.open();
            world.receive(AUTH_SUCCESS);
        }
        let cursor = &world.disk.cursors[&repository("notes")];
        assert!(!cursor.refolding && cursor.generation == 0);
        let reference = world.client.repositories[0].stream.reference;
        world.receive(&format!(
            r#"{{"type":"sync_complete","repository":"notes","ref":{reference}}}"#
        ));
        assert_eq!(*world.state(), ConnectionState::Live, "{answered}");
        assert!(is_empty(&world));
    }
}

/// Whether the connection is given up, and a new one takes what is written.
fn is_given_up(world: &mut World) -> bool {
    let given_up = matches!(world.state(), ConnectionState::Offline { .. });
    if given_up {
        world.pass(3_000);
        world.open();
        world.receive(AUTH_SUCCESS);
        world.receive(r#"{"type":"sync_complete","repository":"notes"}"#);
        world.sent.clear();
        world.put("new", "1");
        assert_eq!(pushed(world), ["new"]);
    }
    given_up
}

#[test]
fn a_connection_on_which_the_server_waits_for_what_is_gone_is_given_up() {
    let mut world = World::live(config(&["notes"]));
    let id = world.put("a", "1");
    world.receive(&refusal("store_unavailable", true, &[&id]));
    clear(&mut world);
    assert!(is_given_up(&mut world));
}

#[test]
fn so_it_is_where_the_refusal_comes_later() {
    let mut world = World::live(config(&["notes"]));
    let id = world.put("a", "1");
    clear(&mut world);
    assert!(!is_given_up(&mut world));
    world.receive(r#"{"type":"sync_complete","repository":"notes","ref":2}"#);
    let new = world.put("b", "1");
    world.receive(&refusal("store_unavailable", true, &[&id, &new]));
    assert!(is_given_up(&mut world));
}

#[test]
fn so_it_is_where_other_credentials_are_shown_and_the_refusal_was_for_want_of_them() {
    for answered in [false, true] {
        let mut world = World::live(config(&["notes"]));
        let id = world.put("a", "1");
        if answered {
            world.receive(&refusal("token_expired", true, &[&id]));
            world.give(ClientInput::Credentials(ClientCredentials::default()));
        } else {
            // Behind the clearing.
            clear(&mut world);
            world.receive(&refusal("token_expired", true, &[&id]));
        }
        if answered {
            clear(&mut world);
        }
        assert!(is_given_up(&mut world), "{answered}: {}", world.trace());
    }
}

#[test]
fn other_repositories_go_on() {
    let mut world = World::online(config(&["notes", "users"]));
    for name in ["notes", "users"] {
        world.receive(&stream(0, 1, &[event(1, "a", "1")]).replace("notes", name));
        world.receive(&format!(
            r#"{{"type":"sync_complete","repository":"{name}","lastSequence":1}}"#
        ));
    }
    world.storing = false;
    world.receive(&stream(1, 2, &[event(2, "b", "1")]));
    world.receive(&stream(1, 2, &[event(2, "b", "1")]).replace("notes", "users"));
    // The page of both fails, and is done again for the one that stays.
    world.fail_storage();
    clear(&mut world);
    world.storing = true;
    world.pass(1_000);
    let cursor = |world: &World, name: &str| world.client.cursor(&repository(name)).unwrap().get();
    assert_eq!((cursor(&world, "notes"), cursor(&world, "users")), (0, 2));
    assert!(
        world
            .disk
            .records
            .keys()
            .all(|key| key.repository == repository("users"))
    );
}

#[test]
fn a_plain_server_that_is_being_asked_is_asked_on_a_new_connection() {
    let mut world = World::plain(config(&["notes"]));
    assert!(world.frame().contains("request_events"));
    clear(&mut world);
    assert!(matches!(world.state(), ConnectionState::Offline { .. }));
    world.pass(3_000);
    world.open();
    world.receive(r#"{"type":"auth_success"}"#);
    world.sent.clear();
    world.receive(&plain_events(&[event(1, "a", "1")]));
    world.receive(r#"{"type":"sync_complete","repository":"notes"}"#);
    world.receive(r#"{"type":"sync_complete","repository":"notes"}"#);
    assert_eq!(*world.state(), ConnectionState::Live);
    world.sent.clear();
    // Between two pulls it stays.
    clear(&mut world);
    assert!(world.frame().contains(r#""afterSequence":0"#) && is_empty(&world));
}
