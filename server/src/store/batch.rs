//! Appending within one transaction.

use super::error::Fault;
use super::key::{MAX_SEQUENCE, RepositoryNumber};
use super::{queries, records};
use driftless_core::event::{EventBatch, EventBatchBuilder, NewEvent, Sequence};
use driftless_core::name::LogName;
use driftless_core::server::{Append, AppendOutcome, AppendRun, Appended, Committed};
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, params};
use std::collections::HashMap;
use std::sync::Arc;

/// Most logs whose heads the writer remembers; those of 65,536 take about 10 MB.
const MAX_KNOWN_LOGS: usize = 65_536;

/// The logs that were appended to lately, as of the last commit.
#[derive(Debug, Default)]
pub(super) struct KnownLogs(HashMap<LogName, (RepositoryNumber, Sequence)>);

/// The appends of one transaction.
pub(super) struct Batch<'c> {
    connection: &'c Connection,
    known: &'c KnownLogs,
    logs: Vec<OpenLog>,
    places: HashMap<LogName, usize>,
    insert_id: CachedStatement<'c>,
    insert_event: CachedStatement<'c>,
}

/// A log that the transaction has to do with.
struct OpenLog {
    name: LogName,
    number: RepositoryNumber,
    /// The head before the transaction.
    before: Sequence,
    new: EventBatchBuilder,
}

/// What a transaction has added to a log.
pub(super) struct Grown {
    pub(super) committed: Committed,
    number: RepositoryNumber,
}

impl KnownLogs {
    /// Remembers what a commit has made of the logs.
    pub(super) fn update(&mut self, grown: &[Grown]) {
        for Grown { committed, number } in grown {
            if self.0.len() >= MAX_KNOWN_LOGS && !self.0.contains_key(&committed.log) {
                self.0.clear();
            }
            self.0.insert(committed.log.clone(), (*number, committed.events.last()));
        }
    }
}

impl<'c> Batch<'c> {
    pub(super) fn new(connection: &'c Connection, known: &'c KnownLogs) -> Result<Self, Fault> {
        let insert_id = "INSERT INTO event_id (repository, id, sequence) VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        let insert_event = "INSERT INTO event (key, record_id, package_complete, body) VALUES (?1, ?2, ?3, ?4)";
        Ok(Self {
            connection,
            known,
            logs: Vec::new(),
            places: HashMap::new(),
            insert_id: connection.prepare_cached(insert_id)?,
            insert_event: connection.prepare_cached(insert_event)?,
        })
    }

    /// Adds the events of an append that are new and says what became of each.
    pub(super) fn append(&mut self, append: &Append) -> Result<Appended, Fault> {
        let count = append.runs.iter().map(|run| run.events.len()).sum();
        let mut outcomes = Vec::with_capacity(count);
        for AppendRun { log, events } in &append.runs {
            if events.is_empty() {
                continue;
            }
            let place = self.open(log)?;
            for event in events {
                outcomes.push(self.append_event(place, event)?);
            }
        }
        Ok(Appended { outcomes })
    }

    /// Ends the batch; what is left is to commit.
    pub(super) fn finish(self) -> Result<Vec<Grown>, Fault> {
        let mut grown = Vec::with_capacity(self.logs.len());
        for log in self.logs.into_iter().filter(|log| !log.new.is_empty()) {
            let events = Arc::new(log.new.build());
            records::append_blocks(self.connection, log.number, log.before, events.last())?;
            grown.push(Grown {
                committed: Committed { log: log.name, events },
                number: log.number,
            });
        }
        Ok(grown)
    }

    fn append_event(&mut self, place: usize, event: &NewEvent) -> Result<AppendOutcome, Fault> {
        let log = &mut self.logs[place];
        let next = log.before.get() + log.new.len() as u64 + 1;
        if next > MAX_SEQUENCE {
            return Err(Fault::Full("events in one repository"));
        }
        let id = params![log.number.get(), &*event.id, next.cast_signed()];
        if self.insert_id.execute(id)? == 0 {
            return self.compare(place, event);
        }
        let (sequence, body) = log.new.append(event);
        let key = log.number.key(sequence);
        // The builder makes text; checking again that it is would cost as much as copying it.
        let body = ToSqlOutput::Borrowed(ValueRef::Text(body));
        let row = params![key, &*event.record_id, event.package_complete, body];
        self.insert_event.execute(row)?;
        Ok(AppendOutcome::Stored(sequence))
    }

    /// What becomes of an event whose id is there.
    fn compare(&self, place: usize, event: &NewEvent) -> Result<AppendOutcome, Fault> {
        let number = self.logs[place].number;
        let Some(sequence) = queries::sequence_of_id(self.connection, number, &event.id)? else {
            return Err(Fault::Damaged(format!("the id {} is and is not there", event.id)));
        };
        let same = |stored: &[u8], _| EventBatch::same_body(stored, sequence, &event.body);
        let outcome = if queries::with_body(self.connection, number, sequence, same)? {
            AppendOutcome::Duplicate(sequence)
        } else {
            AppendOutcome::Conflict(sequence)
        };
        Ok(outcome)
    }

    /// The place of a log in [`Self::logs`]; makes the repository if it does not exist.
    fn open(&mut self, name: &LogName) -> Result<usize, Fault> {
        if let Some(&place) = self.places.get(name) {
            return Ok(place);
        }
        let (number, head) = match self.known.0.get(name) {
            Some(&known) => known,
            None => self.look_up(name)?,
        };
        self.logs.push(OpenLog {
            name: name.clone(),
            number,
            before: head,
            new: EventBatchBuilder::new(head.next()),
        });
        let place = self.logs.len() - 1;
        self.places.insert(name.clone(), place);
        Ok(place)
    }

    fn look_up(&self, name: &LogName) -> Result<(RepositoryNumber, Sequence), Fault> {
        if let Some(number) = queries::repository(self.connection, name)? {
            return Ok((number, queries::head(self.connection, number)?));
        }
        let insert = "INSERT INTO repository (namespace, name) VALUES (?1, ?2)";
        let mut statement = self.connection.prepare_cached(insert)?;
        let id = statement.insert([&*name.namespace, &*name.repository])?;
        let number = RepositoryNumber::new(id).ok_or(Fault::Full("repositories"))?;
        Ok((number, Sequence::ZERO))
    }
}
