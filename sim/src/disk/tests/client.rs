use super::naive::Naive;
use super::{event_id, record, repository};
use crate::disk::{ClientDisk, Crash};
use crate::random::Random;
use driftless_core::client::{
    Cursor, LocalSequence, OwnEvent, OwnState, RecordKey, State, StorageChange, StorageRequest, StoredRecord,
    Transaction,
};
use driftless_core::event::{Json, Sequence};
use proptest::prelude::*;
use std::sync::Arc;

/// What is done with a disk.
#[derive(Clone, Debug)]
enum Step {
    Ask(StorageRequest),
    Fail(StorageRequest),
    CrashDuring(StorageRequest),
}

fn key() -> impl Strategy<Value = RecordKey> {
    (0..2_usize, 0..6_u8).prop_map(|(name, id)| RecordKey {
        repository: repository(name),
        record: record(id),
    })
}

fn layer() -> impl Strategy<Value = Option<Arc<State>>> {
    let state = (0..9_u8).prop_map(|id| State {
        event: event_id(id),
        created_at: None,
        sequence: None,
        data: None,
    });
    prop::option::of(state.prop_map(Arc::new))
}

fn own_state() -> impl Strategy<Value = OwnState> {
    prop_oneof![
        3 => Just(OwnState::Pending),
        2 => prop::option::of((1..5_u64).prop_map(Sequence::new)).prop_map(OwnState::Acked),
        3 => (0..6_i64).prop_map(|at_ms| OwnState::Settled { at_ms }),
        1 => Just(OwnState::Doubted),
        1 => Just(OwnState::Rejected { code: None, message: String::new() }),
    ]
}

fn change() -> impl Strategy<Value = StorageChange> {
    let stored = (key(), layer(), layer(), any::<bool>(), 0..3_u64);
    let own = (key(), 0..30_u8, 0..4_u64, own_state(), 0..4_usize);
    let cursor = (0..2_usize, 0..9_u64, 0..3_u64);
    prop_oneof![
        3 => stored.prop_map(|(key, confirmed, visible, pending, generation)| {
            StorageChange::Record(StoredRecord { key, confirmed, visible, pending, generation })
        }),
        3 => own.prop_map(|(key, id, local, state, bytes)| StorageChange::AddOwn(OwnEvent {
            local: LocalSequence(local),
            key,
            id: event_id(id),
            body: Json::parse(format!("\"{}\"", "x".repeat(bytes))).unwrap(),
            state,
        })),
        3 => (0..2_usize, 0..30_u8, own_state()).prop_map(|(name, id, state)| StorageChange::SetOwn {
            repository: repository(name),
            event: event_id(id),
            state,
        }),
        1 => cursor.prop_map(|(name, after, generation)| StorageChange::Cursor {
            repository: repository(name),
            cursor: Cursor { after: Sequence::new(after), generation, ..Cursor::default() },
        }),
        1 => (0..2_usize).prop_map(|name| StorageChange::DoubtSettled { repository: repository(name) }),
        1 => (0..2_usize, 0..6_i64, 0..4_usize).prop_map(|(name, before_ms, keep)| StorageChange::PruneSettled {
            repository: repository(name),
            before_ms,
            keep,
        }),
        1 => (0..2_usize, 0..30_u8).prop_map(|(name, id)| StorageChange::DropOwn {
            repository: repository(name),
            event: event_id(id),
        }),
        1 => (0..2_usize).prop_map(|name| StorageChange::Clear { repository: repository(name) }),
    ]
}

fn request() -> impl Strategy<Value = StorageRequest> {
    let ids = prop::collection::vec((0..2_usize, 0..30_u8), 0..4);
    let commit = prop::collection::vec(change(), 0..6);
    prop_oneof![
        1 => Just(StorageRequest::Open { repositories: vec![repository(1), repository(0)] }),
        3 => (prop::collection::vec(key(), 0..4), ids, 0..20_usize).prop_map(|(records, ids, max_bytes)| StorageRequest::Load {
            records,
            max_bytes,
            own: ids.into_iter().map(|(name, id)| (repository(name), event_id(id))).collect(),
        }),
        2 => (0..2_usize, 0..20_u64, 0..5_usize, 0..12_usize).prop_map(|(name, after, max_events, max_bytes)| {
            let (repository, after) = (repository(name), LocalSequence(after));
            StorageRequest::Outbox { repository, after, max_events, max_bytes }
        }),
        2 => (0..2_usize, 0..20_u64, 0..5_usize, 0..12_usize).prop_map(|(name, after, max_events, max_bytes)| {
            let (repository, after) = (repository(name), LocalSequence(after));
            StorageRequest::Unsettled { repository, after, max_events, max_bytes }
        }),
        2 => (0..2_usize, 0..4_u64, prop::option::of(0..6_u8), 0..5_usize).prop_map(
            |(name, generation, after, max_records)| StorageRequest::Stale {
                repository: repository(name),
                generation,
                after: after.map(record),
                max_records,
            }
        ),
        6 => commit.prop_map(|changes| StorageRequest::Commit(Transaction { changes })),
    ]
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        8 => request().prop_map(Step::Ask),
        1 => request().prop_map(Step::Fail),
        2 => request().prop_map(Step::CrashDuring),
    ];
    prop::collection::vec(step, 0..60)
}

/// Counts local sequences on from the last, mostly; where a step says zero, one is used twice.
fn number(request: &mut StorageRequest, last: u64) {
    let StorageRequest::Commit(transaction) = request else {
        return;
    };
    let mut next = last;
    for change in &mut transaction.changes {
        if let StorageChange::AddOwn(event) = change
            && event.local.0 > 0
        {
            next += event.local.0;
            event.local = LocalSequence(next);
        }
    }
}

fn assert_same(disk: &ClientDisk, naive: &Naive) {
    assert_eq!(disk.last_local().0, naive.last_local);
    for name in [repository(0), repository(1)] {
        let listed = |which: fn(&OwnState) -> bool| naive.listed(&name, LocalSequence(0), which);
        let layer = |state: &OwnState| matches!(state, OwnState::Pending | OwnState::Acked(_));
        assert_eq!(disk.cursor(&name).cloned().unwrap_or_default(), naive.cursor(&name));
        assert!(disk.records(&name).eq(&naive.records(&name)));
        assert!(disk.own(&name).eq(&listed(|_| true)));
        assert!(disk.pending(&name).eq(&listed(|state| *state == OwnState::Pending)));
        assert!(disk.layer(&name).eq(&listed(layer)));
    }
}

proptest! {
    #[test]
    fn a_disk_answers_as_the_plainest_one_does(steps in steps(), seed in any::<u64>()) {
        let (mut disk, mut naive) = (ClientDisk::new(), Naive::default());
        let mut random = Random::new(seed, "crash", 0);
        for step in steps {
            let (Step::Ask(mut request) | Step::Fail(mut request) | Step::CrashDuring(mut request)) = step.clone();
            number(&mut request, naive.last_local);
            let refused = naive.refuses(&request);
            disk.begin(request.clone());
            prop_assert!(disk.is_busy());
            match step {
                Step::Ask(_) if refused => {
                    prop_assert!(disk.finish().is_err() && disk.broken_law().is_some());
                }
                Step::Ask(_) => prop_assert_eq!(disk.finish().unwrap(), naive.answer(&request)),
                Step::Fail(_) => {
                    disk.fail("full");
                }
                Step::CrashDuring(_) => {
                    let crash = disk.crash(&mut random);
                    let writes = matches!(request, StorageRequest::Commit(_));
                    prop_assert_eq!(crash == Crash::Nothing, !writes);
                    if crash == Crash::Kept && !refused {
                        naive.answer(&request);
                    }
                }
            }
            prop_assert!(!disk.is_busy());
            assert_same(&disk, &naive);
        }
    }
}

#[test]
fn what_a_client_may_not_do_is_told() {
    let mut disk = ClientDisk::new();
    disk.begin(StorageRequest::Open {
        repositories: Vec::new(),
    });
    assert_eq!(disk.broken_law(), None);
    disk.begin(StorageRequest::Open {
        repositories: Vec::new(),
    });
    assert!(disk.broken_law().is_some_and(|law| law.contains("before the answer")));
}
