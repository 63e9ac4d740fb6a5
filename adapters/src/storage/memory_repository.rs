//! One repository of [`super::MemoryStorage`], with the indexes that keep every request as cheap as its answer.

use super::QueryRow;
use driftless_core::client::{ByteBudget, Cursor, LocalSequence, OwnEvent, OwnState, State, StoredRecord};
use driftless_core::event::{EventId, Json, RecordId};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;
use std::sync::Arc;

/// One repository: its cursor, its records and the client's own events.
#[derive(Debug, Default)]
pub(super) struct Repository {
    pub(super) cursor: Cursor,
    records: BTreeMap<RecordId, StoredRecord>,
    /// The ids of the records of each generation.
    generations: BTreeMap<u64, BTreeSet<RecordId>>,
    own: BTreeMap<LocalSequence, OwnEvent>,
    by_id: BTreeMap<EventId, LocalSequence>,
    layers: BTreeSet<(RecordId, LocalSequence)>,
    pending: BTreeSet<LocalSequence>,
    unsettled: BTreeSet<LocalSequence>,
    settled: BTreeSet<(i64, LocalSequence)>,
    rejected: BTreeSet<LocalSequence>,
    rejected_records: BTreeSet<(RecordId, LocalSequence)>,
}

impl Repository {
    pub(super) fn record(&self, id: &RecordId) -> Option<&StoredRecord> {
        self.records.get(id)
    }

    /// Every record, in the order of the ids.
    pub(super) fn all(&self) -> impl Iterator<Item = &StoredRecord> {
        self.records.values()
    }

    /// A record as the application sees it; `None` if it does not.
    pub(super) fn row(&self, record: &StoredRecord) -> Option<QueryRow> {
        let id = &record.key.record;
        let all = (id.clone(), LocalSequence(0))..=(id.clone(), LocalSequence(u64::MAX));
        Some(QueryRow {
            record: id.clone(),
            visible: record.visible.clone()?,
            pending: record.pending,
            rejected: self.rejected_records.range(all).next().is_some(),
        })
    }

    pub(super) fn visible(&self, after: Option<&RecordId>, max: usize) -> Vec<StoredRecord> {
        let shown = |record: &&StoredRecord| record.visible.as_ref().is_some_and(|state| state.data.is_some());
        let behind = self.records.range((behind(after), Bound::Unbounded));
        behind
            .map(|(_, record)| record)
            .filter(shown)
            .take(max)
            .cloned()
            .collect()
    }

    pub(super) fn stale(&self, generation: u64, after: Option<&RecordId>, max: usize) -> Vec<RecordId> {
        let older = self.generations.range(..generation);
        // The first `max` of each generation hold the first `max` of all.
        let first = older.flat_map(|(_, ids)| ids.range((behind(after), Bound::Unbounded)).take(max));
        let ids: BTreeSet<&RecordId> = first.collect();
        ids.into_iter().take(max).cloned().collect()
    }

    pub(super) fn set_record(&mut self, record: StoredRecord) {
        let id = record.key.record.detached();
        if let Some(old) = self.records.remove(&id)
            && let Some(ids) = self.generations.get_mut(&old.generation)
        {
            ids.remove(&id);
            if ids.is_empty() {
                self.generations.remove(&old.generation);
            }
        }
        if record.confirmed.is_none() && record.visible.is_none() {
            return;
        }
        let ids = self.generations.entry(record.generation).or_default();
        ids.insert(id.clone());
        let mut kept = record;
        kept.key.record = id.clone();
        let is_shared = kept.visible == kept.confirmed;
        kept.confirmed = kept.confirmed.as_deref().map(detached);
        kept.visible = if is_shared {
            kept.confirmed.clone()
        } else {
            kept.visible.as_deref().map(detached)
        };
        self.records.insert(id, kept);
    }

    pub(super) fn own(&self, id: &EventId) -> Option<&OwnEvent> {
        self.by_id.get(id).and_then(|local| self.own.get(local))
    }

    pub(super) fn layer(&self, record: &RecordId) -> impl Iterator<Item = &OwnEvent> {
        let all = (record.clone(), LocalSequence(0))..=(record.clone(), LocalSequence(u64::MAX));
        self.layers.range(all).filter_map(|(_, local)| self.own.get(local))
    }

    pub(super) fn pending_count(&self) -> u64 {
        self.pending.len() as u64
    }

    pub(super) fn pending(&self, after: LocalSequence, max: usize) -> Vec<OwnEvent> {
        self.listed(&self.pending, after, max).cloned().collect()
    }

    pub(super) fn rejected(&self, after: LocalSequence, max: usize) -> Vec<OwnEvent> {
        self.listed(&self.rejected, after, max).cloned().collect()
    }

    pub(super) fn unsettled(&self, after: LocalSequence, max_events: usize, max_bytes: usize) -> Vec<OwnEvent> {
        first(self.listed(&self.unsettled, after, max_events), max_bytes)
    }

    pub(super) fn outbox(&self, after: LocalSequence, max_events: usize, max_bytes: usize) -> Vec<OwnEvent> {
        first(self.listed(&self.pending, after, max_events), max_bytes)
    }

    fn listed<'a>(
        &'a self,
        index: &'a BTreeSet<LocalSequence>,
        after: LocalSequence,
        max: usize,
    ) -> impl Iterator<Item = &'a OwnEvent> + 'a {
        let behind = index.range((Bound::Excluded(after), Bound::Unbounded)).take(max);
        behind.filter_map(|local| self.own.get(local))
    }

    pub(super) fn add_own(&mut self, event: OwnEvent) {
        let mut kept = event;
        kept.id = kept.id.detached();
        kept.key.record = kept.key.record.detached();
        kept.body = kept.body.detached();
        self.by_id.insert(kept.id.clone(), kept.local);
        self.put(kept);
    }

    pub(super) fn set_own(&mut self, id: &EventId, state: OwnState) {
        let Some(&local) = self.by_id.get(id) else {
            return;
        };
        if let Some(mut event) = self.take(local) {
            event.state = state;
            self.put(event);
        }
    }

    pub(super) fn doubt_settled(&mut self) {
        while let Some(&(_, local)) = self.settled.first() {
            if let Some(mut event) = self.take(local) {
                event.state = OwnState::Doubted;
                self.put(event);
            }
        }
    }

    pub(super) fn prune_settled(&mut self, before_ms: i64, keep: usize) {
        while let Some(&(at_ms, local)) = self.settled.first() {
            if at_ms >= before_ms && self.settled.len() <= keep {
                return;
            }
            if let Some(event) = self.take(local) {
                self.by_id.remove(&event.id);
            }
        }
    }

    pub(super) fn drop_own(&mut self, id: &EventId) {
        if let Some(local) = self.by_id.remove(id) {
            self.take(local);
        }
    }

    fn put(&mut self, event: OwnEvent) {
        let local = event.local;
        match &event.state {
            OwnState::Pending => {
                self.pending.insert(local);
                self.layers.insert((event.key.record.clone(), local));
            }
            OwnState::Acked(_) => {
                self.unsettled.insert(local);
                self.layers.insert((event.key.record.clone(), local));
            }
            OwnState::Doubted => {
                self.unsettled.insert(local);
            }
            OwnState::Settled { at_ms } => {
                self.settled.insert((*at_ms, local));
            }
            OwnState::Rejected { .. } => {
                self.rejected.insert(local);
                self.rejected_records.insert((event.key.record.clone(), local));
            }
        }
        self.own.insert(local, event);
    }

    fn take(&mut self, local: LocalSequence) -> Option<OwnEvent> {
        let event = self.own.remove(&local)?;
        self.pending.remove(&local);
        self.unsettled.remove(&local);
        self.rejected.remove(&local);
        let of_record = (event.key.record.clone(), local);
        self.layers.remove(&of_record);
        self.rejected_records.remove(&of_record);
        if let OwnState::Settled { at_ms } = event.state {
            self.settled.remove(&(at_ms, local));
        }
        Some(event)
    }
}

/// The first events, as far as the bytes of their bodies allow.
fn first<'a>(events: impl Iterator<Item = &'a OwnEvent>, max_bytes: usize) -> Vec<OwnEvent> {
    let mut budget = ByteBudget::new(max_bytes);
    events
        .take_while(|event| budget.takes(event.body.len()))
        .cloned()
        .collect()
}

fn behind(after: Option<&RecordId>) -> Bound<&RecordId> {
    after.map_or(Bound::Unbounded, Bound::Excluded)
}

/// Storage outlives the frame that a state was read from; a slice of it would keep the whole frame in memory.
fn detached(state: &State) -> Arc<State> {
    Arc::new(State {
        event: state.event.detached(),
        data: state.data.as_ref().map(Json::detached),
        ..*state
    })
}
