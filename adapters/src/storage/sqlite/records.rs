//! The table `records`.

use super::failure::Failure;
use super::repositories::{limit, sequence, signed, unsigned};
use driftless_core::client::{RecordKey, State, StoredRecord};
use driftless_core::event::{EventId, Json, RecordId, Timestamp};
use driftless_core::name::RepositoryName;
use rusqlite::{Connection, Params, Row, params};
use std::collections::BTreeSet;
use std::sync::Arc;

/// `records.shown`: the application sees nothing.
const NOTHING: i64 = 0;
/// `records.shown`: the application sees the confirmed state.
const CONFIRMED: i64 = 1;
/// `records.shown`: the application sees the state in the `visible_` columns.
pub(super) const VISIBLE: i64 = 2;

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT record, generation, pending, shown, confirmed_event, confirmed_created_at, confirmed_sequence, ",
            "confirmed_data, visible_event, visible_created_at, visible_sequence, visible_data FROM records ",
            $rest
        )
    };
}

const ONE: &str = select!("WHERE repository = ?1 AND record = ?2");

const SHOWN: &str = select!(
    "WHERE repository = ?1 AND record > ?2
         AND ((shown = 1 AND confirmed_data IS NOT NULL) OR (shown = 2 AND visible_data IS NOT NULL))
     ORDER BY record LIMIT ?3"
);

const OF_GENERATION: &str =
    "SELECT record FROM records WHERE repository = ?1 AND generation = ?2 AND record > ?3 ORDER BY record LIMIT ?4";

const OLDER_GENERATION: &str =
    "SELECT min(generation) FROM records WHERE repository = ?1 AND generation >= ?2 AND generation < ?3";

const CLEAR: &str = "DELETE FROM records WHERE repository = ?1";

/// Everything that is read, and removed in bulk, for the test of the query plans.
#[cfg(test)]
pub(super) const READS: &[&str] = &[ONE, SHOWN, OF_GENERATION, OLDER_GENERATION, CLEAR];

/// A repository in the database: its number and its name.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place<'a> {
    pub(super) id: i64,
    pub(super) name: &'a RepositoryName,
}

pub(super) fn one(
    connection: &Connection,
    place: Place<'_>,
    record: &RecordId,
) -> Result<Option<StoredRecord>, Failure> {
    Ok(list(connection, place, ONE, params![place.id, &**record])?.pop())
}

/// Those that are visible and not deleted, behind `after`.
pub(super) fn visible(
    connection: &Connection,
    place: Place<'_>,
    after: Option<&RecordId>,
    max: usize,
) -> Result<Vec<StoredRecord>, Failure> {
    list(connection, place, SHOWN, params![place.id, behind(after), limit(max)])
}

/// The ids of those of older generations, behind `after`.
pub(super) fn stale(
    connection: &Connection,
    place: Place<'_>,
    generation: u64,
    after: Option<&RecordId>,
    max: usize,
) -> Result<Vec<RecordId>, Failure> {
    let mut first = BTreeSet::new();
    let mut older = older_generation(connection, place, 0, generation)?;
    let mut select = connection.prepare_cached(OF_GENERATION)?;
    // The index orders each generation by record; the first of each hold the first of all.
    while let Some(one) = older {
        let mut rows = select.query(params![place.id, signed(one), behind(after), limit(max)])?;
        while let Some(row) = rows.next()? {
            first.insert(record_id(row)?);
        }
        while first.len() > max {
            first.pop_last();
        }
        older = older_generation(connection, place, one + 1, generation)?;
    }
    Ok(first.into_iter().collect())
}

/// The first generation from `from` on and before `before` that a record is of.
fn older_generation(connection: &Connection, place: Place<'_>, from: u64, before: u64) -> Result<Option<u64>, Failure> {
    let mut select = connection.prepare_cached(OLDER_GENERATION)?;
    let params = params![place.id, signed(from), signed(before)];
    let found: Option<i64> = select.query_row(params, |row| row.get(0))?;
    found.map(unsigned).transpose()
}

/// No record has the empty id, so everything is behind it.
fn behind(after: Option<&RecordId>) -> &str {
    after.map_or("", |record| record)
}

fn list(
    connection: &Connection,
    place: Place<'_>,
    sql: &str,
    params: impl Params,
) -> Result<Vec<StoredRecord>, Failure> {
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query(params)?;
    let mut records = Vec::new();
    while let Some(row) = rows.next()? {
        records.push(read(row, place.name)?);
    }
    Ok(records)
}

fn read(row: &Row<'_>, repository: &RepositoryName) -> Result<StoredRecord, Failure> {
    let record = record_id(row)?;
    let shown: i64 = row.get(3)?;
    let confirmed = read_state(row, 4)?;
    let visible = match shown {
        NOTHING => None,
        CONFIRMED => confirmed.clone(),
        _ => read_state(row, 8)?,
    };
    Ok(StoredRecord {
        key: RecordKey {
            repository: repository.clone(),
            record,
        },
        confirmed,
        visible,
        pending: row.get(2)?,
        generation: unsigned(row.get(1)?)?,
    })
}

pub(super) fn record_id(row: &Row<'_>) -> Result<RecordId, Failure> {
    let record: String = row.get(0)?;
    RecordId::new(record).map_err(|_| Failure::Damaged("a record id"))
}

pub(super) fn read_state(row: &Row<'_>, column: usize) -> Result<Option<Arc<State>>, Failure> {
    let Some(event) = row.get::<_, Option<String>>(column)? else {
        return Ok(None);
    };
    let created_at: Option<String> = row.get(column + 1)?;
    let at: Option<i64> = row.get(column + 2)?;
    let data: Option<String> = row.get(column + 3)?;
    Ok(Some(Arc::new(State {
        event: EventId::new(event).map_err(|_| Failure::Damaged("an event id"))?,
        created_at: created_at.as_deref().and_then(Timestamp::parse),
        sequence: at.map(sequence).transpose()?,
        data: data
            .map(Json::parse)
            .transpose()
            .map_err(|_| Failure::Damaged("a record's data"))?,
    })))
}

/// Writes a record; removes it where there is nothing to keep.
pub(super) fn write(connection: &Connection, repository: i64, record: &StoredRecord) -> Result<(), Failure> {
    let (confirmed, visible) = (record.confirmed.as_deref(), record.visible.as_deref());
    if confirmed.is_none() && visible.is_none() {
        let mut delete = connection.prepare_cached("DELETE FROM records WHERE repository = ?1 AND record = ?2")?;
        delete.execute(params![repository, &*record.key.record])?;
        return Ok(());
    }
    let (shown, own) = match visible {
        None => (NOTHING, None),
        Some(_) if visible == confirmed => (CONFIRMED, None),
        Some(_) => (VISIBLE, visible),
    };
    let (confirmed, own) = (Columns::of(confirmed), Columns::of(own));
    let mut upsert = connection.prepare_cached(UPSERT)?;
    upsert.execute(params![
        repository,
        &*record.key.record,
        signed(record.generation),
        record.pending,
        shown,
        confirmed.event,
        confirmed.created_at,
        confirmed.sequence,
        confirmed.data,
        own.event,
        own.created_at,
        own.sequence,
        own.data,
    ])?;
    Ok(())
}

/// Removes all records of a repository.
pub(super) fn clear(connection: &Connection, repository: i64) -> Result<(), Failure> {
    connection.prepare_cached(CLEAR)?.execute([repository])?;
    Ok(())
}

const UPSERT: &str = "
    INSERT INTO records (repository, record, generation, pending, shown,
        confirmed_event, confirmed_created_at, confirmed_sequence, confirmed_data,
        visible_event, visible_created_at, visible_sequence, visible_data)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
    ON CONFLICT (repository, record) DO UPDATE SET
        generation = excluded.generation, pending = excluded.pending, shown = excluded.shown,
        confirmed_event = excluded.confirmed_event, confirmed_created_at = excluded.confirmed_created_at,
        confirmed_sequence = excluded.confirmed_sequence, confirmed_data = excluded.confirmed_data,
        visible_event = excluded.visible_event, visible_created_at = excluded.visible_created_at,
        visible_sequence = excluded.visible_sequence, visible_data = excluded.visible_data";

/// A state as its four columns.
#[derive(Debug, Default)]
struct Columns<'a> {
    event: Option<&'a str>,
    created_at: Option<String>,
    sequence: Option<i64>,
    data: Option<&'a str>,
}

impl<'a> Columns<'a> {
    fn of(state: Option<&'a State>) -> Self {
        state.map_or_else(Self::default, |state| Self {
            event: Some(&state.event),
            created_at: state.created_at.map(|moment| moment.to_string()),
            sequence: state.sequence.map(|at| signed(at.get())),
            data: state.data.as_deref(),
        })
    }
}
