//! A client's run, written down.

use driftless_core::Instant;
use driftless_core::client::{ClientAction, ClientConfig, ClientInput};

/// Is given the configuration of a client's machine when it is made, and then every input and action of it, in order, on
/// the client's task. Must not block.
///
/// The inputs, given to a fresh machine of that configuration at the same times, bring about the same actions, on any
/// runtime: a journal is a run that can be looked at and repeated. It holds tokens, headers and everything that is written
/// and received.
pub type Journal = Box<dyn FnMut(JournalEntry<'_>) + Send>;

/// One line of a [`Journal`].
#[derive(Clone, Copy, Debug)]
pub enum JournalEntry<'a> {
    /// What the machine is made with, the seed of its event ids and delays included. The first line, and the only one of
    /// its kind.
    Start(&'a ClientConfig),
    /// Something has happened, at this time.
    Input(Instant, &'a ClientInput),
    /// What the machine wants done about it.
    Action(&'a ClientAction),
}
