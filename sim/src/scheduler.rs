//! The one heap of things to come, ordered by time and, at one time, by the order in which they were planned.

use driftless_core::Instant;
use std::cmp::{Ordering, Reverse};
use std::collections::BinaryHeap;

/// A heap of (time, sequence). Time moves from one entry to the next; in between nothing exists.
#[derive(Clone, Debug)]
pub struct Scheduler<T> {
    now: Instant,
    heap: BinaryHeap<Reverse<Entry<T>>>,
    sequence: u64,
}

#[derive(Clone, Debug)]
struct Entry<T> {
    at: Instant,
    sequence: u64,
    what: T,
}

impl<T> Scheduler<T> {
    /// Nothing planned, at time zero.
    pub const fn new() -> Self {
        Self {
            now: Instant::ZERO,
            heap: BinaryHeap::new(),
            sequence: 0,
        }
    }

    /// The true time: that of the entry taken last.
    pub const fn now(&self) -> Instant {
        self.now
    }

    /// Plans something; a time that is past counts as now.
    pub fn at(&mut self, at: Instant, what: T) {
        self.sequence += 1;
        self.heap.push(Reverse(Entry {
            at: at.max(self.now),
            sequence: self.sequence,
            what,
        }));
    }

    /// When the next entry is due.
    pub fn next(&self) -> Option<Instant> {
        self.heap.peek().map(|Reverse(entry)| entry.at)
    }

    /// Moves to the next entry and takes it.
    pub fn pop(&mut self) -> Option<T> {
        let Reverse(entry) = self.heap.pop()?;
        self.now = entry.at;
        Some(entry.what)
    }

    /// Moves to a moment before the next entry. An earlier moment than now changes nothing.
    pub fn advance(&mut self, to: Instant) {
        debug_assert!(self.next().is_none_or(|next| next >= to), "an entry would be skipped");
        self.now = self.now.max(to);
    }

    /// How many entries are planned.
    pub fn len(&self) -> usize {
        self.heap.len()
    }

    /// Whether nothing is planned.
    pub fn is_empty(&self) -> bool {
        self.heap.is_empty()
    }
}

impl<T> Default for Scheduler<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T> Entry<T> {
    const fn key(&self) -> (Instant, u64) {
        (self.at, self.sequence)
    }
}

impl<T> PartialEq for Entry<T> {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl<T> Eq for Entry<T> {}

impl<T> PartialOrd for Entry<T> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl<T> Ord for Entry<T> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.key().cmp(&other.key())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entries_come_in_time_order_and_at_one_time_in_planning_order() {
        let mut scheduler = Scheduler::new();
        let at = Instant::from_micros;
        for (time, name) in [(5, 'c'), (1, 'a'), (5, 'd'), (2, 'b')] {
            scheduler.at(at(time), name);
        }
        let taken: String = std::iter::from_fn(|| scheduler.pop()).collect();
        assert_eq!((taken.as_str(), scheduler.now()), ("abcd", at(5)));
        scheduler.at(at(1), 'e');
        assert_eq!(scheduler.next(), Some(at(5)), "nothing is planned in the past");
    }
}
