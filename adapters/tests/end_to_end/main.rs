//! One suite for every runtime: each client runtime against each server runtime, over real sockets, with and without TLS.

#![cfg(all(feature = "tokio", feature = "smol", feature = "blocking", feature = "sqlite"))]
#![allow(clippy::unwrap_used, reason = "these are tests")]

mod access;
mod data;
mod hooks;
/// The published server, which the server's own acceptance tests need as well.
#[path = "../../../server/tests/acceptance/support/plain_server.rs"]
#[allow(dead_code, reason = "these tests need a part of it")]
mod plain_server;
mod strategies;
mod syncing;
mod version_skew;
mod watching;
mod world;

use world::{Kind, World};

/// Scenarios on a pair of runtimes.
macro_rules! on {
    ($pair:ident, $client:ident, versions) => {
        mod $pair {
            use super::{Kind, World};

            on!(@ $client, Tokio, false:
                version_skew::the_published_server_is_synced_with,
                version_skew::a_server_of_a_later_version_is_understood,
                version_skew::a_client_of_a_later_version_is_served,
            );
        }
    };
    ($pair:ident, $client:ident, $server:ident, $secure:literal) => {
        mod $pair {
            use super::{Kind, World};

            on!(@ $client, $server, $secure:
                syncing::two_clients_see_what_each_other_writes,
                syncing::what_was_written_offline_arrives_in_order_and_a_restarted_server_loses_nothing,
                syncing::many_writers_and_large_events_arrive_once_each,
                syncing::concurrent_changes_end_as_the_policy_of_the_repository_says,
                access::a_refused_token_is_refreshed_and_another_is_shown_on_the_live_connection,
                access::a_rejected_change_is_told_kept_retried_revised_and_dismissed,
                watching::a_watched_query_tells_every_change_that_matters,
                data::a_batch_is_all_or_nothing_and_namespaces_are_apart,
                data::a_repository_is_exported_imported_cleared_and_read_again,
                hooks::a_filter_says_where_history_begins_and_every_page_is_told,
                strategies::rounds_sync_when_they_are_told_to_and_no_sooner,
            );
        }
    };
    (@ $client:ident, $server:ident, $secure:literal: $($file:ident::$scenario:ident,)+) => {
        $(
            #[test]
            fn $scenario() {
                World::run(Kind::$client, Kind::$server, $secure, super::$file::$scenario);
            }
        )+
    };
}

on!(tokio_to_tokio, Tokio, Tokio, false);
on!(tokio_to_smol, Tokio, Smol, false);
on!(tokio_to_threads, Tokio, Threads, false);
on!(smol_to_tokio, Smol, Tokio, false);
on!(smol_to_smol, Smol, Smol, false);
on!(smol_to_threads, Smol, Threads, false);
on!(threads_to_tokio, Threads, Tokio, false);
on!(threads_to_smol, Threads, Smol, false);
on!(threads_to_threads, Threads, Threads, false);

on!(versions_on_tokio, Tokio, versions);
on!(versions_on_smol, Smol, versions);
on!(versions_on_threads, Threads, versions);

on!(tls_on_tokio, Tokio, Tokio, true);
on!(tls_on_smol, Smol, Smol, true);
on!(tls_on_threads, Threads, Threads, true);
