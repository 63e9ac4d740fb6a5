//! How fast worlds run on one core, with the real protocol, its JSON and all checks: `cargo bench -p driftless-sim`.
//!
//! The big world has ten clients that write 10,000 events each through one server; the small ones have three clients
//! that write 50 each. Every world is drawn anew, as `run` does.
#![allow(clippy::disallowed_types, reason = "a benchmark is about real time")]

use driftless_sim::policies::Policies;
use driftless_sim::scenario::{Profile, Scenario};
use driftless_sim::world::{Options, Outcome, run};
use mimalloc::MiMalloc;
use std::io::Write;
use std::time::Instant;

/// As in the command.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

/// Small worlds that are run.
const SMALL: u64 = 2_000;
/// Big worlds that are run; the fastest counts, the others are disturbed by whatever else the machine does.
const BIG: u64 = 3;

fn main() {
    let policies = Policies::new();
    let one = |seed: u64, profile: &Profile| -> Outcome {
        let outcome = run(&Scenario::draw(seed, profile), &policies, &Options::default());
        assert_eq!(outcome.failure, None, "seed {seed}");
        outcome
    };
    let (calm, big) = (Profile::calm(), Profile::big());
    let begun = Instant::now();
    let frames: u64 = (0..SMALL).map(|seed| one(seed, &calm).frames).sum();
    let seconds = begun.elapsed().as_secs_f64();
    say(&format!(
        "small worlds: {:.0} seeds/s, {:.0} frames/s ({SMALL} seeds, 3 clients x 50 events)",
        per_second(SMALL, seconds),
        per_second(frames, seconds)
    ));
    for seed in 0..BIG {
        let begun = Instant::now();
        let outcome = one(seed, &big);
        let seconds = begun.elapsed().as_secs_f64();
        say(&format!(
            "big world {seed}: {:.0} frames/s ({} frames, {} events, {} machine steps in {seconds:.2} s, {:.0} s simulated)",
            per_second(outcome.frames, seconds),
            outcome.frames,
            outcome.events,
            outcome.steps,
            outcome.simulated.as_secs_f64()
        ));
    }
}

#[allow(clippy::cast_precision_loss, reason = "printed without decimals")]
fn per_second(count: u64, seconds: f64) -> f64 {
    count as f64 / seconds
}

fn say(line: &str) {
    // Nobody is left to tell when stdout is gone.
    let _ = writeln!(std::io::stdout(), "{line}");
}
