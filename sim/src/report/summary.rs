//! A report as one JSON object and as a page of text.

use super::Report;
use crate::check::Invariant;
use serde::Serialize;
use std::collections::BTreeMap;
use std::io::{self, Write};
use std::time::Duration;

/// A report as it is printed.
#[derive(Clone, Debug, Serialize)]
pub struct Summary {
    /// How many seeds were run.
    pub seeds: u64,
    /// How many of them failed.
    pub failures: u64,
    /// Events that were stored.
    pub events: u64,
    /// Frames that arrived.
    pub frames: u64,
    /// Virtual time, in seconds.
    pub simulated_s: f64,
    /// Real time, in seconds.
    pub wall_s: f64,
    /// One number for all runs, in hexadecimal digits.
    pub digest: String,
    /// In how many seeds each fault was enabled and took effect.
    pub faults: BTreeMap<&'static str, FaultSummary>,
    /// How often each invariant was checked.
    pub invariants: BTreeMap<&'static str, u64>,
    /// The seeds that failed.
    pub failed: Vec<FailedSeed>,
    /// Faults that took effect in no seed although there were enough of them.
    pub never_fired: Vec<&'static str>,
}

/// In how many seeds a fault was enabled and took effect.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct FaultSummary {
    /// Enabled.
    pub enabled: u64,
    /// Took effect.
    pub fired: u64,
}

/// A seed that failed.
#[derive(Clone, Debug, Serialize)]
pub struct FailedSeed {
    /// Which.
    pub seed: u64,
    /// The guarantee that did not hold.
    pub invariant: &'static str,
    /// What was found.
    pub message: String,
    /// The command that repeats it.
    pub repeat: String,
}

impl Summary {
    /// Of a report that took so long; `repeat` makes the command for a seed.
    pub fn new(report: &Report, wall: Duration, repeat: impl Fn(u64) -> String) -> Self {
        let faults = report.faults.iter().map(|(fault, seeds)| {
            let (enabled, fired) = (seeds.enabled, seeds.fired);
            (fault.name(), FaultSummary { enabled, fired })
        });
        let checked = |invariant: &Invariant| (invariant.name(), report.checks.times(*invariant));
        let failed = report.failures.iter().map(|(seed, broken)| FailedSeed {
            seed: *seed,
            invariant: broken.name(),
            message: broken.to_string(),
            repeat: repeat(*seed),
        });
        Self {
            seeds: report.seeds(),
            failures: report.failures.len() as u64,
            events: report.events,
            frames: report.frames,
            simulated_s: report.simulated.as_secs_f64(),
            wall_s: wall.as_secs_f64(),
            digest: format!("{:016x}", report.digest()),
            faults: faults.collect(),
            invariants: Invariant::ALL.iter().map(checked).collect(),
            failed: failed.collect(),
            never_fired: report.never_fired().iter().map(|fault| fault.name()).collect(),
        }
    }

    /// As one line of JSON.
    pub fn write_json(&self, out: &mut dyn Write) -> io::Result<()> {
        serde_json::to_writer(&mut *out, self)?;
        writeln!(out)
    }

    /// As a page of text.
    pub fn write_text(&self, out: &mut dyn Write) -> io::Result<()> {
        writeln!(out, "{:<22} {:>9} {:>9}", "fault, in seeds", "enabled", "fired")?;
        for (name, seeds) in &self.faults {
            writeln!(out, "{name:<22} {:>9} {:>9}", seeds.enabled, seeds.fired)?;
        }
        writeln!(out, "\n{:<26} {:>15}", "invariant", "checks")?;
        for (name, checks) in &self.invariants {
            writeln!(out, "{name:<26} {checks:>15}")?;
        }
        writeln!(
            out,
            "\n{} seeds, {} events, {} frames, {:.0} s simulated in {:.2} s, digest {}",
            self.seeds, self.events, self.frames, self.simulated_s, self.wall_s, self.digest
        )?;
        self.write_failures(out)
    }

    fn write_failures(&self, out: &mut dyn Write) -> io::Result<()> {
        for failed in &self.failed {
            writeln!(
                out,
                "\nseed {} failed: {}\n  repeat it: {}",
                failed.seed, failed.message, failed.repeat
            )?;
        }
        for fault in &self.never_fired {
            writeln!(
                out,
                "\nthe fault `{fault}` never took effect: {} seeds have not tested it",
                self.seeds
            )?;
        }
        let verdict = if self.failures == 0 && self.never_fired.is_empty() {
            "all good"
        } else {
            "FAILED"
        };
        writeln!(out, "\n{verdict}: {} of {} seeds failed", self.failures, self.seeds)
    }
}
