//! Paging: limits, heads and the lack of gaps.

use super::Subject;
use super::fixture::{Ask, at, event, events, log, sent, texts, with_body};
use driftless_core::event::Sequence;

/// A log without events is not an error: it has an empty page and the head 0.
pub fn a_log_that_does_not_exist_is_empty(subject: &mut dyn Subject) {
    let store = subject.create();
    store.append_to(&log("users"), vec![event("a")]);
    for after in [0, 1, u64::MAX] {
        let page = store.page(&log("orders"), after, 10, 1000);
        assert!(page.events.is_empty());
        assert_eq!(page.head, Sequence::ZERO);
    }
    assert_eq!(store.list("default").len(), 1, "reading makes no repository");
}

/// `max_events` limits a page; its head is the log's all the same.
pub fn a_page_has_at_most_max_events(subject: &mut dyn Subject) {
    let (store, users) = (subject.create(), log("users"));
    store.append_to(&users, events("e", 10));
    for (after, max_events, wanted) in [
        (0, 3, 1..=3),
        (3, 3, 4..=6),
        (8, 3, 9..=10),
        (9, 1, 10..=10),
        (0, 10, 1..=10),
    ] {
        let page = store.page(&users, after, max_events, usize::MAX);
        assert_eq!(page.events.first(), at(*wanted.start()));
        assert_eq!(page.events.last(), at(*wanted.end()));
        assert_eq!(page.head, at(10));
    }
    let none = store.page(&users, 4, 0, usize::MAX);
    assert!(none.events.is_empty());
    assert_eq!((none.events.first(), none.head), (at(5), at(10)));
}

/// `max_bytes` limits the encoded events of a page, the commas between them included.
pub fn a_page_has_at_most_max_bytes(subject: &mut dyn Subject) {
    let (store, users) = (subject.create(), log("users"));
    let all = events("e", 9);
    store.append_to(&users, all.clone());
    let one = sent(&all[0], 1).len();
    for (max_bytes, wanted) in [
        (one * 3 + 2, 3),
        (one * 3 + 1, 2),
        (one * 4 + 2, 3),
        (one * 9 + 8, 9),
        (one, 1),
        (one * 2, 1),
    ] {
        let page = store.page(&users, 0, usize::MAX, max_bytes);
        assert_eq!(page.events.len(), wanted, "{max_bytes} bytes");
        assert!(page.events.text(0, wanted).len() <= max_bytes);
        assert_eq!(page.head, at(9));
    }
}

/// One event is returned whatever its size, or a reader could never get past it.
pub fn a_first_event_larger_than_max_bytes_comes_alone(subject: &mut dyn Subject) {
    let (store, users) = (subject.create(), log("users"));
    let large = with_body(
        "large",
        "r",
        &format!(r#"{{"eventId":"large","x":"{}"}}"#, "x".repeat(100_000)),
    );
    store.append_to(&users, vec![event("a"), large.clone(), event("b")]);
    let page = store.page(&users, 0, 10, 1000);
    assert_eq!(texts(&page.events), [sent(&event("a"), 1)]);
    for max_bytes in [0, 1, 1000] {
        let page = store.page(&users, 1, 10, max_bytes);
        assert_eq!(texts(&page.events), [sent(&large, 2)]);
    }
    assert_eq!(store.page(&users, 2, 10, 1000).events.len(), 1);
}

/// A reader that has everything, or claims more than there is, gets nothing and is told the head.
pub fn a_page_at_or_above_the_head_is_empty(subject: &mut dyn Subject) {
    let (store, users) = (subject.create(), log("users"));
    store.append_to(&users, events("e", 3));
    for after in [3, 4, 1_000_000, u64::MAX] {
        let page = store.page(&users, after, 10, 1000);
        assert!(page.events.is_empty(), "after {after}");
        assert_eq!(page.events.first(), at(after).next());
        assert_eq!(page.head, at(3));
    }
}

/// Page after page gives the log.
pub fn pages_follow_each_other_without_a_gap(subject: &mut dyn Subject) {
    let (store, users) = (subject.create(), log("users"));
    let all = events("e", 500);
    // A neighbour on either side of the log in every order that a store may keep.
    store.append_to(&log("aaa"), events("e", 3));
    store.append_to(&users, all.clone());
    store.append_to(&log("zzz"), events("e", 3));
    let (mut after, mut read) = (0, Vec::new());
    for (max_events, max_bytes) in [(7, 10_000), (100, 900)].into_iter().cycle() {
        let page = store.page(&users, after, max_events, max_bytes);
        assert_eq!(page.head, at(500));
        if page.events.is_empty() {
            break;
        }
        assert_eq!(page.events.first(), at(after + 1));
        after = page.events.last().get();
        read.extend(texts(&page.events));
    }
    assert!(all.iter().zip(1..).map(|(event, n)| sent(event, n)).eq(read));
}
