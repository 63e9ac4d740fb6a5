//! The indexes that an application declared for its queries.
//!
//! An index is over the expressions that [`query::field`] makes of names, letter for letter, and only over the records
//! of its repository that are not deleted: writes elsewhere do not pay for it. SQLite uses such an index only where the
//! statement says the same of the rows without a parameter, so the repository's number is part of a query's text. It
//! is a column too, though always the same: it makes SQLite count the index as the better one. Behind the fields
//! comes the record's id, so that an index gives the whole order.

use super::failure::Failure;
use super::query;
use super::repositories::Names;
use crate::storage::Index;
use rusqlite::{Connection, TransactionBehavior};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// With what the names of all these indexes start; no other index's does.
const PREFIX: &str = "query_";

/// Names, and the statements that make them.
type Statements = BTreeMap<String, String>;

/// Makes the declared indexes that are missing, and drops those that are declared no more.
pub(super) fn declare(connection: &mut Connection, names: &mut Names, indexes: &[Index]) -> Result<(), Failure> {
    indexes.iter().try_for_each(Index::check)?;
    // Each open declares the same again: nothing is written then.
    if let Some(wanted) = wanted_by_known(connection, names, indexes)?
        && wanted == existing(connection)?
    {
        return Ok(());
    }
    let writing = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let mut wanted = Statements::new();
    for index in indexes {
        wanted.extend([statement(names.make(&writing, &index.repository)?, index)]);
    }
    let existing = existing(&writing)?;
    for name in existing.keys().filter(|name| existing.get(*name) != wanted.get(*name)) {
        writing.execute_batch(&format!("DROP INDEX {name}"))?;
    }
    for (_, statement) in wanted.iter().filter(|(name, sql)| existing.get(*name) != Some(*sql)) {
        writing.execute_batch(statement)?;
    }
    Ok(writing.commit()?)
}

/// The statements of the indexes; `None` if a repository is new.
fn wanted_by_known(
    connection: &Connection,
    names: &mut Names,
    indexes: &[Index],
) -> Result<Option<Statements>, Failure> {
    let mut wanted = Statements::new();
    for index in indexes {
        let Some(id) = names.find(connection, &index.repository)? else {
            return Ok(None);
        };
        wanted.extend([statement(id, index)]);
    }
    Ok(Some(wanted))
}

fn existing(connection: &Connection) -> Result<Statements, Failure> {
    let mut select = connection.prepare_cached(
        "SELECT name, sql FROM sqlite_schema WHERE type = 'index' AND tbl_name = 'records' AND substr(name, 1, ?1) = ?2",
    )?;
    let length = i64::try_from(PREFIX.len()).unwrap_or(i64::MAX);
    let rows = select.query_map(rusqlite::params![length, PREFIX], |row| Ok((row.get(0)?, row.get(1)?)))?;
    Ok(rows.collect::<rusqlite::Result<_>>()?)
}

/// The name of an index, and the statement that makes it, as SQLite keeps it.
fn statement(repository: i64, index: &Index) -> (String, String) {
    let mut name = format!("{PREFIX}{repository}_");
    // Names of indexes know no upper case, names of fields do. No field has a quotation mark in its name.
    for byte in index.fields.join("\"").bytes() {
        let _ = write!(name, "{byte:02x}");
    }
    let fields: Vec<String> = index.fields.iter().map(|name| query::field(name)).collect();
    let fields = fields.join(", ");
    let statement = format!(
        "CREATE INDEX {name} ON records (repository, {fields}, record) \
         WHERE repository = {repository} AND data IS NOT NULL"
    );
    (name, statement)
}
