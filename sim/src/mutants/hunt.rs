//! Running a built copy until something fails.

use super::patch::Mutant;
use crate::scenario::Scenario;
use serde::Deserialize;
use std::ops::Range;
use std::path::Path;
use std::process::Command;

/// How many runs it may take to make a failing schedule smaller.
const SHRINK_RUNS: &str = "2000";

/// What became of a mutant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The guarantee that it breaks, or one that is as good, was seen to fail first.
    Killed(Kill),
    /// Something else failed first: whether the guarantee that it breaks is checked is not known.
    KilledByOther(Kill),
    /// Nothing failed in so many seeds.
    Survived(u64),
    /// The patch does not apply, or what it makes does not compile or run.
    Unusable(String),
}

/// The first seed that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kill {
    /// The guarantee that did not hold.
    pub by: String,
    /// What was found.
    pub message: String,
    /// In which seed.
    pub seed: u64,
    /// How many seeds it took.
    pub seeds: u64,
    /// How many incidents its schedule has that cannot be left out; `None` if it was not shrunk.
    pub incidents: Option<usize>,
}

/// Running seeds with one built copy.
#[derive(Clone, Copy, Debug)]
pub struct Hunt<'a> {
    /// The program.
    pub program: &'a Path,
    /// On how many threads.
    pub jobs: usize,
}

/// The part of what `run --json` says that counts here.
#[derive(Deserialize)]
struct Summary {
    seeds: u64,
    failed: Vec<Failed>,
}

#[derive(Deserialize)]
struct Failed {
    seed: u64,
    invariant: String,
    message: String,
}

impl Hunt<'_> {
    /// Runs seeds until one fails, which is given back if there is one.
    ///
    /// # Errors
    ///
    /// What the program said instead of a summary.
    pub fn first_failure(&self, profile: &str, seeds: Range<u64>) -> Result<Option<Kill>, String> {
        let range = format!("{}..{}", seeds.start, seeds.end);
        let summary = self.run(profile, &range)?;
        // Several threads may each have met one; the first by number is the first for any number of threads.
        let first = summary.failed.into_iter().min_by_key(|failed| failed.seed);
        if first.is_none() && summary.seeds < seeds.end - seeds.start {
            return Err(format!("only {} of the seeds {range} were run", summary.seeds));
        }
        Ok(first.map(|first| Kill {
            by: first.invariant,
            message: first.message,
            seed: first.seed,
            seeds: first.seed - seeds.start + 1,
            incidents: None,
        }))
    }

    /// Runs seeds, and reads the object that is said last.
    fn run(&self, profile: &str, seeds: &str) -> Result<Summary, String> {
        let mut command = Command::new(self.program);
        command.args(["run", "--seeds", seeds, "--profile", profile, "--json", "--jobs"]);
        let output = command
            .arg(self.jobs.to_string())
            .output()
            .map_err(|error| format!("{}: {error}", self.program.display()))?;
        let said = String::from_utf8_lossy(&output.stdout);
        let last = said.lines().last().unwrap_or_default();
        serde_json::from_str(last).map_err(|_| {
            let problem = String::from_utf8_lossy(&output.stderr);
            format!("the simulator ended with {}: {}", output.status, problem.trim())
        })
    }

    /// Hunts a mutant within its first `most` seeds.
    pub fn hunt(&self, mutant: &Mutant, most: u64, shrink: bool) -> Verdict {
        let Range { start, end } = mutant.seeds;
        let seeds = start..end.min(start.saturating_add(most));
        let tried = seeds.end - seeds.start;
        match self.first_failure(&mutant.profile, seeds) {
            Err(problem) => Verdict::Unusable(problem),
            Ok(None) => Verdict::Survived(tried),
            Ok(Some(kill)) if !mutant.accepts(&kill.by) => Verdict::KilledByOther(kill),
            Ok(Some(mut kill)) => {
                if shrink {
                    kill.incidents = self.shrunk(&mutant.profile, kill.seed);
                }
                Verdict::Killed(kill)
            }
        }
    }

    /// How many incidents of a failing seed cannot be left out; `None` if that could not be found out.
    fn shrunk(&self, profile: &str, seed: u64) -> Option<usize> {
        let mut command = Command::new(self.program);
        command.args(["shrink", &seed.to_string(), "--profile", profile, "--runs", SHRINK_RUNS]);
        let output = command.output().ok()?;
        let scenario: Scenario = serde_json::from_slice(&output.stdout).ok()?;
        Some(scenario.incidents.len())
    }
}
