//! Worlds in which nothing goes wrong.

use super::{MILLIS, SECOND, calm, passes};
use crate::random::Delay;

#[test]
fn what_a_client_writes_reaches_the_others() {
    let mut scenario = calm(3);
    scenario.add_writes();
    let outcome = passes(&scenario);
    assert_eq!(outcome.events, 150);
    assert!(outcome.frames > 300, "{} frames", outcome.frames);
    assert!(outcome.simulated.as_micros() >= u128::from(scenario.heal_at));
}

#[test]
fn idle_hours_cost_heartbeats_alone() {
    let mut scenario = calm(1);
    scenario.add_write(SECOND, 0, "a");
    scenario.heal_at = 4 * 3_600 * SECOND;
    let outcome = passes(&scenario);
    assert_eq!(outcome.events, 1);
    // Both ends ping twice a minute; each ping and pong is sent, flushed and received.
    assert!(outcome.steps < 2 * 60 * 4 * 20, "{} steps", outcome.steps);
}

#[test]
fn a_number_from_another_stream_is_another_run() {
    let mut scenario = calm(2);
    scenario.add_writes();
    let one = passes(&scenario).digest;
    scenario.network.latency = Delay::Uniform(MILLIS, 50 * MILLIS);
    let other = passes(&scenario).digest;
    assert_ne!(one, other);
    scenario.seed += 1;
    assert_ne!(other, passes(&scenario).digest);
}

#[test]
fn messages_between_sessions_and_hub_may_take_time() {
    let mut scenario = calm(3);
    scenario.add_writes();
    scenario.server.hop = Delay::LongTail(300);
    assert_eq!(passes(&scenario).events, 150);
}
