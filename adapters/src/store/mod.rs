//! Where a server keeps its logs.
//!
//! A [`Store`] appends batches and reads pages; it decides sequences and detects repeats, in one transaction. It is
//! asked by value and answers through a callback, on any thread, so that it binds to every runtime and to none.
//! [`Memory`] is the store of tests and trials; `driftless-server` has the durable ones.

#[cfg(any(test, feature = "conformance"))]
pub mod conformance;
mod memory;

pub use memory::Memory;

use driftless_core::event::{EventBatch, EventId, RecordId, Sequence};
use driftless_core::name::{LogName, Namespace, RepositoryName};
use driftless_core::server::{Append, Appended, Committed, Page, PageRequest, StoreFailure};
use driftless_core::wire::Epoch;
use std::sync::{Arc, mpsc};

/// Called once with the outcome of a request, on a thread of the store's or of one of its callers. May ask the
/// store for more; must not block.
pub type Done<T> = Box<dyn FnOnce(Result<T, StoreFailure>) + Send>;

/// Called for every commit, in sequence order for each log, on a thread of the store's or of one of its callers. May
/// ask the store for more; must not block.
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

/// Asks a store and blocks until it answers, for tools and tests: `wait(|done| store.check(done))`.
pub fn wait<T: Send + 'static>(ask: impl FnOnce(Done<T>)) -> Result<T, StoreFailure> {
    let (sender, receiver) = mpsc::sync_channel(1);
    ask(Box::new(move |result| {
        // Fails only where the asker has panicked meanwhile.
        let _ = sender.send(result);
    }));
    receiver.recv().unwrap_or_else(|_| {
        Err(StoreFailure {
            detail: "the store has stopped without an answer".into(),
        })
    })
}

/// A new random epoch, for a store that is being created.
///
/// # Panics
/// If the operating system has no random numbers to give.
pub fn random_epoch() -> Epoch {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).expect("the operating system gives random numbers");
    let text = format!("{:032x}", u128::from_be_bytes(bytes));
    Epoch::new(text).expect("32 digits are an epoch")
}
