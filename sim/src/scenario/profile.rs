//! What scenarios are drawn from.

use super::RepositoryPlan;
use crate::fault::Fault;
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// What scenarios are drawn from: how often each fault is enabled, and how large the world is.
///
/// Named ones are made by [`Profile::swarm`] and its neighbours; every setting of one can be changed.
///
/// ```
/// use driftless_sim::fault::Fault;
/// use driftless_sim::scenario::{Profile, Scenario};
///
/// let profile = Profile::network().with(Fault::ServerCrash, 100).clients(3..=3);
/// let scenario = Scenario::draw(7, &profile);
/// assert_eq!(scenario, Scenario::draw(7, &profile));
/// assert!(scenario.faults.contains(&Fault::ServerCrash));
/// ```
#[derive(Clone, Debug)]
pub struct Profile {
    pub(super) name: String,
    /// In how many of 100 seeds each fault is enabled.
    pub(super) odds: BTreeMap<Fault, u64>,
    /// In how many of 100 seeds no fault is enabled at all.
    pub(super) calm: u64,
    /// In how many of 100 seeds nearly everything is enabled.
    pub(super) wild: u64,
    pub(super) clients: RangeInclusive<u64>,
    pub(super) writes: RangeInclusive<u64>,
    pub(super) repositories: Repositories,
    pub(super) pace: Pace,
    /// Percent of whole messages that vanish inside connections, at most.
    pub(super) lossy: u64,
}

/// Which repositories there are.
#[derive(Clone, Debug)]
pub(super) enum Repositories {
    /// So many, under any policy that ships or is the simulator's own.
    Drawn(RangeInclusive<u64>),
    /// These.
    Fixed(Vec<RepositoryPlan>),
}

/// How writes are spread over time.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    /// In bursts, with silence between them; connections, disks and clocks differ from seed to seed.
    Bursts,
    /// Evenly, so many a second of each client, on good connections and disks: for measuring.
    Steady(u64),
}

impl Profile {
    /// Nothing enabled, two to five clients, one to three repositories, 20 to 200 writes.
    pub fn new(name: &str) -> Self {
        Self {
            name: name.into(),
            odds: BTreeMap::new(),
            calm: 0,
            wild: 0,
            clients: 2..=5,
            writes: 20..=200,
            repositories: Repositories::Drawn(1..=3),
            pace: Pace::Bursts,
            lossy: 0,
        }
    }

    /// Its name, which scenarios carry.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Enables a fault in `percent` of the seeds.
    #[must_use]
    pub fn with(mut self, fault: Fault, percent: u64) -> Self {
        self.odds.insert(fault, percent);
        self
    }

    /// Enables a fault in no seed.
    #[must_use]
    pub fn without(mut self, fault: Fault) -> Self {
        self.odds.remove(&fault);
        self
    }

    /// How many clients there are at the beginning. Some faults bring further ones.
    #[must_use]
    pub fn clients(mut self, clients: RangeInclusive<u64>) -> Self {
        self.clients = clients;
        self
    }

    /// How many writes all clients do together.
    #[must_use]
    pub fn writes(mut self, writes: RangeInclusive<u64>) -> Self {
        self.writes = writes;
        self
    }

    /// How many repositories there are, each under a policy that is drawn.
    #[must_use]
    pub fn repositories(mut self, repositories: RangeInclusive<u64>) -> Self {
        self.repositories = Repositories::Drawn(repositories);
        self
    }

    /// Exactly these repositories.
    #[must_use]
    pub fn fixed_repositories(mut self, repositories: Vec<RepositoryPlan>) -> Self {
        self.repositories = Repositories::Fixed(repositories);
        self
    }

    /// The faults that some seed may enable.
    pub fn faults(&self) -> impl Iterator<Item = Fault> {
        self.odds
            .iter()
            .filter(|(_, percent)| **percent > 0)
            .map(|(fault, _)| *fault)
    }

    /// In how many of 100 seeds a fault is enabled, as far as nothing else in the seed excludes it.
    pub fn odds(&self, fault: Fault) -> u64 {
        self.odds.get(&fault).copied().unwrap_or_default()
    }

    pub(super) fn moods(mut self, calm: u64, wild: u64) -> Self {
        (self.calm, self.wild) = (calm, wild);
        self
    }

    pub(super) fn pace(mut self, pace: Pace) -> Self {
        self.pace = pace;
        self
    }

    pub(super) fn lossy(mut self, percent: u64) -> Self {
        self.lossy = percent;
        self
    }

    pub(super) fn with_all(mut self, faults: &[Fault], percent: u64) -> Self {
        self.odds.extend(faults.iter().map(|fault| (*fault, percent)));
        self
    }
}
