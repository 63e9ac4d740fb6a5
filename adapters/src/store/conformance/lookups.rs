//! Finding one event, and the list of repositories.

use super::Subject;
use super::fixture::{Ask, event, event_of, events, log, log_of, sent, with_body};
use crate::store::wait;

/// An event is found by its id in its own log, and nowhere else.
pub fn an_event_is_found_by_its_id(subject: &mut dyn Subject) {
    let (store, users) = (subject.create(), log("users"));
    store.append_to(&users, vec![event("a"), event("b"), event("c")]);
    assert_eq!(store.find(&users, "b"), Some(sent(&event("b"), 2)));
    assert_eq!(store.find(&users, "d"), None);
    assert_eq!(store.find(&log("orders"), "b"), None);
    assert_eq!(store.find(&log_of("tenant-2", "users"), "b"), None);
}

/// The newest event of a record is the one with the highest sequence, a delete included, whatever its timestamps say.
pub fn the_newest_event_of_a_record_is_found(subject: &mut dyn Subject) {
    let (store, users) = (subject.create(), log("users"));
    let update = with_body(
        "3",
        "alice",
        r#"{"eventId":"3","operation":1,"createdAt":1,"dataId":"alice"}"#,
    );
    let delete = with_body(
        "4",
        "alice",
        r#"{"eventId":"4","operation":2,"createdAt":0,"dataId":"alice"}"#,
    );
    store.append_to(
        &users,
        vec![event_of("1", "alice"), event_of("2", "bob"), update.clone()],
    );
    assert_eq!(store.newest_of(&users, "alice"), Some(sent(&update, 3)));
    store.append_to(&users, vec![delete.clone()]);
    assert_eq!(store.newest_of(&users, "alice"), Some(sent(&delete, 4)));
    store.append_to(
        &users,
        vec![event_of("5", "alice"), event_of("6", "alice"), event_of("1", "alice")],
    );
    assert_eq!(store.newest_of(&users, "alice"), Some(sent(&event_of("6", "alice"), 6)));
    assert_eq!(store.newest_of(&users, "bob"), Some(sent(&event_of("2", "bob"), 2)));
    assert_eq!(store.newest_of(&users, "carol"), None);
    assert_eq!(store.newest_of(&log("orders"), "alice"), None);
    assert_eq!(store.newest_of(&log_of("tenant-2", "users"), "alice"), None);
}

/// A namespace lists its own repositories that hold events, in order of their names' bytes.
pub fn repositories_are_listed_in_order_of_their_names(subject: &mut dyn Subject) {
    let store = subject.create();
    for (namespace, repository, count) in [
        ("default", "users", 3),
        ("default", "Orders", 1),
        ("default", "überall", 2),
        ("tenant-2", "users", 4),
        ("default", "a", 5),
        ("Default", "a", 1),
    ] {
        store.append_to(&log_of(namespace, repository), events("e", count));
    }
    let list = |namespace| -> Vec<_> {
        let summaries = store.list(namespace).into_iter();
        summaries
            .map(|s| (s.name.to_string(), s.events, s.head.get()))
            .collect()
    };
    let wanted = [("Orders", 1), ("a", 5), ("users", 3), ("überall", 2)];
    assert_eq!(list("default"), wanted.map(|(name, n)| (name.to_owned(), n, n)));
    assert_eq!(list("tenant-2"), [("users".to_owned(), 4, 4)]);
    assert_eq!(list("Default"), [("a".to_owned(), 1, 1)]);
    assert_eq!(list("nobody"), []);
}

/// The check passes on a store that can be read and written, and changes nothing that anyone sees.
pub fn a_store_that_works_passes_its_check(subject: &mut dyn Subject) {
    let store = subject.create();
    store.append_to(&log("users"), events("e", 2));
    let before = store.whole(&log("users"));
    for _ in 0..3 {
        wait(|done| store.check(done)).expect("a store that works passes its check");
    }
    assert_eq!(store.whole(&log("users")), before);
    assert_eq!(store.list("default").len(), 1);
}
