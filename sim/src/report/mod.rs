//! What came of many seeds.
//!
//! [`Sweep`] runs them on several threads; [`Report`] is their sum. It does not depend on how many threads there were.

mod seed;
mod summary;
mod sweep;
#[cfg(test)]
mod tests;

pub use seed::{Broken, Comparisons, SeedResult, keep_panics_quiet};
pub use summary::{FailedSeed, FaultSummary, Summary};
pub use sweep::Sweep;

use crate::check::Counts;
use crate::fault::Fault;
use crate::scenario::Profile;
use std::collections::BTreeMap;
use std::time::Duration;
use xxhash_rust::xxh3::Xxh3;

/// From so many seeds on, a fault of the profile that never took effect fails the run.
pub const ENOUGH_SEEDS: u64 = 1_000;

/// The sum of many seeds.
#[derive(Clone, Debug, Default)]
pub struct Report {
    digests: BTreeMap<u64, u64>,
    faults: BTreeMap<Fault, FaultSeeds>,
    checks: Counts,
    failures: BTreeMap<u64, Broken>,
    events: u64,
    frames: u64,
    simulated: Duration,
}

/// In how many seeds a fault was enabled, and took effect.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct FaultSeeds {
    /// Enabled.
    pub enabled: u64,
    /// Took effect, and was enabled.
    pub fired: u64,
}

impl Report {
    /// Nothing was run; the faults of a profile are there with zeros.
    pub fn new(profile: &Profile) -> Self {
        let zero = |fault| (fault, FaultSeeds::default());
        Self {
            faults: profile.faults().map(zero).collect(),
            ..Self::default()
        }
    }

    /// Adds a seed. The order does not matter.
    pub fn add(&mut self, result: SeedResult) {
        for fault in &result.enabled {
            let seeds = self.faults.entry(*fault).or_default();
            seeds.enabled += 1;
            seeds.fired += u64::from(result.fired.times(*fault) > 0);
        }
        self.checks.add(&result.checks);
        self.events += result.events;
        self.frames += result.frames;
        self.simulated += result.simulated;
        self.digests.insert(result.seed, result.digest);
        if let Some(broken) = result.broken {
            self.failures.insert(result.seed, broken);
        }
    }

    /// How many seeds were run.
    pub fn seeds(&self) -> u64 {
        self.digests.len() as u64
    }

    /// What failed, by seed.
    pub const fn failures(&self) -> &BTreeMap<u64, Broken> {
        &self.failures
    }

    /// In how many seeds each fault was enabled and took effect.
    pub const fn faults(&self) -> &BTreeMap<Fault, FaultSeeds> {
        &self.faults
    }

    /// How often each invariant was checked.
    pub const fn checks(&self) -> &Counts {
        &self.checks
    }

    /// One number for all runs, in the order of their seeds.
    pub fn digest(&self) -> u64 {
        let mut all = Xxh3::new();
        for (seed, digest) in &self.digests {
            all.update(&seed.to_le_bytes());
            all.update(&digest.to_le_bytes());
        }
        all.digest()
    }

    /// The faults that never took effect although there were seeds enough for each to do so.
    pub fn never_fired(&self) -> Vec<Fault> {
        if self.seeds() < ENOUGH_SEEDS {
            return Vec::new();
        }
        let never = |(_, seeds): &(&Fault, &FaultSeeds)| seeds.fired == 0;
        self.faults.iter().filter(never).map(|(fault, _)| *fault).collect()
    }

    /// Whether no seed failed and every fault took effect.
    pub fn is_good(&self) -> bool {
        self.failures.is_empty() && self.never_fired().is_empty()
    }
}
