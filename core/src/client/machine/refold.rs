//! Folding a repository again from 0, and looking through storage at its end.
//!
//! A restart moves the cursor to 0 with a new generation: confirmed states of older ones do not count any more. Once
//! the new log is read up to its head, what it did not touch is swept: own events that the new log does not hold, which
//! become pending again, then records of older generations. The flag in the cursor lets all of this survive a crash.

use super::jobs::{Job, Stage};
use super::ordered::Ordered;
use super::part::Missing;
use super::replica::{Outcome, Workspace};
use super::repository::{Reading, Restart};
use super::{Client, ClientAction, Notice, Out, Timer};
use crate::client::{Cursor, LocalSequence, OwnEvent, OwnState, RecordKey, StorageChange, StorageRequest};
use crate::event::{RecordId, Sequence};
use alloc::vec::Vec;

/// What is looked through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Sweep {
    /// Own events that the new log does not hold, behind this one. First, so that what they say of a record never
    /// goes out of sight.
    Lost(LocalSequence),
    /// Records that the new log has not touched, behind this one.
    Stale(Option<RecordId>),
    /// The end of a refold.
    Finish,
    /// Acked events that the cursor has passed without meeting them, behind this one; how many were found that it has
    /// not passed.
    Acked(LocalSequence, u64),
    /// Acked events that the stream of an extended server has not shown up to its head, behind this one: the server has
    /// lost them, or this client may not read them. Pushed again, they are stored or acked once more.
    Unseen(LocalSequence),
}

/// One page of a sweep.
#[derive(Clone, Debug)]
pub(super) struct SweepPage {
    repository: usize,
    sweep: Sweep,
    records: Vec<RecordKey>,
    own: Vec<OwnEvent>,
    /// Where the sweep goes on.
    next: Option<Sweep>,
}

impl SweepPage {
    pub(super) fn repository(&self) -> usize {
        self.repository
    }
}

impl Client {
    /// A repository has to be folded again from 0. Nothing more of it is received or sent until that has begun.
    pub(super) fn want_restart(&mut self, index: usize, why: Restart) {
        let plain = self.link.is_plain();
        let repository = &mut self.repositories[index];
        if repository.restart != Some(Restart::History) {
            repository.restart = Some(why);
        }
        repository.stream.reading = Reading::Idle;
        repository.beginning = super::beginning::Beginning::default();
        repository.plain = super::plain::Plain::default();
        repository.lane.restart(plain);
        repository.sweep = None;
        repository.told_current = false;
        self.inbox.forget(index);
        self.timers.clear(Timer::Lane(index));
        self.timers.clear(Timer::Pull(index));
    }

    /// The transaction that begins to fold a repository again. The application is told of another history first: after
    /// the transaction nothing would remember that it has to be.
    pub(super) fn restart(&mut self, index: usize, out: &mut Out) -> Outcome {
        self.tell_history(index, out);
        let repository = &mut self.repositories[index];
        repository.adopt = false;
        let old = &repository.cursor;
        let mut cursor = Cursor {
            after: Sequence::ZERO,
            seen: None,
            generation: old.generation + 1,
            refolding: true,
            epoch: old.epoch.clone(),
            scope: old.scope.clone(),
        };
        if let Some(server) = &self.link.server {
            cursor.epoch = Some(server.epoch.clone());
            cursor.scope = Some(server.scope.as_str().into());
        }
        let mut outcome = Outcome::default();
        if cursor.epoch.is_some() {
            // A plain server sends only the newest event of a record: of it, absence says nothing.
            outcome.changes.push(StorageChange::DoubtSettled {
                repository: repository.name.clone(),
            });
        }
        outcome.changes.push(StorageChange::Cursor {
            repository: repository.name.clone(),
            cursor: cursor.clone(),
        });
        outcome.cursors.push((index, cursor));
        outcome
    }

    fn tell_history(&mut self, index: usize, out: &mut Out) {
        let repository = &mut self.repositories[index];
        if repository.restart == Some(Restart::History) && !repository.told_history {
            repository.told_history = true;
            let repository = repository.name.clone();
            out.push(ClientAction::Notify(Notice::HistoryChanged { repository }));
        }
    }

    pub(super) fn restarted(&mut self, index: usize, out: &mut Out) {
        let online = self.link.is_online();
        let repository = &mut self.repositories[index];
        let epoch = self.link.server.as_ref().map(|server| &server.epoch);
        if epoch.is_some() && epoch != repository.cursor.epoch.as_ref() {
            // The history has changed once more meanwhile.
            return;
        }
        repository.acked.unknown = true;
        if online {
            repository.stream.reading = Reading::Wanted;
        }
        // Another restart may have been wanted since this one began.
        self.tell_history(index, out);
        let repository = &mut self.repositories[index];
        repository.restart = None;
        repository.told_history = false;
    }

    /// Cursors that belong to no epoch yet take over the server's.
    pub(super) fn adopt(&mut self) -> Outcome {
        let mut outcome = Outcome::default();
        let Some(server) = &self.link.server else {
            return outcome;
        };
        for (index, repository) in self
            .repositories
            .iter()
            .enumerate()
            .filter(|(_, repository)| repository.adopt)
        {
            let cursor = Cursor {
                epoch: Some(server.epoch.clone()),
                scope: Some(server.scope.as_str().into()),
                ..repository.cursor.clone()
            };
            outcome.changes.push(StorageChange::Cursor {
                repository: repository.name.clone(),
                cursor: cursor.clone(),
            });
            outcome.cursors.push((index, cursor));
        }
        outcome
    }

    /// Handles the marks at the head of the inbox: all that came before them is applied.
    pub(super) fn pass_marks(&mut self, out: &mut Out) {
        while !self.jobs.is_applying()
            && let Some(index) = self.inbox.pop_complete()
        {
            let repository = &mut self.repositories[index];
            if repository.stream.reading == Reading::Catching {
                repository.stream.reading = Reading::Current;
            }
            if repository.sweep.is_none() {
                if repository.cursor.refolding {
                    repository.sweep = Some(Sweep::Lost(LocalSequence::default()));
                } else if repository.acked.possible() {
                    repository.sweep_at_head();
                }
            }
            repository.plain.settling = repository.sweep.is_some();
            self.tell_current(index, out);
        }
    }

    fn tell_current(&mut self, index: usize, out: &mut Out) {
        let repository = &mut self.repositories[index];
        if repository.is_current() && !repository.told_current {
            repository.told_current = true;
            let repository = repository.name.clone();
            out.push(ClientAction::Notify(Notice::CaughtUp { repository }));
        }
    }

    pub(super) fn next_sweep(&mut self) -> Option<SweepPage> {
        let index = self
            .repositories
            .iter()
            .position(|repository| repository.sweep.is_some())?;
        let sweep = self.repositories[index].sweep.clone()?;
        Some(SweepPage {
            repository: index,
            sweep,
            records: Vec::new(),
            own: Vec::new(),
            next: None,
        })
    }

    /// What a sweep asks storage first; `None` if it has nothing to ask.
    pub(super) fn ask_for_sweep(&self, page: &SweepPage) -> Option<StorageRequest> {
        let repository = &self.repositories[page.repository];
        let max = self.config.limits.apply_events;
        match &page.sweep {
            Sweep::Stale(after) => Some(StorageRequest::Stale {
                repository: repository.name.clone(),
                generation: repository.cursor.generation,
                after: after.clone(),
                max_records: max,
            }),
            Sweep::Lost(after) | Sweep::Acked(after, _) | Sweep::Unseen(after) => Some(StorageRequest::Unsettled {
                repository: repository.name.clone(),
                after: *after,
                max_events: max,
                max_bytes: self.config.limits.storage_bytes,
            }),
            Sweep::Finish => None,
        }
    }

    /// The transaction that ends a refold.
    pub(super) fn finish_refold(&self, page: &SweepPage) -> Outcome {
        let repository = &self.repositories[page.repository];
        let cursor = Cursor {
            refolding: false,
            ..repository.cursor.clone()
        };
        let change = StorageChange::Cursor {
            repository: repository.name.clone(),
            cursor: cursor.clone(),
        };
        Outcome {
            changes: [change].into(),
            cursors: [(page.repository, cursor)].into(),
            ..Outcome::default()
        }
    }

    /// A page of records that the new log has not touched.
    pub(super) fn on_stale(&mut self, mut page: SweepPage, records: Vec<RecordId>, out: &mut Out) {
        let Sweep::Stale(after) = &page.sweep else {
            self.mismatch(Job::Sweep(page), out);
            return;
        };
        let last = records.iter().max();
        let Some(last) = last.filter(|last| after.as_ref() < Some(last)) else {
            self.go_on(&page, Some(Sweep::Finish));
            return;
        };
        page.next = Some(Sweep::Stale(Some(last.detached())));
        let repository = &self.repositories[page.repository].name;
        let key = |record| RecordKey {
            repository: repository.clone(),
            record,
        };
        page.records = records.into_iter().map(key).collect();
        let request = self.ask_for_swept(&page);
        self.request(Job::Sweep(page), Stage::Loading, request, out);
    }

    /// A page of own events that are not settled.
    pub(super) fn on_unsettled(&mut self, mut page: SweepPage, own: Vec<OwnEvent>, out: &mut Out) {
        let (Sweep::Lost(after) | Sweep::Acked(after, _) | Sweep::Unseen(after)) = page.sweep else {
            self.mismatch(Job::Sweep(page), out);
            return;
        };
        let last = own.iter().map(|own| own.local).max().filter(|last| *last > after);
        page.next = match (last, &page.sweep) {
            (Some(last), Sweep::Acked(_, kept)) => Some(Sweep::Acked(last, *kept)),
            (Some(last), Sweep::Unseen(_)) => Some(Sweep::Unseen(last)),
            (Some(last), _) => Some(Sweep::Lost(last)),
            (None, Sweep::Acked(..) | Sweep::Unseen(_)) => None,
            (None, _) => Some(Sweep::Stale(None)),
        };
        if last.is_none() {
            let next = page.next.clone();
            self.go_on(&page, next);
            return;
        }
        page.own = own;
        let request = self.ask_for_swept(&page);
        self.request(Job::Sweep(page), Stage::Loading, request, out);
    }

    /// The records of a page, and its own events with theirs.
    pub(super) fn ask_for_swept(&self, page: &SweepPage) -> StorageRequest {
        let records = page.records.iter().chain(page.own.iter().map(|own| &own.key));
        let own = page.own.iter().map(|own| (own.key.repository.clone(), own.id.clone()));
        StorageRequest::Load {
            records: records.cloned().collect::<Ordered<_>>().into_list(),
            own: own.collect::<Ordered<_>>().into_list(),
            max_bytes: self.config.limits.storage_bytes,
        }
    }

    /// Leaves to the next page what storage has not loaded of this one.
    pub(super) fn cut_sweep(page: &mut SweepPage, missing: &Missing) {
        let records = page.records.iter().take_while(|key| !missing.lacks_record(key));
        let own = page
            .own
            .iter()
            .take_while(|own| !missing.lacks_record(&own.key) && !missing.lacks_own(&own.key.repository, &own.id));
        let (records, own) = (records.count(), own.count());
        page.records.truncate(records);
        page.own.truncate(own);
        let last = page.own.last().map(|own| own.local).unwrap_or_default();
        page.next = match &page.sweep {
            Sweep::Stale(_) => page.records.last().map(|key| Sweep::Stale(Some(key.record.detached()))),
            Sweep::Lost(_) => Some(Sweep::Lost(last)),
            Sweep::Acked(_, kept) => Some(Sweep::Acked(last, *kept)),
            Sweep::Unseen(_) => Some(Sweep::Unseen(last)),
            Sweep::Finish => None,
        };
    }

    /// The records of a sweep's page are loaded: computes them again.
    pub(super) fn sweep_loaded(&mut self, mut page: SweepPage, mut workspace: Workspace, out: &mut Out) {
        let repository = &self.repositories[page.repository];
        for key in &page.records {
            workspace.touch(key);
        }
        let (mut kept, mut highest) = (0, Sequence::ZERO);
        for own in &page.own {
            let now = workspace.own(&repository.name, &own.id);
            if let Some(to) = now.and_then(|own| self.swept_state(&page, &own.state)) {
                workspace.place(page.repository, &repository.name, &own.id, to);
            } else {
                kept += 1;
                highest = highest.max(acked_at(&own.state));
            }
        }
        if let Some(Sweep::Acked(_, sum)) = &mut page.next {
            *sum += kept;
            let acked = &mut self.repositories[page.repository].acked;
            acked.highest = acked.highest.max(highest);
        }
        let outcome = workspace.finish(&self.repositories);
        self.commit(Job::Sweep(page), outcome, out);
    }

    /// Where a sweep puts an own event; `None`: it stays.
    fn swept_state(&self, page: &SweepPage, state: &OwnState) -> Option<OwnState> {
        let cursor = &self.repositories[page.repository].cursor;
        match (&page.sweep, state) {
            (Sweep::Lost(_), OwnState::Doubted) | (Sweep::Unseen(_), OwnState::Acked(_)) => Some(OwnState::Pending),
            (Sweep::Lost(_), OwnState::Acked(_)) if cursor.epoch.is_some() => Some(OwnState::Pending),
            // The stream of an extended server holds every own event: one that is not at its place is lost. A plain
            // server sends only the newest event of a record.
            (Sweep::Acked(..), OwnState::Acked(sequence)) if *sequence <= Some(cursor.after) => {
                if cursor.epoch.is_some() {
                    Some(OwnState::Pending)
                } else {
                    Some(OwnState::Settled { at_ms: self.wall_ms() })
                }
            }
            _ => None,
        }
    }

    /// A sweep's page is durable.
    pub(super) fn swept(&mut self, page: &SweepPage, out: &mut Out) {
        self.go_on(page, page.next.clone());
        if page.sweep == Sweep::Finish {
            let repository = &mut self.repositories[page.repository];
            if repository.sweep.is_none() && repository.restart.is_none() && repository.acked.possible() {
                repository.sweep_at_head();
            }
            repository.plain.settling = repository.sweep.is_some();
            self.tell_current(page.repository, out);
        }
    }

    /// The sweep that `page` belongs to goes on with `next`, unless a restart has ended it.
    fn go_on(&mut self, page: &SweepPage, next: Option<Sweep>) {
        let repository = &mut self.repositories[page.repository];
        if repository.sweep.as_ref() != Some(&page.sweep) {
            return;
        }
        match page.sweep {
            Sweep::Acked(_, kept) if next.is_none() => repository.acked.swept(kept),
            Sweep::Unseen(_) if next.is_none() => repository.acked.swept(0),
            _ => {}
        }
        repository.sweep = next;
        repository.plain.settling = repository.sweep.is_some();
    }
}

/// The sequence that an event was acked with.
fn acked_at(state: &OwnState) -> Sequence {
    match state {
        OwnState::Acked(Some(sequence)) => *sequence,
        _ => Sequence::ZERO,
    }
}
