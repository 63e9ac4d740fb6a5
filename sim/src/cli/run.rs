//! `run`: many seeds.

use super::failure::Failure;
use super::keep::keep;
use super::source::ProfileArgs;
use crate::policies::Policies;
use crate::report::{Report, SeedResult, Summary, Sweep};
use crate::scenario::{Profile, Scenario};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::Write;
use std::num::NonZeroUsize;
use std::ops::Range;
use std::path::{Path, PathBuf};

/// How many failing seeds of a run are made smaller and kept.
const KEPT: usize = 3;

/// Flags of `run`.
#[derive(Debug, Args)]
pub(super) struct RunArgs {
    /// Which seeds: the first, and the first that is not run any more. One number is that seed alone.
    #[arg(long, value_name = "FROM..TO", default_value = "0..1000", value_parser = seeds)]
    seeds: Range<u64>,
    #[command(flatten)]
    profile: ProfileArgs,
    /// Print one JSON object at the end, and nothing else to stdout.
    #[arg(long)]
    json: bool,
    /// On how many threads; all cores if it is not said. The result is the same on any number.
    #[arg(long)]
    jobs: Option<NonZeroUsize>,
    /// Run each seed twice and compare everything that went into the machines and came out.
    #[arg(long)]
    verify: bool,
    /// Go on when a seed has failed.
    #[arg(long)]
    keep_going: bool,
    /// Where failing seeds are kept: made smaller, as a scenario, as a page to look at and as a regression test.
    #[arg(long, value_name = "FOLDER", default_value = "target/sim")]
    keep: PathBuf,
}

/// `0..1000`, or `17`.
fn seeds(text: &str) -> Result<Range<u64>, String> {
    let number = |text: &str| {
        text.parse::<u64>()
            .map_err(|_| format!("`{text}` is no seed: a number from 0 on"))
    };
    let (from, to) = match text.split_once("..") {
        Some((from, to)) => (number(from)?, number(to)?),
        None => (number(text)?, number(text)?.saturating_add(1)),
    };
    if from >= to {
        return Err(format!("from {from} to {to} there is no seed"));
    }
    Ok(from..to)
}

/// Runs the seeds and prints what came of them.
pub(super) fn run(args: &RunArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let (profile, policies) = (args.profile.profile()?, Policies::new());
    let sweep = Sweep {
        profile: &profile,
        policies: &policies,
        workload: None,
        seeds: args.seeds.clone(),
        jobs: args.jobs.map_or_else(cores, NonZeroUsize::get),
        verify: args.verify,
        keep_going: args.keep_going,
    };
    let bar = progress(args.seeds.end - args.seeds.start);
    let mut failures = 0;
    let report = sweep.run(|result| show(&bar, &mut failures, result));
    let wall = bar.elapsed();
    bar.finish_and_clear();
    let summary = Summary::new(&report, wall, |seed| command("replay", seed, profile.name()));
    if args.json {
        summary.write_json(out)?;
    } else {
        summary.write_text(out)?;
    }
    if report.is_good() {
        return Ok(());
    }
    keep_some(&report, &profile, &args.keep)?;
    Err(Failure::Found)
}

/// Keeps the first seeds that failed. Of a failure that no single run shows there is nothing to keep.
fn keep_some(report: &Report, profile: &Profile, folder: &Path) -> Result<(), Failure> {
    let policies = Policies::new();
    let failures = report.failures().iter();
    let failures = failures.filter_map(|(seed, broken)| Some((*seed, broken.failure()?)));
    for (seed, failure) in failures.take(KEPT) {
        let scenario = Scenario::draw(seed, profile);
        // Beside what a program reads from stdout.
        keep(&scenario, &failure, &policies, folder, &mut std::io::stderr())?;
    }
    Ok(())
}

/// The command that does something with a seed of a profile.
pub(super) fn command(name: &str, seed: u64, profile: &str) -> String {
    format!("cargo run --release -p driftless-sim -- {name} {seed} --profile {profile}")
}

fn cores() -> usize {
    std::thread::available_parallelism().map_or(1, NonZeroUsize::get)
}

/// A bar on stderr; it draws nothing where that is no terminal.
fn progress(seeds: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} seeds, {per_sec}, {eta} left {msg}");
    ProgressBar::new(seeds).with_style(style.expect("the template is one"))
}

fn show(bar: &ProgressBar, failures: &mut u64, result: &SeedResult) {
    bar.inc(1);
    if let Some(broken) = &result.broken {
        *failures += 1;
        bar.println(format!("seed {}: {broken}", result.seed));
        bar.set_message(format!("({failures} failed)"));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn seeds_are_a_range_or_one_number() {
        assert_eq!((seeds("0..1000"), seeds("17")), (Ok(0..1_000), Ok(17..18)));
        for bad in ["", "a", "5..5", "7..3", "..4", "0..=3"] {
            assert!(seeds(bad).is_err(), "{bad:?}");
        }
    }
}
