//! The digest of a run: the same on every machine and in every build, for the same scenario.

use crate::known::Known;
use bytestring::ByteString;
use std::hash::{Hash, Hasher};
use xxhash_rust::xxh3::{xxh3_64, xxh3_64_with_seed};

/// How many bytes are collected before they are mixed in: so few that they stay in the fastest cache.
const CHUNK: usize = 4 << 10;

/// Bytes from which on a piece is hashed where it is, not copied: frames, above all.
const LONG: usize = 192;

/// A [`Hasher`] over XXH3 whose result does not depend on the machine: integers are little endian, `usize` is `u64`.
///
/// Bytes are collected and mixed in by the chunk, because hashing many small pieces one by one costs more than all else.
#[derive(Clone, Debug)]
pub(crate) struct Digest {
    state: u64,
    bytes: Vec<u8>,
    /// The hashes of long texts that come more than once.
    shared: Known<u64>,
}

impl Digest {
    /// Of nothing.
    pub(crate) fn new() -> Self {
        Self {
            state: 0,
            bytes: Vec::with_capacity(2 * CHUNK),
            shared: Known::new(),
        }
    }

    /// A text will come more than once: it is hashed now, and from now on what is added is its hash.
    pub(crate) fn share(&mut self, text: &ByteString) {
        if text.len() >= LONG && self.shared.find(text.as_bytes()).is_none() {
            self.shared.keep(text, xxh3_64(text.as_bytes()));
        }
    }

    /// Takes in one thing.
    pub(crate) fn add(&mut self, what: &impl Hash) {
        what.hash(self);
        if self.bytes.len() >= CHUNK {
            self.state = self.finish();
            self.bytes.clear();
        }
    }
}

impl Hasher for Digest {
    fn finish(&self) -> u64 {
        xxh3_64_with_seed(&self.bytes, self.state)
    }

    fn write(&mut self, bytes: &[u8]) {
        if bytes.len() < LONG {
            self.bytes.extend_from_slice(bytes);
        } else {
            let hash = self.shared.find(bytes).copied().unwrap_or_else(|| xxh3_64(bytes));
            self.bytes.extend_from_slice(&hash.to_le_bytes());
        }
    }

    fn write_u8(&mut self, number: u8) {
        self.bytes.push(number);
    }

    fn write_u16(&mut self, number: u16) {
        self.write(&number.to_le_bytes());
    }

    fn write_u32(&mut self, number: u32) {
        self.write(&number.to_le_bytes());
    }

    fn write_u64(&mut self, number: u64) {
        self.write(&number.to_le_bytes());
    }

    fn write_u128(&mut self, number: u128) {
        self.write(&number.to_le_bytes());
    }

    fn write_usize(&mut self, number: usize) {
        self.write_u64(number as u64);
    }

    // The signed ones pass through the unsigned ones by default, except for the width of `isize`.
    fn write_isize(&mut self, number: isize) {
        self.write_i64(number as i64);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_decided_by_what_was_added_in_order() {
        let digest = |parts: &[&str]| {
            let mut digest = Digest::new();
            for part in parts {
                digest.add(part);
            }
            digest.finish()
        };
        assert_eq!(digest(&["a", "b"]), digest(&["a", "b"]));
        assert_ne!(digest(&["a", "b"]), digest(&["b", "a"]));
        assert_ne!(digest(&["a", "b"]), digest(&["ab"]));
        let long = "x".repeat(LONG);
        assert_ne!(digest(&[&long, "a"]), digest(&[&long, "b"]));
        assert_ne!(digest(&[&long]), digest(&[&long, &long]));
        let many = vec!["piece"; CHUNK / 4];
        assert_ne!(
            digest(&[&["a"], &many[..]].concat()),
            digest(&[&["b"], &many[..]].concat())
        );
    }

    #[test]
    fn sharing_a_text_changes_nothing() {
        let long = ByteString::from("x".repeat(LONG));
        let (mut one, mut other) = (Digest::new(), Digest::new());
        one.share(&long);
        for digest in [&mut one, &mut other] {
            digest.add(&(1, &long));
        }
        assert_eq!(one.finish(), other.finish());
    }

    #[test]
    fn numbers_have_one_width_and_one_order_of_bytes() {
        let mut digest = Digest::new();
        digest.add(&(1_usize, -2_isize, 3_u16, Some(4_u8)));
        let expected: Vec<u8> = [1_u64.to_le_bytes(), (-2_i64).to_le_bytes()].concat();
        assert_eq!(digest.bytes[..16], expected);
        assert_eq!(digest.bytes[16..], [3, 0, 1, 0, 0, 0, 0, 0, 0, 0, 4]);
    }
}
