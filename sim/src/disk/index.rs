//! Maps that are looked up and never walked.
//!
//! Finding an id among thousands is what the disks do most; a hash finds it several times faster than a tree of texts.
//! The hash has no seed and the order of the entries is never seen, so that runs stay the same.

#![expect(clippy::disallowed_types, reason = "never walked, so that no order shows")]

use std::collections::HashMap;
use std::hash::{BuildHasherDefault, Hasher};
use xxhash_rust::xxh3::xxh3_64_with_seed;

/// A map for looking up. What needs an order keeps it elsewhere.
pub(super) type Index<K, V> = HashMap<K, V, BuildHasherDefault<Xxh3>>;

/// XXH3 over each piece of a key, the hash of the pieces before as seed.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Xxh3(u64);

impl Hasher for Xxh3 {
    fn write(&mut self, bytes: &[u8]) {
        self.0 = xxh3_64_with_seed(bytes, self.0);
    }

    fn write_u8(&mut self, byte: u8) {
        // Behind every text; the text alone decides enough.
        self.0 ^= u64::from(byte);
    }

    fn finish(&self) -> u64 {
        self.0
    }
}
