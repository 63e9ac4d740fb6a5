//! Fuzz targets as plain functions: each takes any bytes and panics if a law of the protocol is broken.
//!
//! Being plain functions, they run on every toolchain: `tests/replay.rs` feeds them the kept corpora on stable, and
//! `libfuzzer/` wraps them for `cargo fuzz`. `README.md` says how to run both.

mod frames;
mod slow;
mod splice;

pub use frames::{client_frame, server_frame};
pub use splice::splice;
