//! Conflict policies: how a record's events fold into its state.

use super::State;
use super::fields::merge_fields;
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
///
/// A delete and a concurrent update: the one that the server stored later decides. An update stored after a delete
/// brings the record back as the update has it.
#[derive(Clone, Copy, Debug, Default)]
pub struct ServerOrder;

/// The later `createdAt` wins; of equal ones the later in the log.
///
/// An event without a readable `createdAt` is earlier than every other. A delete and a concurrent update: the one with
/// the later `createdAt` decides, in whichever order they were stored; a deleted record remembers when it was deleted.
#[derive(Clone, Copy, Debug, Default)]
pub struct LastWriteWins;

/// Takes over only the fields that an event says it changed, the whole record where it does not say.
///
/// Fields are the record's top-level ones; their text is kept as it came. A field that an event names as changed and
/// does not carry is removed. Fields stay in the record's order, new ones follow in the event's. Data that is not an
/// object is replaced whole.
///
/// A delete and a concurrent update: later in the log decides. An update stored after a delete brings the record back
/// with all the fields that the update carries, changed or not.
#[derive(Clone, Copy, Debug, Default)]
pub struct MergeFields;

impl Policy for ServerOrder {
    fn fold(&self, _current: Option<&State>, event: &Event) -> State {
        replaced_by(event)
    }
}

impl Policy for LastWriteWins {
    fn fold(&self, current: Option<&State>, event: &Event) -> State {
        match current {
            Some(current) if current.created_at > event.created_at => current.clone(),
            _ => replaced_by(event),
        }
    }
}

impl Policy for MergeFields {
    fn fold(&self, current: Option<&State>, event: &Event) -> State {
        let mut state = replaced_by(event);
        let known = current.and_then(|current| current.data.as_ref());
        if let (Some(known), Some(new), Some(changed)) = (known, &event.data, &event.changed)
            && let Some(merged) = merge_fields(known, new, changed)
        {
            state.data = Some(merged);
        }
        state
    }

    fn wants_changed_fields(&self) -> bool {
        true
    }
}

/// The state of a record that is what `event` says.
fn replaced_by(event: &Event) -> State {
    State {
        event: event.id.clone(),
        created_at: event.created_at,
        sequence: event.sequence,
        data: event.data.clone(),
    }
}
