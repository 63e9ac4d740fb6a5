//! Rules on the client's own events.

use super::{
    Place, add_all, commit, event_id, key, load, load_own, load_some, locals, opened, own, reader, record, rejected,
    repository, settled,
};
use crate::storage::Storage;
use driftless_core::client::{Cursor, LocalSequence, OwnEvent, OwnState, StorageChange, StorageReply, StorageRequest};
use driftless_core::event::Sequence;
use driftless_core::wire::ErrorCode;

fn every_state() -> Vec<OwnState> {
    vec![
        OwnState::Pending,
        OwnState::Acked(None),
        OwnState::Acked(Some(Sequence::new(9))),
        settled(1_737_629_400_123),
        OwnState::Doubted,
        rejected(),
        OwnState::Rejected {
            code: Some(ErrorCode::EventIdConflict),
            message: "the id is taken".to_owned(),
        },
    ]
}

/// An event is added in any state, goes from any to any, and is found by its id.
pub fn an_own_event_is_found_by_its_id_in_every_state(place: &mut dyn Place) {
    let mut storage = place.open();
    let events: Vec<OwnEvent> = (1..)
        .zip(every_state())
        .map(|(local, state)| own(local, "r", "a", state))
        .collect();
    add_all(&mut *storage, events.clone());
    for event in events {
        assert_eq!(load_own(&mut *storage, event.local.0), Some(event.clone()));
        for state in every_state() {
            set(&mut *storage, event.local.0, state.clone());
            let expected = OwnEvent { state, ..event.clone() };
            assert_eq!(load_own(&mut *storage, event.local.0), Some(expected));
        }
    }
}

/// The local layer is what is pending or acked, in the order of writing over all records asked for.
pub fn layers_hold_pending_and_acked_events_in_local_order(place: &mut dyn Place) {
    let mut storage = place.open();
    let acked = OwnState::Acked(None);
    let events = vec![
        own(1, "r", "b", acked.clone()),
        own(2, "r", "a", OwnState::Pending),
        own(3, "r", "b", settled(1)),
        own(4, "r", "b", OwnState::Pending),
        own(5, "r", "a", OwnState::Doubted),
        own(6, "r", "a", rejected()),
        own(7, "s", "a", OwnState::Pending),
        own(8, "r", "c", OwnState::Pending),
        own(9, "r", "a", acked),
    ];
    add_all(&mut *storage, events);
    let (_, layers, _) = load(&mut *storage, vec![key("r", "b"), key("r", "a")], Vec::new());
    assert_eq!(locals(&layers), [1, 2, 4, 9]);
    set(&mut *storage, 1, settled(2));
    set(&mut *storage, 3, OwnState::Pending);
    let (_, layers, _) = load(&mut *storage, vec![key("r", "b"), key("r", "a")], Vec::new());
    assert_eq!(locals(&layers), [2, 3, 4, 9]);
}

/// The outbox is what is pending, from where the last page ended.
pub fn the_outbox_comes_in_pages_oldest_first(place: &mut dyn Place) {
    let mut storage = place.open();
    let mut events: Vec<OwnEvent> = (1..=6).map(|local| own(local, "r", "a", OwnState::Pending)).collect();
    events.push(own(7, "s", "a", OwnState::Pending));
    add_all(&mut *storage, events);
    set(&mut *storage, 3, OwnState::Acked(None));
    set(&mut *storage, 4, rejected());
    assert_eq!(locals(&outbox(&mut *storage, 0, 2, 9_999)), [1, 2]);
    assert_eq!(locals(&outbox(&mut *storage, 2, 9, 9_999)), [5, 6]);
    assert_eq!(locals(&outbox(&mut *storage, 6, 9, 9_999)), [0; 0]);
    set(&mut *storage, 4, OwnState::Pending);
    assert_eq!(locals(&outbox(&mut *storage, 2, 9, 9_999)), [4, 5, 6]);
}

/// A page holds at most so many bytes, but a large event passes alone.
pub fn the_outbox_is_cut_by_bytes_but_never_to_nothing(place: &mut dyn Place) {
    let mut storage = place.open();
    let events: Vec<OwnEvent> = (1..=4).map(|local| own(local, "r", "a", OwnState::Pending)).collect();
    let bytes = events.iter().map(|event| event.body.len()).max().unwrap_or_default();
    add_all(&mut *storage, events);
    assert_eq!(locals(&outbox(&mut *storage, 0, 9, 2 * bytes)), [1, 2]);
    assert_eq!(locals(&outbox(&mut *storage, 0, 9, 3 * bytes - 1)), [1, 2]);
    assert_eq!(locals(&outbox(&mut *storage, 2, 9, 0)), [3]);
}

/// What is acked or doubted comes in the order of writing.
pub fn unsettled_events_come_in_pages_in_local_order(place: &mut dyn Place) {
    let mut storage = place.open();
    let events = vec![
        own(1, "r", "a", OwnState::Doubted),
        own(2, "r", "b", OwnState::Pending),
        own(3, "r", "c", OwnState::Acked(None)),
        own(4, "s", "c", OwnState::Doubted),
        own(5, "r", "a", settled(1)),
        own(6, "r", "a", OwnState::Doubted),
        own(7, "r", "a", OwnState::Acked(Some(Sequence::new(3)))),
    ];
    add_all(&mut *storage, events);
    let mut page = |after, max_events| locals(&unsettled(&mut *storage, after, max_events, 9_999));
    assert_eq!(page(0, 2), [1, 3]);
    assert_eq!(page(3, 9), [6, 7]);
    assert_eq!(page(7, 9), [0; 0]);
}

/// A page holds at most so many bytes, but a large event passes alone.
pub fn unsettled_events_are_cut_by_bytes_but_never_to_nothing(place: &mut dyn Place) {
    let mut storage = place.open();
    let events: Vec<OwnEvent> = (1..=4).map(|local| own(local, "r", "a", OwnState::Doubted)).collect();
    let bytes = events[0].body.len();
    add_all(&mut *storage, events);
    assert_eq!(locals(&unsettled(&mut *storage, 0, 9, 2 * bytes)), [1, 2]);
    assert_eq!(locals(&unsettled(&mut *storage, 0, 9, 3 * bytes - 1)), [1, 2]);
    assert_eq!(locals(&unsettled(&mut *storage, 2, 9, 0)), [3]);
}

/// An event that is dropped is in no list and no layer any more, whatever its state; one of another repository stays.
pub fn a_dropped_event_is_gone_from_wherever_it_stood(place: &mut dyn Place) {
    let mut storage = place.open();
    let events: Vec<OwnEvent> = (1..)
        .zip(every_state())
        .map(|(local, state)| own(local, "r", "a", state))
        .collect();
    let count = events.len() as u64;
    add_all(&mut *storage, events);
    let mut other = own(count + 1, "s", "a", rejected());
    other.id = event_id("event-1");
    add_all(&mut *storage, vec![other]);
    for local in 1..=count {
        let dropped = StorageChange::DropOwn {
            repository: repository("r"),
            event: event_id(&format!("event-{local}")),
        };
        // The second time there is nothing to drop.
        commit(&mut *storage, vec![dropped.clone()]);
        commit(&mut *storage, vec![dropped]);
        assert_eq!(load_own(&mut *storage, local), None);
    }
    assert_eq!(load(&mut *storage, vec![key("r", "a")], Vec::new()).1, []);
    assert_eq!(outbox(&mut *storage, 0, 99, 9_999), []);
    assert_eq!(unsettled(&mut *storage, 0, 99, 9_999), []);
    let rejected = reader(&*storage).rejected(LocalSequence(0), 9);
    assert_eq!(rejected.map(|events| locals(&events)), Ok(vec![count + 1]));
}

/// Records, own events and cursor go together, and what is written behind in the same transaction stays.
pub fn a_cleared_repository_is_as_new_and_others_stay(place: &mut dyn Place) {
    let mut storage = place.open();
    let cursor = Cursor {
        after: Sequence::new(9),
        generation: 2,
        ..Cursor::default()
    };
    let mut changes = Vec::new();
    for (local, name) in [(0, "r"), (50, "s")] {
        changes.push(StorageChange::Record(record(name, "a", Some("1"))));
        let own_events = (1..).zip(every_state());
        changes.extend(own_events.map(|(at, state)| StorageChange::AddOwn(own(local + at, name, "a", state))));
        changes.push(StorageChange::Cursor {
            repository: repository(name),
            cursor: cursor.clone(),
        });
    }
    commit(&mut *storage, changes);
    let (clear, late) = (
        StorageChange::Clear {
            repository: repository("r"),
        },
        own(99, "r", "b", OwnState::Pending),
    );
    commit(&mut *storage, vec![clear, StorageChange::AddOwn(late)]);
    drop(storage);
    let mut storage = place.open();
    let rows = opened(&mut *storage, &["r", "s"]).repositories;
    assert_eq!((rows[0].cursor.clone(), rows[0].pending), (Cursor::default(), 1));
    assert_eq!((rows[1].cursor.clone(), rows[1].pending), (cursor, 1));
    let wanted = |name: &str| vec![key(name, "a"), key(name, "b")];
    let (records, layers, _) = load(&mut *storage, wanted("r"), Vec::new());
    assert_eq!((records, locals(&layers)), (vec![], vec![99]));
    assert!((1..9).all(|local| load_own(&mut *storage, local).is_none()));
    let (records, layers, _) = load(&mut *storage, wanted("s"), Vec::new());
    assert_eq!((records.len(), locals(&layers)), (1, vec![51, 52, 53]));
    let reader = &mut *reader(&*storage);
    assert_eq!(reader.records(&repository("r"), None, 9), Ok(Vec::new()));
    let rejected = reader.rejected(LocalSequence(0), 9);
    assert_eq!(rejected.map(|events| locals(&events)), Ok(vec![56, 57]));
}

/// The first of the own events asked for, whatever the records take; the first always.
pub fn own_events_are_loaded_with_a_budget_of_their_own(place: &mut dyn Place) {
    let mut storage = place.open();
    let events: Vec<OwnEvent> = (1..=4).map(|local| own(local, "r", "a", settled(1))).collect();
    let bytes = events[0].body.len();
    add_all(&mut *storage, events);
    let wanted = |ids: &[&str]| ids.iter().map(|id| (repository("r"), event_id(id))).collect::<Vec<_>>();
    let mut some = |ids: &[&str], max_bytes| {
        let keys = vec![key("r", "a"), key("r", "b")];
        let ((_, _, own), answered) = load_some(&mut *storage, keys, wanted(ids), max_bytes);
        (locals(&own), answered)
    };
    let ids = ["event-3", "unknown", "event-3", "event-1", "event-2"];
    assert_eq!(some(&ids, 2 * bytes), (vec![3, 1], (2, 4)));
    assert_eq!(some(&ids, 2 * bytes - 1), (vec![3], (2, 3)));
    assert_eq!(some(&ids, 0), (vec![3], (2, 1)));
    assert_eq!(some(&[], 0), (vec![], (2, 0)));
}

/// Doubt falls on every settled event of one repository and on nothing else.
pub fn doubt_takes_hold_of_settled_events_only(place: &mut dyn Place) {
    let mut storage = place.open();
    let events: Vec<OwnEvent> = (1..)
        .zip(every_state())
        .map(|(local, state)| own(local, "r", "a", state))
        .collect();
    add_all(&mut *storage, events.clone());
    add_all(&mut *storage, vec![own(50, "s", "a", settled(1))]);
    let repository_r = repository("r");
    commit(
        &mut *storage,
        vec![StorageChange::DoubtSettled {
            repository: repository_r,
        }],
    );
    for event in events {
        let state = match event.state {
            OwnState::Settled { .. } => OwnState::Doubted,
            ref other => other.clone(),
        };
        let expected = OwnEvent { state, ..event.clone() };
        assert_eq!(load_own(&mut *storage, event.local.0), Some(expected));
    }
    let wanted = vec![(repository("s"), event_id("event-50"))];
    assert_eq!(load(&mut *storage, Vec::new(), wanted).2[0].state, settled(1));
}

/// Pruning forgets those settled too long ago, then the oldest beyond a number.
pub fn settled_events_are_pruned_by_age_and_number(place: &mut dyn Place) {
    let mut storage = place.open();
    let mut events: Vec<OwnEvent> = (1..=6)
        .map(|local| own(local, "r", "a", settled(100 - local.cast_signed())))
        .collect();
    events.push(own(7, "r", "a", OwnState::Acked(None)));
    events.push(own(8, "s", "a", settled(1)));
    add_all(&mut *storage, events);
    let mut prune = |before_ms, keep| {
        let repository = repository("r");
        let change = StorageChange::PruneSettled {
            repository,
            before_ms,
            keep,
        };
        commit(&mut *storage, vec![change]);
        let left = (1..=7).filter(|&local| load_own(&mut *storage, local).is_some());
        left.collect::<Vec<u64>>()
    };
    assert_eq!(prune(0, 6), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(prune(96, 6), [1, 2, 3, 4, 7]);
    assert_eq!(prune(0, 2), [1, 2, 7]);
    assert_eq!(prune(0, 0), [7]);
    let wanted = vec![(repository("s"), event_id("event-8"))];
    assert_eq!(load(&mut *storage, Vec::new(), wanted).2.len(), 1);
}

/// An event may be pruned before word of it comes.
pub fn a_change_of_an_unknown_event_changes_nothing(place: &mut dyn Place) {
    let mut storage = place.open();
    set(&mut *storage, 1, OwnState::Pending);
    add_all(&mut *storage, vec![own(1, "s", "a", OwnState::Pending)]);
    set(&mut *storage, 1, rejected());
    let wanted = vec![(repository("s"), event_id("event-1"))];
    assert_eq!(load(&mut *storage, Vec::new(), wanted).2[0].state, OwnState::Pending);
    assert_eq!(outbox(&mut *storage, 0, 9, 9_999), Vec::new());
}

/// The application sees what waits and what was refused, over all repositories, in the order of writing.
pub fn readers_list_pending_and_rejected_over_all_repositories(place: &mut dyn Place) {
    let mut storage = place.open();
    let events = vec![
        own(1, "s", "a", OwnState::Pending),
        own(2, "r", "a", rejected()),
        own(3, "r", "a", OwnState::Pending),
        own(4, "r", "a", settled(1)),
        own(5, "s", "a", OwnState::Pending),
        own(6, "s", "a", rejected()),
    ];
    add_all(&mut *storage, events.clone());
    let mut reader = reader(&*storage);
    let pending = reader.pending(LocalSequence(0), 9).expect("a reader reads");
    assert_eq!(pending, [events[0].clone(), events[2].clone(), events[4].clone()]);
    let mut pending = |after, max| reader.pending(LocalSequence(after), max).map(|events| locals(&events));
    assert_eq!(pending(0, 2), Ok(vec![1, 3]));
    assert_eq!(pending(3, 2), Ok(vec![5]));
    assert_eq!(pending(5, 2), Ok(Vec::new()));
    let mut rejected = |after, max| reader.rejected(LocalSequence(after), max).map(|events| locals(&events));
    assert_eq!(rejected(0, 9), Ok(vec![2, 6]));
    assert_eq!(rejected(2, 9), Ok(vec![6]));
}

fn set(storage: &mut dyn Storage, local: u64, state: OwnState) {
    let change = StorageChange::SetOwn {
        repository: repository("r"),
        event: event_id(&format!("event-{local}")),
        state,
    };
    commit(storage, vec![change]);
}

fn unsettled(storage: &mut dyn Storage, after: u64, max_events: usize, max_bytes: usize) -> Vec<OwnEvent> {
    let request = StorageRequest::Unsettled {
        repository: repository("r"),
        after: LocalSequence(after),
        max_events,
        max_bytes,
    };
    match storage.request(request) {
        Ok(StorageReply::Unsettled(events)) => events,
        other => panic!("Unsettled was answered with {other:?}"),
    }
}

fn outbox(storage: &mut dyn Storage, after: u64, max_events: usize, max_bytes: usize) -> Vec<OwnEvent> {
    let request = StorageRequest::Outbox {
        repository: repository("r"),
        after: LocalSequence(after),
        max_events,
        max_bytes,
    };
    match storage.request(request) {
        Ok(StorageReply::Outbox(events)) => events,
        other => panic!("Outbox was answered with {other:?}"),
    }
}
