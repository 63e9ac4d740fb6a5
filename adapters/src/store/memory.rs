//! A store that lives and dies with its process.

use super::{CommitSink, Done, RepositorySummary, Store, random_epoch};
use bytes::Bytes;
use driftless_core::event::{EventBatch, EventBatchBuilder, EventId, NewEvent, RecordId, Sequence};
use driftless_core::name::{LogName, Namespace};
use driftless_core::server::{Append, AppendOutcome, Appended, Committed, Page, PageRequest, StoreFailure};
use driftless_core::wire::Epoch;
use std::collections::{BTreeMap, HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// A store that lives and dies with its process, for tests, demonstrations and data that may be lost.
///
/// It keeps every event, so its size is bounded by what is pushed alone. Callbacks run on the threads that ask.
#[derive(Debug)]
pub struct Memory {
    epoch: Epoch,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    logs: BTreeMap<LogName, Log>,
    sink: Option<CommitSink>,
    /// What has been committed and not yet told, in commit order. Told outside the lock, so that a callback may ask
    /// for more, by one thread at a time, so that the order holds.
    untold: VecDeque<Notice>,
    telling: bool,
}

enum Notice {
    Committed(CommitSink, Committed),
    Done(Done<Appended>, Appended),
}

#[derive(Clone, Debug, Default)]
struct Log {
    /// The event of sequence n is at n - 1.
    events: Vec<Stored>,
    ids: HashMap<EventId, Sequence>,
    newest: HashMap<RecordId, Sequence>,
}

#[derive(Clone, Debug)]
struct Stored {
    text: Bytes,
    package_complete: bool,
}

impl Memory {
    /// An empty store with a new epoch.
    pub fn new() -> Self {
        Self::with_epoch(random_epoch())
    }

    /// An empty store with a given epoch, for runs that have to be repeatable.
    pub fn with_epoch(epoch: Epoch) -> Self {
        Self {
            epoch,
            state: Mutex::default(),
        }
    }

    /// A copy of the present content under the same epoch: what restoring a backup gives.
    #[must_use]
    pub fn backup(&self) -> Self {
        let logs = self.state().logs.clone();
        Self {
            epoch: self.epoch.clone(),
            state: Mutex::new(State {
                logs,
                ..State::default()
            }),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        // Nothing that runs under the lock can panic half-way through a change.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn one(&self, log: &LogName, find: impl FnOnce(&Log) -> Option<Sequence>) -> Option<EventBatch> {
        let state = self.state();
        let log = state.logs.get(log)?;
        let sequence = find(log)?;
        let mut batch = EventBatchBuilder::new(sequence);
        log.at(sequence)?.append_to(&mut batch);
        Some(batch.build())
    }

    /// Tells what has been committed, unless another thread (or a caller further up on this one) is at it already.
    fn tell(&self) {
        {
            let mut state = self.state();
            if state.telling {
                return;
            }
            state.telling = true;
        }
        let _stop = StopTelling(self);
        while let Some(notice) = self.next_notice() {
            match notice {
                Notice::Committed(sink, committed) => sink(committed),
                Notice::Done(done, appended) => done(Ok(appended)),
            }
        }
    }

    fn next_notice(&self) -> Option<Notice> {
        let mut state = self.state();
        let notice = state.untold.pop_front();
        // Under the same lock, or a notice that comes right now would be left to nobody.
        state.telling = notice.is_some();
        notice
    }
}

/// Lets others tell again if a callback panics.
struct StopTelling<'a>(&'a Memory);

impl Drop for StopTelling<'_> {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.state().telling = false;
        }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for State {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("State")
            .field("logs", &self.logs.len())
            .finish_non_exhaustive()
    }
}

impl Store for Memory {
    fn epoch(&self) -> Epoch {
        self.epoch.clone()
    }

    fn append(&self, events: Append, done: Done<Appended>) {
        self.state().commit(events, done);
        self.tell();
    }

    fn read(&self, page: PageRequest, done: Done<Page>) {
        let page = match self.state().logs.get(&page.log) {
            Some(log) => log.page(&page),
            None => Log::default().page(&page),
        };
        done(Ok(page));
    }

    fn repositories(&self, namespace: Namespace, done: Done<Vec<RepositorySummary>>) {
        let state = self.state();
        let of_namespace = state.logs.iter().filter(|(name, _)| name.namespace == namespace);
        let summaries = of_namespace.map(|(name, log)| RepositorySummary {
            name: name.repository.clone(),
            events: log.head().get(),
            head: log.head(),
        });
        let summaries = summaries.collect();
        drop(state);
        done(Ok(summaries));
    }

    fn event(&self, log: LogName, id: EventId, done: Done<Option<EventBatch>>) {
        done(Ok(self.one(&log, |log| log.ids.get(&id).copied())));
    }

    fn newest(&self, log: LogName, record: RecordId, done: Done<Option<EventBatch>>) {
        done(Ok(self.one(&log, |log| log.newest.get(&record).copied())));
    }

    fn check(&self, done: Done<()>) {
        done(Ok::<(), StoreFailure>(()));
    }

    fn watch(&self, sink: CommitSink) {
        self.state().sink = Some(sink);
    }
}

impl State {
    fn commit(&mut self, append: Append, done: Done<Appended>) {
        let mut grown: BTreeMap<LogName, EventBatchBuilder> = BTreeMap::new();
        let mut outcomes = Vec::new();
        for run in append.runs.into_iter().filter(|run| !run.events.is_empty()) {
            let log = self.logs.entry(run.log.clone()).or_default();
            let batch = grown
                .entry(run.log)
                .or_insert_with(|| EventBatchBuilder::new(log.head().next()));
            outcomes.extend(run.events.iter().map(|event| log.append(event, batch)));
        }
        if let Some(sink) = &self.sink {
            let grown = grown.into_iter().filter(|(_, batch)| !batch.is_empty());
            self.untold.extend(grown.map(|(log, batch)| {
                let events = Arc::new(batch.build());
                Notice::Committed(Arc::clone(sink), Committed { log, events })
            }));
        }
        self.untold.push_back(Notice::Done(done, Appended { outcomes }));
    }
}

impl Log {
    fn head(&self) -> Sequence {
        Sequence::new(self.events.len() as u64)
    }

    fn at(&self, sequence: Sequence) -> Option<&Stored> {
        self.behind(sequence.previous()).first()
    }

    /// The events behind a position.
    fn behind(&self, after: Sequence) -> &[Stored] {
        let after = usize::try_from(after.get()).unwrap_or(usize::MAX);
        self.events.get(after..).unwrap_or_default()
    }

    fn append(&mut self, event: &NewEvent, batch: &mut EventBatchBuilder) -> AppendOutcome {
        if let Some(&sequence) = self.ids.get(&event.id) {
            let same = |stored: &Stored| EventBatch::same_body(&stored.text, sequence, &event.body);
            return if self.at(sequence).is_some_and(same) {
                AppendOutcome::Duplicate(sequence)
            } else {
                AppendOutcome::Conflict(sequence)
            };
        }
        let (sequence, text) = batch.append(event);
        self.events.push(Stored {
            text: Bytes::copy_from_slice(text),
            package_complete: event.package_complete,
        });
        self.ids.insert(event.id.detached(), sequence);
        self.newest.insert(event.record_id.detached(), sequence);
        AppendOutcome::Stored(sequence)
    }

    fn page(&self, request: &PageRequest) -> Page {
        let mut events = EventBatchBuilder::new(request.after.next());
        for event in self.behind(request.after).iter().take(request.max_events) {
            if !events.is_empty() && events.bytes() + 1 + event.text.len() > request.max_bytes {
                break;
            }
            event.append_to(&mut events);
        }
        Page {
            events: events.build(),
            head: self.head(),
        }
    }
}

impl Stored {
    fn append_to(&self, batch: &mut EventBatchBuilder) {
        batch.append_stored(&self.text, self.package_complete);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::conformance::Subject;

    struct Memories;

    impl Subject for Memories {
        fn create(&mut self) -> Arc<dyn Store> {
            Arc::new(Memory::new())
        }

        fn reopen(&mut self) -> Option<Arc<dyn Store>> {
            None
        }
    }

    crate::store_conformance!(Memories);
}
