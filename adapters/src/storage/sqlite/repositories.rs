//! The table `repositories`: their numbers in the other tables, and their cursors.

use super::failure::Failure;
use driftless_core::client::{Cursor, RepositoryRow};
use driftless_core::event::{EventId, Sequence};
use driftless_core::name::RepositoryName;
use driftless_core::wire::Epoch;
use rusqlite::{Connection, OptionalExtension, Row, params};
use std::collections::BTreeMap;

/// The numbers of the repositories, as far as they were asked for.
#[derive(Debug, Default)]
pub(super) struct Names(BTreeMap<RepositoryName, i64>);

impl Names {
    /// A repository's number; `None` if nothing was ever written of it.
    pub(super) fn find(&mut self, connection: &Connection, name: &RepositoryName) -> Result<Option<i64>, Failure> {
        if let Some(&id) = self.0.get(name) {
            return Ok(Some(id));
        }
        let found = find(connection, name)?;
        if let Some(id) = found {
            self.0.insert(name.clone(), id);
        }
        Ok(found)
    }

    /// A repository's number; it gets one if it has none.
    pub(super) fn make(&mut self, connection: &Connection, name: &RepositoryName) -> Result<i64, Failure> {
        if let Some(id) = self.find(connection, name)? {
            return Ok(id);
        }
        connection
            .prepare_cached("INSERT INTO repositories (name) VALUES (?1)")?
            .execute([&**name])?;
        let id = connection.last_insert_rowid();
        self.0.insert(name.clone(), id);
        Ok(id)
    }
}

pub(super) fn find(connection: &Connection, name: &RepositoryName) -> Result<Option<i64>, Failure> {
    let mut select = connection.prepare_cached("SELECT id FROM repositories WHERE name = ?1")?;
    Ok(select.query_row([&**name], |row| row.get(0)).optional()?)
}

/// Every repository of the file.
pub(super) fn all(connection: &Connection) -> Result<Vec<(i64, RepositoryName)>, Failure> {
    let mut select = connection.prepare_cached("SELECT id, name FROM repositories ORDER BY id")?;
    let mut rows = select.query([])?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let name: String = row.get(1)?;
        let name = RepositoryName::new(&name).map_err(|_| Failure::Damaged("a repository's name"))?;
        found.push((row.get(0)?, name));
    }
    Ok(found)
}

pub(super) fn row(connection: &Connection, id: Option<i64>, name: RepositoryName) -> Result<RepositoryRow, Failure> {
    let Some(id) = id else {
        let (cursor, pending) = (Cursor::default(), 0);
        return Ok(RepositoryRow { name, cursor, pending });
    };
    let mut select = connection.prepare_cached(
        "SELECT after, seen_sequence, seen_event, generation, refolding, epoch, scope FROM repositories WHERE id = ?1",
    )?;
    let mut rows = select.query([id])?;
    let found = rows.next()?.ok_or(Failure::Damaged("a repository is gone"))?;
    let cursor = read_cursor(found)?;
    let mut count = connection.prepare_cached("SELECT count(*) FROM own WHERE repository = ?1 AND state = 0")?;
    let pending = count.query_row([id], |row| row.get::<_, i64>(0))?;
    let pending = unsigned(pending)?;
    Ok(RepositoryRow { name, cursor, pending })
}

fn read_cursor(row: &Row<'_>) -> Result<Cursor, Failure> {
    let seen_sequence: Option<i64> = row.get(1)?;
    let seen_event: Option<String> = row.get(2)?;
    let seen = match (seen_sequence, seen_event) {
        (Some(at), Some(event)) => {
            let event = EventId::new(event).map_err(|_| Failure::Damaged("a cursor's event id"))?;
            Some((sequence(at)?, event))
        }
        _ => None,
    };
    let epoch: Option<String> = row.get(5)?;
    Ok(Cursor {
        after: sequence(row.get(0)?)?,
        seen,
        generation: unsigned(row.get(3)?)?,
        refolding: row.get(4)?,
        epoch: epoch.and_then(Epoch::new),
        scope: row.get(6)?,
    })
}

pub(super) fn write_cursor(connection: &Connection, id: i64, cursor: &Cursor) -> Result<(), Failure> {
    let mut update = connection.prepare_cached(
        "UPDATE repositories SET after = ?2, seen_sequence = ?3, seen_event = ?4, generation = ?5, refolding = ?6,
             epoch = ?7, scope = ?8
         WHERE id = ?1",
    )?;
    update.execute(params![
        id,
        signed(cursor.after.get()),
        cursor.seen.as_ref().map(|(at, _)| signed(at.get())),
        cursor.seen.as_ref().map(|(_, event)| &**event),
        signed(cursor.generation),
        cursor.refolding,
        cursor.epoch.as_ref().map(Epoch::as_str),
        cursor.scope,
    ])?;
    Ok(())
}

/// SQLite's integers are signed; no number of ours comes near the end.
pub(super) fn signed(number: u64) -> i64 {
    i64::try_from(number).unwrap_or(i64::MAX)
}

pub(super) fn unsigned(number: i64) -> Result<u64, Failure> {
    u64::try_from(number).map_err(|_| Failure::Damaged("a negative number"))
}

pub(super) fn sequence(number: i64) -> Result<Sequence, Failure> {
    unsigned(number).map(Sequence::new)
}

/// A number of rows for `LIMIT`.
pub(super) fn limit(rows: usize) -> i64 {
    i64::try_from(rows).unwrap_or(i64::MAX)
}
