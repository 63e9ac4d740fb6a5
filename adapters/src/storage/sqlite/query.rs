//! Queries of the application, as SQL.
//!
//! Values are bound. The names of fields cannot be: SQLite uses an index only for an expression that is written as the
//! index has it. They are checked, and quoted twice: as a label of a JSON path, and as a text of SQL.

use super::failure::Failure;
use super::records::{self, Place};
use super::repositories::limit;
use crate::storage::{Comparison, Condition, Direction, Query, QueryRow, Value};
use driftless_core::event::RecordId;
use rusqlite::types::{ToSql, ToSqlOutput};
use rusqlite::{Connection, Params, params_from_iter};

/// What a row is read from.
const ROW: &str = "SELECT record, pending, shown, confirmed_event, confirmed_created_at, confirmed_sequence, \
     confirmed_data, visible_event, visible_created_at, visible_sequence, visible_data, \
     EXISTS (SELECT 1 FROM own WHERE own.repository = records.repository AND own.record = records.record \
     AND own.state = 4) FROM records";

/// The records that a query asks for.
pub(super) fn rows(connection: &Connection, place: Place<'_>, query: &Query) -> Result<Vec<QueryRow>, Failure> {
    query.check()?;
    let sql = sql(place.id, query);
    let range = [query.limit.map_or(-1, limit), limit(query.offset)];
    let range = range.iter().map(|number| number as &dyn ToSql);
    list(connection, &sql, params_from_iter(values(query).chain(range)))
}

/// How many records meet the conditions of a query.
pub(super) fn count(connection: &Connection, place: Place<'_>, query: &Query) -> Result<i64, Failure> {
    query.check()?;
    let sql = format!("SELECT count(*) FROM records WHERE {}", meets(place.id, query));
    let mut select = connection.prepare_cached(&sql)?;
    Ok(select.query_row(params_from_iter(values(query)), |row| row.get(0))?)
}

/// One record, if the application sees it.
pub(super) fn row(connection: &Connection, place: Place<'_>, record: &RecordId) -> Result<Option<QueryRow>, Failure> {
    let sql = format!("{ROW} WHERE repository = ?1 AND record = ?2 AND shown <> 0");
    Ok(list(connection, &sql, rusqlite::params![place.id, &**record])?.pop())
}

fn list(connection: &Connection, sql: &str, params: impl Params) -> Result<Vec<QueryRow>, Failure> {
    let mut select = connection.prepare_cached(sql)?;
    let mut rows = select.query(params)?;
    let mut found = Vec::new();
    while let Some(row) = rows.next()? {
        let own = row.get::<_, i64>(2)? == records::VISIBLE;
        let visible = records::read_state(row, if own { 7 } else { 3 })?;
        found.push(QueryRow {
            record: records::record_id(row)?,
            visible: visible.ok_or(Failure::Damaged("a record is shown without a state"))?,
            pending: row.get(1)?,
            rejected: row.get(11)?,
        });
    }
    Ok(found)
}

/// The statement of a query; its last two parameters are limit and offset.
pub(super) fn sql(repository: i64, query: &Query) -> String {
    let meets = meets(repository, query);
    let mut sql = format!("{ROW} WHERE {meets} ORDER BY ");
    for order in &query.order {
        sql.extend([&field(&order.field), direction(order.direction), ", "]);
    }
    // The ids take the direction of what is before them, so that an index can be read backwards.
    let last = query.order.last().map(|order| order.direction).unwrap_or_default();
    sql.extend(["record", direction(last), " LIMIT ? OFFSET ?"]);
    sql
}

fn meets(repository: i64, query: &Query) -> String {
    let shown = if query.include_deleted {
        "shown <> 0"
    } else {
        "data IS NOT NULL"
    };
    let mut sql = format!("repository = {repository} AND {shown}");
    for condition in &query.conditions {
        sql.push_str(" AND ");
        sql.push_str(&holds(condition));
    }
    sql
}

fn holds(condition: &Condition) -> String {
    let field = field(&condition.field);
    match &condition.comparison {
        Comparison::Equal(_) => format!("{field} = ?"),
        Comparison::NotEqual(_) => format!("{field} <> ?"),
        Comparison::Less(_) => format!("{field} < ?"),
        Comparison::LessOrEqual(_) => format!("{field} <= ?"),
        Comparison::Greater(_) => format!("{field} > ?"),
        Comparison::GreaterOrEqual(_) => format!("{field} >= ?"),
        Comparison::In(values) => format!("{field} IN ({})", marks(values.len())),
        // Null is not in an empty list, to SQLite; here a null field never is true.
        Comparison::NotIn(values) => format!("{field} IS NOT NULL AND {field} NOT IN ({})", marks(values.len())),
        Comparison::IsNull => format!("{field} IS NULL"),
        Comparison::IsNotNull => format!("{field} IS NOT NULL"),
    }
}

fn marks(count: usize) -> String {
    let mut marks = "?, ".repeat(count);
    marks.truncate(marks.len().saturating_sub(2));
    marks
}

/// The value of a field, as the indexes have it too. The name was checked: it holds no quotation mark and no backslash.
pub(super) fn field(name: &str) -> String {
    debug_assert!(!name.contains(['"', '\\']), "{name:?} was not checked");
    format!("json_extract(data, '$.\"{}\"')", name.replace('\'', "''"))
}

fn direction(direction: Direction) -> &'static str {
    match direction {
        Direction::Ascending => "",
        Direction::Descending => " DESC",
    }
}

fn values(query: &Query) -> impl Iterator<Item = &dyn ToSql> {
    let values = query.conditions.iter().flat_map(|one| one.comparison.values());
    values.map(|value| value as &dyn ToSql)
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        match self {
            Self::Null => Ok(ToSqlOutput::from(rusqlite::types::Null)),
            Self::Bool(value) => value.to_sql(),
            Self::Integer(value) => value.to_sql(),
            // What is not a number is bound as null.
            Self::Real(value) => value.to_sql(),
            Self::Text(value) => value.to_sql(),
        }
    }
}
