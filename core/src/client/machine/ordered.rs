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
    /// Places in `list`, in the order of the keys. Empty as long as the list itself is in that order.
    sorted: Vec<usize>,
}

impl<T> Ordered<T> {
    /// Nothing, with room for that many things.
    pub(super) fn with_capacity(count: usize) -> Self {
        Self {
            list: Vec::with_capacity(count),
            sorted: Vec::new(),
        }
    }

    /// The place in the list of the thing that `compare` calls equal; else where it belongs, for [`Self::insert_at`].
    pub(super) fn find(&self, mut compare: impl FnMut(&T) -> Ordering) -> Result<usize, usize> {
        if self.sorted.is_empty() {
            return self.list.binary_search_by(compare);
        }
        let found = self.sorted.binary_search_by(|at| compare(&self.list[*at]));
        found.map(|rank| self.sorted[rank])
    }

    /// Adds a thing that is not there; `rank` is what [`Self::find`] has said of it. Returns its place in the list.
    pub(super) fn insert_at(&mut self, rank: usize, thing: T) -> usize {
        let at = self.list.len();
        if self.sorted.is_empty() && rank < at {
            self.sorted.extend(0..at);
        }
        if !self.sorted.is_empty() {
            self.sorted.insert(rank, at);
        }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn things_keep_the_order_in_which_they_came_and_are_found_by_their_keys() {
        for things in [[1, 2, 3, 4], [4, 3, 2, 1], [2, 3, 1, 4]] {
            let ordered: Ordered<i32> = things.into_iter().chain([3, 1]).collect();
            for (at, thing) in things.iter().enumerate() {
                assert_eq!(ordered.find(|known| known.cmp(thing)), Ok(at), "{things:?}");
            }
            assert_eq!(ordered.find(|known| known.cmp(&0)), Err(0));
            assert_eq!(ordered.find(|known| known.cmp(&9)), Err(4));
            assert_eq!(ordered.into_list(), things);
        }
    }
}
