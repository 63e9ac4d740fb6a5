//! One repository of a client's disk, with the indexes that make every request cost what it touches.

use super::index::Index;
use driftless_core::client::{Cursor, LocalSequence, OwnEvent, OwnState, StoredRecord};
use driftless_core::event::{EventId, RecordId};
use std::collections::{BTreeMap, BTreeSet};
use std::ops::Bound;

/// One repository: its cursor, its records and the client's own events.
#[derive(Clone, Debug, Default)]
pub(super) struct Repository {
    pub(super) cursor: Cursor,
    records: Index<RecordId, StoredRecord>,
    /// The ids of the records of each generation, in order.
    generations: BTreeMap<u64, BTreeSet<RecordId>>,
    own: BTreeMap<LocalSequence, OwnEvent>,
    by_id: Index<EventId, LocalSequence>,
    /// Pending and acked events, by record.
    layers: Index<RecordId, BTreeSet<LocalSequence>>,
    pending: BTreeSet<LocalSequence>,
    /// Acked and doubted events.
    unsettled: BTreeSet<LocalSequence>,
    settled: BTreeSet<(i64, LocalSequence)>,
}

impl Repository {
    pub(super) fn record(&self, id: &RecordId) -> Option<&StoredRecord> {
        self.records.get(id)
    }

    /// All records, in order of their ids.
    pub(super) fn records(&self) -> impl Iterator<Item = &StoredRecord> {
        let mut ids: Vec<&RecordId> = self.generations.values().flatten().collect();
        ids.sort_unstable();
        ids.into_iter().filter_map(|id| self.records.get(id))
    }

    pub(super) fn set_record(&mut self, record: StoredRecord) {
        let id = &record.key.record;
        if record.confirmed.is_none() && record.visible.is_none() {
            if let Some(old) = self.records.remove(id) {
                self.leave_generation(old.generation, id);
            }
            return;
        }
        let old = match self.records.get_mut(id) {
            Some(known) if known.generation == record.generation => {
                *known = record;
                return;
            }
            Some(known) => Some(known.generation),
            None => None,
        };
        let (id, generation) = (id.clone(), record.generation);
        if let Some(old) = old {
            self.leave_generation(old, &id);
        }
        self.generations.entry(generation).or_default().insert(id.clone());
        self.records.insert(id, record);
    }

    fn leave_generation(&mut self, generation: u64, id: &RecordId) {
        if let Some(ids) = self.generations.get_mut(&generation) {
            ids.remove(id);
            if ids.is_empty() {
                self.generations.remove(&generation);
            }
        }
    }

    /// The ids of records of older generations behind one, in order.
    pub(super) fn stale(&self, generation: u64, after: Option<&RecordId>, max: usize) -> Vec<RecordId> {
        let behind = (after.map_or(Bound::Unbounded, Bound::Excluded), Bound::Unbounded);
        let older = self.generations.range(..generation);
        // The first `max` of each generation hold the first `max` of all.
        let first = older.flat_map(|(_, ids)| ids.range::<RecordId, _>(behind).take(max));
        let ids: BTreeSet<&RecordId> = first.collect();
        ids.into_iter().take(max).cloned().collect()
    }

    pub(super) fn own(&self) -> impl Iterator<Item = &OwnEvent> {
        self.own.values()
    }

    pub(super) fn own_by_id(&self, id: &EventId) -> Option<&OwnEvent> {
        self.by_id.get(id).and_then(|local| self.own.get(local))
    }

    pub(super) fn layer_of(&self, record: &RecordId) -> impl Iterator<Item = &OwnEvent> {
        let layer = self.layers.get(record).into_iter().flatten();
        layer.filter_map(|local| self.own.get(local))
    }

    /// Pending and acked events, in local order.
    pub(super) fn layer(&self) -> impl Iterator<Item = &OwnEvent> {
        let both = self
            .pending
            .union(&self.unsettled)
            .filter_map(|local| self.own.get(local));
        both.filter(|event| event.state != OwnState::Doubted)
    }

    pub(super) fn pending_count(&self) -> u64 {
        self.pending.len() as u64
    }

    pub(super) fn pending(&self, after: LocalSequence) -> impl Iterator<Item = &OwnEvent> {
        self.listed(&self.pending, after)
    }

    /// Acked and doubted events.
    pub(super) fn unsettled(&self, after: LocalSequence) -> impl Iterator<Item = &OwnEvent> {
        self.listed(&self.unsettled, after)
    }

    fn listed<'a>(
        &'a self,
        index: &'a BTreeSet<LocalSequence>,
        after: LocalSequence,
    ) -> impl Iterator<Item = &'a OwnEvent> + 'a {
        let behind = index.range((Bound::Excluded(after), Bound::Unbounded));
        behind.filter_map(|local| self.own.get(local))
    }

    /// Adds an own event whose local sequence and id are new.
    pub(super) fn add_own(&mut self, event: OwnEvent) {
        self.by_id.insert(event.id.clone(), event.local);
        self.list(&event.state, &event.key.record, event.local);
        self.own.insert(event.local, event);
    }

    pub(super) fn set_own(&mut self, id: &EventId, state: OwnState) {
        if let Some(&local) = self.by_id.get(id) {
            self.set_state(local, state);
        }
    }

    pub(super) fn doubt_settled(&mut self) {
        while let Some(&(_, local)) = self.settled.first() {
            self.set_state(local, OwnState::Doubted);
        }
    }

    pub(super) fn prune_settled(&mut self, before_ms: i64, keep: usize) {
        while let Some(&(at_ms, local)) = self.settled.first() {
            if at_ms >= before_ms && self.settled.len() <= keep {
                return;
            }
            self.settled.pop_first();
            if let Some(event) = self.own.remove(&local) {
                self.by_id.remove(&event.id);
            }
        }
    }

    pub(super) fn drop_own(&mut self, id: &EventId) {
        let Some(local) = self.by_id.remove(id) else {
            return;
        };
        if let Some(event) = self.own.remove(&local) {
            self.unlist(&event.state, &event.key.record, local);
        }
    }

    fn set_state(&mut self, local: LocalSequence, state: OwnState) {
        let Some(event) = self.own.get_mut(&local) else {
            return;
        };
        let (record, now) = (event.key.record.clone(), state.clone());
        let before = std::mem::replace(&mut event.state, state);
        self.unlist(&before, &record, local);
        self.list(&now, &record, local);
    }

    /// Puts an event into the indexes of where it stands.
    fn list(&mut self, state: &OwnState, record: &RecordId, local: LocalSequence) {
        match state {
            OwnState::Pending => {
                self.pending.insert(local);
                self.layers.entry(record.clone()).or_default().insert(local);
            }
            OwnState::Acked(_) => {
                self.unsettled.insert(local);
                self.layers.entry(record.clone()).or_default().insert(local);
            }
            OwnState::Doubted => {
                self.unsettled.insert(local);
            }
            OwnState::Settled { at_ms } => {
                self.settled.insert((*at_ms, local));
            }
            OwnState::Rejected { .. } => {}
        }
    }

    /// Takes an event out of the indexes of where it stood.
    fn unlist(&mut self, state: &OwnState, record: &RecordId, local: LocalSequence) {
        match state {
            OwnState::Pending | OwnState::Acked(_) => {
                self.pending.remove(&local);
                self.unsettled.remove(&local);
                if let Some(layer) = self.layers.get_mut(record) {
                    layer.remove(&local);
                    if layer.is_empty() {
                        self.layers.remove(record);
                    }
                }
            }
            OwnState::Doubted => {
                self.unsettled.remove(&local);
            }
            OwnState::Settled { at_ms } => {
                self.settled.remove(&(*at_ms, local));
            }
            OwnState::Rejected { .. } => {}
        }
    }
}
