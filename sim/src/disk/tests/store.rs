use super::{event_id, repository};
use crate::disk::{Crash, ServerStore};
use crate::random::Random;
use driftless_core::event::{EventId, Json, NewEvent, Sequence};
use driftless_core::name::{LogName, Namespace};
use driftless_core::server::{Append, AppendId, AppendOutcome, AppendRun, Committed, PageRequest};
use driftless_core::wire::Epoch;
use proptest::prelude::*;
use std::collections::{BTreeMap, VecDeque};

/// A log's events, by place: id, body.
type Naive = BTreeMap<LogName, Vec<(EventId, String)>>;

#[derive(Clone, Debug)]
enum Step {
    Begin(Vec<(usize, Vec<(u8, u8)>)>),
    Finish,
    Fail,
    Crash,
    Page(usize, u64, usize, usize),
    Backup,
    Restore(bool),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let events = prop::collection::vec((0..20_u8, 0..2_u8), 0..5);
    let runs = prop::collection::vec((0..2_usize, events), 0..4);
    let page = (0..2_usize, 0..20_u64, 0..6_usize, 0..200_usize);
    let step = prop_oneof![
        5 => runs.prop_map(Step::Begin),
        4 => Just(Step::Finish),
        1 => Just(Step::Fail),
        1 => Just(Step::Crash),
        4 => page.prop_map(|(log, after, events, bytes)| Step::Page(log, after, events, bytes)),
        1 => Just(Step::Backup),
        1 => any::<bool>().prop_map(Step::Restore),
    ];
    prop::collection::vec(step, 0..60)
}

fn log(number: usize) -> LogName {
    LogName {
        namespace: Namespace::default(),
        repository: repository(number),
    }
}

fn append(runs: &[(usize, Vec<(u8, u8)>)]) -> Append {
    let event = |(id, body): &(u8, u8)| {
        let text = format!(r#"{{"eventId":"{}","body":{body}}}"#, event_id(*id));
        NewEvent::read(&Json::parse(text).unwrap()).unwrap()
    };
    let run = |(number, events): &(usize, Vec<(u8, u8)>)| AppendRun {
        log: log(*number),
        events: events.iter().map(event).collect(),
    };
    Append {
        runs: runs.iter().map(run).collect(),
    }
}

fn store(naive: &mut Naive, append: &Append) -> Vec<AppendOutcome> {
    let mut outcomes = Vec::new();
    for run in &append.runs {
        for event in &run.events {
            let log = naive.entry(run.log.clone()).or_default();
            let found = log.iter().position(|(id, _)| *id == event.id);
            let sequence = Sequence::new(found.unwrap_or(log.len()) as u64 + 1);
            outcomes.push(match found.map(|place| log[place].1 == *event.body) {
                Some(true) => AppendOutcome::Duplicate(sequence),
                Some(false) => AppendOutcome::Conflict(sequence),
                None => AppendOutcome::Stored(sequence),
            });
            if found.is_none() {
                log.push((event.id.clone(), event.body.to_string()));
            }
        }
    }
    outcomes
}

/// An event of the naive log as it is sent.
fn text(log: &[(EventId, String)], place: usize) -> String {
    let body = log[place].1.strip_suffix('}').unwrap();
    format!("{body},\"serverSequence\":{}}}", place + 1)
}

fn assert_same(store: &ServerStore, naive: &Naive) {
    let held: Vec<_> = naive.iter().filter(|(_, log)| !log.is_empty()).collect();
    let names: Vec<_> = held.iter().map(|(name, _)| name.repository.clone()).collect();
    assert_eq!(store.repositories(&Namespace::default()), names);
    for (name, events) in held {
        let log = store.log(&name.repository);
        assert_eq!((log.len(), log.head().get()), (events.len(), events.len() as u64));
        for (place, (id, event)) in log.events().enumerate() {
            let sequence = Sequence::new(place as u64 + 1);
            assert_eq!((id, event.text), (&events[place].0, text(events, place).as_str()));
            assert_eq!((event.sequence, log.event(sequence)), (sequence, Some(event)));
            assert_eq!((log.id(sequence), log.find(id)), (Some(id), Some(sequence)));
        }
        assert_eq!(log.event(log.head().next()), None);
        assert_eq!(log.event(Sequence::ZERO), None);
    }
}

fn assert_page(store: &ServerStore, naive: &Naive, number: usize, after: u64, max_events: usize, max_bytes: usize) {
    let page = store.page(&PageRequest {
        log: log(number),
        after: Sequence::new(after),
        max_events,
        max_bytes,
    });
    let events = naive.get(&log(number)).map_or(&[][..], Vec::as_slice);
    let from = usize::try_from(after).unwrap();
    let mut texts: Vec<_> = (from..events.len()).map(|place| text(events, place)).collect();
    texts.truncate(max_events);
    while texts.len() > 1 && texts.join(",").len() > max_bytes {
        texts.pop();
    }
    assert_eq!(page.head.get(), events.len() as u64);
    assert_eq!((page.events.first().get(), page.events.len()), (after + 1, texts.len()));
    assert_eq!(page.events.text(0, usize::MAX), texts.join(","));
}

/// What grew by an append, against the naive logs before and after it.
fn assert_grown(committed: &[Committed], before: &Naive, after: &Naive) {
    let grown: Vec<_> = after
        .iter()
        .filter(|(name, events)| events.len() > before.get(*name).map_or(0, Vec::len))
        .collect();
    assert_eq!(committed.len(), grown.len());
    for (committed, (name, events)) in committed.iter().zip(grown) {
        let first = before.get(name).map_or(0, Vec::len);
        assert_eq!(
            (&committed.log, committed.events.first().get()),
            (name, first as u64 + 1)
        );
        assert!(
            committed
                .events
                .iter()
                .map(|event| event.text.to_owned())
                .eq((first..events.len()).map(|place| text(events, place)))
        );
    }
}

proptest! {
    #[test]
    fn a_store_keeps_what_the_plainest_one_does(steps in steps(), seed in any::<u64>()) {
        let epoch = |name: &str| Epoch::new(name).unwrap();
        let (mut disk, mut naive) = (ServerStore::new(epoch("one")), Naive::new());
        let mut backup = (disk.backup(), naive.clone(), disk.epoch().clone());
        let mut under_way = VecDeque::new();
        let mut random = Random::new(seed, "crash", 0);
        for (number, step) in steps.into_iter().enumerate() {
            let before = naive.clone();
            match step {
                Step::Begin(runs) => {
                    let (id, append) = (AppendId(number as u64), append(&runs));
                    disk.begin_append(id, append.clone());
                    under_way.push_back((id, append));
                }
                Step::Finish => if let Some((id, append)) = under_way.pop_back() {
                    let (appended, committed) = disk.finish_append(id);
                    prop_assert_eq!(appended.outcomes, store(&mut naive, &append));
                    assert_grown(&committed, &before, &naive);
                },
                Step::Fail => if let Some((id, _)) = under_way.pop_front() {
                    disk.fail_append(id);
                },
                Step::Crash => {
                    let (crashes, _) = disk.crash(&mut random);
                    prop_assert_eq!(crashes.len(), under_way.len());
                    for (crash, (_, append)) in crashes.into_iter().zip(under_way.drain(..)) {
                        if crash == Crash::Kept {
                            store(&mut naive, &append);
                        }
                    }
                }
                Step::Page(log, after, events, bytes) => assert_page(&disk, &naive, log, after, events, bytes),
                Step::Backup => backup = (disk.backup(), naive.clone(), disk.epoch().clone()),
                Step::Restore(anew) => {
                    disk.restore(&backup.0, anew.then(|| epoch("two")));
                    naive.clone_from(&backup.1);
                    under_way.clear();
                    prop_assert_eq!(disk.epoch(), &if anew { epoch("two") } else { backup.2.clone() });
                }
            }
            prop_assert!(disk.appends().map(|(id, _)| id).eq(under_way.iter().map(|(id, _)| *id)));
            assert_same(&disk, &naive);
        }
    }
}

#[test]
fn a_backup_taken_in_another_history_is_whole() {
    let mut disk = ServerStore::new(Epoch::new("one").unwrap());
    let write = |disk: &mut ServerStore, number: u64, events: &[(u8, u8)]| {
        disk.begin_append(AppendId(number), append(&[(0, events.to_vec())]));
        disk.finish_append(AppendId(number)).0.outcomes
    };
    let empty = disk.backup();
    write(&mut disk, 1, &[(1, 0), (2, 0)]);
    let two = disk.backup();
    disk.restore(&empty, None);
    assert_eq!(
        write(&mut disk, 2, &[(2, 0)]),
        [AppendOutcome::Stored(Sequence::new(1))]
    );
    disk.restore(&two, None);
    assert_eq!(
        write(&mut disk, 3, &[(2, 0)]),
        [AppendOutcome::Duplicate(Sequence::new(2))]
    );
}
