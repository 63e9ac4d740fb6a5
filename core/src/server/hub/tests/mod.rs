//! Tests of the hub.

mod appends;
mod bench;
mod credit;
mod failures;
mod laws;
mod plain;
mod requests;
mod rights;
mod robustness;
mod streams;
mod traces;
