//! The server's store.
//!
//! Logs with dense sequences, kept as the text in which events are sent. An append becomes durable when it is finished,
//! or when a crash happens to keep it; several may be under way, one a lane.

use super::index::Index;
use super::journal::{Crash, Journal};
use crate::random::Random;
use bytestring::ByteString;
use driftless_core::event::{EventBatch, EventBatchBuilder, EventId, NewEvent, Sequence, StoredEvent};
use driftless_core::name::{LogName, Namespace, RepositoryName};
use driftless_core::server::{Append, AppendId, AppendOutcome, AppendRun, Appended, Committed, Page, PageRequest};
use driftless_core::wire::Epoch;
use std::collections::BTreeMap;
use std::collections::hash_map::Entry;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

/// What survives the server's crash.
#[derive(Clone, Debug)]
pub struct ServerStore {
    epoch: Epoch,
    logs: BTreeMap<LogName, Log>,
    journal: Journal<AppendId, Append>,
    /// What a log that does not exist looks like.
    empty: Log,
}

/// A copy of a store. It shares the events with the store: making one costs little.
#[derive(Clone, Debug)]
pub struct Backup {
    epoch: Epoch,
    logs: BTreeMap<LogName, Vec<Arc<Chunk>>>,
}

/// The durable events of one repository.
#[derive(Clone, Debug, Default)]
pub struct Log {
    /// What each commit stored, in order.
    chunks: Vec<Arc<Chunk>>,
    by_id: Index<EventId, Sequence>,
}

/// What one commit stored in one log.
#[derive(Debug, Hash)]
struct Chunk {
    events: Arc<EventBatch>,
    ids: Vec<EventId>,
}

impl ServerStore {
    /// An empty store.
    pub fn new(epoch: Epoch) -> Self {
        Self {
            epoch,
            logs: BTreeMap::new(),
            journal: Journal::new(),
            empty: Log::default(),
        }
    }

    /// Writes events, without a sync.
    pub fn begin_append(&mut self, append: AppendId, events: Append) {
        self.journal.write(append, events);
    }

    /// Syncs an append: the outcomes, and for each log that has grown what is new. Nothing for one that is not under
    /// way.
    pub fn finish_append(&mut self, append: AppendId) -> (Appended, Vec<Committed>) {
        match self.journal.take(&append) {
            Some(events) => self.commit(events),
            None => (Appended { outcomes: Vec::new() }, Vec::new()),
        }
    }

    /// Refuses an append. Nothing was stored.
    pub fn fail_append(&mut self, append: AppendId) {
        self.journal.take(&append);
    }

    /// The appends that are under way, in the order of their beginning.
    pub fn appends(&self) -> impl Iterator<Item = (AppendId, &Append)> {
        self.journal.unsynced().map(|(append, events)| (*append, events))
    }

    /// The process dies; says what became of each append under way, and what the kept ones have stored.
    pub fn crash(&mut self, random: &mut Random) -> (Vec<Crash>, Vec<Committed>) {
        let (mut crashes, mut stored) = (Vec::new(), Vec::new());
        for (crash, kept) in self.journal.crash(random) {
            crashes.push(crash);
            if let Some(events) = kept {
                stored.extend(self.commit(events).1);
            }
        }
        (crashes, stored)
    }

    /// The process dies, and what becomes of the appends under way is given, not drawn.
    pub fn crash_with(&mut self, kept: bool) -> Vec<Committed> {
        let appends: Vec<AppendId> = self.appends().map(|(append, _)| append).collect();
        let mut stored = Vec::new();
        for append in appends {
            if kept {
                stored.extend(self.finish_append(append).1);
            } else {
                self.fail_append(append);
            }
        }
        stored
    }

    /// Reads a page.
    pub fn page(&self, request: &PageRequest) -> Page {
        let log = self.logs.get(&request.log).unwrap_or(&self.empty);
        Page {
            events: log.page(request),
            head: log.head(),
        }
    }

    /// The repositories of a namespace that hold events.
    pub fn repositories(&self, namespace: &Namespace) -> Vec<RepositoryName> {
        let held = self.logs.iter().filter(|(_, log)| !log.is_empty());
        let of_namespace = held.map(|(name, _)| name).filter(|name| name.namespace == *namespace);
        of_namespace.map(|name| name.repository.clone()).collect()
    }

    /// Its epoch.
    pub const fn epoch(&self) -> &Epoch {
        &self.epoch
    }

    /// The durable events of a repository of the default namespace.
    pub fn log(&self, repository: &RepositoryName) -> &Log {
        let name = LogName {
            namespace: Namespace::default(),
            repository: repository.clone(),
        };
        self.logs.get(&name).unwrap_or(&self.empty)
    }

    /// A copy of what is durable.
    pub fn backup(&self) -> Backup {
        let logs = self.logs.iter().map(|(name, log)| (name.clone(), log.chunks.clone()));
        Backup {
            epoch: self.epoch.clone(),
            logs: logs.collect(),
        }
    }

    /// Puts a copy in the place of everything. What is under way is gone.
    pub fn restore(&mut self, backup: &Backup, new_epoch: Option<Epoch>) {
        self.epoch = new_epoch.unwrap_or_else(|| backup.epoch.clone());
        let logs = backup
            .logs
            .iter()
            .map(|(name, chunks)| (name.clone(), Log::of(chunks.clone())));
        self.logs = logs.collect();
        self.journal = Journal::new();
    }

    fn commit(&mut self, append: Append) -> (Appended, Vec<Committed>) {
        let events = append.runs.iter().map(|run| run.events.len()).sum();
        let mut outcomes = Vec::with_capacity(events);
        let mut grown: BTreeMap<LogName, NewChunk> = BTreeMap::new();
        for AppendRun { log: name, events } in append.runs {
            let log = self.logs.entry(name.clone()).or_default();
            let chunk = grown.entry(name).or_insert_with(|| NewChunk::new(log.head().next()));
            outcomes.extend(events.into_iter().map(|event| log.append(event, chunk)));
        }
        let stored = grown.into_iter().filter(|(_, chunk)| !chunk.ids.is_empty());
        let keep = |(name, chunk): (LogName, NewChunk)| {
            let events = self.logs.entry(name.clone()).or_default().keep(chunk);
            Committed { log: name, events }
        };
        let committed = stored.map(keep).collect();
        (Appended { outcomes }, committed)
    }
}

/// Of everything that decides how it goes on.
impl Hash for ServerStore {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.epoch.hash(state);
        for (name, log) in &self.logs {
            name.hash(state);
            for (id, event) in log.events() {
                id.hash(state);
                event.text.hash(state);
            }
        }
        self.journal.hash(state);
    }
}

impl Log {
    fn of(chunks: Vec<Arc<Chunk>>) -> Self {
        let mut log = Self::default();
        for chunk in chunks {
            log.index(&chunk);
            log.chunks.push(chunk);
        }
        log
    }

    /// The sequence of the last event; zero in an empty log.
    pub fn head(&self) -> Sequence {
        self.chunks.last().map_or(Sequence::ZERO, |chunk| chunk.events.last())
    }

    /// How many events it holds.
    pub fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Whether it holds none.
    pub fn is_empty(&self) -> bool {
        self.chunks.is_empty()
    }

    /// What each commit stored, in order.
    pub fn batches(&self) -> impl Iterator<Item = &Arc<EventBatch>> {
        self.chunks.iter().map(|chunk| &chunk.events)
    }

    /// All events with their ids, in order.
    pub fn events(&self) -> impl Iterator<Item = (&EventId, StoredEvent<'_>)> {
        self.chunks
            .iter()
            .flat_map(|chunk| chunk.ids.iter().zip(chunk.events.iter()))
    }

    /// The event at a place.
    pub fn event(&self, sequence: Sequence) -> Option<StoredEvent<'_>> {
        let (chunk, index) = self.place(sequence)?;
        self.chunks[chunk].events.event(index)
    }

    /// The id of the event at a place.
    pub fn id(&self, sequence: Sequence) -> Option<&EventId> {
        let (chunk, index) = self.place(sequence)?;
        self.chunks[chunk].ids.get(index)
    }

    /// The place of an event.
    pub fn find(&self, id: &EventId) -> Option<Sequence> {
        self.by_id.get(id).copied()
    }

    /// In which commit an event is, and where in it.
    fn place(&self, sequence: Sequence) -> Option<(usize, usize)> {
        let behind = self.chunks.partition_point(|chunk| chunk.events.first() <= sequence);
        let chunk = behind.checked_sub(1)?;
        let offset = sequence.get() - self.chunks[chunk].events.first().get();
        let index = usize::try_from(offset).ok()?;
        (index < self.chunks[chunk].events.len()).then_some((chunk, index))
    }

    fn page(&self, request: &PageRequest) -> EventBatch {
        let first = request.after.next();
        let mut page = EventBatchBuilder::new(first);
        let Some((chunk, index)) = self.place(first) else {
            return page.build();
        };
        let mut skip = index;
        for chunk in &self.chunks[chunk..] {
            for event in (skip..chunk.events.len()).map_while(|index| chunk.events.event(index)) {
                let bytes = page.bytes() + 1 + event.text.len();
                if page.len() >= request.max_events || (!page.is_empty() && bytes > request.max_bytes) {
                    return page.build();
                }
                page.append_stored(event.text.as_bytes(), event.package_complete);
            }
            skip = 0;
        }
        page.build()
    }

    /// Stores an event unless its id is there already, in this commit or before it.
    fn append(&mut self, event: NewEvent, chunk: &mut NewChunk) -> AppendOutcome {
        let sequence = match self.by_id.entry(event.id.clone()) {
            Entry::Vacant(free) => return AppendOutcome::Stored(*free.insert(chunk.push(event))),
            Entry::Occupied(first) => *first.get(),
        };
        let same = chunk.body(sequence).map_or_else(
            || {
                let stored = self.event(sequence).map_or("", |stored| stored.text);
                EventBatch::same_body(stored.as_bytes(), sequence, &event.body)
            },
            |body| *body == event.body,
        );
        if same {
            AppendOutcome::Duplicate(sequence)
        } else {
            AppendOutcome::Conflict(sequence)
        }
    }

    fn keep(&mut self, new: NewChunk) -> Arc<EventBatch> {
        let events = Arc::new(new.events.build());
        let chunk = Chunk {
            events: Arc::clone(&events),
            ids: new.ids,
        };
        self.chunks.push(Arc::new(chunk));
        events
    }

    fn index(&mut self, chunk: &Chunk) {
        let sequences = (chunk.events.first().get()..).map(Sequence::new);
        self.by_id.extend(chunk.ids.iter().cloned().zip(sequences));
    }
}

/// What a commit is about to store in one log.
struct NewChunk {
    first: Sequence,
    events: EventBatchBuilder,
    ids: Vec<EventId>,
    bodies: Vec<ByteString>,
}

impl NewChunk {
    fn new(first: Sequence) -> Self {
        Self {
            first,
            events: EventBatchBuilder::new(first),
            ids: Vec::new(),
            bodies: Vec::new(),
        }
    }

    fn push(&mut self, event: NewEvent) -> Sequence {
        let (sequence, _) = self.events.append(&event);
        self.ids.push(event.id);
        self.bodies.push(event.body);
        sequence
    }

    /// The body at a place; `None` if that is before this commit.
    fn body(&self, sequence: Sequence) -> Option<&ByteString> {
        let index = sequence.get().checked_sub(self.first.get())?;
        self.bodies.get(usize::try_from(index).ok()?)
    }
}
