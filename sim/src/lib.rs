//! Deterministic simulation of Driftless.
//!
//! The real machines of `driftless-core`, many clients and a server, run in virtual time against a simulated network,
//! disks and clocks. One number, the seed, decides everything; the same seed gives the same run, bit for bit. While it
//! runs, the guarantees of the protocol are checked against an independent model; when the faults are healed, everyone
//! has to agree.
//!
//! | module | what it is |
//! |---|---|
//! | [`scheduler`] | the one heap of things to come |
//! | [`random`] | numbers from the seed, a stream for each use, so that removing one decision moves no other |
//! | [`clock`] | a node's own clocks: offset, drift, jumps, sleep |
//! | [`network`] | connections that fail as TCP and WebSocket do |
//! | `peers` | the published client and server, and peers of other versions |
//! | [`disk`] | a client's storage and the server's store, with what a crash leaves of them |
//! | [`scenario`] | everything that decides a run, as data: nodes, weather, incidents |
//! | [`policies`] | the conflict policies that scenarios name |
//! | [`world`] | the machines and what is around them, run by the scheduler |
//! | [`check`] | the guarantees, checked at every step |
//! | [`mutants`] | the mutation gate: bugs in `core` that the simulator has to notice |
//! | [`explore`] | small worlds in which everything is tried that can happen |
//! | [`recording`] | a run as it can be looked at afterwards |
//! | [`report`] | many seeds, summed up |
//! | [`Simulation`] | a test of a policy or a workload of one's own |
//! | [`page`] | a recorded run as one HTML page |
//! | [`shrink`] | a failing scenario, made smaller |

pub mod check;
pub mod cli;
pub mod clock;
mod digest;
pub mod disk;
pub mod explore;
pub mod fault;
mod known;
mod model;
pub mod mutants;
pub mod network;
pub mod page;
mod peers;
pub mod policies;
pub mod random;
pub mod recording;
pub mod report;
pub mod scenario;
pub mod scheduler;
pub mod shrink;
mod simulation;
pub mod world;

pub use scenario::{Change, Profile};
pub use simulation::Simulation;
pub use world::{Options, Outcome, run};
