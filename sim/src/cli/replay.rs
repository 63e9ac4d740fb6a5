//! `replay`: one run, looked at.

use super::failure::Failure;
use super::keep::{recorded, write_page};
use super::source::SourceArgs;
use crate::check::Invariant;
use crate::fault::Fault;
use crate::policies::Policies;
use crate::report::{Comparisons, SeedResult};
use crate::scenario::Scenario;
use clap::Args;
use std::io::Write;
use std::path::PathBuf;

/// Flags of `replay`.
#[derive(Debug, Args)]
pub(super) struct ReplayArgs {
    #[command(flatten)]
    source: SourceArgs,
    /// Print every step of the run.
    #[arg(long)]
    trace: bool,
    /// Write the run as one HTML page: a diagram of nodes, messages and faults to go through step by step.
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
}

/// Runs a scenario, also a second time and under other wall clocks, and prints what came of it.
pub(super) fn run(args: &ReplayArgs, out: &mut dyn Write) -> Result<(), Failure> {
    let policies = Policies::new();
    let scenario = args.source.scenario(&policies)?;
    if args.trace {
        trace(&scenario, &policies, out)?;
    }
    if let Some(file) = &args.html
        && !write_page(&scenario, &policies, file)?
    {
        return Err(Failure::unable("the run panics: there is nothing to look at"));
    }
    let everything = Comparisons {
        again: true,
        other_clocks: true,
    };
    let result = SeedResult::of(&scenario, &policies, everything);
    describe(&result, out)?;
    match result.broken {
        None => Ok(()),
        Some(_) => Err(Failure::Found),
    }
}

fn trace(scenario: &Scenario, policies: &Policies, out: &mut dyn Write) -> Result<(), Failure> {
    let Some(recording) = recorded(scenario, policies) else {
        return Ok(());
    };
    for step in &recording.steps {
        writeln!(
            out,
            "{:>16} {:<8} {}",
            micros(step.at),
            lane(scenario, step.lane),
            step.label
        )?;
    }
    writeln!(out)?;
    Ok(())
}

/// Seconds with six places.
fn micros(at: u64) -> String {
    format!("{}.{:06} s", at / 1_000_000, at % 1_000_000)
}

fn lane(scenario: &Scenario, lane: usize) -> String {
    let clients = scenario.clients.len();
    match lane {
        lane if lane < clients => format!("client {lane}"),
        lane if lane == clients => "server".into(),
        _ => "store".into(),
    }
}

fn describe(result: &SeedResult, out: &mut dyn Write) -> Result<(), Failure> {
    let enabled: Vec<&str> = result.enabled.iter().map(|fault| fault.name()).collect();
    writeln!(out, "seed {}, digest {:016x}", result.seed, result.digest)?;
    writeln!(
        out,
        "{} events, {} frames, {} simulated",
        result.events,
        result.frames,
        micros(u64::try_from(result.simulated.as_micros()).unwrap_or(u64::MAX))
    )?;
    writeln!(out, "faults enabled: {}", enabled.join(", "))?;
    let fired = |fault: &&Fault| result.fired.times(**fault) > 0;
    for fault in Fault::ALL.iter().filter(fired) {
        writeln!(
            out,
            "  {:<22} took effect {} times",
            fault.name(),
            result.fired.times(*fault)
        )?;
    }
    for invariant in Invariant::ALL {
        writeln!(
            out,
            "  {:<26} checked {} times",
            invariant.name(),
            result.checks.times(*invariant)
        )?;
    }
    match &result.broken {
        Some(broken) => writeln!(out, "\nFAILED: {broken}")?,
        None => writeln!(out, "\nall good")?,
    }
    Ok(())
}
