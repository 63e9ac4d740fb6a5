//! Things in the order in which they came, found by their keys.

use alloc::vec::Vec;
use core::cmp::Ordering;

/// Things in the order in which they were first added, each once.
///
/// Finds a thing like a map does. What a transaction touches is mostly one thing or two, and the nodes of a map are
/// made for a dozen.
#[derive(Clone, Debug)]
pub(super) struct Ordered<T> {
    list: Vec<T>,
    /// Places in `list`, in the order of the keys.
    sorted: Vec<usize>,
}

impl<T> Ordered<T> {
    /// The place in the list of the thing that `compare` calls equal; else where it belongs, for [`Self::insert_at`].
    pub(super) fn find(&self, mut compare: impl FnMut(&T) -> Ordering) -> Result<usize, usize> {
        let found = self.sorted.binary_search_by(|at| compare(&self.list[*at]));
        found.map(|rank| self.sorted[rank])
    }

    /// Adds a thing that is not there; `rank` is what [`Self::find`] has said of it. Returns its place in the list.
    pub(super) fn insert_at(&mut self, rank: usize, thing: T) -> usize {
        let at = self.list.len();
        self.sorted.insert(rank, at);
        self.list.push(thing);
        at
    }

    pub(super) fn get(&self, at: usize) -> &T {
        &self.list[at]
    }

    /// Whoever changes a thing leaves its key as it is.
    pub(super) fn get_mut(&mut self, at: usize) -> &mut T {
        &mut self.list[at]
    }

    pub(super) fn into_list(self) -> Vec<T> {
        self.list
    }
}

impl<T: Ord> Ordered<T> {
    pub(super) fn insert(&mut self, thing: T) {
        if let Err(rank) = self.find(|known| known.cmp(&thing)) {
            self.insert_at(rank, thing);
        }
    }
}

impl<T> Default for Ordered<T> {
    fn default() -> Self {
        Self {
            list: Vec::new(),
            sorted: Vec::new(),
        }
    }
}

impl<T: Ord> FromIterator<T> for Ordered<T> {
    fn from_iter<I: IntoIterator<Item = T>>(things: I) -> Self {
        let mut ordered = Self::default();
        things.into_iter().for_each(|thing| ordered.insert(thing));
        ordered
    }
}
