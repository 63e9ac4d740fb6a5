//! Work for which storage has not loaded everything at once: a part of it is done, the rest later.
//!
//! What is asked for stands in the order in which the work needs it. So what is loaded is enough for the first piece of
//! the work (an event, a verdict) at least, except for a write, which is made whole or not at all.

use super::clear::Local;
use super::inbox::Run;
use super::jobs::{Job, Jobs, Stage};
use super::write::key;
use super::{Client, Out, Write};
use crate::client::{RecordKey, StorageRequest};
use crate::event::EventId;
use crate::name::RepositoryName;
use alloc::collections::BTreeSet;
use alloc::vec::Vec;

/// How much a [`StorageRequest::Load`] has asked for.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Asked {
    records: usize,
    own: usize,
    max_bytes: usize,
}

/// What was asked for and is not in the answer.
#[derive(Debug)]
pub(super) struct Missing {
    records: BTreeSet<RecordKey>,
    own: BTreeSet<(RepositoryName, EventId)>,
}

impl Asked {
    pub(super) fn by(request: &StorageRequest) -> Self {
        match request {
            StorageRequest::Load {
                records,
                own,
                max_bytes,
            } => Self {
                records: records.len(),
                own: own.len(),
                max_bytes: *max_bytes,
            },
            _ => Self::default(),
        }
    }

    /// Whether storage has answered for as much as it has to, so that asking again comes to an end.
    fn is_answered(self, (records, own): (usize, usize)) -> bool {
        let enough = |asked: usize| {
            if self.max_bytes == usize::MAX {
                asked
            } else {
                asked.min(1)
            }
        };
        records >= enough(self.records) && own >= enough(self.own)
    }
}

impl Missing {
    /// Of the same request, made once more.
    fn of(request: StorageRequest, (records, own): (usize, usize)) -> Self {
        let (all_records, all_own) = match request {
            StorageRequest::Load { records, own, .. } => (records, own),
            _ => (Vec::new(), Vec::new()),
        };
        Self {
            records: all_records.into_iter().skip(records).collect(),
            own: all_own.into_iter().skip(own).collect(),
        }
    }

    pub(super) fn lacks_record(&self, key: &RecordKey) -> bool {
        self.records.contains(key)
    }

    pub(super) fn lacks_own(&self, repository: &RepositoryName, event: &EventId) -> bool {
        self.own.contains(&(repository.clone(), event.clone()))
    }
}

impl Jobs {
    /// Bytes of the page that wait to be loaded, or to be applied again.
    pub(super) fn unapplied_bytes(&self) -> usize {
        let again = self.page_to_retry().iter();
        again.chain(self.rest.iter().flatten()).map(|run| run.bytes).sum()
    }
}

impl Client {
    /// The part of a job for which storage has answered, by the number of records and of own events; the rest is kept
    /// for later. `None` if storage is asked once more, or has not answered for enough.
    pub(super) fn part(&mut self, mut job: Job, answered: (usize, usize), out: &mut Out) -> Option<Job> {
        let asked = core::mem::take(&mut self.jobs.asked);
        if !asked.is_answered(answered) {
            self.mismatch(job, out);
            return None;
        }
        if answered.0 >= asked.records && answered.1 >= asked.own {
            return Some(job);
        }
        // Nothing that the request is made of changes while it is under way.
        let missing = Missing::of(self.ask_to_load(&job)?, answered);
        match &mut job {
            Job::Apply(page) => self.cut_page(page, &missing),
            Job::Settle(verdicts) => {
                let lacks =
                    |key: &RecordKey, id: &EventId| missing.lacks_record(key) || missing.lacks_own(&key.repository, id);
                let ready = verdicts
                    .iter()
                    .take_while(|(_, verdict)| !lacks(&verdict.key, &verdict.id));
                for (index, verdict) in verdicts.split_off(ready.count()).into_iter().rev() {
                    self.repositories[index].lane.verdicts.push_front(verdict);
                }
            }
            Job::Sweep(page) => Self::cut_sweep(page, &missing),
            Job::Write(batch) => {
                if !self.cut_writes(batch, &missing) {
                    self.load_whole(job, out);
                    return None;
                }
            }
            // These never load.
            Job::Open | Job::Adopt | Job::Restart(_) | Job::Clear(_) | Job::Outbox(..) => {}
        }
        Some(job)
    }

    /// Leaves the writes for later that are not loaded, but for the first; whether that is loaded.
    fn cut_writes(&mut self, batch: &mut Vec<Write>, missing: &Missing) -> bool {
        let is_loaded = |write: &&Write| {
            let mut dismissed = write.dismiss.iter();
            !write.changes.iter().any(|change| missing.lacks_record(&key(change)))
                && !dismissed.any(|(repository, event)| missing.lacks_own(repository, event))
        };
        let ready = batch.iter().take_while(is_loaded).count();
        for write in batch.split_off(ready.max(1)).into_iter().rev() {
            self.writes.push_front(Local::Write(write));
        }
        ready > 0
    }

    /// A write is made whole: loads all that it takes, however large.
    fn load_whole(&mut self, job: Job, out: &mut Out) {
        if let Job::Write(batch) = &job {
            let mut request = self.ask_for_write(batch);
            if let StorageRequest::Load { max_bytes, .. } = &mut request {
                *max_bytes = usize::MAX;
            }
            self.request(job, Stage::Loading, request, out);
        }
    }

    /// Leaves the events for later whose records are not loaded, and all behind them.
    fn cut_page(&mut self, page: &mut Vec<Run>, missing: &Missing) {
        let (mut rest, mut done) = (Vec::new(), Vec::new());
        for mut run in core::mem::take(page) {
            let ready = if rest.is_empty() {
                self.ready_events(&run, missing)
            } else {
                0
            };
            if rest.is_empty() && ready == run.events.len() {
                done.push(run);
                continue;
            }
            if ready > 0 {
                done.push(run.split(ready));
            }
            rest.push(run);
        }
        *page = done;
        if !rest.is_empty() {
            self.jobs.rest.push_front(rest);
        }
    }

    fn ready_events(&self, run: &Run, missing: &Missing) -> usize {
        let name = &self.repositories[run.repository].name;
        let is_loaded = |event: &&crate::event::Event| {
            let key = RecordKey {
                repository: name.clone(),
                record: event.record_id.clone(),
            };
            !missing.lacks_record(&key) && !missing.lacks_own(name, &event.id)
        };
        run.events.iter().take_while(is_loaded).count()
    }
}
