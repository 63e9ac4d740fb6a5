//! The `driftless-sim` command.

use mimalloc::MiMalloc;
use std::process::ExitCode;

/// A simulated second is millions of small allocations; this allocator takes half the time of the system's.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    driftless_sim::cli::main()
}
