//! Tests of the session.

mod auth;
mod bench;
mod flow;
mod frames;
mod heartbeat;
mod pushes;
mod reads;
mod robustness;
mod shutdown;
