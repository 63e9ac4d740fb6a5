//! The states that were met.

#![expect(clippy::disallowed_types, reason = "never walked, so that no order shows")]

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

/// A set of hashes of states.
#[derive(Debug, Default)]
pub(super) struct Met(HashSet<u128, BuildHasherDefault<Half>>);

impl Met {
    /// Whether a state is met for the first time.
    pub(super) fn insert(&mut self, digest: u128) -> bool {
        self.0.insert(digest)
    }
}

/// Takes half of a hash for a hash.
#[derive(Debug, Default)]
struct Half(u64);

impl Hasher for Half {
    fn write(&mut self, bytes: &[u8]) {
        let half = bytes.first_chunk().copied().unwrap_or_default();
        self.0 = u64::from_le_bytes(half);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
