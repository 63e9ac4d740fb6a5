//! What the client does with its storage: one request at a time, in order of urgency, tried again when it fails.

use super::clear::Local;
use super::connection::trouble;
use super::inbox::Run;
use super::lane::Verdict;
use super::part::Asked;
use super::refold::SweepPage;
use super::replica::{Loaded, Move, Outcome, Workspace};
use super::{Client, ClientAction, Notice, Out, Timer, Write, WriteError};
use crate::client::machine::link::doubled;
use crate::client::{OwnState, StorageChange, StorageFailure, StorageId, StorageReply, StorageRequest, Transaction};
use alloc::collections::VecDeque;
use alloc::string::ToString;
use alloc::vec::Vec;

/// Write transactions that may go ahead of other waiting work in a row.
const WRITES_IN_A_ROW: u32 = 8;
/// Settled events between two prunings of a repository.
const PRUNE_EVERY: usize = 256;

/// The storage request under way and the work it belongs to.
#[derive(Clone, Debug, Default)]
pub(super) struct Jobs {
    last: u64,
    running: Option<(StorageId, Job, Stage)>,
    /// What the last load has asked for.
    pub(super) asked: Asked,
    /// Work that failed and is done again from its start.
    retry: Option<Job>,
    /// The rest of a page that storage could not load at once, in order.
    pub(super) rest: VecDeque<Vec<Run>>,
    failures: u32,
    /// What storage said, while it fails.
    pub(super) failed: Option<alloc::string::String>,
    writes_in_a_row: u32,
}

/// A piece of work that ends with one answer or one transaction. Holds what it takes to start over.
#[derive(Clone, Debug)]
pub(super) enum Job {
    Open,
    Write(Vec<Write>),
    /// Writes the server's epoch and scope into cursors.
    Adopt,
    /// Starts to fold a repository again from 0.
    Restart(usize),
    /// Forgets a repository.
    Clear(usize),
    /// Acks and refusals.
    Settle(Vec<(usize, Verdict)>),
    Apply(Vec<Run>),
    Sweep(SweepPage),
    /// Reads pending events of a repository, for the lane as it was reset that often.
    Outbox(usize, u64),
}

/// How far a [`Job`] is.
#[derive(Clone, Debug)]
pub(super) enum Stage {
    Listing,
    Loading,
    Committing(Outcome),
}

impl Jobs {
    /// Whether a page is being applied, or waits to be applied again.
    pub(super) fn is_applying(&self) -> bool {
        let running = self.running.as_ref().map(|(_, job, _)| job);
        let applies = |job: &Job| matches!(job, Job::Apply(_));
        running.into_iter().chain(&self.retry).any(applies) || !self.rest.is_empty()
    }

    /// Whether a write is being made, or a repository cleared.
    pub(super) fn is_writing(&self) -> bool {
        matches!(self.running, Some((_, Job::Write(_) | Job::Clear(_), _)))
    }

    /// The page that waits to be applied again.
    pub(super) fn page_to_retry(&self) -> &[Run] {
        match &self.retry {
            Some(Job::Apply(page)) => page,
            _ => &[],
        }
    }

    /// Drops what waits to be done again of a repository.
    pub(super) fn drop_retry_of(&mut self, repository: usize) {
        self.retry = match self.retry.take() {
            Some(Job::Apply(mut page)) => {
                page.retain(|run| run.repository != repository);
                (!page.is_empty()).then_some(Job::Apply(page))
            }
            Some(Job::Settle(mut verdicts)) => {
                verdicts.retain(|(index, _)| *index != repository);
                (!verdicts.is_empty()).then_some(Job::Settle(verdicts))
            }
            Some(Job::Restart(index)) if index == repository => None,
            Some(Job::Sweep(page)) if page.repository() == repository => None,
            other => other,
        };
    }
}

impl Client {
    /// Starts the most urgent work, unless some is under way.
    pub(super) fn start_job(&mut self, out: &mut Out) {
        if self.jobs.running.is_some() {
            return;
        }
        if let Some(job) = self.next_job() {
            self.jobs.writes_in_a_row = match &job {
                Job::Write(_) => self.jobs.writes_in_a_row + 1,
                _ => 0,
            };
            self.start(job, out);
        }
    }

    fn next_job(&mut self) -> Option<Job> {
        if self.stopped {
            return None;
        }
        let backing_off = self.timers.deadline(Timer::Storage).is_some();
        if !self.opened {
            return (self.started && !backing_off).then_some(Job::Open);
        }
        let patient = self.jobs.writes_in_a_row >= WRITES_IN_A_ROW;
        if patient && !backing_off {
            let other = self.next_other_job();
            if other.is_some() {
                return other;
            }
        }
        match self.writes.front() {
            Some(Local::Write(_)) => return Some(Job::Write(self.take_writes())),
            Some(&Local::Clear(index)) if !backing_off => {
                self.writes.pop_front();
                return Some(Job::Clear(index));
            }
            Some(Local::Clear(_)) | None => {}
        }
        if backing_off { None } else { self.next_other_job() }
    }

    fn next_other_job(&mut self) -> Option<Job> {
        let retry = self.jobs.retry.take();
        if retry.is_some() {
            return retry;
        }
        if let Some(page) = self.jobs.rest.pop_front() {
            return Some(Job::Apply(page));
        }
        if let Some(index) = self
            .repositories
            .iter()
            .position(|repository| repository.restart.is_some())
        {
            return Some(Job::Restart(index));
        }
        if self.repositories.iter().any(|repository| repository.adopt) {
            return Some(Job::Adopt);
        }
        let verdicts = self.take_verdicts();
        if !verdicts.is_empty() {
            return Some(Job::Settle(verdicts));
        }
        if self.inbox.has_page() {
            return Some(Job::Apply(self.inbox.take_page(self.config.limits.apply_events)));
        }
        self.next_sweep().map(Job::Sweep).or_else(|| self.next_outbox())
    }

    fn start(&mut self, job: Job, out: &mut Out) {
        let (request, stage) = match &job {
            Job::Open => (self.open_request(), Stage::Listing),
            Job::Write(batch) => (self.ask_for_write(batch), Stage::Loading),
            Job::Settle(verdicts) => (self.ask_for_settling(verdicts), Stage::Loading),
            Job::Apply(page) => (self.ask_for_page(page), Stage::Loading),
            Job::Sweep(page) => {
                if let Some(request) = self.ask_for_sweep(page) {
                    (request, Stage::Listing)
                } else {
                    let outcome = self.finish_refold(page);
                    return self.commit(job, outcome, out);
                }
            }
            Job::Outbox(index, _) => (self.ask_for_outbox(*index), Stage::Listing),
            Job::Adopt => {
                let outcome = self.adopt();
                return self.commit(job, outcome, out);
            }
            Job::Restart(index) => {
                let outcome = self.restart(*index, out);
                return self.commit(job, outcome, out);
            }
            Job::Clear(index) => {
                let outcome = self.clear(*index);
                return self.commit(job, outcome, out);
            }
        };
        self.request(job, stage, request, out);
    }

    /// The records and own events that a job works on; `None` for one that never loads.
    pub(super) fn ask_to_load(&self, job: &Job) -> Option<StorageRequest> {
        match job {
            Job::Write(batch) => Some(self.ask_for_write(batch)),
            Job::Settle(verdicts) => Some(self.ask_for_settling(verdicts)),
            Job::Apply(page) => Some(self.ask_for_page(page)),
            Job::Sweep(page) => Some(self.ask_for_swept(page)),
            Job::Open | Job::Adopt | Job::Restart(_) | Job::Clear(_) | Job::Outbox(..) => None,
        }
    }

    pub(super) fn request(&mut self, job: Job, stage: Stage, request: StorageRequest, out: &mut Out) {
        self.jobs.asked = Asked::by(&request);
        self.jobs.last += 1;
        let storage = StorageId(self.jobs.last);
        self.jobs.running = Some((storage, job, stage));
        out.push(ClientAction::Storage { storage, request });
    }

    /// Ends a job with a transaction; with nothing to change, at once.
    pub(super) fn commit(&mut self, job: Job, mut outcome: Outcome, out: &mut Out) {
        self.prune(&mut outcome);
        if outcome.changes.is_empty() {
            self.committed(job, outcome, out);
            return;
        }
        let changes = core::mem::take(&mut outcome.changes);
        let request = StorageRequest::Commit(Transaction { changes });
        self.request(job, Stage::Committing(outcome), request, out);
    }

    pub(super) fn on_stored(&mut self, id: StorageId, result: Result<StorageReply, StorageFailure>, out: &mut Out) {
        let Some((_, job, stage)) = self.jobs.running.take_if(|(running, _, _)| *running == id) else {
            self.ignored += 1;
            return;
        };
        if self.stopped && !matches!(stage, Stage::Committing(_)) {
            self.drop_job(job, out);
            return;
        }
        match result {
            Ok(reply) => self.proceed(job, stage, reply, out),
            Err(failure) => self.storage_failed(job, failure, out),
        }
    }

    fn proceed(&mut self, job: Job, stage: Stage, reply: StorageReply, out: &mut Out) {
        match (job, stage, reply) {
            (Job::Open, Stage::Listing, StorageReply::Opened(opened)) => self.on_opened(opened, out),
            (job, Stage::Committing(outcome), StorageReply::Committed) => self.committed(job, outcome, out),
            (
                job,
                Stage::Loading,
                StorageReply::Loaded {
                    records,
                    layers,
                    own,
                    answered_records,
                    answered_own,
                },
            ) => {
                if let Some(part) = self.part(job, (answered_records, answered_own), out) {
                    self.on_loaded(part, Loaded { records, layers, own }, out);
                }
            }
            (Job::Sweep(page), Stage::Listing, StorageReply::Stale(records)) => self.on_stale(page, records, out),
            (Job::Sweep(page), Stage::Listing, StorageReply::Unsettled(own)) => self.on_unsettled(page, own, out),
            (Job::Outbox(index, reset), Stage::Listing, StorageReply::Outbox(events)) => {
                self.on_outbox(index, reset, events, out);
            }
            (job, _, _) => self.mismatch(job, out),
        }
    }

    /// Storage has answered something else than was asked.
    pub(super) fn mismatch(&mut self, job: Job, out: &mut Out) {
        let detail = "the answer does not fit the request".to_string();
        self.storage_failed(job, StorageFailure { detail }, out);
    }

    fn on_loaded(&mut self, job: Job, loaded: Loaded, out: &mut Out) {
        match job {
            Job::Write(batch) => self.make_writes(batch, loaded, out),
            Job::Apply(page) => {
                let workspace = Workspace::new(loaded, &self.repositories);
                self.apply(page, workspace, out);
            }
            Job::Settle(verdicts) => {
                let workspace = Workspace::new(loaded, &self.repositories);
                self.settle(verdicts, workspace, out);
            }
            Job::Sweep(page) => {
                let workspace = Workspace::new(loaded, &self.repositories);
                self.sweep_loaded(page, workspace, out);
            }
            // These never load.
            Job::Open | Job::Adopt | Job::Restart(_) | Job::Clear(_) | Job::Outbox(..) => {}
        }
    }

    /// Writes are answered with the failure; everything else is done again from its start.
    fn storage_failed(&mut self, job: Job, failure: StorageFailure, out: &mut Out) {
        if let Job::Write(batch) = job {
            for write in &batch {
                super::write::answer(write, Err(WriteError::Storage(failure.clone())), out);
            }
            return;
        }
        trouble(failure.to_string(), out);
        if self.stopped {
            self.drop_job(job, out);
            return;
        }
        let timing = &self.config.timing;
        let delay = doubled(timing.retry_delay, self.jobs.failures, timing.reconnect_delay_max);
        self.jobs.failures = self.jobs.failures.saturating_add(1);
        self.jobs.failed = Some(failure.detail);
        self.set_timer(Timer::Storage, delay);
        match job {
            Job::Open | Job::Outbox(..) => {}
            // Ahead of the writes that came after it.
            Job::Clear(index) => self.writes.push_front(Local::Clear(index)),
            job => self.jobs.retry = Some(job),
        }
    }

    /// Leaves work undone because the client is stopped. What it would have kept comes again from the server.
    fn drop_job(&mut self, job: Job, out: &mut Out) {
        match job {
            Job::Write(batch) => {
                for write in &batch {
                    super::write::answer(write, Err(WriteError::Stopped), out);
                }
            }
            Job::Apply(_) => self.inbox.applied(0),
            Job::Open
            | Job::Adopt
            | Job::Restart(_)
            | Job::Clear(_)
            | Job::Settle(_)
            | Job::Sweep(_)
            | Job::Outbox(..) => {}
        }
    }

    /// The client stops: nothing is tried again.
    pub(super) fn drop_retry(&mut self, out: &mut Out) {
        self.timers.clear(Timer::Storage);
        self.jobs.rest.clear();
        if let Some(job) = self.jobs.retry.take() {
            self.drop_job(job, out);
        }
    }

    /// A transaction is durable.
    fn committed(&mut self, job: Job, outcome: Outcome, out: &mut Out) {
        self.jobs.failures = 0;
        self.jobs.failed = None;
        for (index, cursor) in outcome.cursors {
            self.repositories[index].cursor = cursor;
        }
        for event in outcome.moves {
            self.note_move(&event);
        }
        for notice in outcome.notices {
            out.push(ClientAction::Notify(notice));
        }
        match job {
            Job::Apply(page) => self.applied(&page),
            Job::Restart(index) => self.restarted(index, out),
            Job::Clear(index) => self.cleared(index, out),
            Job::Adopt => self
                .repositories
                .iter_mut()
                .for_each(|repository| repository.adopt = false),
            Job::Sweep(page) => self.swept(&page, out),
            Job::Open | Job::Write(_) | Job::Settle(_) | Job::Outbox(..) => {}
        }
    }

    fn note_move(&mut self, event: &Move) {
        let plain = self.link.server.is_none();
        let repository = &mut self.repositories[event.repository];
        let acked = &mut repository.acked;
        match &event.from {
            Some(OwnState::Pending) => {
                repository.pending = repository.pending.saturating_sub(1);
                repository.lane.appeared(&event.event, plain);
            }
            Some(OwnState::Acked(sequence)) => acked.remove(*sequence),
            _ => {}
        }
        match &event.to {
            OwnState::Pending => {
                repository.pending += 1;
                repository.lane.more = true;
                if event.from.is_some() {
                    // It is older than what the lane has sent, and the server may wait for something of that.
                    let has_sent = repository.lane.len() > 0 || repository.lane.doubtful;
                    self.link.is_out_of_order |= has_sent && !plain;
                    repository.lane.reset();
                    self.timers.clear(Timer::Lane(event.repository));
                }
            }
            OwnState::Acked(sequence) => acked.add(*sequence),
            OwnState::Settled { .. } => repository.unpruned = repository.unpruned.map(|count| count + 1),
            OwnState::Doubted | OwnState::Rejected { .. } => {}
        }
        self.note_progress(event.repository);
    }

    /// Forgets old settled events along with a transaction that settles some, every now and then.
    fn prune(&mut self, outcome: &mut Outcome) {
        let before_ms = self.wall_ms().saturating_sub(millis(self.config.timing.keep_acked));
        let settles = |event: &&Move| matches!(event.to, OwnState::Settled { .. });
        for event in outcome.moves.iter().filter(settles) {
            let repository = &mut self.repositories[event.repository];
            if repository.unpruned.is_none_or(|count| count >= PRUNE_EVERY) {
                repository.unpruned = Some(0);
                outcome.changes.push(StorageChange::PruneSettled {
                    repository: repository.name.clone(),
                    before_ms,
                    keep: self.config.limits.kept_events,
                });
            }
        }
    }

    fn open_request(&self) -> StorageRequest {
        let names = self.repositories.iter().map(|repository| repository.name.clone());
        StorageRequest::Open {
            repositories: names.collect(),
        }
    }

    fn on_opened(&mut self, opened: crate::client::Opened, out: &mut Out) {
        for row in opened.repositories {
            if let Ok(index) = super::repository::find(&self.repositories, &row.name) {
                let repository = &mut self.repositories[index];
                repository.cursor = row.cursor;
                repository.pending = row.pending;
                repository.lane.more = row.pending > 0;
            }
        }
        self.last_local = self.last_local.max(opened.last_local);
        self.opened = true;
        out.push(ClientAction::Notify(Notice::Opened));
        self.begin(out);
    }
}

pub(super) fn millis(duration: core::time::Duration) -> i64 {
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
