//! The client machine: connection, outbox, pull and replica.
//!
//! [`Client`] holds cursors, the window in flight and the page being applied, never the whole data set: records live in
//! the host's storage and are loaded by [`StorageRequest`]. At most one storage request is under way; a local write goes
//! ahead of the next page, never between a page's load and its commit.

mod config;
mod event_text;
mod fields;
mod machine;
mod policy;
mod received;
mod storage;

pub use config::{ClientConfig, ClientCredentials, ClientLimits, RepositoryConfig, Strategy, Timing};
pub use machine::{
    Blocked, Change, ChangeKind, Client, ClientAction, ClientInput, ConnectionState, FilterId, Notice, Origin,
    RequestId, SocketId, SyncFilter, Write, WriteError,
};
pub use policy::{LastWriteWins, MergeFields, Policy, ServerOrder};
pub use received::Received;
pub use storage::{
    ByteBudget, Cursor, LocalSequence, Opened, OwnEvent, OwnState, RecordKey, RepositoryRow, State, StorageChange,
    StorageFailure, StorageId, StorageReply, StorageRequest, StoredRecord, Transaction,
};
