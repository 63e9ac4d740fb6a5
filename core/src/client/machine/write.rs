//! The application's writes become events, records and outbox in one transaction.

use super::clear::Local;
use super::dismiss::Dismissible;
use super::jobs::Job;
use super::ordered::Ordered;
use super::replica::{Loaded, Move, Outcome, changed, fold_own};
use super::repository::{Repository, find};
use super::{Change, ChangeKind, Client, Notice, Out, Write, WriteError};
use crate::client::event_text::event_text;
use crate::client::fields::differing_fields;
use crate::client::{OwnEvent, OwnState, RecordKey, State, StorageChange, StorageRequest, StoredRecord};
use crate::event::{Event, EventId, Json, MAX_DEPTH, Operation, Timestamp, depth_exceeds};
use crate::name::RepositoryName;
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Deepest nesting of an event: in a pushed batch it is two levels further down, and servers read [`MAX_DEPTH`].
const EVENT_DEPTH: usize = MAX_DEPTH - 2;

/// Records by key.
type Records = Ordered<StoredRecord>;

/// A write that became events, not durable yet.
struct Made {
    records: Records,
    own: Vec<OwnEvent>,
}

impl Client {
    /// Takes a write, or refuses it at once.
    pub(super) fn on_write(&mut self, write: Write, out: &mut Out) {
        let refusal = if self.stopped {
            Some(WriteError::Stopped)
        } else if let Some(unknown) = self.unknown_repository(&write) {
            Some(WriteError::UnknownRepository(unknown))
        } else if self.writes.len() >= self.config.limits.writes {
            Some(WriteError::Busy)
        } else {
            None
        };
        match refusal {
            Some(error) => answer(&write, Err(error), out),
            None => self.writes.push_back(Local::Write(write)),
        }
    }

    /// Refuses every write that waits, and clears nothing.
    pub(super) fn refuse_writes(&mut self, out: &mut Out) {
        for local in core::mem::take(&mut self.writes) {
            if let Local::Write(write) = local {
                answer(&write, Err(WriteError::Stopped), out);
            }
        }
    }

    /// As many waiting writes as go into one transaction; none if a repository is to be cleared first.
    pub(super) fn take_writes(&mut self) -> Vec<Write> {
        let (mut batch, mut changes) = (Vec::new(), 0);
        while let Some(Local::Write(write)) = self.writes.front() {
            changes += write.changes.len() + write.dismiss.len();
            if changes > self.config.limits.apply_events && !batch.is_empty() {
                break;
            }
            if let Some(Local::Write(write)) = self.writes.pop_front() {
                batch.push(write);
            }
        }
        batch
    }

    pub(super) fn ask_for_write(&self, batch: &[Write]) -> StorageRequest {
        let changes = batch.iter().flat_map(|write| &write.changes);
        let keys: Ordered<RecordKey> = changes.map(key).collect();
        let dismissed = batch.iter().flat_map(|write| &write.dismiss);
        let own: Ordered<(RepositoryName, EventId)> = dismissed.cloned().collect();
        StorageRequest::Load {
            records: keys.into_list(),
            own: own.into_list(),
            max_bytes: self.config.limits.storage_bytes,
        }
    }

    /// The records are loaded, and the own events that are dismissed: makes the events.
    pub(super) fn make_writes(&mut self, batch: Vec<Write>, loaded: Loaded, out: &mut Out) {
        let (mut before, mut written) = (Records::default(), Records::default());
        before.put_all(loaded.records);
        let mut dismissible = Dismissible::new(loaded.own);
        let (mut outcome, mut own_ids) = (Outcome::default(), BTreeSet::new());
        for write in &batch {
            let checked = dismissible.check(write);
            let made = checked.and_then(|()| self.make_write(write, &written, &before));
            let result = made.map(|made| {
                written.put_all(made.records.into_list());
                made.own
                    .into_iter()
                    .map(|own| self.add_own(own, &mut outcome))
                    .collect::<Vec<_>>()
            });
            own_ids.extend(result.iter().flatten().cloned());
            let is_made = result.is_ok();
            outcome.notices.push(Notice::Written {
                request: write.request,
                result,
            });
            if is_made {
                dismissible.take(write, &mut outcome);
            }
        }
        let mut written = written.into_list();
        written.sort_unstable_by(|a, b| a.key.cmp(&b.key));
        for record in written {
            let before = before.of(&record.key);
            if before != Some(&record) {
                outcome.notices.extend(changed(before, &record, &own_ids));
                outcome.changes.push(StorageChange::Record(record));
            }
        }
        self.commit(Job::Write(batch), outcome, out);
    }

    /// The events of one write on top of what the writes before it made of what was stored; all of them or an error.
    fn make_write(&mut self, write: &Write, written: &Records, stored: &Records) -> Result<Made, WriteError> {
        let mut made = Made {
            records: Records::default(),
            own: Vec::new(),
        };
        for change in &write.changes {
            let key = key(change);
            let Ok(index) = find(&self.repositories, &change.repository) else {
                return Err(WriteError::UnknownRepository(change.repository.clone()));
            };
            let mut record = match [&made.records, written, stored]
                .into_iter()
                .find_map(|records| records.of(&key))
            {
                Some(record) => record.clone(),
                None => new_record(key.clone(), &self.repositories[index]),
            };
            let id = self.ids.next(write.wall);
            let event = new_event(
                id,
                change,
                record.visible.as_deref(),
                write.wall,
                &self.repositories[index],
            );
            let body = event_text(&event, self.config.spelling);
            if body.len() > self.config.limits.event_bytes {
                return Err(WriteError::TooLarge(self.config.limits.event_bytes));
            }
            if depth_exceeds(&body, EVENT_DEPTH) {
                return Err(WriteError::TooDeep(EVENT_DEPTH));
            }
            let visible = fold_own(record.visible.as_deref(), &event, &self.repositories[index]);
            record.visible = Some(Arc::new(visible));
            record.pending = true;
            made.records.put(record);
            self.last_local.0 += 1;
            made.own.push(OwnEvent {
                local: self.last_local,
                key,
                id: event.id,
                body,
                state: OwnState::Pending,
            });
        }
        Ok(made)
    }

    fn add_own(&self, own: OwnEvent, outcome: &mut Outcome) -> EventId {
        let id = own.id.clone();
        if let Ok(repository) = find(&self.repositories, &own.key.repository) {
            outcome.moves.push(Move {
                repository,
                event: id.clone(),
                from: None,
                to: OwnState::Pending,
            });
        }
        outcome.changes.push(StorageChange::AddOwn(own));
        id
    }
}

impl Records {
    fn of(&self, key: &RecordKey) -> Option<&StoredRecord> {
        self.find(|record| record.key.cmp(key)).ok().map(|at| self.get(at))
    }

    fn put_all(&mut self, records: Vec<StoredRecord>) {
        for record in records {
            self.put(record);
        }
    }

    /// Adds a record, in place of one with its key.
    fn put(&mut self, record: StoredRecord) {
        match self.find(|known| known.key.cmp(&record.key)) {
            Ok(at) => *self.get_mut(at) = record,
            Err(rank) => {
                self.insert_at(rank, record);
            }
        }
    }
}

/// Answers a write.
pub(super) fn answer(write: &Write, result: Result<Vec<EventId>, WriteError>, out: &mut Out) {
    let notice = Notice::Written {
        request: write.request,
        result,
    };
    out.push(super::ClientAction::Notify(notice));
}

pub(super) fn key(change: &Change) -> RecordKey {
    RecordKey {
        repository: change.repository.clone(),
        record: change.record.clone(),
    }
}

fn new_record(key: RecordKey, repository: &Repository) -> StoredRecord {
    StoredRecord {
        key,
        confirmed: None,
        visible: None,
        pending: false,
        generation: repository.cursor.generation,
    }
}

/// The event of a change to a record that the application sees as `visible`.
fn new_event(id: EventId, change: &Change, visible: Option<&State>, wall: Timestamp, repository: &Repository) -> Event {
    let known = visible.and_then(|state| state.data.as_ref());
    let (operation, data, changed) = match &change.kind {
        ChangeKind::Delete => (Operation::Delete, None, None),
        ChangeKind::Upsert { data, changed } => {
            let operation = if known.is_some() {
                Operation::Update
            } else {
                Operation::Insert
            };
            let changed = changed.clone().or_else(|| changed_fields(known, data, repository));
            (operation, Some(data.clone()), changed)
        }
    };
    Event {
        id,
        record_id: change.record.clone(),
        operation,
        created_at: Some(wall).max(visible.and_then(|state| state.created_at)),
        data,
        changed: changed.map(|names| names.into_iter().map(Into::into).collect()),
        sequence: None,
    }
}

fn changed_fields(known: Option<&Json>, new: &Json, repository: &Repository) -> Option<Vec<String>> {
    if !repository.policy.wants_changed_fields() {
        return None;
    }
    differing_fields(known?, new)
}
