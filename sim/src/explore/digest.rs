//! What a state is known by.

use std::cell::Cell;
use std::fmt::{self, Write};
use std::hash::{Hash, Hasher};
use std::rc::Rc;
use xxhash_rust::xxh3::xxh3_128;

/// A part of a state, shared with the states that have not changed it, and known by a hash that is worked out once.
#[derive(Debug)]
pub(super) struct Part<T> {
    value: Rc<T>,
    digest: Cell<Option<u128>>,
}

/// What can be told from what goes on differently.
pub(super) trait Digestible {
    /// Writes everything that decides how it goes on.
    fn digest(&self, into: &mut Digest);
}

impl<T: Clone + Digestible> Part<T> {
    pub(super) fn new(value: T) -> Self {
        Self {
            value: Rc::new(value),
            digest: Cell::new(None),
        }
    }

    pub(super) fn change(&mut self) -> &mut T {
        self.digest.set(None);
        Rc::make_mut(&mut self.value)
    }

    pub(super) fn digest(&self) -> u128 {
        if let Some(known) = self.digest.get() {
            return known;
        }
        let mut digest = Digest::default();
        self.value.digest(&mut digest);
        let digest = digest.finish_128();
        self.digest.set(Some(digest));
        digest
    }
}

impl<T> Clone for Part<T> {
    fn clone(&self) -> Self {
        Self {
            value: Rc::clone(&self.value),
            digest: self.digest.clone(),
        }
    }
}

impl<T> std::ops::Deref for Part<T> {
    type Target = T;
    fn deref(&self) -> &T {
        &self.value
    }
}

/// Collects bytes and hashes them with XXH3-128. Values are written by their `Hash`, machines by their debug text, which
/// shows every field that decides how they go on.
#[derive(Debug, Default)]
pub(super) struct Digest(Vec<u8>);

impl Digest {
    pub(super) fn add(&mut self, what: &impl Hash) {
        what.hash(self);
    }

    pub(super) fn add_text(&mut self, what: &impl fmt::Debug) {
        // Writing to memory cannot fail.
        let _ = write!(self, "{what:?}");
    }

    pub(super) fn finish_128(&self) -> u128 {
        xxh3_128(&self.0)
    }
}

impl Hasher for Digest {
    fn write(&mut self, bytes: &[u8]) {
        self.0.extend_from_slice(bytes);
    }

    fn finish(&self) -> u64 {
        xxhash_rust::xxh3::xxh3_64(&self.0)
    }
}

impl Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.extend_from_slice(text.as_bytes());
        Ok(())
    }
}
