//! What every [`Store`] must do, as tests that an implementation runs against itself.
//!
//! Each public function is one law. It takes a [`Subject`], which makes stores, and panics where a store breaks the
//! law. [`store_conformance!`](crate::store_conformance) turns all of them into tests:
//!
//! ```
//! # use driftless::store::{Memory, Store, conformance::Subject};
//! # use std::sync::Arc;
//! struct Memories;
//!
//! impl Subject for Memories {
//!     fn create(&mut self) -> Arc<dyn Store> {
//!         Arc::new(Memory::new())
//!     }
//!
//!     fn reopen(&mut self) -> Option<Arc<dyn Store>> {
//!         None
//!     }
//! }
//!
//! driftless::store_conformance!(Memories);
//! ```

// Every law panics where it is broken; that is what it is for.
#![allow(clippy::missing_panics_doc)]

mod appends;
mod concurrency;
mod fixture;
mod lookups;
mod model;
mod names;
mod pages;
mod reopening;
mod watching;

pub use appends::*;
pub use concurrency::*;
pub use lookups::*;
pub use model::*;
pub use names::*;
pub use pages::*;
pub use reopening::*;
pub use watching::*;

use super::Store;
use std::sync::Arc;

/// Makes the stores that the laws are tried on.
pub trait Subject {
    /// A new, empty store that shares nothing with those made before.
    fn create(&mut self) -> Arc<dyn Store>;

    /// Opens what was created last once more, after its last handle was dropped. `None` if the store does not outlive
    /// its handles.
    fn reopen(&mut self) -> Option<Arc<dyn Store>>;
}

/// Makes a `#[test]` of every law. Takes an expression that makes a [`Subject`](crate::store::conformance::Subject).
#[macro_export]
macro_rules! store_conformance {
    ($subject:expr) => {
        $crate::store_conformance!(@laws $subject;
            sequences_are_dense_from_one
            runs_of_several_logs_are_numbered_each_by_its_log
            a_repeat_within_an_append_is_a_duplicate_of_the_first
            a_repeat_in_a_later_append_is_a_duplicate_and_stores_nothing
            another_body_under_a_known_id_is_a_conflict_and_changes_nothing
            duplicates_between_new_events_leave_no_gap
            an_empty_append_succeeds
            the_same_id_in_two_logs_is_two_events
            a_large_append_is_stored_whole
            repository_names_are_compared_byte_for_byte
            event_ids_are_compared_byte_for_byte
            record_ids_are_compared_byte_for_byte
            bodies_come_back_byte_for_byte
            a_log_that_does_not_exist_is_empty
            a_page_has_at_most_max_events
            a_page_has_at_most_max_bytes
            a_first_event_larger_than_max_bytes_comes_alone
            a_page_at_or_above_the_head_is_empty
            pages_follow_each_other_without_a_gap
            an_event_is_found_by_its_id
            the_newest_event_of_a_record_is_found
            repositories_are_listed_in_order_of_their_names
            a_store_that_works_passes_its_check
            commits_are_told_before_the_append_is_done
            only_new_events_are_told
            a_commit_is_told_once_for_each_log
            a_new_watcher_takes_the_place_of_the_old
            callbacks_may_ask_for_more
            concurrent_appends_make_one_order
            the_same_events_from_many_threads_are_stored_once
            a_reader_beside_writers_sees_no_gap
            everything_survives_reopening
            sequences_go_on_after_reopening
            the_epoch_is_kept_by_a_store_and_differs_between_stores
            unplanned_histories_agree_with_the_memory_store
        );
    };
    (@laws $subject:expr; $($law:ident)*) => {
        $(
            #[test]
            fn $law() {
                $crate::store::conformance::$law(&mut $subject);
            }
        )*
    };
}
