//! The simulator as a library: a test of your own policy or workload in ten lines.

use crate::policies::Policies;
use crate::random::Random;
use crate::report::{Broken, Comparisons, Report, SeedResult, Sweep};
use crate::scenario::{Change, Profile, RepositoryPlan, Scenario, Workload};
use crate::shrink::shrink_by;
use driftless_core::client::Policy;
use std::fmt::Write as _;
use std::num::NonZeroUsize;
use std::ops::Range;

/// A test: policies, a workload, clients, and the bad days that they have to get through.
///
/// Every seed is a run of its own, in which the real client and server machines meet simulated networks, disks and
/// clocks. At the end of each everyone has to show the same records, which are those that your policy makes of the
/// log; at every step on the way the guarantees of the protocol have to hold.
///
/// ```
/// use driftless_core::client::{Policy, State};
/// use driftless_core::event::Event;
/// use driftless_sim::{Change, Profile, Simulation};
///
/// /// The first to write a record keeps it.
/// #[derive(Debug)]
/// struct FirstWins;
///
/// impl Policy for FirstWins {
///     fn fold(&self, current: Option<&State>, event: &Event) -> State {
///         let (id, at, data) = (event.id.clone(), event.created_at, event.data.clone());
///         let new = State { event: id, created_at: at, sequence: event.sequence, data };
///         current.cloned().unwrap_or(new)
///     }
/// }
///
/// Simulation::new()
///     .clients(3)
///     .repository("seats", FirstWins)
///     .workload(|random, client| {
///         let seat = format!("row {}", random.between(1, 4));
///         vec![Change::upsert(0, &seat, &format!(r#"{{"taken by":{client}}}"#))]
///     })
///     .profile(Profile::storms())
///     .seeds(0..5)
///     .assert_converges();
/// ```
pub struct Simulation<'a> {
    profile: Profile,
    policies: Policies,
    repositories: Vec<RepositoryPlan>,
    clients: Option<u64>,
    workload: Option<Box<Workload<'a>>>,
    seeds: Range<u64>,
    jobs: usize,
}

/// Runs that making a failure smaller may take.
const SHRINK_RUNS: u64 = 600;

impl<'a> Simulation<'a> {
    /// The default profile, its own repositories, clients and workload, and the seeds from 0 to 99.
    pub fn new() -> Self {
        Self {
            profile: Profile::swarm(),
            policies: Policies::new(),
            repositories: Vec::new(),
            clients: None,
            workload: None,
            seeds: 0..100,
            jobs: std::thread::available_parallelism().map_or(1, NonZeroUsize::get),
        }
    }

    /// How many clients there are from the beginning. A profile may bring further ones: copied devices, clients of the
    /// published package.
    #[must_use]
    pub fn clients(mut self, clients: u64) -> Self {
        self.clients = Some(clients);
        self
    }

    /// Adds a repository under a policy of yours. Changes name it by its index, in the order of these calls.
    #[must_use]
    pub fn repository(mut self, name: &str, policy: impl Policy + 'static) -> Self {
        // Named like its repository, and never like a policy that ships.
        let policy_name = format!("{name} (policy)");
        self.policies = self.policies.with(&policy_name, policy);
        self.repository_under(name, &policy_name)
    }

    /// Adds a repository under a policy that ships: `server_order`, `last_write_wins` or `merge_fields`.
    #[must_use]
    pub fn repository_under(mut self, name: &str, policy: &str) -> Self {
        self.repositories.push(RepositoryPlan {
            name: name.into(),
            policy: policy.into(),
        });
        self
    }

    /// What applications write: called for each write with numbers of its own and the client that writes. All changes
    /// that it returns are one transaction. Without it, a mixture of upserts and deletes of a few records.
    ///
    /// A run must be repeatable: take what is random from the numbers alone.
    #[must_use]
    pub fn workload(mut self, workload: impl Fn(&mut Random, usize) -> Vec<Change> + Send + Sync + 'a) -> Self {
        self.workload = Some(Box::new(workload));
        self
    }

    /// Which bad days: [`Profile::swarm`] if it is not said.
    #[must_use]
    pub fn profile(mut self, profile: Profile) -> Self {
        self.profile = profile;
        self
    }

    /// Which seeds, each a run. Thousands take seconds in an optimised build.
    #[must_use]
    pub fn seeds(mut self, seeds: Range<u64>) -> Self {
        self.seeds = seeds;
        self
    }

    /// On how many threads; all cores if it is not said. The results are the same on any number.
    #[must_use]
    pub fn jobs(mut self, jobs: usize) -> Self {
        self.jobs = jobs;
        self
    }

    /// The scenario of a seed.
    pub fn scenario(&self, seed: u64) -> Scenario {
        Scenario::draw_with(seed, &self.drawn_from(), self.workload.as_deref())
    }

    /// Runs the seeds, up to the first that fails.
    pub fn run(&self) -> Report {
        let profile = self.drawn_from();
        let sweep = Sweep {
            profile: &profile,
            policies: &self.policies,
            workload: self.workload.as_deref(),
            seeds: self.seeds.clone(),
            jobs: self.jobs,
            verify: false,
            keep_going: false,
        };
        sweep.run(|_| {})
    }

    /// Runs the seeds.
    ///
    /// # Panics
    ///
    /// If one fails, with the seed, the guarantee that did not hold, a scenario that is as small as it could be made,
    /// and how to run it again.
    pub fn assert_converges(&self) {
        let report = self.run();
        let Some((seed, broken)) = report.failures().first_key_value() else {
            return;
        };
        let repeat = format!("put `.seeds({seed}..{})` there instead", seed + 1);
        self.fail(&format!("seed {seed}"), &repeat, &self.scenario(*seed), broken);
    }

    /// Runs a scenario that [`Self::assert_converges`] has printed: the regression test of a failure.
    ///
    /// # Panics
    ///
    /// If the text is no scenario of these repositories, or the run fails.
    pub fn assert_replay_converges(&self, scenario: &str) {
        let scenario = match Scenario::from_json(scenario, &self.policies) {
            Ok(scenario) => scenario,
            Err(error) => panic!("{error}"),
        };
        if let Some(broken) = self.result(&scenario).broken {
            self.fail("the scenario", "run this test", &scenario, &broken);
        }
    }

    /// The profile with what this test says itself.
    fn drawn_from(&self) -> Profile {
        let mut profile = self.profile.clone();
        if let Some(clients) = self.clients {
            profile = profile.clients(clients..=clients);
        }
        if !self.repositories.is_empty() {
            profile = profile.fixed_repositories(self.repositories.clone());
        }
        profile
    }

    fn result(&self, scenario: &Scenario) -> SeedResult {
        let comparisons = Comparisons {
            again: true,
            other_clocks: true,
        };
        SeedResult::of(scenario, &self.policies, comparisons)
    }

    fn fail(&self, what: &str, repeat: &str, scenario: &Scenario, broken: &Broken) -> ! {
        let mut text = format!("{what} fails: {broken}\n\nTo see it again, {repeat}.\n");
        if let Some(failure) = broken.failure() {
            let fails = |scenario: &Scenario| self.result(scenario).broken.and_then(|broken| broken.failure());
            let shrunk = shrink_by(scenario, &failure, SHRINK_RUNS, fails, |_| {});
            // Writing to a string cannot fail.
            let _ = write!(
                text,
                "\nAs small as it could be made, for `assert_replay_converges`:\n{}\n{}",
                shrunk.failure,
                shrunk.scenario.to_json()
            );
        }
        panic!("{text}");
    }
}

impl Default for Simulation<'_> {
    fn default() -> Self {
        Self::new()
    }
}
