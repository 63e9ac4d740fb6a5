//! Another history: everything is folded again, and nothing that was acked is forgotten.

use super::*;
use crate::event::Sequence;

const HISTORY_CHANGED: &str = r#"{"type":"history_changed","repository":"notes","epoch":"e2","ref":2}"#;

fn complete(reference: u64) -> String {
    format!(r#"{{"type":"sync_complete","repository":"notes","ref":{reference}}}"#)
}

/// A client that has applied two events of others (of `a` and `b`) and settled two own ones (of `c` and `d`).
fn settled() -> (World, Vec<String>) {
    let mut world = World::live(config(&["notes"]));
    world.receive(&stream(0, 2, &[event(1, "a", "1"), event(2, "b", "2")]));
    let ids = vec![world.put("c", "3"), world.put("d", "4")];
    world.receive(&ack(&ids[0], 3));
    world.receive(&ack(&ids[1], 4));
    let own = [(3, "c", "3", &ids[0]), (4, "d", "4", &ids[1])];
    let own =
        own.map(|(sequence, record, data, id)| event(sequence, record, data).replace(&format!("x{sequence}"), id));
    world.receive(&stream(2, 4, &own));
    assert!(
        world
            .own_states()
            .iter()
            .all(|state| matches!(state, OwnState::Settled { .. }))
    );
    (world, ids)
}

fn reconnect(world: &mut World, auth_success: &str) {
    world.disconnect(None);
    world.give(ClientInput::Connectivity(true));
    world.open();
    world.forget();
    world.receive(auth_success);
}

/// The server was put back to where it had `a` only: reads the new log to its end.
fn restore(world: &mut World, reference: u64) {
    world.receive(&stream(0, 1, &[event(1, "a", "1")]));
    world.receive(&complete(reference));
}

fn check_restored(world: &mut World, ids: &[String]) {
    assert_eq!(world.record("b"), None);
    assert_eq!(
        (world.visible("a"), world.visible("c"), world.visible("d")),
        ("1".into(), "3".into(), "4".into())
    );
    assert_eq!(world.own_states(), [OwnState::Pending, OwnState::Pending]);
    assert_eq!(world.client.pending(), 2);
    assert_eq!(*world.state(), ConnectionState::Live);
    let pushed = world.frames().pop().expect("the lost events are pushed again");
    assert!(pushed.starts_with(r#"{"type":"push_events_batch""#), "{pushed}");
    assert!(pushed.find(&ids[0]).unwrap() < pushed.find(&ids[1]).unwrap());
    for (sequence, id) in (2..).zip(ids) {
        world.receive(&ack(id, sequence));
    }
    let own = [(2, "c", "3", &ids[0]), (3, "d", "4", &ids[1])];
    let own =
        own.map(|(sequence, record, data, id)| event(sequence, record, data).replace(&format!("x{sequence}"), id));
    world.receive(&stream(1, 3, &own));
    assert!(
        world
            .own_states()
            .iter()
            .all(|state| matches!(state, OwnState::Settled { .. }))
    );
    assert_eq!(world.visible("d"), "4");
    let same = |record: &StoredRecord| record.confirmed == record.visible && !record.pending;
    assert!(world.disk.records.values().all(same));
}

fn told_of_history(world: &World) -> usize {
    world
        .notices
        .iter()
        .filter(|notice| matches!(notice, Notice::HistoryChanged { .. }))
        .count()
}

#[test]
fn a_restored_server_gets_back_what_it_lost() {
    let (mut world, ids) = settled();
    reconnect(&mut world, AUTH_SUCCESS);
    world.forget();
    world.receive(HISTORY_CHANGED);
    restore(&mut world, 3);
    let trace = world.trace.join("\n").replace(&ids[0], "ID-C").replace(&ids[1], "ID-D");
    insta::assert_snapshot!(trace);
    assert_eq!(told_of_history(&world), 1);
    check_restored(&mut world, &ids);
}

#[test]
fn another_epoch_is_another_history() {
    let (mut world, ids) = settled();
    reconnect(&mut world, &AUTH_SUCCESS.replace("e1", "e2"));
    assert!(
        world
            .frame()
            .contains(r#""epoch":"e2","repositories":{"notes":{"afterSequence":0}}"#)
    );
    assert_eq!(told_of_history(&world), 1);
    restore(&mut world, 2);
    check_restored(&mut world, &ids);
    // The new epoch is remembered.
    reconnect(&mut world, &AUTH_SUCCESS.replace("e1", "e2"));
    assert!(world.frame().contains(r#""afterSequence":3,"seen":[3,"#));
}

#[test]
fn the_application_hears_of_another_history_whenever_the_client_is_killed() {
    let (mut world, _) = settled();
    reconnect(&mut world, AUTH_SUCCESS);
    world.forget();
    world.storing = false;
    world.receive(HISTORY_CHANGED);
    // Killed before the transaction, it is told once more; killed behind it, it was told. It does not take the old
    // cursor for one of the new history.
    assert_eq!((told_of_history(&world), world.cursor()), (1, 0));
    world.fail_storage();
    world.pass(1_000);
    world.store();
    assert_eq!(told_of_history(&world), 1);
    // The next one is told again.
    world.storing = true;
    world.receive(&HISTORY_CHANGED.replace("e2", "e3"));
    assert_eq!(told_of_history(&world), 2);
}

#[test]
fn a_refold_survives_a_crash_at_every_commit() {
    let (mut whole, ids) = settled();
    reconnect(&mut whole, AUTH_SUCCESS);
    for crash in 0..6 {
        let mut world = World::on(whole.disk.clone(), config(&["notes"]));
        world.start();
        world.open();
        world.receive(AUTH_SUCCESS);
        world.storing = false;
        world.receive(HISTORY_CHANGED.replace('2', "1").replace("e1", "e2").as_str());
        let before = world.disk.commits;
        for step in 0..40 {
            if world.disk.commits >= before + crash {
                break;
            }
            if world.asked.is_empty() && step > 0 && world.cursor() == 0 {
                restore(&mut world, 2);
            }
            if !world.asked.is_empty() {
                world.store();
            }
        }
        let generation = world.disk.cursors[&repository("notes")].generation;
        let mut again = World::on(world.disk.clone(), config(&["notes"]));
        again.start();
        again.open();
        again.receive(AUTH_SUCCESS);
        let subscribed = again.frames().pop().unwrap();
        if generation == 0 {
            again.receive(HISTORY_CHANGED.replace('2', "1").as_str());
            restore(&mut again, 2);
        } else if subscribed.contains(r#""afterSequence":0"#) {
            restore(&mut again, 1);
        } else {
            assert!(subscribed.contains(r#""afterSequence":1"#), "{subscribed}");
            again.receive(&complete(1));
        }
        check_restored(&mut again, &ids);
    }
}

#[test]
fn records_stay_visible_until_the_new_log_is_read() {
    let (mut world, _) = settled();
    reconnect(&mut world, AUTH_SUCCESS);
    world.receive(HISTORY_CHANGED);
    assert_eq!((world.visible("b"), world.visible("d")), ("2".into(), "4".into()));
    world.put("d", "5");
    assert_eq!(world.visible("d"), "5");
    world.receive(&stream(0, 1, &[event(1, "a", "9")]));
    assert_eq!((world.visible("a"), world.visible("b")), ("9".into(), "2".into()));
    assert_eq!(world.client.pending(), 1);
}

#[test]
fn own_events_that_the_new_log_holds_are_settled_again_and_not_pushed() {
    let (mut world, ids) = settled();
    reconnect(&mut world, AUTH_SUCCESS);
    world.receive(HISTORY_CHANGED);
    let own = event(1, "c", "3").replace("x1", &ids[0]);
    world.receive(&stream(0, 1, &[own]));
    world.sent.clear();
    world.receive(&complete(3));
    assert!(matches!(
        world.own_states()[..],
        [OwnState::Settled { .. }, OwnState::Pending]
    ));
    let frames = world.frames();
    assert!(frames.len() == 1 && frames[0].contains(&ids[1]), "{frames:?}");
}

#[test]
fn acked_events_that_the_new_log_does_not_hold_are_pushed_again() {
    let mut world = World::live(config(&["notes"]));
    let id = world.put("a", "1");
    world.receive(&ack(&id, 1));
    reconnect(&mut world, &AUTH_SUCCESS.replace("e1", "e2"));
    world.receive(&stream(0, 1, &[event(1, "b", "1")]));
    world.receive(&complete(2));
    assert_eq!(world.own_states(), [OwnState::Pending]);
    assert!(world.frames().pop().unwrap().contains(&id));
}

#[test]
fn another_scope_reads_again_from_0_without_talk_of_history() {
    let (mut world, _) = settled();
    reconnect(&mut world, &AUTH_SUCCESS.replace("s1", "s2"));
    assert!(world.frame().contains(r#""afterSequence":0"#));
    assert_eq!(told_of_history(&world), 0);
    world.receive(&complete(2));
    assert_eq!(world.disk.cursors[&repository("notes")].scope.as_deref(), Some("s2"));
}

#[test]
fn a_resync_folds_again_on_the_live_connection() {
    let (mut world, ids) = settled();
    world.forget();
    world.give(ClientInput::Resync {
        repository: repository("notes"),
    });
    assert!(
        world
            .frame()
            .contains(r#""repositories":{"notes":{"afterSequence":0}}"#)
    );
    assert_eq!(*world.state(), ConnectionState::CatchingUp);
    // What the old stream still sends does not count.
    world.receive(&stream(4, 5, &[event(5, "a", "old")]));
    world.receive(&stream(4, 5, &[event(5, "a", "5")]));
    let mut events = vec![event(1, "a", "1"), event(2, "b", "2")];
    events.extend([
        event(3, "c", "3").replace("x3", &ids[0]),
        event(4, "d", "4").replace("x4", &ids[1]),
        event(5, "a", "5"),
    ]);
    world.receive(&stream(0, 5, &events));
    world.receive(&complete(2));
    assert_eq!((world.cursor(), world.visible("a")), (5, "5".into()));
    assert!(
        world
            .own_states()
            .iter()
            .all(|state| matches!(state, OwnState::Settled { .. }))
    );
    assert_eq!(*world.state(), ConnectionState::Live);
    assert_eq!(world.client.pending(), 0);
}

#[test]
fn an_application_that_asks_for_a_new_fold_is_told_of_another_history_all_the_same() {
    let (mut world, _) = settled();
    world.storing = false;
    world.give(ClientInput::Resync {
        repository: repository("notes"),
    });
    world.forget();
    // The answer to the subscription of before: the one from 0 says nothing that could be wrong.
    world.receive(r#"{"type":"history_changed","repository":"notes","epoch":"e1"}"#);
    world.storing = true;
    world.store();
    let told = |notice: &Notice| matches!(notice, Notice::HistoryChanged { .. });
    assert_eq!(world.notices.iter().filter(|notice| told(notice)).count(), 1);
    assert!(world.frame().contains(r#""afterSequence":0"#));
    assert_eq!(world.client.repositories[0].restart, None);
}

#[test]
fn a_resync_while_offline_counts_at_the_next_connection() {
    let (mut world, _) = settled();
    world.disconnect(None);
    world.give(ClientInput::Resync {
        repository: repository("notes"),
    });
    world.give(ClientInput::Resync {
        repository: repository("others"),
    });
    world.give(ClientInput::Connectivity(true));
    world.open();
    world.sent.clear();
    world.receive(AUTH_SUCCESS);
    assert!(world.frame().contains(r#""afterSequence":0"#));
    assert_eq!(world.cursor(), 0);
}

#[test]
fn the_sweeps_go_page_by_page() {
    let mut config = config(&["notes"]);
    config.limits.apply_events = 3;
    let mut world = World::live(config);
    let request = world.write((0..10).map(|n| upsert(&format!("r{n}"), "1")).collect());
    let ids = world.written(request).unwrap().unwrap();
    for (sequence, id) in (1..).zip(&ids) {
        world.receive(&ack(id, sequence));
        let own = event(sequence, &format!("r{}", sequence - 1), "1").replace(&format!("x{sequence}"), id);
        world.receive(&stream(sequence - 1, sequence, &[own]));
    }
    let others: Vec<String> = (11..=20)
        .map(|sequence| event(sequence, &format!("s{sequence}"), "1"))
        .collect();
    world.receive(&stream(10, 20, &others));
    reconnect(&mut world, &AUTH_SUCCESS.replace("e1", "e2"));
    world.receive(&complete(2));
    assert_eq!((world.client.pending(), world.disk.records.len()), (10, 10));
    assert!(
        world
            .disk
            .records
            .values()
            .all(|record| record.pending && record.generation == 1)
    );
    for kind in ["Stale", "Unsettled"] {
        let lists = world.trace.iter().filter(|line| line.contains(kind)).count();
        assert!(lists >= 5, "{kind}: {lists}");
    }
    assert_eq!(world.own_states().len(), 10);
    assert_eq!(world.disk.cursors[&repository("notes")].after, Sequence::ZERO);
}

#[test]
fn a_refold_goes_on_when_storage_fails_at_any_step() {
    for good_steps in 0..16 {
        let (mut world, ids) = settled();
        reconnect(&mut world, AUTH_SUCCESS);
        world.receive(HISTORY_CHANGED);
        world.receive(&stream(0, 1, &[event(1, "a", "1")]));
        world.storing = false;
        world.receive(&complete(3));
        for _ in 0..good_steps {
            if !world.asked.is_empty() {
                world.store();
            }
        }
        if !world.asked.is_empty() {
            world.fail_storage();
        }
        world.storing = true;
        if !world.asked.is_empty() {
            world.store();
        }
        world.pass(1_000);
        check_restored(&mut world, &ids);
    }
}
