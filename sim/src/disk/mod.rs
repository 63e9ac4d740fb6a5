//! What survives a crash: a client's storage and the server's store.

pub mod client;
mod index;
mod journal;
mod records;
pub mod store;
#[cfg(test)]
mod tests;

pub use client::ClientDisk;
pub use journal::Crash;
pub use store::{Backup, Log, ServerStore};
