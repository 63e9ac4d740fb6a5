//! The timers of a machine: one deadline a key, fired in (deadline, order of setting) order.

use crate::machine::Instant;
use alloc::collections::{BTreeMap, BTreeSet};

/// A set of timers, at most one a key.
///
/// Timers with the same deadline fire in the order in which they were set, so that a run is the same every time. Every
/// operation costs O(log n).
#[derive(Clone, Debug)]
pub struct Timers<K> {
    /// Counts `set`s, to break ties.
    sets: u64,
    by_key: BTreeMap<K, (Instant, u64)>,
    by_deadline: BTreeSet<(Instant, u64, K)>,
}

impl<K: Ord + Copy> Timers<K> {
    /// No timers; allocates nothing yet.
    pub const fn new() -> Self {
        Self {
            sets: 0,
            by_key: BTreeMap::new(),
            by_deadline: BTreeSet::new(),
        }
    }

    /// Sets the timer of `key` to `at`, in place of any deadline that it had.
    pub fn set(&mut self, key: K, at: Instant) {
        self.clear(key);
        self.sets += 1;
        self.by_key.insert(key, (at, self.sets));
        self.by_deadline.insert((at, self.sets, key));
    }

    /// Sets the timer of `key` to `at`, or clears it for `None`.
    pub fn set_or_clear(&mut self, key: K, at: Option<Instant>) {
        match at {
            Some(at) => self.set(key, at),
            None => self.clear(key),
        }
    }

    /// Clears the timer of `key`, if it is set.
    pub fn clear(&mut self, key: K) {
        if let Some((at, set)) = self.by_key.remove(&key) {
            self.by_deadline.remove(&(at, set, key));
        }
    }

    /// Takes the first timer that is due at `now`. Call until `None`, handling each before taking the next: what one
    /// sets or clears counts for those behind it.
    pub fn pop_due(&mut self, now: Instant) -> Option<K> {
        let &(at, set, key) = self.by_deadline.first()?;
        if at > now {
            return None;
        }
        self.by_deadline.remove(&(at, set, key));
        self.by_key.remove(&key);
        Some(key)
    }

    /// The first timer and its deadline.
    pub fn next(&self) -> Option<(Instant, K)> {
        self.by_deadline.first().map(|&(at, _, key)| (at, key))
    }

    /// The deadline of `key`; `None` if it is not set.
    pub fn deadline(&self, key: K) -> Option<Instant> {
        self.by_key.get(&key).map(|&(at, _)| at)
    }

    /// Whether no timer is set.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }
}

impl<K: Ord + Copy> Default for Timers<K> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn at(micros: u64) -> Instant {
        Instant::from_micros(micros)
    }

    fn due(timers: &mut Timers<char>, now: u64) -> Vec<char> {
        core::iter::from_fn(|| timers.pop_due(at(now))).collect()
    }

    #[test]
    fn timers_fire_by_deadline_and_then_in_the_order_of_setting() {
        let mut timers = Timers::new();
        timers.set('b', at(5));
        timers.set('a', at(5));
        timers.set('c', at(4));
        timers.set('d', at(6));
        assert_eq!(timers.next(), Some((at(4), 'c')));
        assert_eq!(due(&mut timers, 5), ['c', 'b', 'a']);
        assert_eq!(timers.next(), Some((at(6), 'd')));
    }

    #[test]
    fn setting_again_replaces_the_deadline() {
        let mut timers = Timers::new();
        timers.set('a', at(1));
        timers.set('a', at(9));
        assert_eq!(timers.deadline('a'), Some(at(9)));
        assert!(due(&mut timers, 8).is_empty());
        timers.set_or_clear('a', None);
        assert!(due(&mut timers, 9).is_empty());
        assert!(timers.is_empty());
    }
}
