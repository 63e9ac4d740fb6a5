//! The table `own`: the events that this client made.

use super::failure::Failure;
use super::records::Place;
use super::repositories::{limit, sequence, signed, unsigned};
use driftless_core::client::{ByteBudget, LocalSequence, OwnEvent, OwnState, RecordKey};
use driftless_core::event::{EventId, Json, RecordId};
use driftless_core::name::RepositoryName;
use driftless_core::wire::ErrorCode;
use rusqlite::{Connection, Params, Row, params};

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT local, record, event, state, sequence, settled_at_ms, code, message, body FROM own ",
            $rest
        )
    };
}

const BY_ID: &str = select!("WHERE repository = ?1 AND event = ?2");
const BY_LOCAL: &str = select!("WHERE local = ?1");
const LAYER: &str = select!("WHERE repository = ?1 AND record = ?2 AND state IN (0, 1) ORDER BY local");
const OUTBOX: &str = select!("WHERE repository = ?1 AND state = 0 AND local > ?2 ORDER BY local LIMIT ?3");
const UNSETTLED: &str = select!("WHERE repository = ?1 AND state IN (1, 3) AND local > ?2 ORDER BY local LIMIT ?3");

/// The local sequences of pending events.
pub(super) const PENDING: &str =
    "SELECT local FROM own WHERE repository = ?1 AND state = 0 AND local > ?2 ORDER BY local LIMIT ?3";

/// The local sequences of rejected events.
pub(super) const REJECTED: &str =
    "SELECT local FROM own WHERE repository = ?1 AND state = 4 AND local > ?2 ORDER BY local LIMIT ?3";

const DOUBT: &str = "UPDATE own SET state = 3, settled_at_ms = NULL WHERE repository = ?1 AND state = 2";
const PRUNE_AGED: &str = "DELETE FROM own WHERE repository = ?1 AND state = 2 AND settled_at_ms < ?2";
const PRUNE_BEYOND: &str = "DELETE FROM own WHERE local IN (
        SELECT local FROM own WHERE repository = ?1 AND state = 2
        ORDER BY settled_at_ms DESC, local DESC LIMIT -1 OFFSET ?2)";

const CLEAR: &str = "DELETE FROM own WHERE repository = ?1";

/// Everything that is read, and changed in bulk, for the test of the query plans.
#[cfg(test)]
pub(super) const READS: &[&str] = &[
    BY_ID,
    BY_LOCAL,
    LAYER,
    OUTBOX,
    UNSETTLED,
    PENDING,
    REJECTED,
    DOUBT,
    PRUNE_AGED,
    PRUNE_BEYOND,
    CLEAR,
];

/// The event with this id, in any state.
pub(super) fn by_id(connection: &Connection, place: Place<'_>, event: &EventId) -> Result<Option<OwnEvent>, Failure> {
    Ok(list(connection, place.name, BY_ID, params![place.id, &**event])?.pop())
}

/// The local layer of a record.
pub(super) fn layer(connection: &Connection, place: Place<'_>, record: &RecordId) -> Result<Vec<OwnEvent>, Failure> {
    list(connection, place.name, LAYER, params![place.id, &**record])
}

/// The oldest pending events.
pub(super) fn outbox(
    connection: &Connection,
    place: Place<'_>,
    after: LocalSequence,
    max_events: usize,
    max_bytes: usize,
) -> Result<Vec<OwnEvent>, Failure> {
    first(connection, place, OUTBOX, after, max_events, max_bytes)
}

/// Acked and doubted events.
pub(super) fn unsettled(
    connection: &Connection,
    place: Place<'_>,
    after: LocalSequence,
    max_events: usize,
    max_bytes: usize,
) -> Result<Vec<OwnEvent>, Failure> {
    first(connection, place, UNSETTLED, after, max_events, max_bytes)
}

/// The first events, as far as the bytes of their bodies allow.
fn first(
    connection: &Connection,
    place: Place<'_>,
    sql: &str,
    after: LocalSequence,
    max_events: usize,
    max_bytes: usize,
) -> Result<Vec<OwnEvent>, Failure> {
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query(params![place.id, signed(after.0), limit(max_events)])?;
    let (mut events, mut budget) = (Vec::new(), ByteBudget::new(max_bytes));
    while let Some(row) = rows.next()? {
        if !budget.takes(row.get_ref(BODY)?.as_str().map_or(0, str::len)) {
            break;
        }
        events.push(read(row, place.name)?);
    }
    Ok(events)
}

/// Local sequences, by [`PENDING`] or [`REJECTED`].
pub(super) fn locals(
    connection: &Connection,
    sql: &str,
    repository: i64,
    after: LocalSequence,
    max: usize,
) -> Result<Vec<i64>, Failure> {
    let mut select = connection.prepare_cached(sql)?;
    let rows = select.query_map(params![repository, signed(after.0), limit(max)], |row| row.get(0))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

pub(super) fn by_local(
    connection: &Connection,
    repository: &RepositoryName,
    local: i64,
) -> Result<Option<OwnEvent>, Failure> {
    Ok(list(connection, repository, BY_LOCAL, [local])?.pop())
}

fn list(
    connection: &Connection,
    repository: &RepositoryName,
    sql: &str,
    params: impl Params,
) -> Result<Vec<OwnEvent>, Failure> {
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query(params)?;
    let mut events = Vec::new();
    while let Some(row) = rows.next()? {
        events.push(read(row, repository)?);
    }
    Ok(events)
}

/// The column of the body in `select!`.
const BODY: usize = 8;

fn read(row: &Row<'_>, repository: &RepositoryName) -> Result<OwnEvent, Failure> {
    let record: String = row.get(1)?;
    let event: String = row.get(2)?;
    let body: String = row.get(BODY)?;
    Ok(OwnEvent {
        local: LocalSequence(unsigned(row.get(0)?)?),
        key: RecordKey {
            repository: repository.clone(),
            record: RecordId::new(record).map_err(|_| Failure::Damaged("a record id"))?,
        },
        id: EventId::new(event).map_err(|_| Failure::Damaged("an event id"))?,
        body: Json::parse(body).map_err(|_| Failure::Damaged("an event"))?,
        state: read_state(row)?,
    })
}

fn read_state(row: &Row<'_>) -> Result<OwnState, Failure> {
    let code: Option<String> = row.get(6)?;
    let message: Option<String> = row.get(7)?;
    let at: Option<i64> = row.get(4)?;
    let settled_at_ms: Option<i64> = row.get(5)?;
    Ok(match row.get::<_, i64>(3)? {
        0 => OwnState::Pending,
        1 => OwnState::Acked(at.map(sequence).transpose()?),
        2 => OwnState::Settled {
            at_ms: settled_at_ms.unwrap_or_default(),
        },
        3 => OwnState::Doubted,
        4 => OwnState::Rejected {
            code: code.as_deref().and_then(ErrorCode::parse),
            message: message.unwrap_or_default(),
        },
        _ => return Err(Failure::Damaged("the state of an event")),
    })
}

pub(super) fn add(connection: &Connection, repository: i64, event: &OwnEvent) -> Result<(), Failure> {
    let mut insert = connection.prepare_cached(
        "INSERT INTO own (local, repository, record, event, state, sequence, settled_at_ms, code, message, body)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
    )?;
    let state = Columns::of(&event.state);
    let inserted = insert.execute(params![
        signed(event.local.0),
        repository,
        &*event.key.record,
        &*event.id,
        state.state,
        state.sequence,
        state.settled_at_ms,
        state.code,
        state.message,
        &*event.body,
    ]);
    match inserted.map_err(Failure::from) {
        Err(Failure::Sqlite(error)) if error.sqlite_error_code() == Some(rusqlite::ErrorCode::ConstraintViolation) => {
            Err(Failure::Rule("an event id was used twice"))
        }
        other => other.map(|_| ()),
    }
}

pub(super) fn set(connection: &Connection, repository: i64, event: &EventId, state: &OwnState) -> Result<(), Failure> {
    let mut update = connection.prepare_cached(
        "UPDATE own SET state = ?3, sequence = ?4, settled_at_ms = ?5, code = ?6, message = ?7
         WHERE repository = ?1 AND event = ?2",
    )?;
    let state = Columns::of(state);
    update.execute(params![
        repository,
        &**event,
        state.state,
        state.sequence,
        state.settled_at_ms,
        state.code,
        state.message,
    ])?;
    Ok(())
}

pub(super) fn doubt_settled(connection: &Connection, repository: i64) -> Result<(), Failure> {
    connection.prepare_cached(DOUBT)?.execute([repository])?;
    Ok(())
}

pub(super) fn prune_settled(
    connection: &Connection,
    repository: i64,
    before_ms: i64,
    keep: usize,
) -> Result<(), Failure> {
    let mut aged = connection.prepare_cached(PRUNE_AGED)?;
    aged.execute(params![repository, before_ms])?;
    let mut beyond = connection.prepare_cached(PRUNE_BEYOND)?;
    beyond.execute(params![repository, limit(keep)])?;
    Ok(())
}

/// Forgets an event, in any state.
pub(super) fn drop_one(connection: &Connection, repository: i64, event: &EventId) -> Result<(), Failure> {
    let mut delete = connection.prepare_cached("DELETE FROM own WHERE repository = ?1 AND event = ?2")?;
    delete.execute(params![repository, &**event])?;
    Ok(())
}

/// Forgets all events of a repository.
pub(super) fn clear(connection: &Connection, repository: i64) -> Result<(), Failure> {
    connection.prepare_cached(CLEAR)?.execute([repository])?;
    Ok(())
}

/// A state as its columns.
#[derive(Debug, Default)]
struct Columns<'a> {
    state: i64,
    sequence: Option<i64>,
    settled_at_ms: Option<i64>,
    code: Option<&'static str>,
    message: Option<&'a str>,
}

impl<'a> Columns<'a> {
    fn of(state: &'a OwnState) -> Self {
        let number = |state| Self {
            state,
            ..Self::default()
        };
        match state {
            OwnState::Pending => number(0),
            OwnState::Acked(at) => Self {
                sequence: at.map(|at| signed(at.get())),
                ..number(1)
            },
            OwnState::Settled { at_ms } => Self {
                settled_at_ms: Some(*at_ms),
                ..number(2)
            },
            OwnState::Doubted => number(3),
            OwnState::Rejected { code, message } => Self {
                code: code.map(ErrorCode::as_str),
                message: Some(message),
                ..number(4)
            },
        }
    }
}
