//! Where checks are counted and the first failure is kept.

use super::{Counts, Failure, Invariant};
use driftless_core::Instant;

/// What was checked so far, and what was found.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    pub(super) now: Instant,
    pub(super) counts: Counts,
    pub(super) failure: Option<Failure>,
}

impl Verdict {
    /// Counts a check. If it does not hold, `message` says what was found.
    #[inline]
    pub(super) fn check(&mut self, invariant: Invariant, holds: bool, message: impl FnOnce() -> String) {
        self.counts.count(invariant);
        if !holds {
            self.fail(invariant, message());
        }
    }

    /// Something that must not be.
    #[cold]
    pub(super) fn fail(&mut self, invariant: Invariant, message: String) {
        let at = self.now;
        self.failure.get_or_insert(Failure { invariant, at, message });
    }
}
