//! The writes that are not answered yet, so that each gets the `changed` line that is its answer.

use driftless_core::client::{RecordKey, RequestId};
use driftless_core::event::Json;
use std::collections::{BTreeMap, BTreeSet};

/// Writes under way. Writes of different records share transactions; of one record there is one at a time, because a
/// transaction tells of a record's change once.
#[derive(Debug, Default)]
pub(super) struct Writes {
    under_way: BTreeMap<RequestId, Write>,
    /// The records of those that are under way.
    keys: BTreeSet<RecordKey>,
    /// Durable; the `changed` notice follows.
    durable: BTreeMap<RecordKey, Option<Json>>,
}

#[derive(Debug)]
struct Write {
    key: RecordKey,
    request: Option<Json>,
}

/// Writes that may be under way: what one transaction takes.
const UNDER_WAY: usize = 1_000;

impl Writes {
    /// Whether everything is answered.
    pub(super) fn is_empty(&self) -> bool {
        self.under_way.is_empty() && self.durable.is_empty()
    }

    /// Whether a write of this record can start.
    pub(super) fn has_room(&self, key: &RecordKey) -> bool {
        self.under_way.len() < UNDER_WAY && !self.durable.contains_key(key) && !self.keys.contains(key)
    }

    /// A write has started.
    pub(super) fn add(&mut self, id: RequestId, key: RecordKey, request: Option<Json>) {
        self.keys.insert(key.clone());
        self.under_way.insert(id, Write { key, request });
    }

    /// A write is durable.
    pub(super) fn written(&mut self, id: RequestId) {
        if let Some(write) = self.take(id) {
            self.durable.insert(write.key, write.request);
        }
    }

    /// A write was not made; gives back its `request`.
    pub(super) fn failed(&mut self, id: RequestId) -> Option<Json> {
        self.take(id).and_then(|write| write.request)
    }

    fn take(&mut self, id: RequestId) -> Option<Write> {
        let write = self.under_way.remove(&id)?;
        self.keys.remove(&write.key);
        Some(write)
    }

    /// A local change of a record is told; gives back the `request` of the write that made it.
    pub(super) fn changed(&mut self, key: &RecordKey) -> Option<Json> {
        self.durable.remove(key).flatten()
    }

    /// Something else is told: the changes that were to be told with the writes are.
    pub(super) fn told(&mut self) {
        self.durable.clear();
    }
}
