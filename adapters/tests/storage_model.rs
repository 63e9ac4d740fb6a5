//! Two storages that are asked the same answer the same, whatever it is.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use driftless::core::client::{
    Cursor, LocalSequence, OwnEvent, OwnState, RecordKey, State, StorageChange, StorageRequest, StoredRecord,
    Transaction,
};
use driftless::core::event::{EventId, Json, RecordId, Sequence, Timestamp};
use driftless::core::name::RepositoryName;
use driftless::storage::{MemoryStorage, SqliteStorage, Storage};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use std::sync::Arc;
use tempfile::TempDir;

fn repository() -> impl Strategy<Value = RepositoryName> {
    prop_oneof![Just("a"), Just("b")].prop_map(|name| RepositoryName::new(name).unwrap())
}

fn record_id() -> impl Strategy<Value = RecordId> {
    prop_oneof!["[xyz]{1,2}", Just("ä".to_owned()), Just("x\u{0}".to_owned())].prop_map(|id| RecordId::new(id).unwrap())
}

fn key() -> impl Strategy<Value = RecordKey> {
    (repository(), record_id()).prop_map(|(repository, record)| RecordKey { repository, record })
}

fn event_id(number: u64) -> EventId {
    EventId::new(format!("event-{number}")).unwrap()
}

fn state() -> impl Strategy<Value = State> {
    let data = prop_oneof![Just("1"), Just(r#"{"ä":[1e400]}"#)];
    let data = option::of(data.prop_map(|text| Json::parse(text).unwrap()));
    let created_at =
        option::of(any::<i32>().prop_map(|millis| Timestamp::from_millis(i64::from(millis) * 997).unwrap()));
    (0..9_u64, created_at, option::of(1..99_u64), data).prop_map(|(event, created_at, sequence, data)| State {
        event: event_id(event),
        created_at,
        sequence: sequence.map(Sequence::new),
        data,
    })
}

fn record() -> impl Strategy<Value = StoredRecord> {
    let layers = prop_oneof![
        (option::of(state()), option::of(state())),
        option::of(state()).prop_map(|both| (both.clone(), both)),
    ];
    (key(), layers, any::<bool>(), 0..4_u64).prop_map(|(key, (confirmed, visible), pending, generation)| StoredRecord {
        key,
        confirmed: confirmed.map(Arc::new),
        visible: visible.map(Arc::new),
        pending,
        generation,
    })
}

fn own_state() -> impl Strategy<Value = OwnState> {
    prop_oneof![
        Just(OwnState::Pending),
        option::of(1..99_u64).prop_map(|at| OwnState::Acked(at.map(Sequence::new))),
        (0..5_i64).prop_map(|at_ms| OwnState::Settled { at_ms }),
        Just(OwnState::Doubted),
        Just(OwnState::Rejected {
            code: None,
            message: "no".to_owned()
        }),
    ]
}

/// Local sequences and event ids from a small range: some are used twice, and such a transaction fails.
fn own() -> impl Strategy<Value = OwnEvent> {
    (1..40_u64, key(), 0..60_u64, own_state()).prop_map(|(local, key, id, state)| OwnEvent {
        local: LocalSequence(local),
        key,
        id: event_id(id),
        body: Json::parse(format!(r#"{{"_event_id":"event-{id}"}}"#)).unwrap(),
        state,
    })
}

fn cursor() -> impl Strategy<Value = Cursor> {
    (0..99_u64, option::of(1..99_u64), 0..4_u64, any::<bool>()).prop_map(|(after, seen, generation, refolding)| {
        Cursor {
            after: Sequence::new(after),
            seen: seen.map(|at| (Sequence::new(at), event_id(at))),
            generation,
            refolding,
            epoch: None,
            scope: seen.map(|at| at.to_string().into()),
        }
    })
}

fn change() -> impl Strategy<Value = StorageChange> {
    prop_oneof![
        3 => record().prop_map(StorageChange::Record),
        3 => own().prop_map(StorageChange::AddOwn),
        3 => (repository(), 0..60_u64, own_state()).prop_map(|(repository, event, state)| StorageChange::SetOwn {
            repository,
            event: event_id(event),
            state,
        }),
        1 => (repository(), cursor()).prop_map(|(repository, cursor)| StorageChange::Cursor { repository, cursor }),
        1 => repository().prop_map(|repository| StorageChange::DoubtSettled { repository }),
        1 => (repository(), 0..5_i64, 0..4_usize).prop_map(|(repository, before_ms, keep)| StorageChange::PruneSettled {
            repository,
            before_ms,
            keep,
        }),
        1 => (repository(), 0..60_u64).prop_map(|(repository, event)| StorageChange::DropOwn {
            repository,
            event: event_id(event),
        }),
        1 => repository().prop_map(|repository| StorageChange::Clear { repository }),
    ]
}

fn request() -> impl Strategy<Value = StorageRequest> {
    let after = || (0..40_u64).prop_map(LocalSequence);
    prop_oneof![
        6 => vec(change(), 1..4).prop_map(|changes| StorageRequest::Commit(Transaction { changes })),
        1 => vec(repository(), 0..3).prop_map(|repositories| StorageRequest::Open { repositories }),
        2 => (vec(key(), 0..6), vec((repository(), (0..60_u64).prop_map(event_id)), 0..6), 0..100_usize)
            .prop_map(|(records, own, max_bytes)| StorageRequest::Load { records, own, max_bytes }),
        2 => (repository(), after(), 0..5_usize, 0..100_usize).prop_map(|(repository, after, max_events, max_bytes)| {
            StorageRequest::Outbox { repository, after, max_events, max_bytes }
        }),
        2 => (repository(), after(), 0..5_usize, 0..100_usize).prop_map(|(repository, after, max_events, max_bytes)| {
            StorageRequest::Unsettled { repository, after, max_events, max_bytes }
        }),
        2 => (repository(), 0..5_u64, option::of(record_id()), 0..5_usize).prop_map(
            |(repository, generation, after, max_records)| StorageRequest::Stale {
                repository,
                generation,
                after,
                max_records,
            }
        ),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn memory_and_sqlite_answer_the_same(requests in vec(request(), 1..60), repository in repository(), after in 0..40_u64) {
        let folder = TempDir::new().unwrap();
        let mut sqlite = SqliteStorage::open(folder.path().join("client.db")).unwrap();
        let mut memory = MemoryStorage::new();
        for request in requests {
            let expected = memory.request(request.clone());
            prop_assert_eq!(sqlite.request(request.clone()), expected, "{:?}", request);
        }
        let (mut left, mut right) = (sqlite.reader().unwrap(), memory.reader().unwrap());
        let local = LocalSequence(after);
        prop_assert_eq!(left.pending(local, 5), right.pending(local, 5));
        prop_assert_eq!(left.rejected(local, 5), right.rejected(local, 5));
        prop_assert_eq!(left.records(&repository, None, 5), right.records(&repository, None, 5));
    }
}
