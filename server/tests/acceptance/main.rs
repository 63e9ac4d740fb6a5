//! Acceptance tests: the real `driftless` binary in child processes, over real sockets and real files.
//!
//! Each file shows one promise of `docs/PROTOCOL.md` section 6 as its users meet it. Nothing waits for a length of
//! time: tests wait for lines, frames and conditions, with deadlines far beyond what a loaded machine needs.

#![allow(clippy::unwrap_used, clippy::print_stderr)]

mod support;

mod catch_up;
mod client_crash;
mod concurrency;
mod credentials;
mod faulty_network;
mod large_events;
mod offline;
mod plain_clients;
mod plain_servers;
mod policies;
mod restored_server;
mod round_trip;
mod server_crash;
mod slow_reader;
mod two_clients;
mod wire_errors;
