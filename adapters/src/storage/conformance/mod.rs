//! What every [`Storage`] has to do, as tests.
//!
//! A crate that implements one calls [`storage_conformance!`](crate::storage_conformance) in a test module with a
//! function that makes a [`Place`]; each rule becomes a test of its own.

#![expect(
    clippy::missing_panics_doc,
    reason = "a rule panics where it is broken; that is its result"
)]

mod durability;
mod own_events;
mod queries;
mod records;

pub use durability::*;
pub use own_events::*;
pub use queries::*;
pub use records::*;

use super::{Reader, Storage};
use driftless_core::client::{
    LocalSequence, Opened, OwnEvent, OwnState, RecordKey, State, StorageChange, StorageReply, StorageRequest,
    StoredRecord, Transaction,
};
use driftless_core::event::{EventId, Json, RecordId, Sequence, Timestamp};
use driftless_core::name::RepositoryName;
use std::sync::Arc;

/// Where a storage keeps its data between two openings.
pub trait Place {
    /// Opens the storage: empty the first time, with what it held afterwards. The one before is closed by then.
    fn open(&mut self) -> Box<dyn Storage>;
}

/// Makes a test of every rule. The argument is called without arguments and returns a [`Place`].
#[macro_export]
macro_rules! storage_conformance {
    ($place:expr) => {
        $crate::storage_conformance! { $place;
            a_new_storage_is_empty
            a_record_is_read_as_it_was_written
            a_record_without_states_is_gone
            records_of_two_repositories_are_apart
            what_is_not_there_is_not_loaded
            a_key_asked_for_twice_is_answered_once
            records_are_loaded_in_the_order_asked_as_far_as_their_bytes_allow
            own_events_are_loaded_with_a_budget_of_their_own
            a_reader_lists_what_is_visible_in_pages
            records_are_ordered_by_the_bytes_of_their_ids
            stale_records_of_all_generations_come_in_order
            a_rewritten_record_is_stale_no_more
            an_own_event_is_found_by_its_id_in_every_state
            layers_hold_pending_and_acked_events_in_local_order
            the_outbox_comes_in_pages_oldest_first
            the_outbox_is_cut_by_bytes_but_never_to_nothing
            unsettled_events_come_in_pages_in_local_order
            unsettled_events_are_cut_by_bytes_but_never_to_nothing
            doubt_takes_hold_of_settled_events_only
            settled_events_are_pruned_by_age_and_number
            a_dropped_event_is_gone_from_wherever_it_stood
            a_cleared_repository_is_as_new_and_others_stay
            a_change_of_an_unknown_event_changes_nothing
            readers_list_pending_and_rejected_over_all_repositories
            everything_is_there_after_opening_again
            a_cursor_is_read_as_it_was_written
            changes_apply_in_order
            a_failed_transaction_changes_nothing
            a_local_sequence_is_never_given_again
            a_local_sequence_outlives_dropping_and_clearing
            pending_events_are_counted
            a_reader_sees_whole_transactions_only
            a_query_finds_what_meets_all_its_conditions
            a_query_is_ordered_to_the_last_record
            a_query_is_cut_by_limit_and_offset_and_a_count_is_not
            a_query_sees_what_the_application_sees
            a_row_tells_what_is_pending_and_what_was_rejected
            a_name_of_a_field_is_only_a_name
            declared_indexes_change_no_answer
        }
    };
    ($place:expr; $($rule:ident)+) => {
        $(#[test] fn $rule() { $crate::storage::conformance::$rule(&mut $place()); })+
    };
}

fn repository(name: &str) -> RepositoryName {
    RepositoryName::new(name).expect("a rule names a valid repository")
}

fn key(repository_name: &str, record: &str) -> RecordKey {
    RecordKey {
        repository: repository(repository_name),
        record: record_id(record),
    }
}

fn record_id(id: &str) -> RecordId {
    RecordId::new(id).expect("a rule names a valid record")
}

fn event_id(id: &str) -> EventId {
    EventId::new(id).expect("a rule names a valid event")
}

fn json(text: &str) -> Json {
    Json::parse(text.to_owned()).expect("a rule writes valid JSON")
}

fn state(event: &str, data: Option<&str>) -> State {
    State {
        event: event_id(event),
        created_at: Timestamp::from_millis(1_737_629_400_123),
        sequence: Some(Sequence::new(7)),
        data: data.map(json),
    }
}

/// A record that the application sees as it is confirmed.
fn record(repository: &str, id: &str, data: Option<&str>) -> StoredRecord {
    StoredRecord {
        key: key(repository, id),
        confirmed: Some(Arc::new(state("event", data))),
        visible: Some(Arc::new(state("event", data))),
        pending: false,
        generation: 0,
    }
}

fn own(local: u64, repository: &str, record: &str, state: OwnState) -> OwnEvent {
    let id = format!("event-{local}");
    OwnEvent {
        local: LocalSequence(local),
        key: key(repository, record),
        body: json(&format!(r#"{{"_event_id":"{id}"}}"#)),
        id: event_id(&id),
        state,
    }
}

fn settled(at_ms: i64) -> OwnState {
    OwnState::Settled { at_ms }
}

fn rejected() -> OwnState {
    OwnState::Rejected {
        code: None,
        message: "no".to_owned(),
    }
}

fn commit(storage: &mut dyn Storage, changes: Vec<StorageChange>) {
    let reply = storage.request(StorageRequest::Commit(Transaction { changes }));
    assert_eq!(reply, Ok(StorageReply::Committed));
}

fn add_all(storage: &mut dyn Storage, events: Vec<OwnEvent>) {
    commit(storage, events.into_iter().map(StorageChange::AddOwn).collect());
}

fn write_all(storage: &mut dyn Storage, records: Vec<StoredRecord>) {
    commit(storage, records.into_iter().map(StorageChange::Record).collect());
}

fn opened(storage: &mut dyn Storage, names: &[&str]) -> Opened {
    let repositories = names.iter().map(|name| repository(name)).collect();
    match storage.request(StorageRequest::Open { repositories }) {
        Ok(StorageReply::Opened(opened)) => opened,
        other => panic!("Open was answered with {other:?}"),
    }
}

/// Records, layers and own events.
type Loaded = (Vec<StoredRecord>, Vec<OwnEvent>, Vec<OwnEvent>);

fn load(storage: &mut dyn Storage, records: Vec<RecordKey>, own: Vec<(RepositoryName, EventId)>) -> Loaded {
    let asked = (records.len(), own.len());
    let (loaded, answered) = load_some(storage, records, own, usize::MAX);
    assert_eq!(answered, asked, "with room for all, all is answered");
    loaded
}

/// What is loaded within so many bytes, and for how many of the records and of the events that is the answer.
fn load_some(
    storage: &mut dyn Storage,
    records: Vec<RecordKey>,
    own: Vec<(RepositoryName, EventId)>,
    max_bytes: usize,
) -> (Loaded, (usize, usize)) {
    let request = StorageRequest::Load {
        records,
        own,
        max_bytes,
    };
    match storage.request(request) {
        Ok(StorageReply::Loaded {
            records,
            layers,
            own,
            answered_records,
            answered_own,
        }) => ((records, layers, own), (answered_records, answered_own)),
        other => panic!("Load was answered with {other:?}"),
    }
}

fn load_own(storage: &mut dyn Storage, local: u64) -> Option<OwnEvent> {
    let wanted = vec![(repository("r"), event_id(&format!("event-{local}")))];
    load(storage, Vec::new(), wanted).2.pop()
}

fn reader(storage: &dyn Storage) -> Box<dyn Reader> {
    storage.reader().expect("an open storage gives readers")
}

fn locals(events: &[OwnEvent]) -> Vec<u64> {
    events.iter().map(|event| event.local.0).collect()
}

fn ids(records: &[StoredRecord]) -> Vec<&str> {
    records.iter().map(|record| &*record.key.record).collect()
}
