//! Driftless for applications: the machines of [`driftless_core`] bound to sockets and disks.
//!
//! | module | what it is |
//! |---|---|
//! | [`storage`] | where a client keeps its records, cursors and outbox |
//! | [`store`] | where a server keeps its logs |

pub mod storage;
pub mod store;

pub use driftless_core as core;
