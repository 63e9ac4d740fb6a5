//! The requests that read.

use super::failure::Failure;
use super::records::Place;
use super::repositories::{self, Names, unsigned};
use super::{own, records};
use driftless_core::client::{LocalSequence, Opened, OwnEvent, RecordKey, StorageReply, StorageRequest};
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
        StorageRequest::Load { records, own } => load(&reading, names, records, own),
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
        } => of(&reading, names, &repository, |place| {
            own::unsettled(&reading, place, after, max_events)
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
    keys: Vec<RecordKey>,
    events: Vec<(RepositoryName, EventId)>,
) -> Result<StorageReply, Failure> {
    let (mut records, mut layers, mut own) = (Vec::new(), Vec::new(), Vec::new());
    for key in keys.into_iter().collect::<BTreeSet<_>>() {
        let name = &key.repository;
        if let Some(id) = names.find(connection, name)? {
            let place = Place { id, name };
            records.extend(records::one(connection, place, &key.record)?);
            layers.extend(own::layer(connection, place, &key.record)?);
        }
    }
    layers.sort_by_key(|event: &OwnEvent| event.local);
    for (name, event) in events.into_iter().collect::<BTreeSet<_>>() {
        if let Some(id) = names.find(connection, &name)? {
            own.extend(own::by_id(connection, Place { id, name: &name }, &event)?);
        }
    }
    Ok(StorageReply::Loaded { records, layers, own })
}
