//! Clients and the server, paired in memory in virtual time.

#![allow(clippy::unwrap_used)]

/// Compares text with the kept snapshot of the calling test.
macro_rules! assert_kept {
    ($text:expr) => {
        insta::with_settings!({ omit_expression => true }, { insta::assert_snapshot!($text) })
    };
}

mod chaos;
mod client_host;
mod disk;
mod errors;
mod extended_peer;
mod history;
mod link;
mod local_data;
mod oracle;
mod outbox;
mod peer;
mod plain_peer;
mod published;
mod server_host;
mod states;
mod store;
mod streaming;
mod trace;
mod world;
