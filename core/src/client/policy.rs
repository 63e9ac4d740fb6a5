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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{Event, Json};
    use alloc::format;
    use alloc::string::{String, ToString};

    /// An event made at a second, with data or a delete, and the fields that it changes.
    fn event(id: &str, second: u8, data: Option<&str>, changed: Option<&str>) -> Event {
        let data = data.map_or(r#""_operation":2"#.into(), |data| {
            format!(r#""_operation":1,"_data":{data}"#)
        });
        let changed = changed.map_or(String::new(), |changed| format!(r#","_changed":{changed}"#));
        let text = format!(
            r#"{{"_event_id":"{id}","_created_at":"2025-01-23T10:00:{second:02}Z","_data_id":"r",{data}{changed}}}"#
        );
        Event::read(&Json::parse(text).unwrap()).unwrap()
    }

    fn fold(policy: &dyn Policy, events: &[Event]) -> (String, Option<String>) {
        let mut state = None;
        for event in events {
            state = Some(policy.fold(state.as_ref(), event));
        }
        let state: State = state.unwrap();
        (state.event.to_string(), state.data.map(|data| data.to_string()))
    }

    fn some(event: &str, data: &str) -> (String, Option<String>) {
        (event.into(), Some(data.into()))
    }

    fn deleted(event: &str) -> (String, Option<String>) {
        (event.into(), None)
    }

    #[test]
    fn server_order_takes_the_later_in_the_log_whatever_the_clocks_say() {
        let (early, late) = (event("e", 1, Some("1"), None), event("l", 9, Some("2"), None));
        assert_eq!(fold(&ServerOrder, &[late, early]), some("e", "1"));
    }

    #[test]
    fn last_write_wins_takes_the_later_clock_and_of_equal_ones_the_later_in_the_log() {
        let (early, late) = (event("e", 1, Some("1"), None), event("l", 9, Some("2"), None));
        let same = event("s", 9, Some("3"), None);
        assert_eq!(fold(&LastWriteWins, &[late.clone(), early.clone()]), some("l", "2"));
        assert_eq!(
            fold(&LastWriteWins, &[early.clone(), late.clone(), same.clone()]),
            some("s", "3")
        );
        assert_eq!(fold(&LastWriteWins, &[same, late]), some("l", "2"));
        let mut timeless = early.clone();
        timeless.created_at = None;
        assert_eq!(fold(&LastWriteWins, &[early, timeless]), some("e", "1"));
    }

    #[test]
    fn under_last_write_wins_an_event_without_a_time_is_earlier_than_every_other_and_equal_to_its_like() {
        let timed = event("t", 1, Some("1"), None);
        let timeless = |id: &str| Event {
            created_at: None,
            ..event(id, 1, Some("2"), None)
        };
        assert_eq!(fold(&LastWriteWins, &[timed.clone(), timeless("a")]), some("t", "1"));
        assert_eq!(fold(&LastWriteWins, &[timeless("a"), timed]), some("t", "1"));
        assert_eq!(fold(&LastWriteWins, &[timeless("a"), timeless("b")]), some("b", "2"));
    }

    #[test]
    fn under_last_write_wins_a_deleted_record_remembers_when_it_was_deleted() {
        let delete = event("d", 5, None, None);
        let update = |id: &str, second| event(id, second, Some("1"), None);
        let after = |second| fold(&LastWriteWins, &[delete.clone(), update("u", second)]);
        assert_eq!(after(4), deleted("d"));
        // Of equal times the later in the log.
        assert_eq!(after(5), some("u", "1"));
        assert_eq!(fold(&LastWriteWins, &[update("u", 5), delete.clone()]), deleted("d"));
        assert_eq!(after(6), some("u", "1"));
        assert_eq!(fold(&LastWriteWins, &[update("u", 6), delete]), some("u", "1"));
    }

    #[test]
    fn under_merge_fields_a_delete_forgets_every_field_and_clocks_say_nothing() {
        let first = event("a", 9, Some(r#"{"x":1,"y":2}"#), None);
        let (delete, update) = (
            event("d", 5, None, None),
            event("u", 1, Some(r#"{"x":3,"z":4}"#), Some(r#"["x"]"#)),
        );
        let all = [first.clone(), delete.clone(), update.clone()];
        assert_eq!(fold(&MergeFields, &all), some("u", r#"{"x":3,"z":4}"#));
        assert_eq!(
            fold(&MergeFields, &[first.clone(), update.clone(), delete]),
            deleted("d")
        );
        assert_eq!(fold(&MergeFields, &[first, update]), some("u", r#"{"x":3,"y":2}"#));
    }

    #[test]
    fn merge_fields_takes_what_was_changed_and_the_whole_where_nobody_says() {
        let first = event("a", 1, Some(r#"{"x":1,"y":1.0}"#), None);
        let partial = event("b", 1, Some(r#"{"x":2,"y":9,"z":3}"#), Some(r#"["x","z"]"#));
        let whole = event("c", 1, Some(r#"{"w":1}"#), None);
        let text = event("d", 1, Some(r#""text""#), Some(r#"["x"]"#));
        assert_eq!(
            fold(&MergeFields, &[first.clone(), partial.clone()]),
            some("b", r#"{"x":2,"y":1.0,"z":3}"#)
        );
        assert_eq!(fold(&MergeFields, &[first.clone(), whole]), some("c", r#"{"w":1}"#));
        assert_eq!(fold(&MergeFields, &[first, text]), some("d", r#""text""#));
        assert_eq!(fold(&MergeFields, &[partial]), some("b", r#"{"x":2,"y":9,"z":3}"#));
    }

    #[test]
    fn a_delete_and_a_concurrent_update_end_as_each_policy_says() {
        let update = event("u", 1, Some(r#"{"x":2,"y":9}"#), Some(r#"["x"]"#));
        let delete = event("d", 5, None, None);
        let (update_last, delete_last) = ([delete.clone(), update.clone()], [update, delete]);
        assert_eq!(fold(&ServerOrder, &update_last), some("u", r#"{"x":2,"y":9}"#));
        assert_eq!(fold(&ServerOrder, &delete_last), deleted("d"));
        assert_eq!(fold(&LastWriteWins, &update_last), deleted("d"));
        assert_eq!(fold(&LastWriteWins, &delete_last), deleted("d"));
        assert_eq!(fold(&MergeFields, &update_last), some("u", r#"{"x":2,"y":9}"#));
        assert_eq!(fold(&MergeFields, &delete_last), deleted("d"));
    }
}
