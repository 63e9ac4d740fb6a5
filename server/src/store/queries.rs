//! What can be asked of the file, by readers and by the writer alike.
//!
//! A log only grows and every statement sees whole transactions, so answers made of several statements agree as long
//! as the head is read first.

use super::error::Fault;
use super::key::{RepositoryNumber, sequence_of};
use super::records;
use driftless::store::RepositorySummary;
use driftless_core::event::{EventBatch, EventBatchBuilder, EventId, RecordId, Sequence};
use driftless_core::name::{LogName, Namespace, RepositoryName};
use driftless_core::server::{Page, PageRequest};
use rusqlite::{Connection, OptionalExtension, params};

/// The number of a repository; `None` if nothing was ever appended to it.
pub(super) fn repository(connection: &Connection, log: &LogName) -> Result<Option<RepositoryNumber>, Fault> {
    let select = "SELECT id FROM repository WHERE namespace = ?1 AND name = ?2";
    let mut statement = connection.prepare_cached(select)?;
    let id = statement.query_row([&*log.namespace, &*log.repository], |row| row.get(0));
    id.optional()?.map(number).transpose()
}

fn number(id: i64) -> Result<RepositoryNumber, Fault> {
    RepositoryNumber::new(id).ok_or_else(|| Fault::Damaged(format!("a repository has the number {id}")))
}

/// The sequence of a log's last event.
pub(super) fn head(connection: &Connection, repository: RepositoryNumber) -> Result<Sequence, Fault> {
    let keys = repository.keys_behind(Sequence::ZERO);
    let select = "SELECT max(key) FROM event WHERE key BETWEEN ?1 AND ?2";
    let mut statement = connection.prepare_cached(select)?;
    let last: Option<i64> = statement.query_row([keys.start(), keys.end()], |row| row.get(0))?;
    Ok(last.map_or(Sequence::ZERO, sequence_of))
}

/// A page of a log.
pub(super) fn page(connection: &Connection, request: &PageRequest) -> Result<Page, Fault> {
    let mut events = EventBatchBuilder::new(request.after.next());
    let mut head_now = Sequence::ZERO;
    if let Some(repository) = repository(connection, &request.log)? {
        head_now = head(connection, repository)?;
        if request.after < head_now {
            fill(connection, repository, request, head_now, &mut events)?;
        }
    }
    Ok(Page {
        events: events.build(),
        head: head_now,
    })
}

fn fill(
    connection: &Connection,
    repository: RepositoryNumber,
    request: &PageRequest,
    head: Sequence,
    events: &mut EventBatchBuilder,
) -> Result<(), Fault> {
    let select = "SELECT key, package_complete, body FROM event WHERE key BETWEEN ?1 AND ?2 ORDER BY key LIMIT ?3";
    let first = repository.key(request.after.next());
    let limit = i64::try_from(request.max_events).unwrap_or(i64::MAX);
    let mut statement = connection.prepare_cached(select)?;
    let mut rows = statement.query(params![first, repository.key(head), limit])?;
    let mut key = first;
    while let Some(row) = rows.next()? {
        if row.get::<_, i64>(0)? != key {
            let (log, missing) = (&request.log, sequence_of(key));
            return Err(Fault::Damaged(format!("event {missing} of {log} is missing")));
        }
        let body = row.get_ref(2)?.as_bytes().map_err(rusqlite::Error::from)?;
        if !events.is_empty() && events.bytes() + 1 + body.len() > request.max_bytes {
            break;
        }
        events.append_stored(body, row.get(1)?);
        key += 1;
    }
    Ok(())
}

/// The event with an id.
pub(super) fn event(connection: &Connection, log: &LogName, id: &EventId) -> Result<Option<EventBatch>, Fault> {
    let Some(repository) = repository(connection, log)? else {
        return Ok(None);
    };
    match sequence_of_id(connection, repository, id)? {
        Some(sequence) => event_at(connection, repository, sequence).map(Some),
        None => Ok(None),
    }
}

/// The place of the event with an id.
pub(super) fn sequence_of_id(
    connection: &Connection,
    repository: RepositoryNumber,
    id: &EventId,
) -> Result<Option<Sequence>, Fault> {
    let select = "SELECT sequence FROM event_id WHERE repository = ?1 AND id = ?2";
    let mut statement = connection.prepare_cached(select)?;
    let found = statement.query_row(params![repository.get(), &**id], |row| row.get::<_, i64>(0));
    Ok(found
        .optional()?
        .map(|sequence| Sequence::new(sequence.cast_unsigned())))
}

/// The newest event of a record.
pub(super) fn newest(connection: &Connection, log: &LogName, record: &RecordId) -> Result<Option<EventBatch>, Fault> {
    let Some(repository) = repository(connection, log)? else {
        return Ok(None);
    };
    match records::newest(connection, repository, record)? {
        Some(sequence) => event_at(connection, repository, sequence).map(Some),
        None => Ok(None),
    }
}

fn event_at(connection: &Connection, repository: RepositoryNumber, sequence: Sequence) -> Result<EventBatch, Fault> {
    let mut batch = EventBatchBuilder::new(sequence);
    with_body(connection, repository, sequence, |body, package_complete| {
        batch.append_stored(body, package_complete);
    })?;
    Ok(batch.build())
}

/// Shows the stored form of an event that has to be there.
pub(super) fn with_body<T>(
    connection: &Connection,
    repository: RepositoryNumber,
    sequence: Sequence,
    show: impl FnOnce(&[u8], bool) -> T,
) -> Result<T, Fault> {
    let select = "SELECT package_complete, body FROM event WHERE key = ?1";
    let mut statement = connection.prepare_cached(select)?;
    let mut rows = statement.query([repository.key(sequence)])?;
    let Some(row) = rows.next()? else {
        let number = repository.get();
        return Err(Fault::Damaged(format!(
            "event {sequence} of repository {number} is missing"
        )));
    };
    let body = row.get_ref(1)?.as_bytes().map_err(rusqlite::Error::from)?;
    Ok(show(body, row.get(0)?))
}

/// The repositories of a namespace, in order of their names.
pub(super) fn repositories(connection: &Connection, namespace: &Namespace) -> Result<Vec<RepositorySummary>, Fault> {
    let select = "SELECT id, name FROM repository WHERE namespace = ?1 ORDER BY name";
    let mut statement = connection.prepare_cached(select)?;
    let mut rows = statement.query([&**namespace])?;
    let mut summaries = Vec::new();
    while let Some(row) = rows.next()? {
        let head = head(connection, number(row.get(0)?)?)?;
        let name: String = row.get(1)?;
        let name = RepositoryName::new(&name).map_err(|error| Fault::Damaged(error.to_string()))?;
        summaries.push(RepositorySummary {
            name,
            events: head.get(),
            head,
        });
    }
    Ok(summaries)
}

/// The namespaces that have repositories, in order.
pub(super) fn namespaces(connection: &Connection) -> Result<Vec<Namespace>, Fault> {
    let mut statement = connection.prepare_cached("SELECT DISTINCT namespace FROM repository ORDER BY namespace")?;
    let mut rows = statement.query([])?;
    let mut namespaces = Vec::new();
    while let Some(row) = rows.next()? {
        let name: String = row.get(0)?;
        namespaces.push(Namespace::new(&name).map_err(|error| Fault::Damaged(error.to_string()))?);
    }
    Ok(namespaces)
}
