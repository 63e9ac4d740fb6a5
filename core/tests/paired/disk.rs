//! A model of a client's local storage: the plainest thing that keeps what it is told.

use driftless_core::client::{
    ByteBudget, Cursor, LocalSequence, Opened, OwnEvent, OwnState, RecordKey, RepositoryRow, StorageChange,
    StorageReply, StorageRequest, StoredRecord, Transaction,
};
use driftless_core::event::{EventId, RecordId};
use driftless_core::name::RepositoryName;
use std::collections::BTreeMap;

/// What survives a client's crash.
#[derive(Clone, Debug, Default)]
pub(crate) struct Disk {
    repositories: BTreeMap<RepositoryName, Repository>,
    last_local: LocalSequence,
}

#[derive(Clone, Debug, Default)]
struct Repository {
    cursor: Cursor,
    records: BTreeMap<RecordId, StoredRecord>,
    own: Vec<OwnEvent>,
}

impl Disk {
    /// Does what a client asks.
    pub(crate) fn answer(&mut self, request: StorageRequest) -> StorageReply {
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
            } => StorageReply::Outbox(self.repository(&repository).outbox(after, max_events, max_bytes)),
            StorageRequest::Unsettled {
                repository,
                after,
                max_events,
                max_bytes,
            } => StorageReply::Unsettled(self.repository(&repository).unsettled(after, max_events, max_bytes)),
            StorageRequest::Stale {
                repository,
                generation,
                after,
                max_records,
            } => StorageReply::Stale(
                self.repository(&repository)
                    .stale(generation, after.as_ref(), max_records),
            ),
            StorageRequest::Commit(transaction) => {
                self.commit(transaction);
                StorageReply::Committed
            }
        }
    }

    /// What the application sees: data by record id, without deleted records.
    pub(crate) fn visible(&self, repository: &RepositoryName) -> BTreeMap<String, String> {
        let records = self
            .repositories
            .get(repository)
            .into_iter()
            .flat_map(|found| found.records.values());
        let data = |record: &StoredRecord| record.visible.as_ref().and_then(|state| state.data.clone());
        records
            .filter_map(|record| data(record).map(|data| (record.key.record.to_string(), data.to_string())))
            .collect()
    }

    /// The ids of the outbox, in order.
    pub(crate) fn pending(&self, repository: &RepositoryName) -> Vec<EventId> {
        self.own(repository, |state| *state == OwnState::Pending)
    }

    /// The ids of the local layer: own events that the cursor has not passed.
    pub(crate) fn layer(&self, repository: &RepositoryName) -> Vec<EventId> {
        self.own(repository, |state| {
            matches!(state, OwnState::Pending | OwnState::Acked(_))
        })
    }

    /// The durable cursor.
    pub(crate) fn cursor(&self, repository: &RepositoryName) -> Cursor {
        self.repositories
            .get(repository)
            .map(|found| found.cursor.clone())
            .unwrap_or_default()
    }

    fn own(&self, repository: &RepositoryName, which: impl Fn(&OwnState) -> bool) -> Vec<EventId> {
        let own = self
            .repositories
            .get(repository)
            .into_iter()
            .flat_map(|found| &found.own);
        own.filter(|event| which(&event.state))
            .map(|event| event.id.clone())
            .collect()
    }

    fn open(&mut self, names: Vec<RepositoryName>) -> Opened {
        let repositories = names.into_iter().map(|name| {
            let repository = self.repository(&name);
            let pending = repository
                .own
                .iter()
                .filter(|event| event.state == OwnState::Pending)
                .count();
            RepositoryRow {
                cursor: repository.cursor.clone(),
                pending: pending as u64,
                name,
            }
        });
        Opened {
            repositories: repositories.collect(),
            last_local: self.last_local,
        }
    }

    fn load(&mut self, keys: &[RecordKey], ids: &[(RepositoryName, EventId)], max_bytes: usize) -> StorageReply {
        let (mut records, mut layers, mut own) = (Vec::new(), Vec::new(), Vec::new());
        let (mut answered_records, mut answered_own) = (0, 0);
        let mut budget = ByteBudget::new(max_bytes);
        for key in keys {
            let repository = self.repository(&key.repository);
            let record = repository.records.get(&key.record);
            let in_layer =
                |event: &&OwnEvent| event.key == *key && matches!(event.state, OwnState::Pending | OwnState::Acked(_));
            let layer: Vec<_> = repository.own.iter().filter(in_layer).cloned().collect();
            let bytes: usize = layer.iter().map(|event| event.body.len()).sum();
            if !budget.takes(bytes + record.map_or(0, StoredRecord::bytes)) {
                break;
            }
            answered_records += 1;
            records.extend(record.cloned());
            layers.extend(layer);
        }
        layers.sort_by_key(|event| event.local);
        let mut budget = ByteBudget::new(max_bytes);
        for (name, id) in ids {
            let found = self.repository(name).own.iter().find(|event| event.id == *id);
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

    fn commit(&mut self, transaction: Transaction) {
        for change in transaction.changes {
            match change {
                StorageChange::Record(record) => self.set_record(record),
                StorageChange::AddOwn(event) => self.add_own(event),
                StorageChange::SetOwn {
                    repository,
                    event,
                    state,
                } => self.repository(&repository).set_own(&event, &state),
                StorageChange::Cursor { repository, cursor } => self.repository(&repository).cursor = cursor,
                StorageChange::DoubtSettled { repository } => self.repository(&repository).doubt_settled(),
                StorageChange::PruneSettled {
                    repository,
                    before_ms,
                    keep,
                } => self.repository(&repository).prune_settled(before_ms, keep),
                StorageChange::DropOwn { repository, event } => {
                    self.repository(&repository).own.retain(|own| own.id != event);
                }
                StorageChange::Clear { repository } => *self.repository(&repository) = Repository::default(),
            }
        }
    }

    fn set_record(&mut self, record: StoredRecord) {
        let records = &mut self.repository(&record.key.repository).records;
        if record.confirmed.is_none() && record.visible.is_none() {
            records.remove(&record.key.record);
        } else {
            records.insert(record.key.record.clone(), record);
        }
    }

    fn add_own(&mut self, event: OwnEvent) {
        assert!(
            event.local > self.last_local,
            "a local sequence is used once: {event:?}"
        );
        self.last_local = event.local;
        let own = &mut self.repository(&event.key.repository).own;
        assert!(
            own.iter().all(|other| other.id != event.id),
            "an event id is used once: {event:?}"
        );
        own.push(event);
    }

    fn repository(&mut self, name: &RepositoryName) -> &mut Repository {
        self.repositories.entry(name.clone()).or_default()
    }
}

impl Repository {
    fn outbox(&self, after: LocalSequence, max_events: usize, max_bytes: usize) -> Vec<OwnEvent> {
        let mut bytes = 0;
        let pending = self
            .own
            .iter()
            .filter(|event| event.local > after && event.state == OwnState::Pending);
        let fits = |event: &&OwnEvent| {
            bytes += event.body.len();
            bytes == event.body.len() || bytes <= max_bytes
        };
        pending.take(max_events).take_while(fits).cloned().collect()
    }

    fn unsettled(&self, after: LocalSequence, max_events: usize, max_bytes: usize) -> Vec<OwnEvent> {
        let mut budget = ByteBudget::new(max_bytes);
        let unsettled =
            |event: &&OwnEvent| event.local > after && matches!(event.state, OwnState::Acked(_) | OwnState::Doubted);
        let first = self.own.iter().filter(unsettled).take(max_events);
        first
            .take_while(|event| budget.takes(event.body.len()))
            .cloned()
            .collect()
    }

    fn stale(&self, generation: u64, after: Option<&RecordId>, max_records: usize) -> Vec<RecordId> {
        let stale = |record: &&StoredRecord| {
            record.generation < generation && after.is_none_or(|after| record.key.record > *after)
        };
        let stale = self.records.values().filter(stale).take(max_records);
        stale.map(|record| record.key.record.clone()).collect()
    }

    fn set_own(&mut self, id: &EventId, state: &OwnState) {
        for event in self.own.iter_mut().filter(|event| event.id == *id) {
            event.state = state.clone();
        }
    }

    fn doubt_settled(&mut self) {
        for event in &mut self.own {
            if matches!(event.state, OwnState::Settled { .. }) {
                event.state = OwnState::Doubted;
            }
        }
    }

    fn prune_settled(&mut self, before_ms: i64, keep: usize) {
        let settled = |event: &OwnEvent| matches!(event.state, OwnState::Settled { .. });
        self.own
            .retain(|event| !matches!(event.state, OwnState::Settled { at_ms } if at_ms < before_ms));
        let mut excess = self
            .own
            .iter()
            .filter(|event| settled(event))
            .count()
            .saturating_sub(keep);
        self.own.retain(|event| {
            let forget = excess > 0 && settled(event);
            excess -= usize::from(forget);
            !forget
        });
    }
}
