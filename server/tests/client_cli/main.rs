//! `driftless client` as scripts see it: a process with lines on both ends.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod answers;
mod process;
mod scripted;
mod syncing;
