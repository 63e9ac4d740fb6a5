//! Why a request to the database failed.

use crate::storage::QueryError;
use driftless_core::client::StorageFailure;

/// Why a request to the database failed; nothing was changed.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// SQLite failed: the disk is full, the file is damaged, …
    #[error("{0}")]
    Sqlite(#[from] rusqlite::Error),
    /// A row holds what this storage never writes.
    #[error("the database is damaged: {0}")]
    Damaged(&'static str),
    /// A change breaks a rule of the storage.
    #[error("{0}")]
    Rule(&'static str),
    /// A query, or an index, that no storage answers.
    #[error(transparent)]
    Query(#[from] QueryError),
}

impl From<Failure> for StorageFailure {
    fn from(failure: Failure) -> Self {
        Self {
            detail: failure.to_string(),
        }
    }
}
