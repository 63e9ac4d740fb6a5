//! The request that writes: a transaction of the machine is a transaction of the database.

use super::failure::Failure;
use super::repositories::{self, Names, signed};
use super::{own, records};
use driftless_core::client::{Cursor, StorageChange, Transaction};
use rusqlite::{Connection, TransactionBehavior};

/// Makes changes durable, all of them or none.
pub(super) fn commit(connection: &mut Connection, names: &mut Names, changes: &Transaction) -> Result<(), Failure> {
    // Dropped without a commit, it rolls back.
    let writing = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let before = last_local(&writing)?;
    let mut last = before;
    for change in &changes.changes {
        apply(&writing, names, &mut last, change)?;
    }
    if last != before {
        writing
            .prepare_cached("UPDATE client SET last_local = ?1")?
            .execute([last])?;
    }
    Ok(writing.commit()?)
}

fn last_local(connection: &Connection) -> Result<i64, Failure> {
    let mut select = connection.prepare_cached("SELECT last_local FROM client")?;
    Ok(select.query_row([], |row| row.get(0))?)
}

fn apply(connection: &Connection, names: &mut Names, last: &mut i64, change: &StorageChange) -> Result<(), Failure> {
    match change {
        StorageChange::Record(record) => {
            let repository = names.make(connection, &record.key.repository)?;
            records::write(connection, repository, record)
        }
        StorageChange::AddOwn(event) => {
            let local = signed(event.local.0);
            if local <= *last {
                return Err(Failure::Rule("a local sequence was used twice"));
            }
            *last = local;
            let repository = names.make(connection, &event.key.repository)?;
            own::add(connection, repository, event)
        }
        StorageChange::SetOwn {
            repository,
            event,
            state,
        } => {
            let repository = names.make(connection, repository)?;
            own::set(connection, repository, event, state)
        }
        StorageChange::Cursor { repository, cursor } => {
            let repository = names.make(connection, repository)?;
            repositories::write_cursor(connection, repository, cursor)
        }
        StorageChange::DoubtSettled { repository } => {
            let repository = names.make(connection, repository)?;
            own::doubt_settled(connection, repository)
        }
        StorageChange::PruneSettled {
            repository,
            before_ms,
            keep,
        } => {
            let repository = names.make(connection, repository)?;
            own::prune_settled(connection, repository, *before_ms, *keep)
        }
        StorageChange::DropOwn { repository, event } => {
            let repository = names.make(connection, repository)?;
            own::drop_one(connection, repository, event)
        }
        StorageChange::Clear { repository } => {
            let repository = names.make(connection, repository)?;
            own::clear(connection, repository)?;
            records::clear(connection, repository)?;
            repositories::write_cursor(connection, repository, &Cursor::default())
        }
    }
}
