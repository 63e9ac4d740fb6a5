//! Numbers from the seed.
//!
//! Every use has a stream of its own, named by what it is for and for whom: taking one decision away, or one number
//! more in one place, moves no number of another stream. That is what lets a failing run be made smaller.

use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use serde::{Deserialize, Serialize};

/// A stream of numbers that a seed and a name decide.
#[derive(Clone, Debug)]
pub struct Random(ChaCha8Rng);

impl Random {
    /// The stream of a seed that is for `purpose` and belongs to `owner` (a node, a connection, ...).
    pub fn new(seed: u64, purpose: &str, owner: u64) -> Self {
        let mut key = [0; 32];
        key[..8].copy_from_slice(&seed.to_le_bytes());
        key[8..16].copy_from_slice(&xxhash_rust::xxh3::xxh3_64(purpose.as_bytes()).to_le_bytes());
        key[16..24].copy_from_slice(&owner.to_le_bytes());
        Self(ChaCha8Rng::from_seed(key))
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number below `bound`; zero if that is zero.
    pub fn below(&mut self, bound: u64) -> u64 {
        // The high half of a product: unbiased enough for bounds far below 2^64.
        let wide = u128::from(self.number()) * u128::from(bound);
        u64::try_from(wide >> 64).unwrap_or(0)
    }

    /// A number from `from` to `to`, both included; `from` if `to` is below it.
    pub fn between(&mut self, from: u64, to: u64) -> u64 {
        from + self.below(to.saturating_sub(from).saturating_add(1))
    }

    /// True in `percent` of 100 cases.
    pub fn percent(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    /// An index into something of this length; 0 if it is empty.
    pub fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.below(length as u64)).unwrap_or(0)
    }

    /// One of a slice's items; `None` if it is empty.
    pub fn one_of<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let index = self.index(items.len());
        items.get(index)
    }

    /// 32 bytes, as a machine's own seed.
    pub fn seed(&mut self) -> [u8; 32] {
        let mut seed = [0; 32];
        self.0.fill_bytes(&mut seed);
        seed
    }

    /// A duration in microseconds from a distribution.
    pub fn micros(&mut self, delay: Delay) -> u64 {
        match delay {
            Delay::Fixed(micros) => micros,
            Delay::Uniform(from, to) => self.between(from, to),
            Delay::LongTail(median) => {
                // Doubles with each head of a coin, seven times at most: a mean of a few medians, a tail of 128.
                let doublings = self.number().trailing_ones().min(7);
                self.between(median / 2, median + median / 2) << doublings
            }
        }
    }
}

/// How a duration in microseconds is distributed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Delay {
    /// Always this.
    Fixed(u64),
    /// Anything from the first to the second, both included.
    Uniform(u64, u64),
    /// Around this most of the time, at times up to a hundred and more of it.
    LongTail(u64),
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stream_is_decided_by_seed_purpose_and_owner() {
        let numbers = |seed, purpose, owner| {
            let mut random = Random::new(seed, purpose, owner);
            [random.number(), random.number(), random.number()]
        };
        let one = numbers(1, "latency", 1);
        assert_eq!(one, numbers(1, "latency", 1));
        for other in [
            numbers(2, "latency", 1),
            numbers(1, "disk", 1),
            numbers(1, "latency", 2),
        ] {
            assert_ne!(one, other);
        }
    }

    #[test]
    fn numbers_stay_in_their_bounds() {
        let mut random = Random::new(7, "test", 0);
        for _ in 0..1_000 {
            assert!(random.below(3) < 3);
            assert!((5..=7).contains(&random.between(5, 7)));
            assert!((500..=192_000).contains(&random.micros(Delay::LongTail(1_000))));
        }
        assert_eq!((random.below(0), random.between(9, 3)), (0, 9));
        assert_eq!(random.one_of::<u8>(&[]), None);
    }
}
