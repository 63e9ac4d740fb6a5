//! Who is told of commits, of what, and when.

use super::Subject;
use super::fixture::{Ask, Told, at, event, event_of, events, log, log_of, run, sent, texts};
use crate::store::{Done, Store, wait};
use driftless_core::name::LogName;
use driftless_core::server::{Append, Appended, StoreFailure};
use std::sync::{Arc, Mutex, mpsc};

/// The watcher hears of an append's events before the appender hears of its success.
pub fn commits_are_told_before_the_append_is_done(subject: &mut dyn Subject) {
    let (store, users) = (subject.create(), log("users"));
    let told = Told::watching(&store);
    for round in 0..20 {
        let told_at_done = Arc::new(Mutex::new(0));
        let (told, count) = (told.clone(), Arc::clone(&told_at_done));
        let append = Append {
            runs: vec![run(&users, events(&format!("e{round}"), 5))],
        };
        wait(|done: Done<Appended>| {
            let done = Box::new(move |result: Result<Appended, StoreFailure>| {
                *count.lock().expect("nobody panics with the lock") = told.of(&log("users")).len();
                done(result);
            });
            store.append(append, done);
        })
        .expect("an append succeeds");
        let told_at_done = *told_at_done.lock().expect("nobody panics with the lock");
        assert_eq!(told_at_done, (round + 1) * 5);
    }
    assert_eq!(told.of(&users), texts(&store.whole(&users).events));
}

/// Duplicates and conflicts are broadcast to nobody.
pub fn only_new_events_are_told(subject: &mut dyn Subject) {
    let (store, users) = (subject.create(), log("users"));
    let told = Told::watching(&store);
    store.append_to(&users, vec![event("a"), event("b")]);
    store.append_to(&users, vec![event("a"), event_of("b", "other")]);
    store.append_to(&users, vec![event("b"), event("c"), event("c"), event("a"), event("d")]);
    let ids = ["a", "b", "c", "d"];
    let wanted: Vec<_> = ids.iter().zip(1..).map(|(id, n)| sent(&event(id), n)).collect();
    assert_eq!(told.of(&users), wanted);
    assert_eq!(told.all().len(), 2, "an append that stores nothing is not told");
}

/// An append to several logs is told of each log.
pub fn a_commit_is_told_once_for_each_log(subject: &mut dyn Subject) {
    let store = subject.create();
    let told = Told::watching(&store);
    let (users, orders, other) = (log("users"), log("orders"), log_of("tenant-2", "users"));
    store.append_runs(vec![
        run(&users, events("a", 2)),
        run(&orders, events("b", 1)),
        run(&users, events("c", 1)),
        run(&other, events("d", 1)),
    ]);
    let ranges = |log: &LogName| -> Vec<_> {
        let of_log = told.all().into_iter().filter(|committed| committed.log == *log);
        of_log
            .map(|committed| (committed.events.first(), committed.events.last()))
            .collect()
    };
    assert_eq!(ranges(&users), [(at(1), at(3))]);
    assert_eq!(ranges(&orders), [(at(1), at(1))]);
    assert_eq!(ranges(&other), [(at(1), at(1))]);
    let incomplete = |told: &Told| {
        told.all()
            .iter()
            .any(|c| c.events.event(0).is_some_and(|e| e.package_complete))
    };
    assert!(!incomplete(&told));
}

/// The last watcher is told, and it alone.
pub fn a_new_watcher_takes_the_place_of_the_old(subject: &mut dyn Subject) {
    let (store, users) = (subject.create(), log("users"));
    store.append_to(&users, events("unwatched", 2));
    let first = Told::watching(&store);
    store.append_to(&users, events("first", 2));
    let second = Told::watching(&store);
    store.append_to(&users, events("second", 3));
    assert_eq!(first.of(&users), texts(&store.whole(&users).events)[2..4]);
    assert_eq!(second.of(&users), texts(&store.whole(&users).events)[4..]);
}

/// A callback may ask the store for more without waiting; nothing is told out of order because of it.
pub fn callbacks_may_ask_for_more(subject: &mut dyn Subject) {
    let (store, users) = (subject.create(), log("users"));
    let told = Told::watching(&store);
    let (sender, receiver) = mpsc::channel();
    append_from_callbacks(&store, users.clone(), 0, sender);
    receiver.recv().expect("the last callback sends");
    assert_eq!(store.whole(&users).head, at(CHAIN));
    assert_eq!(told.of(&users), texts(&store.whole(&users).events));
}

/// How many appends are made, each in the callback of the one before it. More than a stack of nested calls holds.
const CHAIN: u64 = 2_000;

fn append_from_callbacks(store: &Arc<dyn Store>, log: LogName, made: u64, end: mpsc::Sender<()>) {
    let append = Append {
        runs: vec![run(&log, vec![event(&format!("e{made}"))])],
    };
    let again = Arc::clone(store);
    let done = Box::new(move |result: Result<Appended, StoreFailure>| {
        result.expect("an append succeeds");
        if made + 1 < CHAIN {
            append_from_callbacks(&again, log, made + 1, end);
        } else {
            end.send(()).expect("the test waits");
        }
    });
    store.append(append, done);
}
