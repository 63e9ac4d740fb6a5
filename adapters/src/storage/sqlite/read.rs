//! The requests that read.

use super::failure::Failure;
use super::records::Place;
use super::repositories::{self, Names, unsigned};
use super::{own, records};
use driftless_core::client::{
    ByteBudget, LocalSequence, Opened, OwnEvent, RecordKey, StorageReply, StorageRequest, StoredRecord,
};
use driftless_core::event::EventId;
use driftless_core::name::RepositoryName;
use rusqlite::Connection;
use std::collections::BTreeSet;

/// Answers a request that reads.
pub(super) fn answer(
    connection: &mut Connection,
    names: &mut Names,
    request: StorageRequest,
) -> Result<StorageReply, Failure> {
    // One transaction around many small reads saves taking and leaving the read lock for each.
    let reading = connection.transaction()?;
    match request {
        StorageRequest::Open { repositories } => open(&reading, names, repositories).map(StorageReply::Opened),
        StorageRequest::Load {
            records,
            own,
            max_bytes,
        } => load(&reading, names, &records, &own, max_bytes),
        StorageRequest::Outbox {
            repository,
            after,
            max_events,
            max_bytes,
        } => of(&reading, names, &repository, |place| {
            own::outbox(&reading, place, after, max_events, max_bytes)
        })
        .map(StorageReply::Outbox),
        StorageRequest::Unsettled {
            repository,
            after,
            max_events,
            max_bytes,
        } => of(&reading, names, &repository, |place| {
            own::unsettled(&reading, place, after, max_events, max_bytes)
        })
        .map(StorageReply::Unsettled),
        StorageRequest::Stale {
            repository,
            generation,
            after,
            max_records,
        } => of(&reading, names, &repository, |place| {
            records::stale(&reading, place, generation, after.as_ref(), max_records)
        })
        .map(StorageReply::Stale),
        StorageRequest::Commit(_) => Err(Failure::Rule("a commit does not read")),
    }
}

fn of<T>(
    connection: &Connection,
    names: &mut Names,
    name: &RepositoryName,
    read: impl FnOnce(Place<'_>) -> Result<Vec<T>, Failure>,
) -> Result<Vec<T>, Failure> {
    match names.find(connection, name)? {
        Some(id) => read(Place { id, name }),
        None => Ok(Vec::new()),
    }
}

fn open(connection: &Connection, names: &mut Names, repositories: Vec<RepositoryName>) -> Result<Opened, Failure> {
    let mut rows = Vec::with_capacity(repositories.len());
    for name in repositories {
        let id = names.find(connection, &name)?;
        rows.push(repositories::row(connection, id, name)?);
    }
    let last = connection.query_row("SELECT last_local FROM client", [], |row| row.get(0))?;
    Ok(Opened {
        repositories: rows,
        last_local: LocalSequence(unsigned(last)?),
    })
}

fn load(
    connection: &Connection,
    names: &mut Names,
    keys: &[RecordKey],
    events: &[(RepositoryName, EventId)],
    max_bytes: usize,
) -> Result<StorageReply, Failure> {
    let (mut records, mut layers, mut own) = (Vec::new(), Vec::new(), Vec::new());
    let (mut answered_records, mut answered_own) = (0, 0);
    let (mut budget, mut known) = (ByteBudget::new(max_bytes), BTreeSet::new());
    for key in keys {
        let (name, is_new) = (&key.repository, known.insert(key));
        let (mut record, mut layer) = (None, Vec::new());
        if let Some(id) = names.find(connection, name)?.filter(|_| is_new) {
            let place = Place { id, name };
            record = records::one(connection, place, &key.record)?;
            layer = own::layer(connection, place, &key.record)?;
        }
        let bytes: usize = layer.iter().map(|event| event.body.len()).sum();
        if !budget.takes(bytes + record.as_ref().map_or(0, StoredRecord::bytes)) {
            break;
        }
        answered_records += 1;
        records.extend(record);
        layers.extend(layer);
    }
    layers.sort_by_key(|event: &OwnEvent| event.local);
    let (mut budget, mut known) = (ByteBudget::new(max_bytes), BTreeSet::new());
    for (name, event) in events {
        let is_new = known.insert((name, event));
        let found = match names.find(connection, name)?.filter(|_| is_new) {
            Some(id) => own::by_id(connection, Place { id, name }, event)?,
            None => None,
        };
        if !budget.takes(found.as_ref().map_or(0, |event| event.body.len())) {
            break;
        }
        answered_own += 1;
        own.extend(found);
    }
    Ok(StorageReply::Loaded {
        records,
        layers,
        own,
        answered_records,
        answered_own,
    })
}
