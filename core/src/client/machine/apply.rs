//! A page of the stream becomes records and a cursor in one transaction.

use super::inbox::Run;
use super::jobs::Job;
use super::ordered::Ordered;
use super::replica::Workspace;
use super::{Client, Notice, Out, Repository};
use crate::client::{Cursor, OwnEvent, OwnState, RecordKey, StorageRequest};
use crate::event::{Event, EventId};
use crate::name::RepositoryName;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

impl Client {
    pub(super) fn ask_for_page(&self, page: &[Run]) -> StorageRequest {
        let count = page.iter().map(|run| run.events.len()).sum();
        let mut records: Ordered<RecordKey> = Ordered::with_capacity(count);
        let mut own: Ordered<(RepositoryName, EventId)> = Ordered::with_capacity(count);
        for run in page {
            let repository = &self.repositories[run.repository];
            for event in &run.events {
                records.insert(RecordKey {
                    repository: repository.name.clone(),
                    record: event.record_id.clone(),
                });
                if repository.may_have_own() {
                    own.insert((repository.name.clone(), event.id.clone()));
                }
            }
        }
        StorageRequest::Load {
            records: records.into_list(),
            own: own.into_list(),
            max_bytes: self.config.limits.storage_bytes,
        }
    }

    pub(super) fn apply(&mut self, page: Vec<Run>, mut workspace: Workspace, out: &mut Out) {
        let settled = OwnState::Settled { at_ms: self.wall_ms() };
        let mut cursors: Vec<(usize, Cursor)> = Vec::new();
        for run in &page {
            let repository = &self.repositories[run.repository];
            for event in &run.events {
                workspace.fold(repository, event);
                let own = workspace.own(&repository.name, &event.id);
                if own.is_some_and(|own| can_settle(own, event)) {
                    workspace.place(run.repository, &repository.name, &event.id, settled.clone());
                }
            }
            let known = cursors.iter().position(|(index, _)| *index == run.repository);
            let at = known.unwrap_or_else(|| {
                cursors.push((run.repository, repository.cursor.clone()));
                cursors.len() - 1
            });
            advance(&mut cursors[at].1, run);
        }
        cursors.sort_unstable_by_key(|(index, _)| *index);
        cursors.retain(|(index, cursor)| *cursor != self.repositories[*index].cursor);
        for (_, cursor) in &mut cursors {
            // Kept for long: must not keep the frame alive.
            cursor.seen = cursor.seen.take().map(|(sequence, id)| (sequence, id.detached()));
        }
        let applied = self.applied_notices(&page, &cursors);
        workspace.move_cursors(cursors, &self.repositories);
        let mut outcome = workspace.finish(&self.repositories);
        outcome.notices.extend(applied);
        self.commit(Job::Apply(page), outcome, out);
    }

    /// What the application is told of each repository of a page, given where cursors move.
    fn applied_notices(&self, page: &[Run], moved: &[(usize, Cursor)]) -> Vec<Notice> {
        let mut events: BTreeMap<usize, usize> = BTreeMap::new();
        for run in page {
            *events.entry(run.repository).or_default() += run.events.len();
        }
        let notice = |(index, events)| {
            let repository: &Repository = &self.repositories[index];
            let cursor = moved.iter().find(|(of, _)| *of == index);
            Notice::Applied {
                repository: repository.name.clone(),
                after: cursor.map_or(repository.cursor.after, |(_, cursor)| cursor.after),
                events,
            }
        };
        events.into_iter().map(notice).collect()
    }

    /// The page is durable.
    pub(super) fn applied(&mut self, page: &[Run]) {
        self.inbox.applied(self.jobs.unapplied_bytes());
        for run in page {
            self.note_beginning(run.repository);
            let repository = &mut self.repositories[run.repository];
            let passed = repository.acked.is_passed(repository.cursor.after);
            if passed && repository.is_current() && repository.sweep.is_none() {
                repository.sweep_acked();
            }
        }
    }
}

/// Whether an own event settles by an event of the stream with its id. One of another record is another event: the
/// server has given the id away, and will say so when the own event is pushed.
fn can_settle(own: &OwnEvent, event: &Event) -> bool {
    own.key.record == event.record_id && matches!(own.state, OwnState::Pending | OwnState::Acked(_) | OwnState::Doubted)
}

/// Moves a cursor behind a run.
fn advance(cursor: &mut Cursor, run: &Run) {
    let Some(last) = run.last.filter(|last| *last > cursor.after) else {
        return;
    };
    cursor.after = last;
    if let Some(event) = run.events.last() {
        cursor.seen = event.sequence.map(|sequence| (sequence, event.id.clone()));
    }
}
