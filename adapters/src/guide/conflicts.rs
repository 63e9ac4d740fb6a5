//! Who wins, and how to decide it yourself.
//!
//! The server gives every event of a repository a number: 1, 2, 3, … Every client applies all of them in that order, and puts
//! its own events that the server does not have yet on top. So there is one rule, the *policy* of the repository: what is a
//! record after one more event? Everyone applies the same rule to the same events in the same order, and ends up with the
//! same records.
//!
//! **All clients of a repository need the same policy.** A client with another one sees other records, and nothing in the
//! protocol can notice it. To change the policy of a repository, change it in every client, or begin another repository.
//!
//! | policy | two updates of one record | for |
//! |---|---|---|
//! | [`ServerOrder`](crate::core::client::ServerOrder) | the one that the server stored later replaces the other | most things; clocks play no part |
//! | [`LastWriteWins`](crate::core::client::LastWriteWins) | the one with the later `createdAt` replaces the other, as the devices' clocks have it; of equal ones the later in the log | notes that one person edits on several devices, some of them long offline |
//! | [`MergeFields`](crate::core::client::MergeFields) | each takes over only the top-level fields that it changed; of the same field the one that the server stored later | forms and todos: one renames it, another ticks it off, both stay |
//!
//! Under `MergeFields` a write says which fields it changes: those that differ from what this device showed just before it.
//!
//! # A delete against an update
//!
//! Two devices are offline. One deletes a record, the other updates it. Both come back.
//!
//! | policy | the server stored the update later | the server stored the delete later |
//! |---|---|---|
//! | `ServerOrder` | the record is there, as the update has it | it is deleted |
//! | `LastWriteWins` | whichever has the later `createdAt`; of equal ones the update | whichever has the later `createdAt`; of equal ones the delete |
//! | `MergeFields` | the record is there with all the fields that the update carries, changed or not | it is deleted |
//!
//! A deleted record is kept as such (what decided it and when), so that the answer stays the same for whoever comes late.
//!
//! # A policy of your own
//!
//! Implement [`Policy`](crate::core::client::Policy): one function from a record's state and an event to the state after it.
//!
//! ```
//! use driftless::core::client::{Policy, State};
//! use driftless::core::event::{Event, Json};
//!
//! /// Every event carries a number; a record is the largest that anybody has seen.
//! #[derive(Debug)]
//! struct HighScore;
//!
//! impl Policy for HighScore {
//!     fn fold(&self, current: Option<&State>, event: &Event) -> State {
//!         let score = |data: &Json| data.parse::<u64>().unwrap_or(0);
//!         let known = current.and_then(|state| state.data.as_ref()).map_or(0, score);
//!         match (&event.data, current) {
//!             (Some(new), Some(current)) if score(new) <= known => current.clone(),
//!             // A higher score, the first one, or a delete.
//!             (data, _) => State {
//!                 event: event.id.clone(),
//!                 created_at: event.created_at,
//!                 sequence: event.sequence,
//!                 data: data.clone(),
//!             },
//!         }
//!     }
//! }
//! ```
//!
//! It is given nothing but its arguments. It must not look at a clock, at who runs it, or at anything that differs between two
//! devices or two runs: hash maps in their own order, floating-point sums in another order, the language of the system. It
//! sees each event in the log's order, and pending ones of this device on top; it is asked again about the same events
//! whenever the log says that others came between them.
//!
//! Test it before anybody depends on it. The simulator, the folder `sim`, runs a policy of yours through hundreds of
//! bad days (lost connections, crashes, wrong clocks) and says which of them ends with two devices that differ, see
//! `sim/examples/own_policy.rs` and [`testing`](super::testing).
//!
//! What a policy cannot do is ask somebody. To let a person choose, keep both: a policy that puts the two versions into one
//! record, and a screen that writes the answer as one more update.
