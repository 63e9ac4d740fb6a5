//! Where a client keeps its records, cursors and outbox.
//!
//! A [`Storage`] is written by one client at a time, through the requests of the client machine, and read by the
//! application through any number of [`Reader`]s, which see whole transactions only.
//!
//! | storage | where |
//! |---|---|
//! | [`MemoryStorage`] | in this process, gone with it |
//! | [`SqliteStorage`] | in one SQLite file, one for each namespace (feature `sqlite`) |
//!
//! Records are read by their ids or by a [`Query`], which every storage answers alike; see [`query`].
//!
//! The suite in `conformance` (feature `conformance`) says what an implementation must do.

#[cfg(feature = "conformance")]
pub mod conformance;
mod memory;
mod memory_repository;
pub mod query;
#[cfg(feature = "sqlite")]
mod sqlite;

pub use memory::MemoryStorage;
pub use query::{Comparison, Condition, Direction, Index, Order, Query, QueryError, QueryRow, Value};
#[cfg(feature = "sqlite")]
pub use sqlite::{SqliteOpenError, SqliteStorage};

use driftless_core::client::{
    LocalSequence, OwnEvent, RecordKey, StorageFailure, StorageReply, StorageRequest, StoredRecord,
};
use driftless_core::event::RecordId;
use driftless_core::name::RepositoryName;

/// The writing side of a client's storage. Blocks; a driver gives it a thread of its own.
pub trait Storage: Send + 'static {
    /// Carries out one request of the machine. When it returns from a commit, the changes are durable.
    fn request(&mut self, request: StorageRequest) -> Result<StorageReply, StorageFailure>;

    /// Keeps these indexes over the records from now on, and no others: makes those that are missing, which takes a
    /// while where there are many records, and drops those that were declared before and are not now. With the same
    /// indexes as before it does nothing. Fails for an index that [`Index::check`] refuses.
    ///
    /// Indexes make queries faster and writes slower, and change no answer. A storage may ignore them, as this default
    /// does.
    fn declare_indexes(&mut self, indexes: &[Index]) -> Result<(), StorageFailure> {
        indexes.iter().try_for_each(Index::check)?;
        Ok(())
    }

    /// Another reader of the same data.
    fn reader(&self) -> Result<Box<dyn Reader>, StorageFailure>;
}

/// The reading side of a client's storage. Each call sees one moment: all of a transaction or nothing of it.
pub trait Reader: Send + 'static {
    /// One record; `None` if it never existed. A deleted one has a visible state without data.
    fn record(&mut self, key: &RecordKey) -> Result<Option<StoredRecord>, StorageFailure>;

    /// The records of a repository that are visible and not deleted, in order of their ids (compared byte for byte),
    /// behind `after`, at most `max`.
    fn records(
        &mut self,
        repository: &RepositoryName,
        after: Option<&RecordId>,
        max: usize,
    ) -> Result<Vec<StoredRecord>, StorageFailure>;

    /// One record as the application sees it; `None` if it sees none. A deleted one has no data.
    fn row(&mut self, key: &RecordKey) -> Result<Option<QueryRow>, StorageFailure>;

    /// The records of a repository that a query asks for, in its order. Fails for a query that [`Query::check`]
    /// refuses. It costs what it goes through: what it returns, where a declared [`Index`] or the ids give the
    /// conditions and the order; the whole repository elsewhere.
    fn query(&mut self, repository: &RepositoryName, query: &Query) -> Result<Vec<QueryRow>, StorageFailure>;

    /// How many records of a repository meet the conditions of a query; its order, limit and offset play no part.
    /// Fails for a query that [`Query::check`] refuses.
    fn count(&mut self, repository: &RepositoryName, query: &Query) -> Result<u64, StorageFailure>;

    /// Own events that are pending, over all repositories, in local order, behind `after`, at most `max`.
    fn pending(&mut self, after: LocalSequence, max: usize) -> Result<Vec<OwnEvent>, StorageFailure>;

    /// Own events that were rejected for good, over all repositories, in local order, behind `after`, at most `max`.
    fn rejected(&mut self, after: LocalSequence, max: usize) -> Result<Vec<OwnEvent>, StorageFailure>;
}
