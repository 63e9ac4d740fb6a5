//! Driftless for applications: the machines of [`driftless_core`] bound to sockets and disks.
//!
//! | module | what it is |
//! |---|---|
//! | [`client`] | the client: the machine on sockets, over any storage |
//! | [`server`] | a server to be embedded: the machines on sockets, over any store |
//! | [`storage`] | where a client keeps its records, cursors and outbox |
//! | [`store`] | where a server keeps its logs |
//! | [`runtime`] | what both need of tokio, smol, or plain threads |

#[cfg(feature = "blocking")]
pub mod blocking;
pub mod client;
pub mod runtime;
pub mod server;
pub mod storage;
pub mod store;
#[cfg(feature = "tls")]
pub mod tls;
mod wall;
mod watched;

pub use client::{Client, ClientBuilder, Repository};
pub use driftless_core as core;
#[cfg(feature = "smol")]
pub use runtime::Smol;
#[cfg(feature = "tokio")]
pub use runtime::Tokio;
pub use wall::wall_clock;

/// The README's example, compiled.
#[cfg(all(doctest, feature = "tokio", feature = "sqlite"))]
#[doc = include_str!("../../README.md")]
struct Readme;
