//! The Driftless protocol as state machines without I/O.
//!
//! Everything here is event in, actions out: a host (a socket adapter, a simulator, a test) feeds a [`Machine`] with
//! inputs and the current time, and carries out the actions that come back. Nothing in this crate touches a clock, a
//! socket, a thread, a file or a random number generator of its own; it needs `alloc` and nothing else.
//!
//! The layers, from the bottom up; each may use those above it in this list and none below:
//!
//! | module | what it is |
//! |---|---|
//! | [`machine`] | the contract between a machine and its host: time, actions, wake-ups |
//! | [`name`] | namespaces, repositories and the logs that they name |
//! | [`timers`] | the timers of a machine |
//! | [`event`] | events and their envelope, read without building a tree; runs of stored events |
//! | [`wire`] | every message of the protocol, decoded and encoded |
//! | [`server`] | [`server::Session`], one a connection, and [`server::Hub`], a shard of repositories |
//! | [`client`] | [`client::Client`]: connection, outbox, pull and replica |

#![no_std]

extern crate alloc;

pub mod client;
pub mod event;
pub mod machine;
pub mod name;
pub mod server;
mod text;
pub mod timers;
pub mod wire;

pub use machine::{Actions, Instant, Machine, Wake};
