//! `shrink`: a failing scenario, made as small as it can be.

use super::failure::Failure;
use super::keep::write_page;
use super::source::SourceArgs;
use crate::check;
use crate::policies::Policies;
use crate::report::{Comparisons, SeedResult};
use crate::scenario::Scenario;
use crate::shrink::{Progress, Shrunk, regression, shrink_by};
use clap::Args;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::Write;
use std::path::PathBuf;

/// Flags of `shrink`.
#[derive(Debug, Args)]
pub(super) struct ShrinkArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// How many runs it may take.
    #[arg(long, default_value_t = 5_000)]
    runs: u64,
    /// Print a regression test instead of the scenario.
    #[arg(long)]
    test: bool,
    /// Write the small scenario to a file, to be replayed.
    #[arg(long, value_name = "FILE")]
    save: Option<PathBuf>,
    /// Write the small run as one HTML page.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// Makes a failing scenario smaller and prints what is left.
pub(super) fn run(args: &ShrinkArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let policies = Policies::new();
    let scenario = args.source.scenario(&policies)?;
    let result = compared(&scenario, &policies);
    let Some(broken) = result.broken else {
        writeln!(
            out,
            "seed {} does not fail: there is nothing to make smaller",
            scenario.seed
        )?;
        return Ok(());
    };
    let Some(failure) = broken.failure() else {
        return Err(Failure::unable(format!("{broken}: no smaller run would show why")));
    };
    let shrunk = shrunk(&scenario, &failure, &policies, args.runs);
    tell(&scenario, &shrunk);
    if let Some(file) = &args.save {
        let unable = |error| Failure::unable(format!("{}: {error}", file.display()));
        std::fs::write(file, shrunk.scenario.to_json()).map_err(unable)?;
    }
    if let Some(file) = &args.html {
        write_page(&shrunk.scenario, &policies, file)?;
    }
    let text = if args.test {
        regression(&shrunk)
    } else {
        shrunk.scenario.to_json()
    };
    out.write_all(text.as_bytes())?;
    Err(Failure::Found)
}

fn compared(scenario: &Scenario, policies: &Policies) -> SeedResult {
    let comparisons = Comparisons {
        again: false,
        other_clocks: true,
    };
    SeedResult::of(scenario, policies, comparisons)
}

pub(super) fn shrunk(scenario: &Scenario, failure: &check::Failure, policies: &Policies, runs: u64) -> Shrunk {
    let style = ProgressStyle::with_template("{wide_bar} {pos}/{len} runs, {msg}");
    let bar = ProgressBar::new(runs).with_style(style.expect("the template is one"));
    let fails = |scenario: &Scenario| compared(scenario, policies).broken.and_then(|broken| broken.failure());
    let progress = |progress: Progress| {
        bar.set_position(progress.runs);
        bar.set_message(format!(
            "{} incidents, {} clients left",
            progress.incidents, progress.clients
        ));
    };
    let shrunk = shrink_by(scenario, failure, runs, fails, progress);
    bar.finish_and_clear();
    shrunk
}

/// For a person, beside what a program reads from stdout.
fn tell(scenario: &Scenario, shrunk: &Shrunk) {
    // Nobody is left to tell when stderr is gone.
    let _ = writeln!(
        std::io::stderr(),
        "{}\n{} of {} incidents and {} of {} clients are left after {} runs{}",
        shrunk.failure,
        shrunk.scenario.incidents.len(),
        scenario.incidents.len(),
        shrunk.scenario.clients.len(),
        scenario.clients.len(),
        shrunk.runs,
        if shrunk.exhausted {
            "; more runs (--runs) might leave less"
        } else {
            ""
        }
    );
}
