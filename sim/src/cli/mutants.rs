//! `mutants`: bugs in `core` that the simulator has to notice.

use super::failure::Failure;
use crate::mutants::{Gate, Row, write_into};
use clap::Args;
use std::io::Write;
use std::num::NonZeroUsize;
use std::path::Path;

/// Flags of `mutants`.
#[derive(Debug, Args)]
pub(super) struct MutantsArgs {
    /// Only these; all if none is named.
    names: Vec<String>,
    /// Print which there are, and hunt none.
    #[arg(long)]
    list: bool,
    /// At most so many seeds for each.
    #[arg(long, value_name = "N", default_value_t = 1_000)]
    seeds: u64,
    /// On how many threads; all cores if it is not said.
    #[arg(long)]
    jobs: Option<NonZeroUsize>,
    /// Do not make the failing schedules smaller.
    #[arg(long)]
    no_shrink: bool,
    /// Put the table into sim/README.md.
    #[arg(long, conflicts_with_all = ["names", "no_shrink"])]
    write: bool,
}

/// Hunts mutants. Fails if one is alive.
pub(super) fn run(args: &MutantsArgs, out: &mut dyn Write) -> Result<(), Failure> {
    // The patches and `core` are where this program was built from.
    let package = Path::new(env!("CARGO_MANIFEST_DIR"));
    let workspace = package.parent().unwrap_or(package);
    let unable = |error: &dyn std::fmt::Display| Failure::unable(error.to_string());
    let mut gate = Gate::new(workspace)
        .and_then(|gate| gate.only(&args.names))
        .map_err(|error| unable(&error))?;
    if args.list {
        return list(&gate, out);
    }
    gate.seeds = args.seeds;
    gate.shrink = !args.no_shrink;
    gate.jobs = args.jobs.map_or(gate.jobs, NonZeroUsize::get);
    let rows = gate.run(out).map_err(|error| unable(&error))?;
    if args.write {
        write_into(&package.join("README.md"), &rows).map_err(|error| unable(&error))?;
    }
    let killed = rows.iter().filter(|row| Row::is_killed(row)).count();
    writeln!(out, "{killed} of {} mutants are killed by what they break", rows.len())?;
    if killed == rows.len() {
        Ok(())
    } else {
        Err(Failure::Found)
    }
}

fn list(gate: &Gate, out: &mut dyn Write) -> Result<(), Failure> {
    for mutant in &gate.mutants {
        let (name, invariant) = (&mutant.name, mutant.invariant.name());
        writeln!(
            out,
            "{name} ({invariant}, profile {})\n    {}",
            mutant.profile, mutant.bug
        )?;
    }
    Ok(())
}
