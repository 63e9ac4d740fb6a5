//! A client's storage as plainly as it can be written: lists, looked through from the beginning.

use driftless_core::client::{
    Cursor, LocalSequence, Opened, OwnEvent, OwnState, RecordKey, RepositoryRow, StorageChange, StorageReply,
    StorageRequest, StoredRecord,
};
use driftless_core::event::EventId;
use driftless_core::name::RepositoryName;

#[derive(Clone, Debug, Default)]
pub(super) struct Naive {
    cursors: Vec<(RepositoryName, Cursor)>,
    records: Vec<StoredRecord>,
    own: Vec<OwnEvent>,
    pub(super) last_local: u64,
}

impl Naive {
    /// Whether a commit would use an id or a local sequence again.
    pub(super) fn refuses(&self, request: &StorageRequest) -> bool {
        let StorageRequest::Commit(transaction) = request else {
            return false;
        };
        let mut copy = self.clone();
        transaction.changes.iter().any(|change| {
            let StorageChange::AddOwn(event) = change else {
                return false;
            };
            let same = |other: &OwnEvent| other.id == event.id && other.key.repository == event.key.repository;
            let refused = event.local.0 <= copy.last_local || copy.own.iter().any(same);
            copy.apply(change);
            refused
        })
    }

    pub(super) fn answer(&mut self, request: &StorageRequest) -> StorageReply {
        match request {
            StorageRequest::Open { repositories } => StorageReply::Opened(Opened {
                repositories: repositories.iter().map(|name| self.row(name)).collect(),
                last_local: LocalSequence(self.last_local),
            }),
            StorageRequest::Load {
                records,
                own,
                max_bytes,
            } => self.load(records, own, *max_bytes),
            StorageRequest::Outbox {
                repository,
                after,
                max_events,
                max_bytes,
            } => {
                let mut pending = self.listed(repository, *after, |state| *state == OwnState::Pending);
                pending.truncate(*max_events);
                while pending.len() > 1 && pending.iter().map(|event| event.body.len()).sum::<usize>() > *max_bytes {
                    pending.pop();
                }
                StorageReply::Outbox(pending)
            }
            StorageRequest::Unsettled {
                repository,
                after,
                max_events,
                max_bytes,
            } => {
                let unsettled = |state: &OwnState| matches!(state, OwnState::Acked(_) | OwnState::Doubted);
                let mut events = self.listed(repository, *after, unsettled);
                events.truncate(*max_events);
                while events.len() > 1 && events.iter().map(|event| event.body.len()).sum::<usize>() > *max_bytes {
                    events.pop();
                }
                StorageReply::Unsettled(events)
            }
            StorageRequest::Stale {
                repository,
                generation,
                after,
                max_records,
            } => {
                let mut stale = self.records.clone();
                stale.retain(|record| record.key.repository == *repository && record.generation < *generation);
                stale.retain(|record| after.as_ref().is_none_or(|after| record.key.record > *after));
                stale.truncate(*max_records);
                StorageReply::Stale(stale.into_iter().map(|record| record.key.record).collect())
            }
            StorageRequest::Commit(transaction) => {
                transaction.changes.iter().for_each(|change| self.apply(change));
                StorageReply::Committed
            }
        }
    }

    /// The longest answer that is within the budget, or for the first alone.
    fn load(&self, keys: &[RecordKey], ids: &[(RepositoryName, EventId)], max_bytes: usize) -> StorageReply {
        let is_within = |count: &usize, bytes: usize| *count <= 1 || bytes <= max_bytes;
        let records_fit = |count: &usize| {
            let (records, layers) = self.of(&keys[..*count]);
            let bodies: usize = layers.iter().map(|event| event.body.len()).sum();
            is_within(count, bodies + records.iter().map(StoredRecord::bytes).sum::<usize>())
        };
        let own_fits = |count: &usize| {
            let own = self.named(&ids[..*count]);
            is_within(count, own.iter().map(|event| event.body.len()).sum())
        };
        let answered_records = (0..=keys.len()).rev().find(records_fit).unwrap();
        let answered_own = (0..=ids.len()).rev().find(own_fits).unwrap();
        let (records, layers) = self.of(&keys[..answered_records]);
        StorageReply::Loaded {
            records,
            layers,
            own: self.named(&ids[..answered_own]),
            answered_records,
            answered_own,
        }
    }

    fn of(&self, keys: &[RecordKey]) -> (Vec<StoredRecord>, Vec<OwnEvent>) {
        let place = |key: &RecordKey| keys.iter().position(|other| other == key);
        let mut records = self.records.clone();
        records.retain(|record| place(&record.key).is_some());
        records.sort_by_key(|record| place(&record.key));
        let mut layers = self.own.clone();
        layers.retain(|event| place(&event.key).is_some());
        layers.retain(|event| matches!(event.state, OwnState::Pending | OwnState::Acked(_)));
        (records, layers)
    }

    fn named(&self, ids: &[(RepositoryName, EventId)]) -> Vec<OwnEvent> {
        let place = |event: &OwnEvent| {
            let same = |(name, id): &(RepositoryName, EventId)| event.id == *id && event.key.repository == *name;
            ids.iter().position(same)
        };
        let mut own = self.own.clone();
        own.retain(|event| place(event).is_some());
        own.sort_by_key(place);
        own
    }

    fn row(&self, name: &RepositoryName) -> RepositoryRow {
        let pending = |event: &&OwnEvent| event.key.repository == *name && event.state == OwnState::Pending;
        RepositoryRow {
            name: name.clone(),
            cursor: self.cursor(name),
            pending: self.own.iter().filter(pending).count() as u64,
        }
    }

    pub(super) fn cursor(&self, name: &RepositoryName) -> Cursor {
        let found = self.cursors.iter().find(|(other, _)| other == name);
        found.map(|(_, cursor)| cursor.clone()).unwrap_or_default()
    }

    pub(super) fn listed(
        &self,
        name: &RepositoryName,
        after: LocalSequence,
        which: impl Fn(&OwnState) -> bool,
    ) -> Vec<OwnEvent> {
        let of_repository = |event: &&OwnEvent| event.key.repository == *name && event.local > after;
        let own = self.own.iter().filter(of_repository);
        own.filter(|event| which(&event.state)).cloned().collect()
    }

    pub(super) fn records(&self, name: &RepositoryName) -> Vec<StoredRecord> {
        let of_repository = |record: &&StoredRecord| record.key.repository == *name;
        self.records.iter().filter(of_repository).cloned().collect()
    }

    fn apply(&mut self, change: &StorageChange) {
        match change {
            StorageChange::Record(record) => {
                self.records.retain(|other| other.key != record.key);
                if record.confirmed.is_some() || record.visible.is_some() {
                    self.records.push(record.clone());
                    self.records.sort_by(|one, other| one.key.cmp(&other.key));
                }
            }
            StorageChange::AddOwn(event) => {
                self.last_local = event.local.0;
                self.own.push(event.clone());
            }
            StorageChange::SetOwn {
                repository,
                event,
                state,
            } => {
                let same = |own: &&mut OwnEvent| own.id == *event && own.key.repository == *repository;
                self.own
                    .iter_mut()
                    .filter(same)
                    .for_each(|own| own.state = state.clone());
            }
            StorageChange::Cursor { repository, cursor } => {
                self.cursors.retain(|(other, _)| other != repository);
                self.cursors.push((repository.clone(), cursor.clone()));
            }
            StorageChange::DoubtSettled { repository } => {
                let settled = self.own.iter_mut().filter(|own| settled_in(own, repository).is_some());
                settled.for_each(|own| own.state = OwnState::Doubted);
            }
            StorageChange::PruneSettled {
                repository,
                before_ms,
                keep,
            } => self.prune(repository, *before_ms, *keep),
            StorageChange::DropOwn { repository, event } => {
                let is_it = |own: &OwnEvent| own.id == *event && own.key.repository == *repository;
                self.own.retain(|own| !is_it(own));
            }
            StorageChange::Clear { repository } => {
                self.records.retain(|record| record.key.repository != *repository);
                self.own.retain(|own| own.key.repository != *repository);
                self.cursors.retain(|(name, _)| name != repository);
            }
        }
    }

    fn prune(&mut self, repository: &RepositoryName, before_ms: i64, keep: usize) {
        let old = |own: &OwnEvent| settled_in(own, repository).is_some_and(|at_ms| at_ms < before_ms);
        self.own.retain(|own| !old(own));
        let mut settled: Vec<_> = self
            .own
            .iter()
            .filter_map(|own| Some((settled_in(own, repository)?, own.local)))
            .collect();
        settled.sort_unstable();
        settled.truncate(settled.len().saturating_sub(keep));
        self.own
            .retain(|own| settled.iter().all(|(_, local)| *local != own.local));
    }
}

fn settled_in(own: &OwnEvent, repository: &RepositoryName) -> Option<i64> {
    match own.state {
        OwnState::Settled { at_ms } if own.key.repository == *repository => Some(at_ms),
        _ => None,
    }
}
