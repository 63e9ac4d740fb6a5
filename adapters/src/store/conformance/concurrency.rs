//! Many threads at once.

use super::Subject;
use super::fixture::{Ask, Stored, Told, at, events, log, texts};
use crate::store::Store;
use driftless_core::name::LogName;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

const THREADS: usize = 8;
const APPENDS: usize = 25;
const EVENTS: usize = 4;

/// Appends of many threads end up in one dense order, each thread's in its own, told in that order.
pub fn concurrent_appends_make_one_order(subject: &mut dyn Subject) {
    let store = subject.create();
    let logs = [log("users"), log("orders")];
    let told = Told::watching(&store);
    thread::scope(|scope| {
        for writer in 0..THREADS {
            let (store, log) = (&store, &logs[writer % logs.len()]);
            scope.spawn(move || write(store, log, writer));
        }
    });
    for log in &logs {
        let all = texts(&store.whole(log).events);
        assert_eq!(all.len(), THREADS / logs.len() * APPENDS * EVENTS);
        assert_eq!(told.of(log), all);
    }
}

fn write(store: &Arc<dyn Store>, log: &LogName, writer: usize) {
    let mut last = at(0);
    for append in 0..APPENDS {
        for outcome in store.append_to(log, events(&format!("{writer}-{append}"), EVENTS)) {
            assert!(matches!(outcome, Stored(sequence) if sequence > last), "{outcome:?}");
            last = outcome.sequence();
        }
    }
}

/// Of the same event pushed by many at once, one is stored, and all are told its place.
pub fn the_same_events_from_many_threads_are_stored_once(subject: &mut dyn Subject) {
    let (store, users) = (subject.create(), log("users"));
    let outcomes: Vec<_> = thread::scope(|scope| {
        let push = || store.append_to(&users, events("e", 50));
        let threads: Vec<_> = (0..THREADS).map(|_| scope.spawn(push)).collect();
        let joined = threads
            .into_iter()
            .map(|thread| thread.join().expect("a writer succeeds"));
        joined.flatten().collect()
    });
    let stored = outcomes.iter().filter(|outcome| matches!(outcome, Stored(_))).count();
    assert_eq!(stored, 50);
    let places: BTreeSet<_> = outcomes.iter().map(|outcome| outcome.sequence()).collect();
    assert!(places.into_iter().eq((1..=50).map(at)));
    assert_eq!(store.whole(&users).head, at(50));
}

/// Whatever is being written, a page is a run without a gap up to a head that never goes back.
pub fn a_reader_beside_writers_sees_no_gap(subject: &mut dyn Subject) {
    let (store, users) = (subject.create(), log("users"));
    let written = AtomicBool::new(false);
    thread::scope(|scope| {
        scope.spawn(|| {
            let (mut head, mut after) = (at(0), 0);
            while !written.load(Ordering::Relaxed) || after < head.get() {
                let page = store.page(&users, after, 10, usize::MAX);
                assert!(page.head >= head, "the head went from {head} to {}", page.head);
                assert!(page.head >= page.events.last() || page.events.is_empty());
                let whole = page.events.len() == 10 || page.events.last() == page.head;
                assert!(whole, "a page ends at a limit or at the head");
                head = page.head;
                after = page.events.last().get();
            }
        });
        let writers: Vec<_> = (0..3).map(|writer| (writer, &store, &users)).collect();
        let writers = writers
            .into_iter()
            .map(|(w, store, log)| scope.spawn(move || write(store, log, w)));
        let writers: Vec<_> = writers.collect();
        let results: Vec<_> = writers.into_iter().map(thread::ScopedJoinHandle::join).collect();
        written.store(true, Ordering::Relaxed);
        assert!(results.iter().all(Result::is_ok), "every writer succeeds");
    });
    assert_eq!(store.whole(&users).head, at((3 * APPENDS * EVENTS) as u64));
}
