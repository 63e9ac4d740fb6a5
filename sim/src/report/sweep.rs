//! Running many seeds on several threads.

use super::{Comparisons, Report, SeedResult};
use crate::policies::Policies;
use crate::scenario::{Profile, Scenario, Workload};
use std::collections::BTreeMap;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::mpsc;

/// Every so many seeds one runs again under other wall clocks: it costs a run, and clocks are in every seed.
const OTHER_CLOCKS_EVERY: u64 = 4;

/// Many seeds of a profile.
pub struct Sweep<'a> {
    /// What they are drawn from.
    pub profile: &'a Profile,
    /// Policies that their repositories may name.
    pub policies: &'a Policies,
    /// What applications write; `None`: the simulator's own workload.
    pub workload: Option<&'a Workload<'a>>,
    /// Which seeds.
    pub seeds: Range<u64>,
    /// On how many threads.
    pub jobs: usize,
    /// Whether every seed is run twice.
    pub verify: bool,
    /// Whether to go on after a seed has failed.
    pub keep_going: bool,
}

impl Sweep<'_> {
    /// The scenario of one of the seeds.
    pub fn scenario(&self, seed: u64) -> Scenario {
        Scenario::draw_with(seed, self.profile, self.workload)
    }

    /// Runs them; `done` hears of each, on the calling thread, in the order in which they end. The report is made in the
    /// order of the seeds, and ends at the first that fails if the others do not matter: whichever thread was faster.
    pub fn run(&self, mut done: impl FnMut(&SeedResult)) -> Report {
        let (next, stop) = (AtomicU64::new(self.seeds.start), AtomicBool::new(false));
        let mut report = Report::new(self.profile);
        std::thread::scope(|scope| {
            let (results, all) = mpsc::sync_channel(1_024);
            for _ in 0..self.jobs.max(1) {
                let (results, next, stop) = (results.clone(), &next, &stop);
                scope.spawn(move || self.work(next, stop, &results));
            }
            drop(results);
            let (mut early, mut turn) = (BTreeMap::new(), self.seeds.start);
            for result in all {
                if result.broken.is_some() && !self.keep_going {
                    stop.store(true, Ordering::Relaxed);
                }
                done(&result);
                early.insert(result.seed, result);
                while let Some(result) = early.remove(&turn) {
                    let is_last = result.broken.is_some() && !self.keep_going;
                    turn = if is_last { self.seeds.end } else { turn + 1 };
                    report.add(result);
                }
            }
        });
        report
    }

    fn work(&self, next: &AtomicU64, stop: &AtomicBool, results: &mpsc::SyncSender<SeedResult>) {
        while !stop.load(Ordering::Relaxed) {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= self.seeds.end {
                return;
            }
            // Nobody listens only when the calling thread is gone, and then nothing matters.
            let _ = results.send(self.seed(seed));
        }
    }

    fn seed(&self, seed: u64) -> SeedResult {
        let comparisons = Comparisons {
            again: self.verify,
            other_clocks: seed.is_multiple_of(OTHER_CLOCKS_EVERY),
        };
        SeedResult::of(&self.scenario(seed), self.policies, comparisons)
    }
}
