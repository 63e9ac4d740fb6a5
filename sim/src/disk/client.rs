//! A client's local storage.
//!
//! It does what [`StorageRequest`] asks, in memory, and keeps what is durable apart from what is only written: a commit
//! becomes durable when it is finished, or when a crash happens to keep it.

use super::journal::{Crash, Journal};
use super::records::Repository;
use crate::random::Random;
use driftless_core::client::{
    ByteBudget, Cursor, LocalSequence, Opened, OwnEvent, RecordKey, RepositoryRow, StorageChange, StorageFailure,
    StorageReply, StorageRequest, StoredRecord, Transaction,
};
use driftless_core::event::EventId;
use driftless_core::name::RepositoryName;
use std::collections::{BTreeMap, BTreeSet};
use std::hash::{Hash, Hasher};

/// What survives a client's crash. A clone is a copy of the file.
#[derive(Clone, Debug)]
pub struct ClientDisk {
    repositories: BTreeMap<RepositoryName, Repository>,
    last_local: LocalSequence,
    /// A request that only reads.
    reading: Option<StorageRequest>,
    journal: Journal<(), Transaction>,
    kept: Option<Transaction>,
    broken_law: Option<String>,
}

impl ClientDisk {
    /// An empty storage.
    pub const fn new() -> Self {
        Self {
            repositories: BTreeMap::new(),
            last_local: LocalSequence(0),
            reading: None,
            journal: Journal::new(),
            kept: None,
            broken_law: None,
        }
    }

    /// Starts a request; a commit is written from now on, and not synced. One at a time: what a client asks.
    pub fn begin(&mut self, request: StorageRequest) {
        if self.is_busy() {
            self.broken("a client asked its storage before the answer to its last request");
        }
        match request {
            StorageRequest::Commit(transaction) => self.journal.write((), transaction),
            reading => self.reading = Some(reading),
        }
    }

    /// Whether a request is under way.
    pub const fn is_busy(&self) -> bool {
        self.reading.is_some() || !self.journal.is_empty()
    }

    /// Carries the request out, a commit durably, and answers it.
    pub fn finish(&mut self) -> Result<StorageReply, StorageFailure> {
        self.finish_seen(|_, _| {})
    }

    /// As [`Self::finish`]; `seen` looks at a transaction that becomes durable, and at the disk just before it shows
    /// that.
    pub fn finish_seen(&mut self, seen: impl FnOnce(&Transaction, &Self)) -> Result<StorageReply, StorageFailure> {
        if let Some(transaction) = self.journal.take(&()) {
            self.check(&transaction)?;
            seen(&transaction, self);
            self.apply(transaction);
            return Ok(StorageReply::Committed);
        }
        match self.reading.take() {
            Some(request) => Ok(self.read(request)),
            None => Err(failure("nothing was asked")),
        }
    }

    /// Refuses the request. Nothing was changed.
    pub fn fail(&mut self, detail: impl Into<String>) -> StorageFailure {
        self.reading = None;
        self.journal.take(&());
        failure(detail)
    }

    /// The process dies; says what became of the write under way. One that was kept is [`Self::kept`].
    pub fn crash(&mut self, random: &mut Random) -> Crash {
        self.reading = None;
        self.kept = None;
        let mut crash = Crash::Nothing;
        for (fate, kept) in self.journal.crash(random) {
            crash = fate;
            // A broken law is told by `broken_law`.
            if let Some(transaction) = kept
                && self.check(&transaction).is_ok()
            {
                self.kept = Some(transaction.clone());
                self.apply(transaction);
            }
        }
        crash
    }

    /// The process dies, and what becomes of the write under way is given, not drawn.
    pub fn crash_with(&mut self, kept: bool) {
        self.reading = None;
        // A broken law is told by `broken_law`.
        if let Some(transaction) = self.journal.take(&())
            && kept
            && self.check(&transaction).is_ok()
        {
            self.apply(transaction);
        }
    }

    /// The transaction that the last crash has kept, if it kept one.
    pub const fn kept(&self) -> Option<&Transaction> {
        self.kept.as_ref()
    }

    /// The transaction that is written and not synced.
    pub fn unsynced(&self) -> Option<&Transaction> {
        self.journal.unsynced().next().map(|((), transaction)| transaction)
    }

    /// The first law of storage that the client broke: a fault of its machine.
    pub fn broken_law(&self) -> Option<&str> {
        self.broken_law.as_deref()
    }

    /// The highest local sequence ever given.
    pub const fn last_local(&self) -> LocalSequence {
        self.last_local
    }

    /// The repositories that it holds.
    pub fn repositories(&self) -> impl Iterator<Item = &RepositoryName> {
        self.repositories.keys()
    }

    /// The durable cursor of a repository; `None` for one that was never written.
    pub fn cursor(&self, repository: &RepositoryName) -> Option<&Cursor> {
        self.repositories.get(repository).map(|found| &found.cursor)
    }

    /// All records of a repository, in order of their ids.
    pub fn records(&self, repository: &RepositoryName) -> impl Iterator<Item = &StoredRecord> {
        self.repositories
            .get(repository)
            .into_iter()
            .flat_map(Repository::records)
    }

    /// One record.
    pub fn record(&self, key: &RecordKey) -> Option<&StoredRecord> {
        self.repositories.get(&key.repository)?.record(&key.record)
    }

    /// All own events of a repository, in local order.
    pub fn own(&self, repository: &RepositoryName) -> impl Iterator<Item = &OwnEvent> {
        self.repositories.get(repository).into_iter().flat_map(Repository::own)
    }

    /// An own event.
    pub fn own_event(&self, repository: &RepositoryName, id: &EventId) -> Option<&OwnEvent> {
        self.repositories.get(repository)?.own_by_id(id)
    }

    /// The outbox of a repository, in local order.
    pub fn pending(&self, repository: &RepositoryName) -> impl Iterator<Item = &OwnEvent> {
        let found = self.repositories.get(repository).into_iter();
        found.flat_map(|found| found.pending(LocalSequence(0)))
    }

    /// How many events the outbox of a repository holds.
    pub fn pending_count(&self, repository: &RepositoryName) -> u64 {
        self.repositories.get(repository).map_or(0, Repository::pending_count)
    }

    /// The local layer of a repository, pending and acked, in local order.
    pub fn layer(&self, repository: &RepositoryName) -> impl Iterator<Item = &OwnEvent> {
        self.repositories
            .get(repository)
            .into_iter()
            .flat_map(Repository::layer)
    }

    fn read(&mut self, request: StorageRequest) -> StorageReply {
        match request {
            StorageRequest::Open { repositories } => StorageReply::Opened(self.open(repositories)),
            StorageRequest::Load {
                records,
                own,
                max_bytes,
            } => self.load(&records, &own, max_bytes),
            StorageRequest::Outbox {
                repository,
                after,
                max_events,
                max_bytes,
            } => StorageReply::Outbox(self.repository(&repository).map_or_else(Vec::new, |found| {
                first(found.pending(after).take(max_events), max_bytes)
            })),
            StorageRequest::Unsettled {
                repository,
                after,
                max_events,
                max_bytes,
            } => StorageReply::Unsettled(self.repository(&repository).map_or_else(Vec::new, |found| {
                first(found.unsettled(after).take(max_events), max_bytes)
            })),
            StorageRequest::Stale {
                repository,
                generation,
                after,
                max_records,
            } => StorageReply::Stale(
                self.repository(&repository)
                    .map_or_else(Vec::new, |found| found.stale(generation, after.as_ref(), max_records)),
            ),
            StorageRequest::Commit(_) => StorageReply::Committed,
        }
    }

    fn repository(&self, name: &RepositoryName) -> Option<&Repository> {
        self.repositories.get(name)
    }

    fn open(&mut self, names: Vec<RepositoryName>) -> Opened {
        let row = |name| {
            let repository: Option<&Repository> = self.repositories.get(&name);
            RepositoryRow {
                cursor: repository.map_or_else(Cursor::default, |found| found.cursor.clone()),
                pending: repository.map_or(0, Repository::pending_count),
                name,
            }
        };
        Opened {
            repositories: names.into_iter().map(row).collect(),
            last_local: self.last_local,
        }
    }

    fn load(&self, keys: &[RecordKey], ids: &[(RepositoryName, EventId)], max_bytes: usize) -> StorageReply {
        let (mut records, mut layers, mut own) = (Vec::with_capacity(keys.len()), Vec::new(), Vec::new());
        let (mut answered_records, mut answered_own) = (0, 0);
        let (mut budget, mut firsts) = (ByteBudget::new(max_bytes), Firsts::of(keys));
        for (nth, key) in keys.iter().enumerate() {
            let is_first = firsts.is_first(nth);
            let repository = self.repositories.get(&key.repository).filter(|_| is_first);
            let record = repository.and_then(|repository| repository.record(&key.record));
            let layer = || repository.into_iter().flat_map(|found| found.layer_of(&key.record));
            let bytes = layer().map(|event| event.body.len()).sum::<usize>();
            if !budget.takes(bytes + record.map_or(0, StoredRecord::bytes)) {
                break;
            }
            answered_records += 1;
            records.extend(record.cloned());
            layers.extend(layer().cloned());
        }
        layers.sort_unstable_by_key(|event: &OwnEvent| event.local);
        let (mut budget, mut firsts) = (ByteBudget::new(max_bytes), Firsts::of(ids));
        for (nth, (name, id)) in ids.iter().enumerate() {
            let found = self.own_event(name, id).filter(|_| firsts.is_first(nth));
            if !budget.takes(found.map_or(0, |event| event.body.len())) {
                break;
            }
            answered_own += 1;
            own.extend(found.cloned());
        }
        StorageReply::Loaded {
            records,
            layers,
            own,
            answered_records,
            answered_own,
        }
    }

    fn apply(&mut self, transaction: Transaction) {
        for change in transaction.changes {
            self.change(change);
        }
    }

    fn change(&mut self, change: StorageChange) {
        match change {
            StorageChange::Record(record) => self.opened(record.key.repository.clone()).set_record(record),
            StorageChange::AddOwn(event) => {
                self.last_local = event.local;
                self.opened(event.key.repository.clone()).add_own(event);
            }
            StorageChange::SetOwn {
                repository,
                event,
                state,
            } => self.opened(repository).set_own(&event, state),
            StorageChange::Cursor { repository, cursor } => self.opened(repository).cursor = cursor,
            StorageChange::DoubtSettled { repository } => self.opened(repository).doubt_settled(),
            StorageChange::PruneSettled {
                repository,
                before_ms,
                keep,
            } => self.opened(repository).prune_settled(before_ms, keep),
            StorageChange::DropOwn { repository, event } => self.opened(repository).drop_own(&event),
            StorageChange::Clear { repository } => *self.opened(repository) = Repository::default(),
        }
    }

    /// Whether a transaction keeps the laws of storage.
    fn check(&mut self, transaction: &Transaction) -> Result<(), StorageFailure> {
        self.find_broken_law(transaction).map_err(|law| {
            self.broken(&law);
            failure(law)
        })
    }

    /// A local sequence is used once, and so is an event id of a repository.
    fn find_broken_law(&self, transaction: &Transaction) -> Result<(), String> {
        let mut last = self.last_local;
        let mut ids = BTreeSet::new();
        for change in &transaction.changes {
            let StorageChange::AddOwn(event) = change else {
                continue;
            };
            let (local, repository) = (event.local, &event.key.repository);
            if local <= last {
                return Err(format!("local sequence {} is not behind {}", local.0, last.0));
            }
            last = local;
            if !ids.insert((repository, &event.id)) || self.own_event(repository, &event.id).is_some() {
                return Err(format!("event id {} is used twice in {repository}", event.id));
            }
        }
        Ok(())
    }

    fn opened(&mut self, name: RepositoryName) -> &mut Repository {
        self.repositories.entry(name).or_default()
    }

    fn broken(&mut self, law: &str) {
        self.broken_law.get_or_insert_with(|| law.to_owned());
    }
}

impl Default for ClientDisk {
    fn default() -> Self {
        Self::new()
    }
}

/// Of everything that decides how it goes on.
impl Hash for ClientDisk {
    fn hash<H: Hasher>(&self, state: &mut H) {
        for (name, repository) in &self.repositories {
            name.hash(state);
            repository.cursor.hash(state);
            repository.records().for_each(|record| record.hash(state));
            repository.own().for_each(|event| event.hash(state));
        }
        self.last_local.hash(state);
        self.reading.hash(state);
        self.journal.hash(state);
        self.broken_law.hash(state);
    }
}

/// Which of some things are the first of their kind. Few are compared one by one, which is faster than a tree.
struct Firsts<'a, T> {
    all: &'a [T],
    met: BTreeSet<&'a T>,
}

/// How many are few.
const FEW: usize = 8;

impl<'a, T: Ord> Firsts<'a, T> {
    const fn of(all: &'a [T]) -> Self {
        let met = BTreeSet::new();
        Self { all, met }
    }

    /// Whether the `nth` is one, asked for each in order.
    fn is_first(&mut self, nth: usize) -> bool {
        if self.all.len() <= FEW {
            !self.all[..nth].contains(&self.all[nth])
        } else {
            self.met.insert(&self.all[nth])
        }
    }
}

/// The first events whose bodies are within a budget, and at least one.
fn first<'a>(events: impl Iterator<Item = &'a OwnEvent>, max_bytes: usize) -> Vec<OwnEvent> {
    let mut budget = ByteBudget::new(max_bytes);
    let fits = |event: &&OwnEvent| budget.takes(event.body.len());
    events.take_while(fits).cloned().collect()
}

fn failure(detail: impl Into<String>) -> StorageFailure {
    StorageFailure { detail: detail.into() }
}
