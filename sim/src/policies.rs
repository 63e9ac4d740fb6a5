//! The conflict policies that scenarios name.

use driftless_core::client::{LastWriteWins, MergeFields, Policy, ServerOrder, State};
use driftless_core::event::{Event, Json};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::Arc;

/// Conflict policies by name: what [`RepositoryPlan::policy`](crate::scenario::RepositoryPlan::policy) may say.
#[derive(Clone, Debug)]
pub struct Policies(BTreeMap<String, Arc<dyn Policy>>);

impl Policies {
    /// The policies that the client ships, `server_order`, `last_write_wins` and `merge_fields`, and the simulator's
    /// own, `tally` ([`Tally`]).
    pub fn new() -> Self {
        Self(BTreeMap::new())
            .with("server_order", ServerOrder)
            .with("last_write_wins", LastWriteWins)
            .with("merge_fields", MergeFields)
            .with("tally", Tally)
    }

    /// These and one more; one of the same name is replaced.
    #[must_use]
    pub fn with(mut self, name: &str, policy: impl Policy + 'static) -> Self {
        self.0.insert(name.into(), Arc::new(policy));
        self
    }

    /// The policy of a name.
    pub fn named(&self, name: &str) -> Option<&Arc<dyn Policy>> {
        self.0.get(name)
    }

    /// All names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }
}

impl Default for Policies {
    fn default() -> Self {
        Self::new()
    }
}

/// A record that counts: events say `{"add": 3}`, the record shows how many there were, their sum, and a digest of
/// them in their order.
///
/// Under a policy that replaces, an event that is folded twice, left out or folded too early is often hidden by the
/// next one. Here it never is. A delete begins anew.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tally;

/// What a record shows under [`Tally`].
#[derive(Default, Serialize, Deserialize)]
struct Shown {
    events: u64,
    sum: i64,
    trail: String,
}

/// What an event says under [`Tally`]; anything else adds nothing and still counts.
#[derive(Default, Deserialize)]
struct Said {
    #[serde(default)]
    add: i64,
}

impl Policy for Tally {
    fn fold(&self, current: Option<&State>, event: &Event) -> State {
        let shown = current.and_then(|state| state.data.as_ref());
        State {
            event: event.id.clone(),
            created_at: event.created_at,
            sequence: event.sequence,
            data: event.data.as_ref().and_then(|said| add(shown, said, event)),
        }
    }
}

/// The next thing to show.
fn add(shown: Option<&Json>, said: &Json, event: &Event) -> Option<Json> {
    let shown: Shown = shown.map_or_else(Shown::default, |shown| serde_json::from_str(shown).unwrap_or_default());
    let said_add = serde_json::from_str(said).unwrap_or(Said::default()).add;
    let mut trail = xxhash_rust::xxh3::Xxh3::new();
    for part in [&*shown.trail, &*event.id, &**said] {
        trail.update(part.as_bytes());
    }
    let next = Shown {
        events: shown.events.wrapping_add(1),
        sum: shown.sum.wrapping_add(said_add),
        trail: format!("{:016x}", trail.digest()),
    };
    Json::parse(serde_json::to_string(&next).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn event(id: &str, data: Option<&str>) -> Event {
        let rest = data.map_or(r#""_operation":2"#.into(), |data| format!(r#""_data":{data}"#));
        let text = format!(r#"{{"_event_id":"{id}","_data_id":"r",{rest}}}"#);
        Event::read(&Json::parse(text).unwrap()).unwrap()
    }

    fn fold(events: &[Event]) -> Option<Shown> {
        let mut state = None;
        for event in events {
            state = Some(Tally.fold(state.as_ref(), event));
        }
        state?.data.map(|data| serde_json::from_str(&data).unwrap())
    }

    #[test]
    fn a_tally_shows_what_is_folded_twice_left_out_or_swapped() {
        let [one, two] = [event("a", Some(r#"{"add":1}"#)), event("b", Some(r#"{"add":2}"#))];
        let in_order = fold(&[one.clone(), two.clone()]).unwrap();
        assert_eq!((in_order.events, in_order.sum), (2, 3));
        for other in [
            vec![one.clone()],
            vec![two.clone(), one.clone()],
            vec![one.clone(), one, two],
        ] {
            assert_ne!(fold(&other).unwrap().trail, in_order.trail);
        }
    }

    #[test]
    fn a_tally_takes_any_data_and_begins_anew_after_a_delete() {
        let [text, delete] = [event("a", Some(r#""text""#)), event("b", None)];
        let add = event("c", Some(r#"{"add":5}"#));
        assert_eq!(fold(std::slice::from_ref(&text)).unwrap().events, 1);
        assert!(fold(&[text.clone(), delete.clone()]).is_none());
        assert_eq!(fold(&[text, delete, add]).unwrap().events, 1);
    }

    #[test]
    fn policies_are_found_by_name() {
        let policies = Policies::new().with("mine", Tally);
        let names: Vec<&str> = policies.names().collect();
        assert_eq!(
            names,
            ["last_write_wins", "merge_fields", "mine", "server_order", "tally"]
        );
        assert!(policies.named("tally").is_some() && policies.named("nobody's").is_none());
    }
}
