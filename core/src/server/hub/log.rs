//! The logs that somebody reads, and where each reader stands.

use crate::event::{EventBatch, EventId, Json, Sequence};
use crate::name::{LogName, Namespace, RepositoryName};
use crate::server::ConnectionId;
use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;

/// One connection in one log.
#[derive(Clone, Debug)]
pub(super) struct Reader {
    /// Everything up to here was given to the connection.
    pub(super) position: Sequence,
    /// What it waits for.
    pub(super) state: ReaderState,
    /// What is to be said and checked at the start of an extended peer's stream; gone once it was live.
    pub(super) start: Option<Box<Start>>,
    /// What was committed while a page was read.
    missed: Option<Box<Missed>>,
}

/// Runs of events that were committed while a page was read: the page may not hold them. Without them a reader of a
/// log that grows all the time would need one more page for ever.
#[derive(Clone, Debug, Default)]
struct Missed {
    runs: VecDeque<Arc<EventBatch>>,
    bytes: usize,
}

/// What a reader waits for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ReaderState {
    /// The next commit.
    Live,
    /// Its turn at the store: its connection's work holds it.
    CatchingUp,
    /// A page of the store.
    Reading,
    /// The end of a plain peer's hold.
    Held,
    /// The end of the plain peer's request that moves it.
    Answering,
}

/// How an extended peer's stream starts.
#[derive(Clone, Debug)]
pub(super) struct Start {
    /// The `ref` of the `subscribe`.
    pub(super) reference: Option<Json>,
    /// The last event that the client has applied, until it is checked.
    pub(super) seen: Option<(Sequence, EventId)>,
    /// The client's cursor belongs to another epoch.
    pub(super) epoch_changed: bool,
}

impl Reader {
    pub(super) fn new(position: Sequence, state: ReaderState) -> Self {
        Self {
            position,
            state,
            start: None,
            missed: None,
        }
    }

    /// Remembers a run that was committed while a page is read, and of all those the newest `most` bytes.
    pub(super) fn miss(&mut self, run: &Arc<EventBatch>, most: usize) {
        let missed = self.missed.get_or_insert_default();
        missed.bytes += run.bytes();
        missed.runs.push_back(run.clone());
        while missed.bytes > most
            && let Some(oldest) = missed.runs.pop_front()
        {
            missed.bytes -= oldest.bytes();
        }
    }

    /// Takes what was committed while a page was read.
    pub(super) fn take_missed(&mut self) -> VecDeque<Arc<EventBatch>> {
        self.missed.take().map_or_else(VecDeque::new, |missed| missed.runs)
    }
}

/// A log with at least one reader, or which plain peers are about to meet.
#[derive(Clone, Debug, Default)]
pub(super) struct Log {
    /// The last sequence that a commit was reported with since the log has readers.
    pub(super) head: Sequence,
    /// The [`Space::version`] at which every plain peer that may read the log had a reader.
    pub(super) met: u64,
    /// Who reads it.
    pub(super) readers: BTreeMap<ConnectionId, Reader>,
}

/// A namespace with a plain peer or a log that is read.
#[derive(Clone, Debug, Default)]
pub(super) struct Space {
    /// Its plain peers: they read every log that they may, without asking.
    pub(super) plain: BTreeSet<ConnectionId>,
    /// Grows whenever a plain peer comes or gets other rights.
    pub(super) version: u64,
    /// Its logs.
    pub(super) logs: BTreeMap<RepositoryName, Log>,
}

/// Every log that somebody reads. Nothing is kept of the others.
#[derive(Clone, Debug, Default)]
pub(super) struct Logs(BTreeMap<Namespace, Space>);

impl Logs {
    /// The namespace, if it has plain peers or logs that are read.
    pub(super) fn space(&mut self, namespace: &Namespace) -> Option<&mut Space> {
        self.0.get_mut(namespace)
    }

    /// The log, if it is read.
    pub(super) fn log(&mut self, log: &LogName) -> Option<&mut Log> {
        self.0.get_mut(&log.namespace)?.logs.get_mut(&log.repository)
    }

    /// A reader, and the head of its log.
    pub(super) fn reader(
        &mut self,
        namespace: &Namespace,
        repository: &RepositoryName,
        id: ConnectionId,
    ) -> Option<(&mut Reader, Sequence)> {
        let log = self.0.get_mut(namespace)?.logs.get_mut(repository)?;
        let head = log.head;
        log.readers.get_mut(&id).map(|reader| (reader, head))
    }

    /// Adds a reader, in place of one of the same connection.
    pub(super) fn insert(
        &mut self,
        namespace: &Namespace,
        repository: &RepositoryName,
        id: ConnectionId,
        reader: Reader,
    ) {
        let space = self.0.entry(namespace.clone()).or_default();
        let log = space.logs.entry(repository.clone()).or_default();
        log.readers.insert(id, reader);
    }

    /// Removes a reader, and what nobody needs any more then.
    pub(super) fn remove(&mut self, namespace: &Namespace, repository: &RepositoryName, id: ConnectionId) {
        let Some(space) = self.0.get_mut(namespace) else { return };
        if let Some(log) = space.logs.get_mut(repository) {
            log.readers.remove(&id);
            if log.readers.is_empty() {
                space.logs.remove(repository);
            }
        }
        self.sweep(namespace);
    }

    /// A plain peer comes, or gets other rights.
    pub(super) fn add_plain(&mut self, namespace: &Namespace, id: ConnectionId) {
        let space = self.0.entry(namespace.clone()).or_default();
        space.plain.insert(id);
        space.version += 1;
    }

    /// A plain peer goes.
    pub(super) fn remove_plain(&mut self, namespace: &Namespace, id: ConnectionId) {
        if let Some(space) = self.0.get_mut(namespace) {
            space.plain.remove(&id);
        }
        self.sweep(namespace);
    }

    /// How many readers there are.
    pub(super) fn readers(&self) -> usize {
        let logs = self.0.values().flat_map(|space| space.logs.values());
        logs.map(|log| log.readers.len()).sum()
    }

    /// Whether nothing is kept.
    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn sweep(&mut self, namespace: &Namespace) {
        let unused = |space: &Space| space.plain.is_empty() && space.logs.is_empty();
        if self.0.get(namespace).is_some_and(unused) {
            self.0.remove(namespace);
        }
    }
}
