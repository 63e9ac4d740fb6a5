//! Whether two failures are the same.

use crate::check::Failure;
use std::collections::BTreeSet;

/// The same invariant, and at least half of the words of the shorter sentence are in the other. One invariant can fail
/// in several ways: a search that slips from one to another ends with a small scenario of something else. Numbers and
/// ids do not count: they change with every piece that is left out.
pub(super) fn is_same(one: &Failure, other: &Failure) -> bool {
    let (one_words, other_words) = (words(&one.message), words(&other.message));
    let shared = one_words.intersection(&other_words).count();
    one.invariant == other.invariant && 2 * shared >= one_words.len().min(other_words.len())
}

/// The words of a sentence; what has a digit in it is none.
fn words(sentence: &str) -> BTreeSet<&str> {
    let pieces = sentence.split(|char: char| !char.is_alphanumeric() && char != '_' && char != '-');
    pieces
        .filter(|piece| !piece.is_empty() && !piece.contains(|char: char| char.is_ascii_digit()))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::Invariant;
    use driftless_core::Instant;

    fn failure(invariant: Invariant, message: &str) -> Failure {
        Failure {
            invariant,
            at: Instant::ZERO,
            message: message.into(),
        }
    }

    #[test]
    fn failures_are_told_apart_by_what_they_say_not_by_their_numbers() {
        let history = |message| failure(Invariant::ChangedHistoryNoticed, message);
        let cursor = history("client 1, todos: its cursor 3 with \"01949287-db69\" is not in the log, whose head is 2");
        let same = history("client 0, users: its cursor 1 with \"5f949287-aaaa\" is not in the log, whose head is 0");
        let other = history("client 1 ends with another history of todos than the store's");
        assert!(is_same(&cursor, &same) && !is_same(&cursor, &other));
        assert!(!is_same(&cursor, &failure(Invariant::Liveness, &cursor.message)));
    }

    #[test]
    fn a_list_that_has_become_shorter_is_the_same_failure() {
        let live = |message| failure(Invariant::Liveness, message);
        let whole = live("client 0 is not connected; client 1 waits for storage; client 2 has events pending");
        assert!(is_same(&whole, &live("client 0 waits for storage")));
    }
}
