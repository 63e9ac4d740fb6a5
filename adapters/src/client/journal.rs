//! A client's run, written down.

use driftless_core::Instant;
use driftless_core::client::{ClientAction, ClientInput};

/// Is given every input and action of a client's machine, in order, on the client's task. Must not block.
///
/// The inputs, given to a fresh machine of the same configuration at the same times, bring about the same actions: a
/// journal is a run that can be looked at and repeated. It holds tokens, headers and everything that is written and
/// received.
pub type Journal = Box<dyn FnMut(JournalEntry<'_>) + Send>;

/// One line of a [`Journal`].
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum JournalEntry<'a> {
    /// Something has happened, at this time.
    Input(Instant, &'a ClientInput),
    /// What the machine wants done about it.
    Action(&'a ClientAction),
}
