//! Conflict policies: how a record's events fold into its state.

use super::State;
use crate::event::Event;
use core::fmt;

/// Decides what a record is after an event.
///
/// Every replica folds the same log in the same order, so every deterministic policy converges. An implementation sees
/// nothing but its arguments: no clock, no identity, no pending flag.
pub trait Policy: fmt::Debug + Send + Sync {
    /// The record's state after `event`, which comes later in the log than all that made `current`.
    ///
    /// [`State::sequence`] of the result is ignored: the client sets it to the event's. A deleted record is a state
    /// without data, which keeps event id and `createdAt`.
    fn fold(&self, current: Option<&State>, event: &Event) -> State;

    /// Whether new events should name the fields that they change even where the application does not.
    fn wants_changed_fields(&self) -> bool {
        false
    }
}

/// Later in the log wins, whatever the authors' clocks said. The default.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServerOrder;

/// The later `createdAt` wins; of equal ones the later in the log.
#[derive(Clone, Copy, Debug, Default)]
pub struct LastWriteWins;

/// Takes over only the fields that an event says it changed, the whole record where it does not say.
#[derive(Clone, Copy, Debug, Default)]
pub struct MergeFields;

impl Policy for ServerOrder {
    fn fold(&self, _current: Option<&State>, _event: &Event) -> State {
        todo!()
    }
}

impl Policy for LastWriteWins {
    fn fold(&self, _current: Option<&State>, _event: &Event) -> State {
        todo!()
    }
}

impl Policy for MergeFields {
    fn fold(&self, _current: Option<&State>, _event: &Event) -> State {
        todo!()
    }
}
