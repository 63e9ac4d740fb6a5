//! Writes that are not synced yet, and what a crash leaves of them.
//!
//! A write is one whole transaction with a checksum over it, as in the journal of a database: after a crash it is all
//! there or, if only a part of it reached the disk, recognised as torn when the journal is read again and dropped.

use crate::random::Random;

/// What became of a write that was under way when the process died.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Crash {
    /// Nothing was being written.
    Nothing,
    /// All of it had reached the disk.
    Kept,
    /// None of it had reached the disk.
    Lost,
    /// A part of it had reached the disk. It was found when the disk was read again, and counts as lost.
    Torn,
}

/// Writes on their way to a disk, by what they are named.
#[derive(Clone, Debug, Hash)]
pub(super) struct Journal<K, W> {
    /// In the order of writing. There are few: one a client, one a lane of the server.
    unsynced: Vec<(K, W)>,
}

impl<K: PartialEq, W> Journal<K, W> {
    pub(super) const fn new() -> Self {
        Self { unsynced: Vec::new() }
    }

    /// Writes without a sync.
    pub(super) fn write(&mut self, key: K, write: W) {
        self.unsynced.push((key, write));
    }

    /// Takes a write out: it is synced, or was refused.
    pub(super) fn take(&mut self, key: &K) -> Option<W> {
        let place = self.unsynced.iter().position(|(other, _)| other == key)?;
        Some(self.unsynced.remove(place).1)
    }

    /// Whether every write is synced.
    pub(super) const fn is_empty(&self) -> bool {
        self.unsynced.is_empty()
    }

    /// The writes, in order.
    pub(super) fn unsynced(&self) -> impl Iterator<Item = (&K, &W)> {
        self.unsynced.iter().map(|(key, write)| (key, write))
    }

    /// What is found after a crash: the fate of each write, and the write where it was kept.
    pub(super) fn crash(&mut self, random: &mut Random) -> Vec<(Crash, Option<W>)> {
        let fate = |(_, write)| match random.below(4) {
            0 | 1 => (Crash::Kept, Some(write)),
            2 => (Crash::Lost, None),
            _ => (Crash::Torn, None),
        };
        self.unsynced.drain(..).map(fate).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_write_has_a_fate_of_its_own() {
        let mut random = Random::new(1, "crash", 0);
        let mut seen = [0; 3];
        for _ in 0..100 {
            let mut journal = Journal::new();
            for number in 0..3 {
                journal.write(number, number * 10);
            }
            assert_eq!(journal.take(&1), Some(10), "what is synced is out of danger");
            let fates = journal.crash(&mut random);
            assert!(journal.is_empty() && fates.len() == 2);
            for (place, (crash, kept)) in fates.into_iter().enumerate() {
                assert_eq!(kept, (crash == Crash::Kept).then_some(place * 20));
                seen[usize::from(crash == Crash::Lost) + 2 * usize::from(crash == Crash::Torn)] += 1;
            }
        }
        assert!(seen.iter().all(|times| *times > 20), "{seen:?}");
    }
}
