//! A storage that does what the machine's requests say, in memory.

use crate::client::{
    ByteBudget, Cursor, LocalSequence, Opened, OwnEvent, OwnState, RecordKey, RepositoryRow, StorageChange,
    StorageReply, StorageRequest, StoredRecord,
};
use crate::event::{EventId, RecordId};
use crate::name::RepositoryName;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

#[derive(Clone, Debug, Default)]
pub(super) struct Disk {
    pub(super) records: BTreeMap<RecordKey, StoredRecord>,
    pub(super) own: BTreeMap<LocalSequence, OwnEvent>,
    pub(super) cursors: BTreeMap<RepositoryName, Cursor>,
    pub(super) last_local: LocalSequence,
    pub(super) commits: usize,
}

impl Disk {
    pub(super) fn answer(&mut self, request: &StorageRequest) -> StorageReply {
        match request {
            StorageRequest::Open { repositories } => self.open(repositories),
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
            } => StorageReply::Outbox(self.outbox(repository, *after, *max_events, *max_bytes)),
            StorageRequest::Unsettled {
                repository,
                after,
                max_events,
                max_bytes,
            } => {
                let unsettled = |state: &OwnState| matches!(state, OwnState::Acked(_) | OwnState::Doubted);
                let found = self
                    .own_after(repository, *after)
                    .filter(|event| unsettled(&event.state));
                let mut budget = ByteBudget::new(*max_bytes);
                let fits = found.take(*max_events).take_while(|own| budget.takes(own.body.len()));
                StorageReply::Unsettled(fits.cloned().collect())
            }
            StorageRequest::Stale {
                repository,
                generation,
                after,
                max_records,
            } => StorageReply::Stale(self.stale(repository, *generation, after.as_ref(), *max_records)),
            StorageRequest::Commit(transaction) => {
                self.commits += 1;
                transaction.changes.iter().for_each(|change| self.change(change));
                StorageReply::Committed
            }
        }
    }

    fn open(&self, repositories: &[RepositoryName]) -> StorageReply {
        let row = |name: &RepositoryName| RepositoryRow {
            name: name.clone(),
            cursor: self.cursors.get(name).cloned().unwrap_or_default(),
            pending: self.outbox(name, LocalSequence(0), usize::MAX, usize::MAX).len() as u64,
        };
        StorageReply::Opened(Opened {
            repositories: repositories.iter().map(row).collect(),
            last_local: self.last_local,
        })
    }

    fn load(&self, records: &[RecordKey], own: &[(RepositoryName, EventId)], max_bytes: usize) -> StorageReply {
        let mut budget = ByteBudget::new(max_bytes);
        let layer = |key: &RecordKey| {
            let own = self.own.values().filter(|own| own.key == *key && in_layer(own));
            own.cloned().collect::<Vec<OwnEvent>>()
        };
        let fits = |key: &&RecordKey| {
            let bytes: usize = layer(key).iter().map(|own| own.body.len()).sum();
            budget.takes(bytes + self.records.get(*key).map_or(0, StoredRecord::bytes))
        };
        let keys: Vec<&RecordKey> = records.iter().take_while(fits).collect();
        let mut layers: Vec<OwnEvent> = keys.iter().flat_map(|key| layer(key)).collect();
        layers.sort_by_key(|own| own.local);
        let mut budget = ByteBudget::new(max_bytes);
        let find = |(name, id): &(RepositoryName, EventId)| {
            let mut events = self.own.values();
            events.find(|own| own.key.repository == *name && own.id == *id)
        };
        let fits = |asked: &&(RepositoryName, EventId)| budget.takes(find(asked).map_or(0, |own| own.body.len()));
        let named: Vec<&(RepositoryName, EventId)> = own.iter().take_while(fits).collect();
        StorageReply::Loaded {
            answered_records: keys.len(),
            answered_own: named.len(),
            records: keys
                .into_iter()
                .filter_map(|key| self.records.get(key).cloned())
                .collect(),
            layers,
            own: named.into_iter().filter_map(find).cloned().collect(),
        }
    }

    fn own_after(&self, repository: &RepositoryName, after: LocalSequence) -> impl Iterator<Item = &OwnEvent> {
        let events = self.own.values().filter(move |event| event.local > after);
        events.filter(move |event| event.key.repository == *repository)
    }

    fn outbox(
        &self,
        repository: &RepositoryName,
        after: LocalSequence,
        max_events: usize,
        max_bytes: usize,
    ) -> Vec<OwnEvent> {
        let (mut found, mut bytes) = (Vec::new(), 0_usize);
        for event in self
            .own_after(repository, after)
            .filter(|event| event.state == OwnState::Pending)
        {
            bytes = bytes.saturating_add(event.body.len());
            if found.len() >= max_events || (bytes > max_bytes && !found.is_empty()) {
                break;
            }
            found.push(event.clone());
        }
        found
    }

    fn stale(
        &self,
        repository: &RepositoryName,
        generation: u64,
        after: Option<&RecordId>,
        max: usize,
    ) -> Vec<RecordId> {
        let of = self
            .records
            .values()
            .filter(|record| record.key.repository == *repository);
        let stale = of.filter(|record| record.generation < generation && Some(&record.key.record) > after);
        stale.take(max).map(|record| record.key.record.clone()).collect()
    }

    fn change(&mut self, change: &StorageChange) {
        match change {
            StorageChange::Record(record) if record.confirmed.is_none() && record.visible.is_none() => {
                self.records.remove(&record.key);
            }
            StorageChange::Record(record) => {
                self.records.insert(record.key.clone(), record.clone());
            }
            StorageChange::AddOwn(event) => {
                assert!(
                    event.local > self.last_local,
                    "a local sequence is used once: {event:?}"
                );
                self.last_local = event.local;
                self.own.insert(event.local, event.clone());
            }
            StorageChange::SetOwn {
                repository,
                event,
                state,
            } => {
                let found = self
                    .own
                    .values_mut()
                    .find(|own| own.id == *event && own.key.repository == *repository);
                if let Some(own) = found {
                    own.state = state.clone();
                }
            }
            StorageChange::Cursor { repository, cursor } => {
                self.cursors.insert(repository.clone(), cursor.clone());
            }
            StorageChange::DoubtSettled { repository } => {
                for own in self.own.values_mut().filter(|own| own.key.repository == *repository) {
                    if matches!(own.state, OwnState::Settled { .. }) {
                        own.state = OwnState::Doubted;
                    }
                }
            }
            StorageChange::PruneSettled {
                repository,
                before_ms,
                keep,
            } => self.prune(repository, *before_ms, *keep),
            StorageChange::DropOwn { repository, event } => {
                let is_it = |own: &OwnEvent| own.id == *event && own.key.repository == *repository;
                self.own.retain(|_, own| !is_it(own));
            }
            StorageChange::Clear { repository } => {
                self.records.retain(|key, _| key.repository != *repository);
                self.own.retain(|_, own| own.key.repository != *repository);
                self.cursors.remove(repository);
            }
        }
    }

    fn prune(&mut self, repository: &RepositoryName, before_ms: i64, keep: usize) {
        let settled =
            |own: &&OwnEvent| own.key.repository == *repository && matches!(own.state, OwnState::Settled { .. });
        let all: Vec<LocalSequence> = self.own.values().filter(settled).map(|own| own.local).collect();
        let surplus = all.len().saturating_sub(keep);
        let oldest = all[..surplus].to_vec();
        self.own.retain(|local, own| {
            let old = matches!(own.state, OwnState::Settled { at_ms } if at_ms < before_ms);
            own.key.repository != *repository || !(old || oldest.contains(local))
        });
    }
}

fn in_layer(event: &OwnEvent) -> bool {
    matches!(event.state, OwnState::Pending | OwnState::Acked(_))
}
