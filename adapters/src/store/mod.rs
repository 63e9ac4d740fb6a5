//! Where a server keeps its logs.
//!
//! A [`Store`] appends batches and reads pages; it decides sequences and detects repeats, in one transaction. It is
//! asked by value and answers through a callback, on any thread, so that it binds to every runtime and to none.

use driftless_core::event::{EventBatch, EventId, RecordId, Sequence};
use driftless_core::name::{LogName, Namespace, RepositoryName};
use driftless_core::server::{Append, Appended, Committed, Page, PageRequest, StoreFailure};
use driftless_core::wire::Epoch;
use std::sync::Arc;

/// Called once with the outcome of a request, on a thread of the store's or on the caller's. Must not block.
pub type Done<T> = Box<dyn FnOnce(Result<T, StoreFailure>) + Send>;

/// Called for every commit, in sequence order for each log, on a thread of the store's or on an appender's. Must not
/// block.
pub type CommitSink = Arc<dyn Fn(Committed) + Send + Sync>;

/// A repository as `GET /api/repositories` lists it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RepositorySummary {
    /// Its name.
    pub name: RepositoryName,
    /// How many events it holds.
    pub events: u64,
    /// The sequence of its last event.
    pub head: Sequence,
}

/// Where a server keeps its logs. The conformance suite (feature `conformance`) says what an implementation must do.
pub trait Store: Send + Sync + 'static {
    /// The random id that the store keeps from its creation.
    fn epoch(&self) -> Epoch;

    /// How many appends are worth having under way at once.
    fn lanes(&self) -> usize {
        1
    }

    /// Makes events durable, all or none. In the same transaction each event gets the next sequence of its log, unless
    /// its id is there already. Tells the [`CommitSink`] of the new events, then `done`.
    fn append(&self, events: Append, done: Done<Appended>);

    /// Reads a page of a log.
    fn read(&self, page: PageRequest, done: Done<Page>);

    /// Lists the repositories of a namespace that hold events, in order of their names.
    fn repositories(&self, namespace: Namespace, done: Done<Vec<RepositorySummary>>);

    /// Finds one event by its id; a batch of one, or `None`.
    fn event(&self, log: LogName, id: EventId, done: Done<Option<EventBatch>>);

    /// Finds the newest event of a record; a batch of one, or `None`.
    fn newest(&self, log: LogName, record: RecordId, done: Done<Option<EventBatch>>);

    /// Whether the store can be read and written now.
    fn check(&self, done: Done<()>);

    /// Sets who is told of commits from now on, this process's own and those of others on the same store.
    fn watch(&self, sink: CommitSink);
}
