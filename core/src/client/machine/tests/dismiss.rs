//! Rejected events are retried, edited and dropped.

use super::outbox::{pushed, refusal};
use super::*;

/// A client of which the server has refused `x` = 1 for good; the event's id.
fn refused() -> (World, EventId) {
    let mut world = World::live(config(&["notes"]));
    let id = world.put("x", "1");
    world.receive(&refusal("forbidden", false, &[&id]));
    assert!(matches!(world.own_states()[..], [OwnState::Rejected { .. }]));
    world.forget();
    (world, EventId::new(id).unwrap())
}

fn of_notes(ids: &[&EventId]) -> Vec<(RepositoryName, EventId)> {
    ids.iter().map(|id| (repository("notes"), (*id).clone())).collect()
}

fn write(world: &mut World, changes: Vec<Change>, dismiss: &[&EventId]) -> Result<Vec<EventId>, WriteError> {
    let request = world.write_all(WALL, changes, of_notes(dismiss));
    world.written(request).expect("the write is answered")
}

#[test]
fn a_retry_writes_again_and_dismisses_in_one_transaction() {
    let (mut world, id) = refused();
    let commits = world.disk.commits;
    let ids = write(&mut world, vec![upsert("x", "1")], &[&id]).unwrap();
    assert_eq!(world.disk.commits, commits + 1);
    assert_ne!(ids[0], id);
    assert_eq!(world.own_states(), [OwnState::Pending]);
    assert_eq!(world.visible("x"), "1");
    assert_eq!(pushed(&mut world), ["x"]);
    let dismissed = Notice::Dismissed {
        repository: repository("notes"),
        record: RecordId::new("x").unwrap(),
        event: id,
    };
    let place = |wanted: &dyn Fn(&Notice) -> bool| world.notices.iter().position(wanted).unwrap();
    let written = place(&|notice| matches!(notice, Notice::Written { .. }));
    assert!(written < place(&|notice| *notice == dismissed));
}

#[test]
fn a_drop_is_a_write_without_changes() {
    let (mut world, id) = refused();
    assert_eq!(write(&mut world, Vec::new(), &[&id, &id]), Ok(Vec::new()));
    assert_eq!(world.own_states(), []);
    assert_eq!((world.visible("x"), pushed(&mut world).len()), ("none".into(), 0));
    // Its place is not given again, not even after a restart.
    let mut again = World::on(world.disk.clone(), config(&["notes"]));
    again.start();
    again.put("y", "2");
    assert_eq!(again.disk.own.keys().next_back().unwrap().0, 2);
}

#[test]
fn what_is_not_rejected_stays_and_so_does_everything_else() {
    let (mut world, id) = refused();
    let pending = EventId::new(world.put("y", "2")).unwrap();
    let unknown = EventId::new("unknown").unwrap();
    let before = world.disk.clone();
    for other in [&pending, &unknown] {
        let result = write(&mut world, vec![upsert("x", "3")], &[&id, other]);
        assert_eq!(result, Err(WriteError::NotRejected(other.clone())));
    }
    assert_eq!((&world.disk.own, &world.disk.records), (&before.own, &before.records));
    let strange = vec![(repository("users"), id.clone())];
    let request = world.write_all(WALL, Vec::new(), strange);
    let unknown = Err(WriteError::UnknownRepository(repository("users")));
    assert_eq!(world.written(request), Some(unknown));
    // A write that is not made for another reason dismisses nothing.
    world.client.config.limits.event_bytes = 10;
    let result = write(&mut world, vec![upsert("x", "3")], &[&id]);
    assert_eq!(result, Err(WriteError::TooLarge(10)));
    assert_eq!(world.own_states().len(), 2);
}

#[test]
fn an_event_is_dismissed_once() {
    let (mut world, id) = refused();
    world.storing = false;
    world.put_later("a", "1");
    // Both come into one batch.
    let first = world.write_all(WALL, vec![upsert("x", "2")], of_notes(&[&id]));
    let second = world.write_all(WALL, vec![upsert("x", "3")], of_notes(&[&id]));
    world.storing = true;
    while !world.asked.is_empty() {
        world.store();
    }
    assert!(matches!(world.written(first), Some(Ok(_))));
    let not_rejected = Err(WriteError::NotRejected(id.clone()));
    assert_eq!(world.written(second), Some(not_rejected));
    assert_eq!(world.visible("x"), "2");
    let told = world
        .notices
        .iter()
        .filter(|notice| matches!(notice, Notice::Dismissed { .. }));
    assert_eq!(told.count(), 1);
}

#[test]
fn a_failed_transaction_dismisses_nothing() {
    let (mut world, id) = refused();
    world.storing = false;
    let request = world.write_all(WALL, Vec::new(), of_notes(&[&id]));
    world.store();
    world.fail_storage();
    assert!(matches!(world.written(request), Some(Err(WriteError::Storage(_)))));
    assert_eq!(world.own_states().len(), 1);
    assert!(
        !world
            .notices
            .iter()
            .any(|notice| matches!(notice, Notice::Dismissed { .. }))
    );
}

#[test]
fn many_dismissals_count_as_changes_and_are_loaded_in_turns() {
    let mut config = config(&["notes"]);
    config.limits.apply_events = 2;
    config.limits.storage_bytes = 200;
    let mut world = World::live(config);
    let ids: Vec<String> = (0..3).map(|n| world.put(&format!("r{n}"), "1")).collect();
    let refused: Vec<&str> = ids.iter().map(String::as_str).collect();
    world.receive(&refusal("forbidden", false, &refused));
    world.forget();
    world.storing = false;
    world.put_later("a", "1");
    let ids: Vec<EventId> = refused
        .iter()
        .map(|id| EventId::new((*id).to_string()).unwrap())
        .collect();
    let single = world.write_all(WALL, Vec::new(), of_notes(&[&ids[0]]));
    // More bytes than are loaded at a time: a write is made whole all the same.
    let double = world.write_all(WALL, Vec::new(), of_notes(&[&ids[1], &ids[2]]));
    world.storing = true;
    while !world.asked.is_empty() {
        world.store();
    }
    assert_eq!(
        (world.written(single), world.written(double)),
        (Some(Ok(vec![])), Some(Ok(vec![])))
    );
    assert_eq!(world.own_states(), [OwnState::Pending]);
}

#[test]
fn an_event_that_is_dismissed_while_the_server_owes_an_answer_holds_nothing_up() {
    let mut world = World::live(config(&["notes"]));
    let id = world.put("x", "1");
    // Sent twice, refused for good once.
    world.pass_answered(30_000);
    world.receive(&refusal("forbidden", false, &[&id]));
    let rejected = EventId::new(id.clone()).unwrap();
    assert_eq!(
        write(&mut world, vec![upsert("x", "2")], &[&rejected]).unwrap().len(),
        1
    );
    world.forget();
    world.receive(&refusal("forbidden", false, &[&id]));
    assert_eq!((world.own_states(), world.notices.len()), (vec![OwnState::Pending], 0));
    assert_eq!(world.client.pending(), 1);
}
