//! The guarantees of the protocol, checked while a run goes on.

mod invariant;

pub use invariant::{Counts, Failure, Invariant};
