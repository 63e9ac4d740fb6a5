//! Rules on transactions and on what outlives a process.

use super::{
    Place, add_all, commit, event_id, json, key, load, load_own, locals, opened, own, reader, record, rejected,
    repository, settled,
};
use crate::storage::Storage;
use driftless_core::client::{
    Cursor, LocalSequence, OwnState, StorageChange, StorageRequest, StoredRecord, Transaction,
};
use driftless_core::event::Sequence;
use driftless_core::wire::Epoch;
use std::sync::atomic::{AtomicBool, Ordering};

/// Records, own events, cursors and the local sequence outlive the process.
pub fn everything_is_there_after_opening_again(place: &mut dyn Place) {
    let mut storage = place.open();
    let cursor = full_cursor();
    commit(
        &mut *storage,
        vec![
            StorageChange::Record(record("r", "a", Some("1"))),
            StorageChange::AddOwn(own(3, "r", "a", OwnState::Pending)),
            StorageChange::AddOwn(own(4, "s", "b", OwnState::Doubted)),
            StorageChange::Cursor {
                repository: repository("r"),
                cursor: cursor.clone(),
            },
        ],
    );
    drop(storage);
    let mut storage = place.open();
    let opened = opened(&mut *storage, &["r", "s"]);
    assert_eq!(opened.last_local, LocalSequence(4));
    assert_eq!(opened.repositories[0].cursor, cursor);
    assert_eq!(opened.repositories[1].cursor, Cursor::default());
    let wanted = vec![(repository("s"), event_id("event-4"))];
    let (records, layers, own) = load(&mut *storage, vec![key("r", "a")], wanted);
    assert_eq!(records, [record("r", "a", Some("1"))]);
    assert_eq!((locals(&layers), locals(&own)), (vec![3], vec![4]));
}

/// Every field of a cursor comes back, and can become empty again.
pub fn a_cursor_is_read_as_it_was_written(place: &mut dyn Place) {
    let mut storage = place.open();
    for cursor in [full_cursor(), Cursor::default(), full_cursor()] {
        let repository = repository("r");
        let written = StorageChange::Cursor {
            repository,
            cursor: cursor.clone(),
        };
        commit(&mut *storage, vec![written]);
        assert_eq!(opened(&mut *storage, &["r"]).repositories[0].cursor, cursor);
    }
}

fn full_cursor() -> Cursor {
    Cursor {
        after: Sequence::MAX,
        seen: Some((Sequence::new(41), event_id("ä \u{0} event"))),
        generation: 3,
        refolding: true,
        epoch: Epoch::new("an epoch"),
        scope: Some("".into()),
    }
}

/// Later changes of a transaction build on earlier ones.
pub fn changes_apply_in_order(place: &mut dyn Place) {
    let mut storage = place.open();
    let set = |state| StorageChange::SetOwn {
        repository: repository("r"),
        event: event_id("event-1"),
        state,
    };
    let doubt = StorageChange::DoubtSettled {
        repository: repository("r"),
    };
    commit(
        &mut *storage,
        vec![
            StorageChange::Record(record("r", "a", Some("1"))),
            StorageChange::AddOwn(own(1, "r", "a", OwnState::Pending)),
            set(settled(1)),
            doubt,
            StorageChange::AddOwn(own(2, "r", "a", settled(1))),
            StorageChange::Record(record("r", "a", Some("2"))),
        ],
    );
    assert_eq!(
        load_own(&mut *storage, 1).map(|event| event.state),
        Some(OwnState::Doubted)
    );
    assert_eq!(load_own(&mut *storage, 2).map(|event| event.state), Some(settled(1)));
    let found = reader(&*storage).record(&key("r", "a"));
    assert_eq!(found, Ok(Some(record("r", "a", Some("2")))));
}

/// An event id or a local sequence that was used before fails the transaction, and nothing of it happens.
pub fn a_failed_transaction_changes_nothing(place: &mut dyn Place) {
    let mut storage = place.open();
    add_all(&mut *storage, vec![own(1, "r", "a", OwnState::Pending)]);
    let mut known_id = own(9, "r", "z", OwnState::Pending);
    known_id.id = event_id("event-1");
    let used_local = own(1, "r", "z", OwnState::Pending);
    for fault in [known_id, used_local] {
        let changes = vec![
            StorageChange::Record(record("new", "b", Some("1"))),
            StorageChange::AddOwn(own(8, "r", "b", OwnState::Pending)),
            StorageChange::SetOwn {
                repository: repository("r"),
                event: event_id("event-1"),
                state: rejected(),
            },
            StorageChange::Cursor {
                repository: repository("r"),
                cursor: full_cursor(),
            },
            StorageChange::AddOwn(fault),
        ];
        let reply = storage.request(StorageRequest::Commit(Transaction { changes }));
        assert!(reply.is_err(), "{reply:?}");
        let opened = opened(&mut *storage, &["r"]);
        assert_eq!(opened.last_local, LocalSequence(1));
        assert_eq!(opened.repositories[0].cursor, Cursor::default());
        assert_eq!(
            load(&mut *storage, vec![key("new", "b")], Vec::new()),
            Default::default()
        );
        assert_eq!(load_own(&mut *storage, 8), None);
        assert_eq!(
            load_own(&mut *storage, 1).map(|event| event.state),
            Some(OwnState::Pending)
        );
    }
    // The storage goes on, in a repository that it first met in a transaction that failed.
    commit(
        &mut *storage,
        vec![StorageChange::Record(record("new", "b", Some("1")))],
    );
    assert_eq!(
        reader(&*storage).record(&key("new", "b")),
        Ok(Some(record("new", "b", Some("1"))))
    );
}

/// The highest local sequence stays known after its event is forgotten and the storage opened again.
pub fn a_local_sequence_is_never_given_again(place: &mut dyn Place) {
    let mut storage = place.open();
    add_all(
        &mut *storage,
        vec![own(1, "r", "a", settled(1)), own(7, "r", "a", settled(1))],
    );
    let prune = StorageChange::PruneSettled {
        repository: repository("r"),
        before_ms: 2,
        keep: 0,
    };
    commit(&mut *storage, vec![prune]);
    assert_eq!(load_own(&mut *storage, 7), None);
    assert_eq!(opened(&mut *storage, &[]).last_local, LocalSequence(7));
    drop(storage);
    let mut storage = place.open();
    assert_eq!(opened(&mut *storage, &[]).last_local, LocalSequence(7));
    let changes = vec![StorageChange::AddOwn(own(7, "r", "a", OwnState::Pending))];
    assert!(
        storage
            .request(StorageRequest::Commit(Transaction { changes }))
            .is_err()
    );
    add_all(&mut *storage, vec![own(8, "r", "a", OwnState::Pending)]);
}

/// The highest local sequence stays known after its event is dropped, and after its repository is cleared.
pub fn a_local_sequence_outlives_dropping_and_clearing(place: &mut dyn Place) {
    let mut storage = place.open();
    for (local, change) in [
        (
            3,
            StorageChange::DropOwn {
                repository: repository("r"),
                event: event_id("event-3"),
            },
        ),
        (
            5,
            StorageChange::Clear {
                repository: repository("r"),
            },
        ),
    ] {
        add_all(&mut *storage, vec![own(local, "r", "a", rejected())]);
        commit(&mut *storage, vec![change]);
        assert_eq!(load_own(&mut *storage, local), None);
        drop(storage);
        storage = place.open();
        assert_eq!(opened(&mut *storage, &[]).last_local, LocalSequence(local));
    }
}

/// Opening says how many events of each repository wait.
pub fn pending_events_are_counted(place: &mut dyn Place) {
    let mut storage = place.open();
    add_all(
        &mut *storage,
        vec![
            own(1, "r", "a", OwnState::Pending),
            own(2, "r", "a", OwnState::Acked(None)),
            own(3, "s", "a", OwnState::Pending),
            own(4, "r", "b", OwnState::Pending),
            own(5, "r", "b", rejected()),
        ],
    );
    let rows = opened(&mut *storage, &["s", "r", "t"]).repositories;
    let pending: Vec<u64> = rows.iter().map(|row| row.pending).collect();
    assert_eq!(pending, [1, 2, 0]);
}

/// How many transactions the two sides of [`a_reader_sees_whole_transactions_only`] race over.
const RACED: u64 = 200;

/// A reader beside the writer sees all of a transaction or nothing of it.
pub fn a_reader_sees_whole_transactions_only(place: &mut dyn Place) {
    let mut storage = place.open();
    write_pair(&mut *storage, 0);
    let mut reader = reader(&*storage);
    let done = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for round in 1..=RACED {
                write_pair(&mut *storage, round);
            }
            done.store(true, Ordering::Release);
        });
        let mut reads = 0_u64;
        while !done.load(Ordering::Acquire) || reads == 0 {
            let pair = reader.records(&repository("r"), None, 9).expect("a reader reads");
            assert_eq!(pair.len(), 2);
            assert_eq!(pair[0].visible, pair[1].visible);
            reads += 1;
        }
    });
    let last = reader.records(&repository("r"), None, 9).expect("a reader reads");
    let data = last[0].visible.as_ref().and_then(|state| state.data.clone());
    assert_eq!(data, Some(json(&RACED.to_string())));
}

fn write_pair(storage: &mut dyn Storage, round: u64) {
    let data = round.to_string();
    let written = |id: &str| -> StoredRecord { record("r", id, Some(&data)) };
    commit(
        storage,
        vec![StorageChange::Record(written("a")), StorageChange::Record(written("b"))],
    );
}
