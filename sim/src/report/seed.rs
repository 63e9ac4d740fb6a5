//! One seed: its run, and everything that is compared with it.

use crate::check::{Counts, Failure, Invariant, under_clock_blind_policies, with_other_clocks};
use crate::fault::{Fault, Fired};
use crate::policies::Policies;
use crate::scenario::Scenario;
use crate::world::{self, Options, Outcome};
use std::cell::RefCell;
use std::collections::BTreeSet;
use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Duration;

/// What is compared with a run.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Comparisons {
    /// The same run again: the digests must be equal.
    pub again: bool,
    /// The same run under other wall clocks: what is delivered must be equal (PROTOCOL.md 6.10).
    pub other_clocks: bool,
}

/// Why a run is not good.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Broken {
    /// A guarantee did not hold.
    Invariant(Failure),
    /// Something panicked, with its message.
    Panic(String),
    /// Two runs of one scenario were not the same.
    Differs {
        /// The digest of the first.
        first: u64,
        /// The digest of the second.
        second: u64,
    },
}

impl Broken {
    /// As a failure of a run, for making it smaller: a machine that panics breaks the contract of all machines. `None`
    /// for what no single run shows.
    pub fn failure(&self) -> Option<Failure> {
        match self {
            Self::Invariant(failure) => Some(failure.clone()),
            Self::Panic(message) => Some(Failure {
                invariant: Invariant::MachineContract,
                at: driftless_core::Instant::ZERO,
                message: format!("panic: {message}"),
            }),
            Self::Differs { .. } => None,
        }
    }

    /// The name of the guarantee; `panic` and `determinism` are those that every run gives.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::Invariant(failure) => failure.invariant.name(),
            Self::Panic(_) => "panic",
            Self::Differs { .. } => "determinism",
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Invariant(failure) => failure.fmt(f),
            Self::Panic(message) => write!(f, "panic: {message}"),
            Self::Differs { first, second } => write!(
                f,
                "determinism: two runs of one scenario have the digests {first:016x} and {second:016x}"
            ),
        }
    }
}

/// What came of a seed.
#[derive(Clone, Debug)]
pub struct SeedResult {
    /// Which seed.
    pub seed: u64,
    /// The digest of everything that went into machines and came out.
    pub digest: u64,
    /// Which faults were enabled.
    pub enabled: BTreeSet<Fault>,
    /// Which of them took effect.
    pub fired: Fired,
    /// What was checked.
    pub checks: Counts,
    /// Events that were stored.
    pub events: u64,
    /// Frames that arrived.
    pub frames: u64,
    /// Virtual time.
    pub simulated: Duration,
    /// Why it is not good.
    pub broken: Option<Broken>,
}

impl SeedResult {
    /// Runs a scenario and what is compared with it. A panic inside the run is its result.
    pub fn of(scenario: &Scenario, policies: &Policies, comparisons: Comparisons) -> Self {
        match guarded(scenario, policies, Options::default()) {
            Ok(outcome) => Self::of_outcome(scenario, policies, comparisons, outcome),
            Err(message) => Self {
                seed: scenario.seed,
                digest: 0,
                enabled: scenario.faults.clone(),
                fired: Fired::default(),
                checks: Counts::default(),
                events: 0,
                frames: 0,
                simulated: Duration::ZERO,
                broken: Some(Broken::Panic(message)),
            },
        }
    }

    fn of_outcome(scenario: &Scenario, policies: &Policies, comparisons: Comparisons, outcome: Outcome) -> Self {
        let broken = match outcome.failure.clone() {
            Some(failure) => Some(Broken::Invariant(failure)),
            None => compared(scenario, policies, comparisons, &outcome),
        };
        let mut checks = outcome.checks;
        if comparisons.other_clocks {
            checks.count(Invariant::NoClockInDelivery);
        }
        Self {
            seed: scenario.seed,
            digest: outcome.digest,
            enabled: scenario.faults.clone(),
            fired: outcome.fired,
            checks,
            events: outcome.events,
            frames: outcome.frames,
            simulated: outcome.simulated,
            broken,
        }
    }
}

fn compared(scenario: &Scenario, policies: &Policies, comparisons: Comparisons, first: &Outcome) -> Option<Broken> {
    if comparisons.again {
        match guarded(scenario, policies, Options::default()) {
            Ok(second) if second.digest == first.digest => {}
            Ok(second) => {
                return Some(Broken::Differs {
                    first: first.digest,
                    second: second.digest,
                });
            }
            Err(message) => return Some(Broken::Panic(message)),
        }
    }
    if comparisons.other_clocks {
        return under_other_clocks(scenario, policies);
    }
    None
}

/// The same scenario with other wall clocks delivers the same, where nothing looks at them that may.
fn under_other_clocks(scenario: &Scenario, policies: &Policies) -> Option<Broken> {
    let options = Options {
        keep_acked: true,
        ..Options::default()
    };
    let blind = under_clock_blind_policies(scenario);
    let shape = match guarded(&blind, policies, options) {
        Ok(outcome) => outcome.shape,
        Err(message) => return Some(Broken::Panic(message)),
    };
    let other = match guarded(&with_other_clocks(&blind), policies, options) {
        Ok(other) => other,
        Err(message) => return Some(Broken::Panic(format!("under other wall clocks: {message}"))),
    };
    let message = match other.failure {
        Some(failure) => format!("with other wall clocks the run fails: {failure}"),
        None if other.shape != shape => "with other wall clocks something else is delivered".into(),
        None => return None,
    };
    Some(Broken::Invariant(Failure {
        invariant: Invariant::NoClockInDelivery,
        at: driftless_core::Instant::ZERO,
        message,
    }))
}

fn guarded(scenario: &Scenario, policies: &Policies, options: Options) -> Result<Outcome, String> {
    let run = AssertUnwindSafe(|| world::run(scenario, policies, &options));
    catch_unwind(run).map_err(|payload| {
        let noted = PANIC.with_borrow_mut(Option::take);
        let text = payload.downcast_ref::<&str>().map(|text| String::from(*text));
        let text = text.or_else(|| payload.downcast_ref::<String>().cloned());
        noted.or(text).unwrap_or_else(|| "without a message".into())
    })
}

thread_local! {
    /// The last panic of this thread with its place, where [`keep_panics_quiet`] was called.
    static PANIC: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// From now on a panic of any thread says nothing by itself: the result of its seed says it, with the place.
pub fn keep_panics_quiet() {
    std::panic::set_hook(Box::new(|info| {
        let text = info.to_string().replace('\n', " ");
        PANIC.with_borrow_mut(|panic| *panic = Some(text));
    }));
}
