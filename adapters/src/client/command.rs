//! What the application asks of a running client.

use super::receipt::Receipt;
use driftless_core::client::{Blocked, Change, ClientCredentials, ConnectionState, RequestId, WriteError};
use driftless_core::event::{EventId, Sequence};
use driftless_core::name::RepositoryName;
use std::collections::BTreeMap;
use std::fmt;

/// Called once with an answer; dropped without being called when the client ends before there is one. Must not block.
pub type Done<T> = Box<dyn FnOnce(T) + Send>;

/// What became of a write.
pub type WriteResult = Result<Receipt, WriteError>;

/// Why a client could not read and push everything. It goes on by itself once it is shown other credentials, or is
/// started again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SyncFailed(
    /// Why, in one sentence.
    pub String,
);

/// What the application asks of a running client.
pub enum Command {
    /// Changes records, all of them in one transaction or none.
    Write {
        /// Names it in [`Notice::Written`](driftless_core::client::Notice::Written); the caller takes a new one each time.
        request: RequestId,
        /// The changes, in order.
        changes: Vec<Change>,
        /// Rejected events that are forgotten in the same transaction.
        dismiss: Vec<(RepositoryName, EventId)>,
        /// Told once they are durable here, or why they were not made.
        done: Done<WriteResult>,
    },
    /// Waits until everything that was written before is acked or was refused for good.
    Flush {
        /// Told then.
        done: Done<()>,
    },
    /// Asks how the client stands.
    Status {
        /// Told as soon as storage is open, or fails to open.
        done: Done<Status>,
    },
    /// Other credentials: shown at once on a live connection.
    Credentials(ClientCredentials),
    /// Folds a repository again from 0.
    Resync(RepositoryName),
    /// Forgets a repository, and reads it again as that of a new client.
    Clear {
        /// Which repository.
        repository: RepositoryName,
        /// Told once it is forgotten.
        done: Done<()>,
    },
    /// Reads and pushes everything now, whatever the strategy.
    Sync {
        /// Told once everything is read and pushed, or why that cannot be.
        done: Done<Result<(), SyncFailed>>,
    },
    /// The network has come, or has gone.
    Connectivity(bool),
    /// Closes the connection and ends. What is pending stays in storage.
    Stop,
}

impl fmt::Debug for Command {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write { request, changes, .. } => f.debug_tuple("Write").field(request).field(changes).finish(),
            Self::Clear { repository, .. } => f.debug_tuple("Clear").field(repository).finish(),
            Self::Sync { .. } => f.write_str("Sync"),
            Self::Connectivity(there) => f.debug_tuple("Connectivity").field(there).finish(),
            Self::Flush { .. } => f.write_str("Flush"),
            Self::Status { .. } => f.write_str("Status"),
            // Credentials stay out of logs.
            Self::Credentials(_) => f.write_str("Credentials"),
            Self::Resync(repository) => f.debug_tuple("Resync").field(repository).finish(),
            Self::Stop => f.write_str("Stop"),
        }
    }
}

/// How a client stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    /// The connection.
    pub connection: ConnectionState,
    /// How many own events are not acked, over all repositories.
    pub pending: u64,
    /// Why the outbox does not move; `None` if it does or is empty.
    pub blocked: Option<Blocked>,
    /// The durable cursor of each repository; none before storage is open.
    pub cursors: BTreeMap<RepositoryName, Sequence>,
}
