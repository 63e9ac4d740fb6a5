//! What a store keeps when it is closed and opened again.

use super::Subject;
use super::fixture::{Ask, Conflict, Duplicate, Stored, Told, at, event, event_of, events, log, log_of, sent, texts};

/// Events, their order and what is known of them are there after reopening.
pub fn everything_survives_reopening(subject: &mut dyn Subject) {
    let store = subject.create();
    let (users, other) = (log("users"), log_of("tenant-2", "straße / 'x'"));
    let mut some = events("e", 300);
    some[7].package_complete = true;
    store.append_to(&users, some);
    store.append_to(&other, vec![event_of("1", "alice"), event_of("2", "alice")]);
    let before = (
        store.whole(&users),
        store.whole(&other),
        store.list("default"),
        store.list("tenant-2"),
    );
    drop(store);
    let Some(store) = subject.reopen() else { return };
    let after = (
        store.whole(&users),
        store.whole(&other),
        store.list("default"),
        store.list("tenant-2"),
    );
    assert_eq!(after, before);
    assert_eq!(store.find(&other, "1"), Some(sent(&event_of("1", "alice"), 1)));
    assert_eq!(store.newest_of(&other, "alice"), Some(sent(&event_of("2", "alice"), 2)));
}

/// Sequences go on where they were, and what was stored before is known.
pub fn sequences_go_on_after_reopening(subject: &mut dyn Subject) {
    let (store, users) = (subject.create(), log("users"));
    store.append_to(&users, vec![event("a"), event("b")]);
    drop(store);
    for round in 0..3 {
        let Some(store) = subject.reopen() else { return };
        let told = Told::watching(&store);
        let new = format!("new-{round}");
        let outcomes = store.append_to(&users, vec![event("b"), event(&new), event_of("a", "other")]);
        assert_eq!(outcomes, [Duplicate(at(2)), Stored(at(3 + round)), Conflict(at(1))]);
        assert_eq!(told.of(&users), texts(&store.page(&users, 2 + round, 9, 999).events));
    }
}

/// The epoch belongs to the store: reopening keeps it, another store has another.
pub fn the_epoch_is_kept_by_a_store_and_differs_between_stores(subject: &mut dyn Subject) {
    let first = subject.create();
    let second = subject.create();
    assert_ne!(first.epoch(), second.epoch());
    let epoch = second.epoch();
    drop(second);
    if let Some(reopened) = subject.reopen() {
        assert_eq!(reopened.epoch(), epoch);
    }
}
