//! Local storage in this process's memory.

use super::memory_repository::Repository;
use super::query::{meeting, select};
use super::{Query, QueryRow, Reader, Storage};
use driftless_core::client::{
    ByteBudget, LocalSequence, Opened, OwnEvent, RecordKey, RepositoryRow, StorageChange, StorageFailure, StorageReply,
    StorageRequest, StoredRecord, Transaction,
};
use driftless_core::event::{EventId, RecordId};
use driftless_core::name::RepositoryName;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, PoisonError, RwLock, RwLockReadGuard};

/// Local storage in this process's memory: for tests, and for clients that need nothing to outlive them.
///
/// Declared indexes are ignored: a query goes through its repository.
///
/// A clone is another handle on the same data, so that a test can stop one client and start the next on what it left.
#[derive(Clone, Debug, Default)]
pub struct MemoryStorage {
    data: Arc<RwLock<Data>>,
}

#[derive(Debug, Default)]
struct Data {
    repositories: BTreeMap<RepositoryName, Repository>,
    last_local: LocalSequence,
}

impl MemoryStorage {
    /// An empty storage.
    pub fn new() -> Self {
        Self::default()
    }

    // A commit is checked before it changes anything, so a poisoned lock still guards whole transactions.
    fn read(&self) -> RwLockReadGuard<'_, Data> {
        self.data.read().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Storage for MemoryStorage {
    fn request(&mut self, request: StorageRequest) -> Result<StorageReply, StorageFailure> {
        let mut data = self.data.write().unwrap_or_else(PoisonError::into_inner);
        data.answer(request)
    }

    fn reader(&self) -> Result<Box<dyn Reader>, StorageFailure> {
        Ok(Box::new(self.clone()))
    }
}

impl Reader for MemoryStorage {
    fn record(&mut self, key: &RecordKey) -> Result<Option<StoredRecord>, StorageFailure> {
        let data = self.read();
        let repository = data.repositories.get(&key.repository);
        Ok(repository
            .and_then(|repository| repository.record(&key.record))
            .cloned())
    }

    fn records(
        &mut self,
        repository: &RepositoryName,
        after: Option<&RecordId>,
        max: usize,
    ) -> Result<Vec<StoredRecord>, StorageFailure> {
        let data = self.read();
        let repository = data.repositories.get(repository);
        Ok(repository.map_or_else(Vec::new, |repository| repository.visible(after, max)))
    }

    fn row(&mut self, key: &RecordKey) -> Result<Option<QueryRow>, StorageFailure> {
        let data = self.read();
        let repository = data.repositories.get(&key.repository);
        Ok(repository.and_then(|repository| repository.row(repository.record(&key.record)?)))
    }

    fn query(&mut self, repository: &RepositoryName, query: &Query) -> Result<Vec<QueryRow>, StorageFailure> {
        query.check()?;
        let data = self.read();
        let Some(repository) = data.repositories.get(repository) else {
            return Ok(Vec::new());
        };
        let found = select(query, repository.all()).into_iter().skip(query.offset);
        let limited = found.take(query.limit.unwrap_or(usize::MAX));
        Ok(limited.filter_map(|record| repository.row(record)).collect())
    }

    fn count(&mut self, repository: &RepositoryName, query: &Query) -> Result<u64, StorageFailure> {
        query.check()?;
        let data = self.read();
        let repository = data.repositories.get(repository);
        Ok(repository.map_or(0, |repository| meeting(query, repository.all()).count() as u64))
    }

    fn pending(&mut self, after: LocalSequence, max: usize) -> Result<Vec<OwnEvent>, StorageFailure> {
        Ok(self.read().over_all(max, |repository| repository.pending(after, max)))
    }

    fn rejected(&mut self, after: LocalSequence, max: usize) -> Result<Vec<OwnEvent>, StorageFailure> {
        Ok(self.read().over_all(max, |repository| repository.rejected(after, max)))
    }
}

impl Data {
    fn answer(&mut self, request: StorageRequest) -> Result<StorageReply, StorageFailure> {
        Ok(match request {
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
            } => StorageReply::Outbox(self.of(&repository, |found| found.outbox(after, max_events, max_bytes))),
            StorageRequest::Unsettled {
                repository,
                after,
                max_events,
                max_bytes,
            } => StorageReply::Unsettled(self.of(&repository, |found| found.unsettled(after, max_events, max_bytes))),
            StorageRequest::Stale {
                repository,
                generation,
                after,
                max_records,
            } => StorageReply::Stale(self.of(&repository, |found| {
                found.stale(generation, after.as_ref(), max_records)
            })),
            StorageRequest::Commit(transaction) => {
                self.commit(transaction)?;
                StorageReply::Committed
            }
        })
    }

    fn of<T>(&self, repository: &RepositoryName, read: impl FnOnce(&Repository) -> Vec<T>) -> Vec<T> {
        self.repositories.get(repository).map_or_else(Vec::new, read)
    }

    fn open(&self, repositories: Vec<RepositoryName>) -> Opened {
        let row = |name: RepositoryName| {
            let found = self.repositories.get(&name);
            RepositoryRow {
                cursor: found.map(|found| found.cursor.clone()).unwrap_or_default(),
                pending: found.map_or(0, Repository::pending_count),
                name,
            }
        };
        Opened {
            repositories: repositories.into_iter().map(row).collect(),
            last_local: self.last_local,
        }
    }

    fn load(&self, keys: &[RecordKey], events: &[(RepositoryName, EventId)], max_bytes: usize) -> StorageReply {
        let (mut records, mut layers, mut own) = (Vec::new(), Vec::new(), Vec::new());
        let (mut answered_records, mut answered_own) = (0, 0);
        let (mut budget, mut known) = (ByteBudget::new(max_bytes), BTreeSet::new());
        for key in keys {
            let repository = self.repositories.get(&key.repository).filter(|_| known.insert(key));
            let record = repository.and_then(|repository| repository.record(&key.record));
            let layer = || {
                repository
                    .into_iter()
                    .flat_map(|repository| repository.layer(&key.record))
            };
            let bytes = layer().map(|event| event.body.len()).sum::<usize>();
            if !budget.takes(bytes + record.map_or(0, StoredRecord::bytes)) {
                break;
            }
            answered_records += 1;
            records.extend(record.cloned());
            layers.extend(layer().cloned());
        }
        layers.sort_by_key(|event: &OwnEvent| event.local);
        let (mut budget, mut known) = (ByteBudget::new(max_bytes), BTreeSet::new());
        for (name, event) in events {
            let repository = self.repositories.get(name).filter(|_| known.insert((name, event)));
            let found = repository.and_then(|repository| repository.own(event));
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

    fn over_all(&self, max: usize, read: impl Fn(&Repository) -> Vec<OwnEvent>) -> Vec<OwnEvent> {
        let mut events: Vec<OwnEvent> = self.repositories.values().flat_map(read).collect();
        events.sort_by_key(|event| event.local);
        events.truncate(max);
        events
    }

    fn commit(&mut self, transaction: Transaction) -> Result<(), StorageFailure> {
        self.check(&transaction)?;
        for change in transaction.changes {
            self.apply(change);
        }
        Ok(())
    }

    /// Finds what would make a change fail, so that nothing of the transaction is applied then.
    fn check(&self, transaction: &Transaction) -> Result<(), StorageFailure> {
        let mut last = self.last_local;
        let mut added = BTreeSet::new();
        for change in &transaction.changes {
            let StorageChange::AddOwn(event) = change else {
                continue;
            };
            if event.local <= last {
                return Err(failure("a local sequence was used twice"));
            }
            last = event.local;
            let repository = self.repositories.get(&event.key.repository);
            let known = repository.is_some_and(|repository| repository.own(&event.id).is_some());
            if known || !added.insert((&event.key.repository, &event.id)) {
                return Err(failure("an event id was used twice"));
            }
        }
        Ok(())
    }

    fn apply(&mut self, change: StorageChange) {
        match change {
            StorageChange::Record(record) => self.repository(&record.key.repository).set_record(record),
            StorageChange::AddOwn(event) => {
                self.last_local = event.local;
                self.repository(&event.key.repository).add_own(event);
            }
            StorageChange::SetOwn {
                repository,
                event,
                state,
            } => self.repository(&repository).set_own(&event, state),
            StorageChange::Cursor { repository, cursor } => self.repository(&repository).cursor = cursor,
            StorageChange::DoubtSettled { repository } => self.repository(&repository).doubt_settled(),
            StorageChange::PruneSettled {
                repository,
                before_ms,
                keep,
            } => self.repository(&repository).prune_settled(before_ms, keep),
            StorageChange::DropOwn { repository, event } => self.repository(&repository).drop_own(&event),
            StorageChange::Clear { repository } => *self.repository(&repository) = Repository::default(),
        }
    }

    fn repository(&mut self, name: &RepositoryName) -> &mut Repository {
        self.repositories.entry(name.clone()).or_default()
    }
}

fn failure(detail: &str) -> StorageFailure {
    StorageFailure {
        detail: detail.to_owned(),
    }
}
