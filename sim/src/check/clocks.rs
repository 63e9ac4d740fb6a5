//! The same scenario under other wall clocks.

use crate::random::Random;
use crate::scenario::{Scenario, What};

/// How far wall clocks may be off: a year, in milliseconds.
const YEAR_MS: u64 = 365 * 24 * 60 * 60 * 1_000;

/// The scenario under policies that do not look at an event's `createdAt`.
///
/// What a record holds may depend on the writers' clocks, that is what `last_write_wins` is for; and how much a record
/// holds decides how many of them a client with little memory loads at once, and with that when it does what.
pub fn under_clock_blind_policies(scenario: &Scenario) -> Scenario {
    let mut blind = scenario.clone();
    for repository in &mut blind.repositories {
        if repository.policy != "merge_fields" {
            repository.policy = "server_order".into();
        }
    }
    blind
}

/// The scenario with other offsets of all wall clocks and other jumps of them. Monotonic clocks (drift, sleep) and
/// everything else stay, so that [`super::Checks::shape`] of a run must stay as well (PROTOCOL.md 6.10), where the
/// policies are [blind](under_clock_blind_policies) to clocks and acked events are kept for ever: how long a client keeps
/// them in case the server loses them is measured by its wall clock.
pub fn with_other_clocks(scenario: &Scenario) -> Scenario {
    let mut random = Random::new(scenario.seed, "other clocks", 0);
    let mut other_ms = || random.between(0, 2 * YEAR_MS).cast_signed() - YEAR_MS.cast_signed();
    let mut other = scenario.clone();
    other.server.clock.offset_ms = other_ms();
    for client in &mut other.clients {
        client.clock.offset_ms = other_ms();
    }
    for incident in &mut other.incidents {
        if let What::Jump(_, ms) | What::ServerJump(ms) = &mut incident.what {
            *ms = other_ms();
        }
    }
    other
}
