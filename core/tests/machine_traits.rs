//! What a simulator and a model checker need of the machines: digests of what goes in and comes out, and copies.

use core::hash::Hash;
use driftless_core::Machine;
use driftless_core::client::Client;
use driftless_core::server::{Hub, Session};

/// Compiles only for a machine that can be copied, with inputs and actions that can be copied, compared and hashed.
const fn is_explorable<M>()
where
    M: Machine + Clone,
    M::Input: Clone + Eq + Hash,
    M::Action: Clone + Eq + Hash,
{
}

const _: () = {
    is_explorable::<Client>();
    is_explorable::<Session>();
    is_explorable::<Hub>();
};
