//! Driftless for applications: the machines of [`driftless_core`] bound to sockets and disks.
//!
//! | module | what it is |
//! |---|---|
//! | [`client`] | the client: the machine on sockets, over any storage |
//! | `server` (feature `tokio`) | a server to be embedded: the machines on sockets, over any store |
//! | [`storage`] | where a client keeps its records, cursors and outbox |
//! | [`store`] | where a server keeps its logs |

pub mod client;
#[cfg(feature = "tokio")]
pub mod server;
pub mod storage;
pub mod store;
mod wall;

pub use driftless_core as core;
pub use wall::wall_clock;

/// The README's example, compiled.
#[cfg(all(doctest, feature = "tokio", feature = "sqlite"))]
#[doc = include_str!("../../README.md")]
struct Readme;
