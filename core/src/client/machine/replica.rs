//! The two layers of the records that one transaction touches.
//!
//! A [`Workspace`] is filled from storage, changed, and finished into an [`Outcome`]: the changes of one transaction,
//! what the application is told of them, and what the client notes once they are durable.

use super::repository::{Repository, find};
use super::{Notice, Origin};
use crate::client::{Cursor, OwnEvent, OwnState, RecordKey, State, StorageChange, StoredRecord};
use crate::event::{Event, EventId, Sequence};
use crate::name::RepositoryName;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

/// What a transaction does, to storage, to the application and to the client itself.
#[derive(Clone, Debug, Default)]
pub(super) struct Outcome {
    pub(super) changes: Vec<StorageChange>,
    pub(super) notices: Vec<Notice>,
    /// Own events that change their place.
    pub(super) moves: Vec<Move>,
    /// Cursors that move.
    pub(super) cursors: Vec<(usize, Cursor)>,
}

/// An own event's way from one state to another.
#[derive(Clone, Debug)]
pub(super) struct Move {
    pub(super) repository: usize,
    pub(super) event: EventId,
    /// `None`: it is new.
    pub(super) from: Option<OwnState>,
    pub(super) to: OwnState,
}

/// The fields of [`StorageReply::Loaded`](crate::client::StorageReply::Loaded).
#[derive(Clone, Debug)]
pub(super) struct Loaded {
    pub(super) records: Vec<StoredRecord>,
    pub(super) layers: Vec<OwnEvent>,
    pub(super) own: Vec<OwnEvent>,
}

/// Records and own events, as loaded and as changed so far.
#[derive(Clone, Debug, Default)]
pub(super) struct Workspace {
    drafts: BTreeMap<RecordKey, Draft>,
    own: BTreeMap<(RepositoryName, EventId), OwnEvent>,
    /// Own events that were asked for or are in a layer, for [`Origin`].
    known: BTreeSet<EventId>,
    outcome: Outcome,
    acked: BTreeMap<RepositoryName, Vec<EventId>>,
}

#[derive(Clone, Debug, Default)]
struct Draft {
    stored: Option<StoredRecord>,
    confirmed: Option<State>,
    /// Pending and acked events, in local order.
    layer: Vec<OwnEvent>,
    touched: bool,
}

impl Workspace {
    /// What a load has answered.
    pub(super) fn new(loaded: Loaded, repositories: &[Repository]) -> Self {
        let Loaded { records, layers, own } = loaded;
        let mut workspace = Self::default();
        for stored in records {
            let Ok(index) = find(repositories, &stored.key.repository) else {
                continue;
            };
            let counts = stored.generation == repositories[index].cursor.generation;
            let draft = workspace.drafts.entry(stored.key.clone()).or_default();
            draft.confirmed = stored.confirmed.clone().filter(|_| counts);
            draft.stored = Some(stored);
        }
        for event in layers.into_iter().filter(in_layer) {
            workspace.known.insert(event.id.clone());
            let draft = workspace.drafts.entry(event.key.clone()).or_default();
            draft.layer.push(event);
        }
        for event in own {
            workspace.known.insert(event.id.clone());
            workspace
                .own
                .insert((event.key.repository.clone(), event.id.clone()), event);
        }
        workspace
    }

    /// Folds an event of the stream, unless the record is folded beyond it already.
    pub(super) fn fold(&mut self, repository: &Repository, event: &Event) {
        let key = RecordKey {
            repository: repository.name.clone(),
            record: event.record_id.clone(),
        };
        let draft = self.drafts.entry(key).or_default();
        let folded = draft.confirmed.as_ref().and_then(|state| state.sequence);
        if folded < event.sequence {
            let mut state = repository.policy.fold(draft.confirmed.as_ref(), event);
            state.sequence = event.sequence;
            draft.confirmed = Some(state);
            draft.touched = true;
        }
    }

    /// An own event, with where it stands.
    pub(super) fn own(&self, repository: &RepositoryName, event: &EventId) -> Option<&OwnEvent> {
        self.own.get(&(repository.clone(), event.clone()))
    }

    /// Changes where an own event stands, and the layer with it. Nothing if it is not there.
    pub(super) fn place(&mut self, index: usize, repository: &RepositoryName, event: &EventId, to: OwnState) {
        let Some(own) = self.own.get_mut(&(repository.clone(), event.clone())) else {
            return;
        };
        let from = core::mem::replace(&mut own.state, to.clone());
        let draft = self.drafts.entry(own.key.clone()).or_default();
        draft.touched = true;
        draft.layer.retain(|other| other.local != own.local);
        if in_layer(own) {
            let at = draft.layer.partition_point(|other| other.local < own.local);
            draft.layer.insert(at, own.clone());
        }
        if from == OwnState::Pending && matches!(to, OwnState::Acked(_) | OwnState::Settled { .. }) {
            self.acked.entry(repository.clone()).or_default().push(event.clone());
        }
        self.outcome.changes.push(StorageChange::SetOwn {
            repository: repository.clone(),
            event: event.clone(),
            state: to.clone(),
        });
        self.outcome.moves.push(Move {
            repository: index,
            event: event.clone(),
            from: Some(from),
            to,
        });
    }

    /// Writes a record again even if nothing in it changes: it belongs to the generation of now.
    pub(super) fn touch(&mut self, key: &RecordKey) {
        if let Some(draft) = self.drafts.get_mut(key) {
            draft.touched = true;
        }
    }

    /// Moves a cursor.
    pub(super) fn move_cursor(&mut self, index: usize, repository: &RepositoryName, cursor: Cursor) {
        self.outcome.changes.push(StorageChange::Cursor {
            repository: repository.clone(),
            cursor: cursor.clone(),
        });
        self.outcome.cursors.push((index, cursor));
    }

    /// Tells the application something else.
    pub(super) fn notify(&mut self, notice: Notice) {
        self.outcome.notices.push(notice);
    }

    /// Computes what the application sees of every touched record.
    pub(super) fn finish(mut self, repositories: &[Repository]) -> Outcome {
        let mut outcome = self.outcome;
        for (repository, events) in self.acked {
            outcome.notices.push(Notice::Acked { repository, events });
        }
        self.drafts.retain(|_, draft| draft.touched);
        let mut told = Vec::new();
        for (key, draft) in self.drafts {
            let Ok(index) = find(repositories, &key.repository) else {
                continue;
            };
            let before = draft.stored.clone();
            let record = draft.finish(key, &repositories[index]);
            if before.as_ref() != Some(&record) {
                told.extend(changed(before.as_ref(), &record, &self.known));
                outcome.changes.push(StorageChange::Record(record));
            }
        }
        told.sort_by(|a, b| place_in_log(a).cmp(&place_in_log(b)));
        outcome.notices.extend(told);
        outcome
    }
}

/// Changes are told in the order of the log; those that have no place there yet come last.
fn place_in_log(notice: &Notice) -> (Option<&RepositoryName>, Sequence) {
    match notice {
        Notice::Changed {
            repository, sequence, ..
        } => (Some(repository), sequence.unwrap_or(Sequence::MAX)),
        _ => (None, Sequence::ZERO),
    }
}

impl Draft {
    fn finish(self, key: RecordKey, repository: &Repository) -> StoredRecord {
        let mut visible = self.confirmed.clone();
        for own in &self.layer {
            // What cannot be read was not written by this client; it has no effect to show.
            if let Ok(mut event) = Event::read(&own.body) {
                event.sequence = acked_sequence(own);
                visible = Some(fold_own(visible.as_ref(), &event, repository));
            }
        }
        StoredRecord {
            key,
            confirmed: self.confirmed,
            visible,
            pending: self.layer.iter().any(|own| own.state == OwnState::Pending),
            generation: repository.cursor.generation,
        }
    }
}

/// The visible state after an own event on top of it.
pub(super) fn fold_own(visible: Option<&State>, event: &Event, repository: &Repository) -> State {
    let mut state = repository.policy.fold(visible, event);
    state.sequence = event.sequence;
    state
}

fn acked_sequence(own: &OwnEvent) -> Option<Sequence> {
    match own.state {
        OwnState::Acked(sequence) => sequence,
        _ => None,
    }
}

fn in_layer(own: &OwnEvent) -> bool {
    matches!(own.state, OwnState::Pending | OwnState::Acked(_))
}

/// What the application is told of a record; `None` if it sees no difference.
pub(super) fn changed(before: Option<&StoredRecord>, after: &StoredRecord, own: &BTreeSet<EventId>) -> Option<Notice> {
    let seen = |record: Option<&StoredRecord>| {
        let state = record.and_then(|record| record.visible.clone());
        (state, record.is_some_and(|record| record.pending))
    };
    let (before, after_seen) = (seen(before), seen(Some(after)));
    if before == after_seen {
        return None;
    }
    let content = |state: &Option<State>| state.clone().map(|state| (state.event, state.data));
    let visible = after.visible.as_ref();
    let is_own = visible.is_some_and(|state| own.contains(&state.event));
    Some(Notice::Changed {
        repository: after.key.repository.clone(),
        record: after.key.record.clone(),
        data: visible.and_then(|state| state.data.clone()),
        origin: if is_own { Origin::Local } else { Origin::Remote },
        sequence: visible.and_then(|state| state.sequence),
        pending: after.pending,
        content: content(&before.0) != content(&after_seen.0),
    })
}
