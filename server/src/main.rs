//! The `driftless` command.

use std::process::ExitCode;

fn main() -> ExitCode {
    driftless_server::cli::main()
}
