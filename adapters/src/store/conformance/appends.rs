//! Sequences, duplicates and conflicts (PROTOCOL.md 6.2 and 6.4).

use super::Subject;
use super::fixture::{
    Ask, Conflict, Duplicate, Stored, at, event, event_of, events, log, log_of, run, sent, texts, with_body,
};

/// The events of a log get 1, 2, 3, … in the order in which they come.
pub fn sequences_are_dense_from_one(subject: &mut dyn Subject) {
    let (store, users) = (subject.create(), log("users"));
    let all = events("e", 10);
    let mut expected = 1;
    for part in [1, 4, 5] {
        let from = usize::try_from(expected - 1).expect("a small number");
        for outcome in store.append_to(&users, all[from..from + part].to_vec()) {
            assert_eq!(outcome, Stored(at(expected)));
            expected += 1;
        }
    }
    let wanted: Vec<_> = all.iter().zip(1..).map(|(event, n)| sent(event, n)).collect();
    assert_eq!(texts(&store.whole(&users).events), wanted);
}

/// Every log counts by itself, also where an append names it in several runs, and its runs keep their order.
pub fn runs_of_several_logs_are_numbered_each_by_its_log(subject: &mut dyn Subject) {
    let store = subject.create();
    let (users, orders) = (log("users"), log("orders"));
    let other = log_of("tenant-2", "users");
    let outcomes = store.append_runs(vec![
        run(&users, events("a", 2)),
        run(&orders, events("b", 1)),
        run(&users, events("c", 2)),
        run(&other, events("d", 1)),
        run(&orders, events("e", 1)),
    ]);
    assert_eq!(outcomes, [1, 2, 1, 3, 4, 1, 2].map(|n| Stored(at(n))));
    let wanted = [
        sent(&event("a-000000"), 1),
        sent(&event("a-000001"), 2),
        sent(&event("c-000000"), 3),
        sent(&event("c-000001"), 4),
    ];
    assert_eq!(texts(&store.whole(&users).events), wanted);
    assert_eq!(texts(&store.whole(&other).events), [sent(&event("d-000000"), 1)]);
}

/// The second of two events with one id and one body is a duplicate of the first, in the same run or in another.
pub fn a_repeat_within_an_append_is_a_duplicate_of_the_first(subject: &mut dyn Subject) {
    let (store, users) = (subject.create(), log("users"));
    let outcomes = store.append_runs(vec![
        run(&users, vec![event("a"), event("a"), event("b")]),
        run(
            &users,
            vec![event("b"), with_body("a", "a", r#"{"eventId":"a","x":1}"#), event("c")],
        ),
    ]);
    let wanted = [
        Stored(at(1)),
        Duplicate(at(1)),
        Stored(at(2)),
        Duplicate(at(2)),
        Conflict(at(1)),
        Stored(at(3)),
    ];
    assert_eq!(outcomes, wanted);
    assert_eq!(store.whole(&users).head, at(3));
}

/// An event that is pushed again is stored once, for ever, and keeps its place.
pub fn a_repeat_in_a_later_append_is_a_duplicate_and_stores_nothing(subject: &mut dyn Subject) {
    let (store, users) = (subject.create(), log("users"));
    store.append_to(&users, events("e", 5));
    let before = store.whole(&users);
    for _ in 0..2 {
        let outcomes = store.append_to(&users, events("e", 5));
        assert_eq!(outcomes, [1, 2, 3, 4, 5].map(|n| Duplicate(at(n))));
    }
    assert_eq!(store.whole(&users), before);
}

/// Other bytes under a known id are a conflict, which names the first one's place and changes nothing.
pub fn another_body_under_a_known_id_is_a_conflict_and_changes_nothing(subject: &mut dyn Subject) {
    let (store, users) = (subject.create(), log("users"));
    let first = with_body("e", "alice", r#"{"eventId":"e","id":"alice","n":1}"#);
    store.append_to(&users, vec![first.clone()]);
    let others = [
        r#"{"eventId":"e","id":"alice","n":2}"#,
        r#"{"eventId":"e","id":"alice","n":1.0}"#,
        r#"{"eventId":"e","id":"alice","n":1 }"#,
        r#"{"eventId":"e","id":"alice"}"#,
        r#"{"eventId":"e","id":"alice","n":1,"more":0}"#,
        r#"{"id":"alice","eventId":"e","n":1}"#,
    ];
    for body in others {
        let outcomes = store.append_to(&users, vec![with_body("e", "bob", body)]);
        assert_eq!(outcomes, [Conflict(at(1))], "{body}");
    }
    assert_eq!(texts(&store.whole(&users).events), [sent(&first, 1)]);
    assert_eq!(store.newest_of(&users, "alice"), Some(sent(&first, 1)));
    assert_eq!(store.newest_of(&users, "bob"), None);
}

/// Duplicates and conflicts between new events take no sequence.
pub fn duplicates_between_new_events_leave_no_gap(subject: &mut dyn Subject) {
    let (store, users) = (subject.create(), log("users"));
    store.append_to(&users, vec![event("a"), event("b")]);
    let mixed = vec![event("c"), event("a"), event("d"), event_of("b", "other"), event("e")];
    let wanted = [
        Stored(at(3)),
        Duplicate(at(1)),
        Stored(at(4)),
        Conflict(at(2)),
        Stored(at(5)),
    ];
    assert_eq!(store.append_to(&users, mixed), wanted);
    let ids = ["a", "b", "c", "d", "e"];
    let wanted: Vec<_> = ids.iter().zip(1..).map(|(id, n)| sent(&event(id), n)).collect();
    assert_eq!(texts(&store.whole(&users).events), wanted);
}

/// An append of nothing, or of empty runs, is done and makes no repository.
pub fn an_empty_append_succeeds(subject: &mut dyn Subject) {
    let store = subject.create();
    assert_eq!(store.append_runs(vec![]), []);
    assert_eq!(store.append_runs(vec![run(&log("users"), vec![])]), []);
    assert_eq!(store.list("default"), []);
}

/// Event ids are unique within a repository, not beyond it.
pub fn the_same_id_in_two_logs_is_two_events(subject: &mut dyn Subject) {
    let store = subject.create();
    let logs = [log("users"), log("orders"), log_of("tenant-2", "users")];
    for log in &logs {
        assert_eq!(store.append_to(log, vec![event("a")]), [Stored(at(1))]);
    }
    for log in &logs {
        assert_eq!(store.append_to(log, vec![event("a")]), [Duplicate(at(1))]);
        assert_eq!(store.whole(log).head, at(1));
    }
}

/// Neither the number of events in an append nor the size of one has a limit below the protocol's.
pub fn a_large_append_is_stored_whole(subject: &mut dyn Subject) {
    let (store, users) = (subject.create(), log("users"));
    let mut all = events("e", 10_000);
    let text = "ü\\n".repeat(1 << 20);
    all.push(with_body(
        "large",
        "large",
        &format!(r#"{{"eventId":"large","text":"{text}"}}"#),
    ));
    let outcomes = store.append_to(&users, all.clone());
    assert!(outcomes.iter().zip(1..).all(|(outcome, n)| *outcome == Stored(at(n))));
    let read = texts(&store.whole(&users).events);
    assert!(all.iter().zip(1..).map(|(event, n)| sent(event, n)).eq(read));
}
