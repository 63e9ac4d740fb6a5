//! The two layers of the records that one transaction touches.
//!
//! A [`Workspace`] is filled from storage, changed, and finished into an [`Outcome`]: the changes of one transaction,
//! what the application is told of them, and what the client notes once they are durable.

use super::ordered::Ordered;
use super::repository::{Repository, find};
use super::{Notice, Origin};
use crate::client::{Cursor, OwnEvent, OwnState, RecordKey, State, StorageChange, StoredRecord};
use crate::event::{Event, EventId, Json, RecordId, Sequence};
use crate::name::RepositoryName;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::sync::Arc;
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
    drafts: Ordered<Draft>,
    /// By repository and id.
    own: Vec<OwnEvent>,
    /// Own events that were asked for or are in a layer, for [`Origin`].
    known: BTreeSet<EventId>,
    outcome: Outcome,
    acked: BTreeMap<RepositoryName, Vec<EventId>>,
}

#[derive(Clone, Debug)]
struct Draft {
    key: RecordKey,
    stored: Option<StoredRecord>,
    confirmed: Option<Arc<State>>,
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
            let draft = workspace.draft(&stored.key.repository, &stored.key.record);
            draft.confirmed = stored.confirmed.clone().filter(|_| counts);
            draft.stored = Some(stored);
        }
        for event in layers.into_iter().filter(in_layer) {
            workspace.known.insert(event.id.clone());
            let draft = workspace.draft(&event.key.repository, &event.key.record);
            draft.layer.push(event);
        }
        workspace.known.extend(own.iter().map(|event| event.id.clone()));
        workspace.own = own;
        workspace.own.sort_by(|a, b| place_of(a).cmp(&place_of(b)));
        workspace
    }

    fn find_draft(&self, repository: &RepositoryName, record: &RecordId) -> Result<usize, usize> {
        self.drafts
            .find(|draft| (&draft.key.repository, &draft.key.record).cmp(&(repository, record)))
    }

    /// The draft of a record, empty at first.
    fn draft(&mut self, repository: &RepositoryName, record: &RecordId) -> &mut Draft {
        let at = self.find_draft(repository, record).unwrap_or_else(|rank| {
            let (repository, record) = (repository.clone(), record.clone());
            self.drafts
                .insert_at(rank, Draft::new(RecordKey { repository, record }))
        });
        self.drafts.get_mut(at)
    }

    /// Folds an event of the stream, unless the record is folded beyond it already.
    pub(super) fn fold(&mut self, repository: &Repository, event: &Event) {
        let draft = self.draft(&repository.name, &event.record_id);
        let folded = draft.confirmed.as_ref().and_then(|state| state.sequence);
        if folded < event.sequence {
            let mut state = repository.policy.fold(draft.confirmed.as_deref(), event);
            state.sequence = event.sequence;
            draft.confirmed = Some(Arc::new(state));
            draft.touched = true;
        }
    }

    /// An own event, with where it stands.
    pub(super) fn own(&self, repository: &RepositoryName, event: &EventId) -> Option<&OwnEvent> {
        self.find_own(repository, event).map(|at| &self.own[at])
    }

    fn find_own(&self, repository: &RepositoryName, event: &EventId) -> Option<usize> {
        let place = (repository, event);
        self.own.binary_search_by(|own| place_of(own).cmp(&place)).ok()
    }

    /// Changes where an own event stands, and the layer with it. Nothing if it is not there.
    pub(super) fn place(&mut self, index: usize, repository: &RepositoryName, event: &EventId, to: OwnState) {
        let Some(at) = self.find_own(repository, event) else {
            return;
        };
        let from = core::mem::replace(&mut self.own[at].state, to.clone());
        let own = self.own[at].clone();
        let draft = self.draft(&own.key.repository, &own.key.record);
        draft.touched = true;
        draft.layer.retain(|other| other.local != own.local);
        if in_layer(&own) {
            let at = draft.layer.partition_point(|other| other.local < own.local);
            draft.layer.insert(at, own);
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
        if let Ok(at) = self.find_draft(&key.repository, &key.record) {
            self.drafts.get_mut(at).touched = true;
        }
    }

    /// Moves the cursors of these repositories.
    pub(super) fn move_cursors(&mut self, cursors: Vec<(usize, Cursor)>, repositories: &[Repository]) {
        for (index, cursor) in &cursors {
            self.outcome.changes.push(StorageChange::Cursor {
                repository: repositories[*index].name.clone(),
                cursor: cursor.clone(),
            });
        }
        self.outcome.cursors = cursors;
    }

    /// Tells the application something else.
    pub(super) fn notify(&mut self, notice: Notice) {
        self.outcome.notices.push(notice);
    }

    /// Computes what the application sees of every touched record.
    pub(super) fn finish(self, repositories: &[Repository]) -> Outcome {
        let mut outcome = self.outcome;
        for (repository, events) in self.acked {
            outcome.notices.push(Notice::Acked { repository, events });
        }
        let first = outcome.notices.len();
        let mut drafts = self.drafts.into_list();
        drafts.retain(|draft| draft.touched);
        drafts.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        outcome.changes.reserve(drafts.len());
        outcome.notices.reserve(drafts.len());
        for draft in drafts {
            let Ok(index) = find(repositories, &draft.key.repository) else {
                continue;
            };
            let (before, record) = draft.finish(&repositories[index]);
            if before.as_ref() != Some(&record) {
                outcome.notices.extend(changed(before.as_ref(), &record, &self.known));
                outcome.changes.push(StorageChange::Record(record));
            }
        }
        outcome.notices[first..].sort_by(|a, b| place_in_log(a).cmp(&place_in_log(b)));
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
    const fn new(key: RecordKey) -> Self {
        Self {
            key,
            stored: None,
            confirmed: None,
            layer: Vec::new(),
            touched: false,
        }
    }

    /// The record as it was stored and as it is now.
    fn finish(self, repository: &Repository) -> (Option<StoredRecord>, StoredRecord) {
        let mut visible = self.confirmed.clone();
        for own in &self.layer {
            // What cannot be read was not written by this client; it has no effect to show.
            if let Ok(mut event) = Event::read(&own.body) {
                event.sequence = acked_sequence(own);
                visible = Some(Arc::new(fold_own(visible.as_deref(), &event, repository)));
            }
        }
        let record = StoredRecord {
            key: self.key,
            confirmed: self.confirmed,
            visible,
            pending: self.layer.iter().any(|own| own.state == OwnState::Pending),
            generation: repository.cursor.generation,
        };
        (self.stored, record)
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

/// What an own event is found by.
fn place_of(own: &OwnEvent) -> (&RepositoryName, &EventId) {
    (&own.key.repository, &own.id)
}

/// What the application is told of a record; `None` if it sees no difference.
pub(super) fn changed(before: Option<&StoredRecord>, after: &StoredRecord, own: &BTreeSet<EventId>) -> Option<Notice> {
    let shown = before.and_then(|record| record.visible.as_ref());
    let visible = after.visible.as_ref();
    let was_pending = before.is_some_and(|record| record.pending);
    if shown == visible && was_pending == after.pending {
        return None;
    }
    let is_own = visible.is_some_and(|state| own.contains(&state.event));
    Some(Notice::Changed {
        repository: after.key.repository.clone(),
        record: after.key.record.clone(),
        data: visible.and_then(|state| state.data.clone()),
        origin: if is_own { Origin::Local } else { Origin::Remote },
        sequence: visible.and_then(|state| state.sequence),
        pending: after.pending,
        content: content(shown) != content(visible),
    })
}

/// What of a state the application calls its content.
fn content(state: Option<&Arc<State>>) -> Option<(&EventId, Option<&Json>)> {
    state.map(|state| (&state.event, state.data.as_ref()))
}
