//! The one thread that writes.
//!
//! It takes everything that is queued and commits it as one transaction, so that under load one fsync pays for many
//! appends, and an append alone waits for nobody.

use super::answer::Answer;
use super::batch::{Batch, Grown, KnownLogs};
use super::checkpoint::{Checkpoints, checkpoint};
use super::error::Fault;
use super::lock::StoreLock;
use driftless::store::CommitSink;
use driftless_core::server::{Append, Appended, StoreFailure};
use rusqlite::{Connection, TransactionBehavior};
use std::sync::mpsc::Receiver;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

/// Most events of one transaction, unless one append has more. The hub's own limit is 4,096 an append.
const MAX_GROUP_EVENTS: usize = 16_384;

/// Most bytes of one transaction, unless one append has more.
const MAX_GROUP_BYTES: usize = 16 << 20;

/// How long a commit proves that the store can be written, so that frequent checks cost no fsync each.
const PROOF_LASTS: Duration = Duration::from_secs(1);

/// Something to write.
pub(super) enum Job {
    Append(Append, Answer<Appended>),
    Check(Answer<()>),
}

/// Who is told of commits.
pub(super) type Watcher = Arc<Mutex<Option<CommitSink>>>;

/// The writing side of a store.
pub(super) struct Writer {
    connection: Connection,
    checkpoints: Checkpoints,
    known: KnownLogs,
    watcher: Watcher,
    /// When the last durable commit was.
    proved: Option<Instant>,
    // Last, so that the file is closed when the lock goes.
    _lock: StoreLock,
}

#[derive(Default)]
struct Group {
    appends: Vec<Append>,
    answers: Vec<Answer<Appended>>,
    checks: Vec<Answer<()>>,
    events: usize,
    bytes: usize,
}

impl Writer {
    pub(super) fn new(connection: Connection, checkpoints: Checkpoints, watcher: Watcher, lock: StoreLock) -> Self {
        Self {
            connection,
            checkpoints,
            known: KnownLogs::default(),
            watcher,
            proved: None,
            _lock: lock,
        }
    }

    /// Works until all senders are gone and everything that they sent is done.
    pub(super) fn run(mut self, jobs: &Receiver<Job>) {
        while let Ok(first) = jobs.recv() {
            let mut group = Group::default();
            group.add(first);
            while !group.is_full() {
                let Ok(job) = jobs.try_recv() else { break };
                group.add(job);
            }
            self.carry_out(group);
            if let Err(error) = self.checkpoints.run_if_due(&self.connection) {
                tracing::warn!(%error, "the write-ahead log could not be copied to the store's file; will try again");
            }
        }
        if let Err(error) = checkpoint(&self.connection, "PRAGMA wal_checkpoint(TRUNCATE)") {
            tracing::warn!(%error, "the write-ahead log stays until the store is opened again");
        }
    }

    fn carry_out(&mut self, group: Group) {
        if !group.appends.is_empty() {
            self.carry_out_appends(group.appends, group.answers);
        }
        if !group.checks.is_empty() {
            let result = self.prove();
            for answer in group.checks {
                answer.give(result.clone());
            }
        }
    }

    fn carry_out_appends(&mut self, appends: Vec<Append>, answers: Vec<Answer<Appended>>) {
        match self.commit(&appends) {
            Ok(appended) => {
                for (answer, appended) in answers.into_iter().zip(appended) {
                    answer.give(Ok(appended));
                }
            }
            Err(fault) if appends.len() > 1 => {
                tracing::warn!(%fault, "a commit of several appends failed; trying them one by one");
                for (append, answer) in appends.into_iter().zip(answers) {
                    self.carry_out_appends(vec![append], vec![answer]);
                }
            }
            Err(fault) => {
                tracing::error!(%fault, "a commit failed");
                let failure = StoreFailure::from(fault);
                for answer in answers {
                    answer.give(Err(failure.clone()));
                }
            }
        }
    }

    /// Commits appends and tells the watcher.
    fn commit(&mut self, appends: &[Append]) -> Result<Vec<Appended>, Fault> {
        let transaction = self
            .connection
            .transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut batch = Batch::new(&transaction, &self.known)?;
        let appended: Result<Vec<_>, _> = appends.iter().map(|append| batch.append(append)).collect();
        let appended = appended?;
        let grown = batch.finish()?;
        transaction.commit()?;
        if !grown.is_empty() {
            self.proved = Some(Instant::now());
        }
        self.known.update(&grown);
        self.tell(grown);
        Ok(appended)
    }

    fn tell(&self, grown: Vec<Grown>) {
        let sink = self.watcher.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some(sink) = sink {
            for grown in grown {
                sink(grown.committed);
            }
        }
    }

    /// Writes something durably and reads it back.
    fn prove(&mut self) -> Result<(), StoreFailure> {
        if self.proved.is_some_and(|proved| proved.elapsed() < PROOF_LASTS) {
            return Ok(());
        }
        self.probe().map_err(StoreFailure::from)?;
        self.proved = Some(Instant::now());
        Ok(())
    }

    fn probe(&mut self) -> Result<(), Fault> {
        let update = "UPDATE meta SET value = (value + 1) & 0xffffffff WHERE name = 'probe' RETURNING value";
        let select = "SELECT value FROM meta WHERE name = 'probe'";
        let value = |statement: &str| -> rusqlite::Result<i64> {
            self.connection
                .prepare_cached(statement)?
                .query_row([], |row| row.get(0))
        };
        let (written, read) = (value(update)?, value(select)?);
        if written != read {
            return Err(Fault::Damaged(format!("wrote {written} and read {read}")));
        }
        Ok(())
    }
}

impl Group {
    fn add(&mut self, job: Job) {
        match job {
            Job::Append(append, answer) => {
                for run in &append.runs {
                    self.events += run.events.len();
                    self.bytes += run.events.iter().map(|event| event.body.len()).sum::<usize>();
                }
                self.appends.push(append);
                self.answers.push(answer);
            }
            Job::Check(answer) => self.checks.push(answer),
        }
    }

    fn is_full(&self) -> bool {
        self.events >= MAX_GROUP_EVENTS || self.bytes >= MAX_GROUP_BYTES
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::schema;
    use driftless_core::event::{Json, NewEvent, Sequence};
    use driftless_core::name::{LogName, Namespace, RepositoryName};
    use driftless_core::server::{AppendOutcome, AppendRun};
    use std::path::Path;
    use std::sync::mpsc::{channel, sync_channel};

    /// A writer of a file that has room for this many pages more.
    fn writer(path: &Path, room: i64) -> Writer {
        let lock = StoreLock::take(path).unwrap();
        let (mut connection, _) = schema::open_writer(path).unwrap();
        let pages: i64 = connection
            .pragma_query_value(None, "page_count", |row| row.get(0))
            .unwrap();
        connection.pragma_query(None, "max_page_count", |_| Ok(())).unwrap();
        connection
            .query_row(&format!("PRAGMA max_page_count = {}", pages + room), [], |_| Ok(()))
            .unwrap();
        let checkpoints = Checkpoints::watch(&mut connection).unwrap();
        Writer::new(connection, checkpoints, Watcher::default(), lock)
    }

    fn append(id: &str, bytes: usize) -> Append {
        let text = format!(r#"{{"eventId":"{id}","text":"{}"}}"#, "x".repeat(bytes));
        let event = NewEvent::read(&Json::parse(text).unwrap()).unwrap();
        let log = LogName {
            namespace: Namespace::default(),
            repository: RepositoryName::new("users").unwrap(),
        };
        Append {
            runs: vec![AppendRun {
                log,
                events: vec![event],
            }],
        }
    }

    #[test]
    fn a_full_disk_fails_what_does_not_fit_and_nothing_else() {
        let directory = tempfile::TempDir::new().unwrap();
        let writer = writer(&directory.path().join("store.db"), 20);
        let (jobs, queue) = channel();
        let mut answers = Vec::new();
        // All in one group, because they are queued before the writer looks.
        for (id, bytes) in [("a", 10), ("large", 1 << 20), ("b", 10), ("large", 1 << 20), ("a", 10)] {
            let (sender, receiver) = sync_channel(1);
            let done = Box::new(move |result| sender.send(result).unwrap());
            jobs.send(Job::Append(append(id, bytes), Answer::to(done))).unwrap();
            answers.push(receiver);
        }
        let (sender, check) = sync_channel(1);
        let done = Box::new(move |result| sender.send(result).unwrap());
        jobs.send(Job::Check(Answer::to(done))).unwrap();
        drop(jobs);
        writer.run(&queue);
        let answers: Vec<_> = answers.into_iter().map(|answer| answer.recv().unwrap()).collect();
        let outcome = |index: usize| answers[index].as_ref().map(|appended| appended.outcomes[0]);
        assert_eq!(outcome(0), Ok(AppendOutcome::Stored(Sequence::new(1))));
        assert_eq!(outcome(2), Ok(AppendOutcome::Stored(Sequence::new(2))));
        assert_eq!(outcome(4), Ok(AppendOutcome::Duplicate(Sequence::new(1))));
        for full in [1, 3] {
            let failure = outcome(full).unwrap_err().to_string();
            assert!(failure.contains("full"), "{failure}");
        }
        assert_eq!(check.recv().unwrap(), Ok(()));
    }
}
