//! The `driftless-sim` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    driftless_sim::cli::main()
}
