//! The simulator as a library: policies and workloads of a user's own.
#![allow(clippy::unwrap_used, reason = "a test may fail")]

use driftless_core::client::{Policy, State};
use driftless_core::event::{Event, Json};
use driftless_sim::scenario::Profile;
use driftless_sim::{Change, Simulation};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicU64, Ordering};

/// Later in the log wins, and the record says so.
#[derive(Debug)]
struct Marked;

impl Policy for Marked {
    fn fold(&self, _current: Option<&State>, event: &Event) -> State {
        state(event, "marked")
    }
}

/// Looks at something that is not an argument: how often it was asked.
#[derive(Debug, Default)]
struct Restless(AtomicU64);

impl Policy for Restless {
    fn fold(&self, _current: Option<&State>, event: &Event) -> State {
        let times = self.0.fetch_add(1, Ordering::Relaxed);
        state(event, &times.to_string())
    }
}

fn state(event: &Event, mark: &str) -> State {
    let data = event
        .data
        .as_ref()
        .map(|data| format!(r#"{{"mark":"{mark}","data":{data}}}"#));
    State {
        event: event.id.clone(),
        created_at: event.created_at,
        sequence: event.sequence,
        data: data.and_then(|data| Json::parse(data).ok()),
    }
}

fn message(simulation: &Simulation<'_>) -> String {
    let failed = catch_unwind(AssertUnwindSafe(|| simulation.assert_converges())).unwrap_err();
    failed.downcast_ref::<String>().unwrap().clone()
}

#[test]
fn a_policy_of_ones_own_converges() {
    Simulation::new()
        .clients(3)
        .repository("todos", Marked)
        .profile(Profile::network())
        .seeds(0..20)
        .assert_converges();
}

#[test]
fn a_workload_of_ones_own_is_what_is_written() {
    let simulation = Simulation::new()
        .repository("todos", Marked)
        .workload(|random, client| {
            let record = format!("of {client}");
            vec![
                Change::upsert(0, &record, &random.below(10).to_string()),
                Change::delete(0, "gone"),
            ]
        });
    let scenario = simulation.scenario(3).to_json();
    assert!(scenario.contains("of 0") && scenario.contains("gone") && !scenario.contains("title"));
    simulation.seeds(0..10).assert_converges();
}

#[test]
fn a_policy_that_looks_at_more_than_its_arguments_is_found() {
    let simulation = Simulation::new()
        .clients(2)
        .repository("todos", Restless::default())
        .profile(Profile::calm().writes(10..=10))
        .seeds(0..5)
        .jobs(1);
    let message = message(&simulation);
    assert!(message.contains("seed 0 fails"), "{message}");
    assert!(message.contains(".seeds(0..1)"), "{message}");
    assert!(message.contains(r#""policy": "todos (policy)""#), "{message}");
}

#[test]
fn a_printed_scenario_is_a_regression_test() {
    let simulation = Simulation::new().repository("todos", Marked);
    let text = simulation.scenario(11).to_json();
    simulation.assert_replay_converges(&text);
}
