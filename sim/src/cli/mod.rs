//! The commands of `driftless-sim`, their flags and their help.

mod explore;
mod failure;
mod keep;
mod mutants;
mod replay;
mod run;
mod shrink;
mod source;

use crate::report::keep_panics_quiet;
use clap::{Parser, Subcommand};
use std::io::Write;
use std::process::ExitCode;

/// A thousand bad days a second, and proof that somebody would notice.
///
/// Runs the real client and server machines in virtual time against a simulated network, disks and clocks. One number,
/// the seed, decides everything that happens; the same seed gives the same run, bit for bit. While a run goes on, every
/// guarantee of docs/PROTOCOL.md section 6 is checked against a model of its own.
#[derive(Debug, Parser)]
#[command(name = "driftless-sim", version, max_term_width = 100, after_help = AFTER_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

const AFTER_HELP: &str = "\
A first look:
  driftless-sim run --seeds 0..1000                 a thousand seeds of the default profile
  driftless-sim run --seeds 0..200 --profile storms nearly every fault at once
  driftless-sim replay 17 --html seed.html          what happened in seed 17, as a page to go through

Exit status: 0 all is well, 1 a seed failed or a fault never took effect, 2 wrong usage or a file that cannot be read \
or written.";

#[derive(Debug, Subcommand)]
enum Command {
    /// Run many seeds and sum up which faults they had and what was checked.
    Run(run::RunArgs),
    /// Run one seed, or a scenario from a file, and look at it.
    Replay(replay::ReplayArgs),
    /// Make a failing scenario smaller while it still fails in the same way.
    Shrink(shrink::ShrinkArgs),
    /// Put bugs into copies of the core, and see whether the simulator notices each.
    Mutants(mutants::MutantsArgs),
    /// Try everything that can happen in small worlds: two clients, two events, a cut, a crash.
    Explore(explore::ExploreArgs),
    /// Print the scenario of a seed as JSON, to be changed and replayed.
    Scenario(source::DrawArgs),
}

/// Parses the command line, runs the command and says how the process ends.
pub fn main() -> ExitCode {
    let command = Cli::parse().command;
    keep_panics_quiet();
    let mut out = std::io::stdout().lock();
    let outcome = match command {
        Command::Run(args) => run::run(&args, &mut out),
        Command::Replay(args) => replay::run(&args, &mut out),
        Command::Shrink(args) => shrink::run(&args, &mut out),
        Command::Mutants(args) => mutants::run(&args, &mut out),
        Command::Explore(args) => explore::run(&args, &mut out),
        Command::Scenario(args) => source::print(&args, &mut out),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nobody is left to tell when stderr is gone.
            let _ = writeln!(std::io::stderr(), "driftless-sim: {failure}");
            failure.exit_code()
        }
    }
}
