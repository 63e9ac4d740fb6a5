//! The integer keys of events.
//!
//! An event's row is found by one integer, its repository's number in the upper bits and its sequence in the lower, so
//! that a log is a range of keys, an append goes to the end of that range, and a page is one scan.

use driftless_core::event::Sequence;
use std::ops::RangeInclusive;

const SEQUENCE_BITS: u32 = 40;

/// The last sequence that a key has room for, 2^40 - 1. SQLite's largest file, 281 TB, is full before that.
pub(super) const MAX_SEQUENCE: u64 = (1 << SEQUENCE_BITS) - 1;

/// The last number of a repository that a key has room for: 8,388,607 in one store.
pub(super) const MAX_REPOSITORY: i64 = i64::MAX >> SEQUENCE_BITS;

/// The number of a repository: 1 to [`MAX_REPOSITORY`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct RepositoryNumber(i64);

impl RepositoryNumber {
    /// `None` for a number that keys have no room for.
    pub(super) fn new(number: i64) -> Option<Self> {
        (1..=MAX_REPOSITORY).contains(&number).then_some(Self(number))
    }

    pub(super) fn get(self) -> i64 {
        self.0
    }

    /// The key of an event. A sequence above [`MAX_SEQUENCE`] counts as that.
    pub(super) fn key(self, sequence: Sequence) -> i64 {
        (self.0 << SEQUENCE_BITS) | sequence.get().min(MAX_SEQUENCE).cast_signed()
    }

    /// The keys of all events behind `after`. Empty (its start behind its end) if there can be none.
    pub(super) fn keys_behind(self, after: Sequence) -> RangeInclusive<i64> {
        let last = self.key(Sequence::new(MAX_SEQUENCE));
        self.key(after).saturating_add(1)..=last
    }
}

/// The sequence in a key.
pub(super) fn sequence_of(key: i64) -> Sequence {
    Sequence::new(key.cast_unsigned() & MAX_SEQUENCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_a_log_are_one_range_in_order_of_the_sequences() {
        let (one, two) = (RepositoryNumber::new(1).unwrap(), RepositoryNumber::new(2).unwrap());
        let keys = [
            one.key(Sequence::new(1)),
            one.key(Sequence::new(2)),
            one.key(Sequence::new(MAX_SEQUENCE)),
            two.key(Sequence::ZERO),
            two.key(Sequence::new(1)),
        ];
        assert!(keys.is_sorted_by(|a, b| a < b), "{keys:?}");
        assert_eq!(sequence_of(keys[1]), Sequence::new(2));
        assert!(one.keys_behind(Sequence::ZERO).contains(&keys[0]));
        assert!(!one.keys_behind(Sequence::ZERO).contains(&keys[4]));
        assert!(one.keys_behind(Sequence::MAX).is_empty());
    }

    #[test]
    fn the_last_repository_has_keys_too() {
        let last = RepositoryNumber::new(MAX_REPOSITORY).unwrap();
        assert_eq!(last.key(Sequence::new(MAX_SEQUENCE)), i64::MAX);
        assert!(last.keys_behind(Sequence::MAX).is_empty() || last.keys_behind(Sequence::MAX) == (i64::MAX..=i64::MAX));
        assert_eq!(RepositoryNumber::new(MAX_REPOSITORY + 1), None);
        assert_eq!(RepositoryNumber::new(0), None);
    }
}
