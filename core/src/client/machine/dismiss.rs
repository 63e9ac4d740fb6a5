//! Rejected events leave storage when the application dismisses them, in the transaction of the write that does.

use super::replica::Outcome;
use super::{Client, Notice, Write, WriteError};
use crate::client::{OwnEvent, OwnState, StorageChange};
use crate::event::EventId;
use crate::name::RepositoryName;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// The own events that a batch of writes dismisses, as far as they are there.
pub(super) struct Dismissible(BTreeMap<(RepositoryName, EventId), OwnEvent>);

impl Dismissible {
    pub(super) fn new(loaded: Vec<OwnEvent>) -> Self {
        let named = loaded
            .into_iter()
            .map(|own| ((own.key.repository.clone(), own.id.clone()), own));
        Self(named.collect())
    }

    /// Whether a write may dismiss what it wants to: all of it is there and rejected. An earlier write of the batch may
    /// have dismissed it already.
    pub(super) fn check(&self, write: &Write) -> Result<(), WriteError> {
        let is_rejected = |named| {
            let found = self.0.get(named).map(|own| &own.state);
            matches!(found, Some(OwnState::Rejected { .. }))
        };
        let other = write.dismiss.iter().find(|named| !is_rejected(named));
        other.map_or(Ok(()), |(_, event)| Err(WriteError::NotRejected(event.clone())))
    }

    /// Dismisses what a write wants to that was checked; an event that it names twice, once.
    pub(super) fn take(&mut self, write: &Write, outcome: &mut Outcome) {
        for named in &write.dismiss {
            let Some(own) = self.0.remove(named) else {
                continue;
            };
            outcome.notices.push(Notice::Dismissed {
                repository: own.key.repository.clone(),
                record: own.key.record,
                event: own.id.clone(),
            });
            outcome.changes.push(StorageChange::DropOwn {
                repository: own.key.repository,
                event: own.id,
            });
        }
    }
}

impl Client {
    /// The first repository that a write names and this client does not keep.
    pub(super) fn unknown_repository(&self, write: &Write) -> Option<RepositoryName> {
        let changed = write.changes.iter().map(|change| &change.repository);
        let mut named = changed.chain(write.dismiss.iter().map(|(repository, _)| repository));
        let is_unknown = |name: &&RepositoryName| super::find(&self.repositories, name).is_err();
        named.find(is_unknown).cloned()
    }
}
