//! Makes a failing scenario smaller while it still fails with the same invariant.
//!
//! A scenario is a list of decisions, and leaving one out moves no other. So the way is plain: leave something out or
//! make it calmer, run again, keep what still fails; the largest pieces first, until nothing more can go. No numbers
//! are drawn here: the same failure always shrinks to the same scenario.
//!
//! | pass | what it tries |
//! |---|---|
//! | `schedule` | without incidents: those behind the failure, then pieces of half the list down to single ones |
//! | `cast` | without a client, without a repository |
//! | `calm` | fixed delays, right clocks, usual limits, no faults allowed |
//! | `plain` | one change a write, short data and names, cuts that both ends hear of, counts of one |
//! | `times` | short waits, round numbers, an early end of the faults |

mod calm;
mod cast;
mod plain;
mod regression;
mod same;
mod schedule;
#[cfg(test)]
mod tests;
mod times;
mod what;

pub use regression::{command, file_name, regression};

use crate::check::Failure;
use crate::scenario::Scenario;

/// A failing scenario of which nothing more can be left out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shrunk {
    /// What still fails.
    pub scenario: Scenario,
    /// How.
    pub failure: Failure,
    /// How many runs it took.
    pub runs: u64,
    /// Whether the runs were used up before nothing more could be left out.
    pub exhausted: bool,
}

/// How far it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Progress {
    /// Runs so far.
    pub runs: u64,
    /// How many there may be.
    pub budget: u64,
    /// Incidents that are left.
    pub incidents: usize,
    /// Clients that are left.
    pub clients: usize,
}

/// Makes `scenario`, which fails with `failure`, smaller, by at most `budget` runs of `fails`, which says how a
/// scenario fails. A failure is the same if its invariant is and it says about the same (`same`).
pub fn shrink_by(
    scenario: &Scenario,
    failure: &Failure,
    budget: u64,
    fails: impl FnMut(&Scenario) -> Option<Failure>,
    progress: impl FnMut(Progress),
) -> Shrunk {
    let mut search = Search {
        best: scenario.clone(),
        failure: failure.clone(),
        first: failure.clone(),
        runs: 0,
        budget,
        fails,
        progress,
    };
    while search.round() && !search.is_exhausted() {}
    Shrunk {
        exhausted: search.is_exhausted(),
        scenario: search.best,
        failure: search.failure,
        runs: search.runs,
    }
}

/// The smallest scenario so far, and how to try others.
struct Search<F, P> {
    best: Scenario,
    failure: Failure,
    /// How the scenario failed that the search began with.
    first: Failure,
    runs: u64,
    budget: u64,
    fails: F,
    progress: P,
}

/// An edit of a scenario.
type Edit = Box<dyn Fn(&mut Scenario)>;

/// What the passes see of a search.
trait Attempts {
    /// The smallest scenario so far.
    fn best(&self) -> &Scenario;

    /// How it fails.
    fn failure(&self) -> &Failure;

    /// Runs a candidate and keeps it if it fails in the same way. A candidate that is the best itself is not run.
    fn attempt(&mut self, candidate: Scenario) -> bool;

    /// Tries the best with an edit.
    fn edit(&mut self, edit: &dyn Fn(&mut Scenario)) -> bool {
        let mut candidate = self.best().clone();
        edit(&mut candidate);
        self.attempt(candidate)
    }

    /// Tries all the edits together; where that does not fail any more, each half of them by itself. Whether any held.
    fn edit_all(&mut self, edits: &[Edit]) -> bool {
        if self.edit(&|scenario| edits.iter().for_each(|edit| edit(scenario))) {
            return true;
        }
        if edits.len() < 2 {
            return false;
        }
        let (first, second) = edits.split_at(edits.len() / 2);
        let held = self.edit_all(first);
        self.edit_all(second) || held
    }
}

impl<F: FnMut(&Scenario) -> Option<Failure>, P: FnMut(Progress)> Search<F, P> {
    /// Every pass once. Whether anything got smaller.
    fn round(&mut self) -> bool {
        let passes: [fn(&mut Self) -> bool; 8] = [
            |search| schedule::behind_the_failure(search),
            |search| cast::clients(search),
            |search| schedule::incidents(search),
            |search| cast::repositories(search),
            |search| calm::plans(search),
            |search| plain::incidents(search),
            |search| plain::names(search),
            |search| times::times(search),
        ];
        let smaller = passes.map(|pass| pass(self));
        smaller.contains(&true)
    }

    const fn is_exhausted(&self) -> bool {
        self.runs >= self.budget
    }
}

impl<F: FnMut(&Scenario) -> Option<Failure>, P: FnMut(Progress)> Attempts for Search<F, P> {
    fn best(&self) -> &Scenario {
        &self.best
    }

    fn failure(&self) -> &Failure {
        &self.failure
    }

    fn attempt(&mut self, candidate: Scenario) -> bool {
        if candidate == self.best || self.is_exhausted() {
            return false;
        }
        self.runs += 1;
        let failure = (self.fails)(&candidate).filter(|failure| same::is_same(&self.first, failure));
        if let Some(failure) = &failure {
            self.best = candidate;
            self.failure = failure.clone();
        }
        (self.progress)(Progress {
            runs: self.runs,
            budget: self.budget,
            incidents: self.best.incidents.len(),
            clients: self.best.clients.len(),
        });
        failure.is_some()
    }
}
