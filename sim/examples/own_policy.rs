//! Tests a conflict policy of one's own: `cargo run --release -p driftless-sim --example own_policy`.
//!
//! Two people edit one shopping list on devices that lose their connections, crash, sleep and have wrong clocks. The
//! policy keeps what anybody has added. The simulator runs 200 bad days and would say which of them ends with two
//! devices that show different lists.

use driftless_core::client::{Policy, State};
use driftless_core::event::{Event, Json};
use driftless_sim::{Change, Profile, Simulation};
use std::collections::BTreeSet;

/// A record is a list of names; an event adds names to it.
#[derive(Debug)]
struct Union;

impl Policy for Union {
    fn fold(&self, current: Option<&State>, event: &Event) -> State {
        let known = current.and_then(|state| state.data.as_ref());
        let names: BTreeSet<String> = known.into_iter().chain(&event.data).flat_map(names).collect();
        let text = serde_json::to_string(&names).expect("a list of names is JSON");
        State {
            event: event.id.clone(),
            created_at: event.created_at,
            sequence: event.sequence,
            // A delete empties the list.
            data: event.data.as_ref().and_then(|_| Json::parse(text).ok()),
        }
    }
}

fn names(data: &Json) -> Vec<String> {
    serde_json::from_str(data).unwrap_or_default()
}

fn main() {
    Simulation::new()
        .clients(2)
        .repository("lists", Union)
        .workload(|random, client| {
            let item = format!(r#"["item {} of {client}"]"#, random.below(30));
            match random.below(10) {
                0 => vec![Change::delete(0, "groceries")],
                _ => vec![Change::upsert(0, "groceries", &item)],
            }
        })
        .profile(Profile::storms())
        .seeds(0..200)
        .assert_converges();
}
