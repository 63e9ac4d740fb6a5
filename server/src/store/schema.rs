//! The layout of the file, and how a connection to it is set up.

use super::OpenError;
use driftless::store::random_epoch;
use driftless_core::wire::Epoch;
use rusqlite::{Connection, OpenFlags, OptionalExtension, TransactionBehavior};
use std::fs::File;
use std::io::Read;
use std::path::Path;
use std::time::Duration;

/// `Drft`: what SQLite's `application_id` says of a file of ours.
const APPLICATION_ID: i64 = 0x4472_6674;

/// What every SQLite file starts with (<https://www.sqlite.org/fileformat.html>, section 1.3).
const MAGIC: &[u8] = b"SQLite format 3\0";

/// What brings a file from each layout to the next; the number of the newest layout is how many there are. A step that
/// has been released is never changed.
const MIGRATIONS: &[&str] = &[LAYOUT_1];

const LAYOUT_1: &str = "
    -- 'epoch': the random id of this history. 'probe': what a health check writes to.
    CREATE TABLE meta (name TEXT PRIMARY KEY, value ANY NOT NULL) STRICT, WITHOUT ROWID;
    INSERT INTO meta (name, value) VALUES ('probe', 0);

    CREATE TABLE repository (
        id INTEGER PRIMARY KEY,
        namespace TEXT NOT NULL,
        name TEXT NOT NULL,
        UNIQUE (namespace, name)
    ) STRICT;

    -- The log. key = repository * 2^40 + sequence, so that an append goes to the end of a range of rows. The body is
    -- the event in the form in which it is sent, with its serverSequence.
    CREATE TABLE event (
        key INTEGER PRIMARY KEY,
        record_id TEXT NOT NULL,
        package_complete INTEGER NOT NULL,
        body TEXT NOT NULL
    ) STRICT;

    -- What makes a repeated event a duplicate. Ids that ascend with time go to the end of their range.
    CREATE TABLE event_id (
        repository INTEGER NOT NULL,
        id TEXT NOT NULL,
        sequence INTEGER NOT NULL,
        PRIMARY KEY (repository, id)
    ) STRICT, WITHOUT ROWID;

    -- The hashes of the record ids of 512 consecutive events, in order, 4 bytes each. key = that of the last of them.
    CREATE TABLE record_block (key INTEGER PRIMARY KEY, hashes BLOB NOT NULL) STRICT;

    -- For people. The server does not use it.
    CREATE VIEW log AS
        SELECT repository.namespace, repository.name AS repository, event.key & 1099511627775 AS sequence,
               event.record_id, event.body
        FROM event JOIN repository ON repository.id = event.key >> 40;
";

/// How long a statement waits for another process's write or recovery. Nobody else should write; a person with a
/// shell might.
pub(super) const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Memory for pages of the writer, in KiB: the upper levels of the ids' tree and the ends of the logs stay in it.
const WRITER_CACHE_KIB: i64 = 64 << 10;

/// Memory for pages of one reader, in KiB.
const READER_CACHE_KIB: i64 = 4 << 10;

/// Opens the file to write, makes it a store if it is new, and brings its layout up to date.
pub(super) fn open_writer(path: &Path) -> Result<(Connection, Epoch), OpenError> {
    check_magic(path)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = Connection::open_with_flags(path, flags).map_err(OpenError::sqlite(path))?;
    let layout = layout(&connection, path)?;
    let sqlite = || OpenError::sqlite(path);
    set_up_writer(&connection).map_err(sqlite())?;
    migrate(&mut connection, layout, MIGRATIONS).map_err(sqlite())?;
    // What a crash left in the write-ahead log may have been written without having been made durable. Duplicates are
    // answered from it, so it is made durable first.
    connection
        .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |_| Ok(()))
        .map_err(sqlite())?;
    let epoch = epoch(&connection, path)?;
    Ok((connection, epoch))
}

/// Opens a file that is a store already, to read.
pub(super) fn open_reader(path: &Path) -> Result<Connection, OpenError> {
    if !path.exists() {
        return Err(OpenError::Missing { path: path.to_owned() });
    }
    check_magic(path)?;
    // A reader of a write-ahead log writes to the memory that its users share, so "read only" would be too little.
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let connection = Connection::open_with_flags(path, flags).map_err(OpenError::sqlite(path))?;
    let set_up = || {
        connection.busy_timeout(BUSY_TIMEOUT)?;
        connection.pragma_update(None, "cache_size", -READER_CACHE_KIB)?;
        connection.pragma_update(None, "query_only", true)
    };
    set_up().map_err(OpenError::sqlite(path))?;
    match layout(&connection, path)? {
        0 => Err(OpenError::NotAStore {
            path: path.to_owned(),
            reason: "it is empty",
        }),
        _ => Ok(connection),
    }
}

fn check_magic(path: &Path) -> Result<(), OpenError> {
    if !path.exists() {
        return Ok(());
    }
    let mut start = Vec::new();
    let file = File::open(path).map_err(OpenError::io(path))?;
    let limit = MAGIC.len() as u64;
    file.take(limit).read_to_end(&mut start).map_err(OpenError::io(path))?;
    if start.is_empty() || start == MAGIC {
        return Ok(());
    }
    Err(OpenError::NotAStore {
        path: path.to_owned(),
        reason: "it is not an SQLite file",
    })
}

/// The number of the file's layout; 0 for an empty file.
fn layout(connection: &Connection, path: &Path) -> Result<i64, OpenError> {
    let sqlite = || OpenError::sqlite(path);
    let pragma = |name| connection.pragma_query_value(None, name, |row| row.get::<_, i64>(0));
    let application = pragma("application_id").map_err(sqlite())?;
    let found = pragma("user_version").map_err(sqlite())?;
    let tables = "SELECT count(*) FROM sqlite_schema";
    let tables: i64 = connection.query_row(tables, [], |row| row.get(0)).map_err(sqlite())?;
    if application == 0 && tables == 0 {
        return Ok(0);
    }
    if application != APPLICATION_ID {
        return Err(OpenError::NotAStore {
            path: path.to_owned(),
            reason: "it is the SQLite file of another program",
        });
    }
    let known = MIGRATIONS.len().cast_signed() as i64;
    if found > known {
        let path = path.to_owned();
        return Err(OpenError::NewerLayout { path, found, known });
    }
    Ok(found)
}

fn set_up_writer(connection: &Connection) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    // Where a plain fsync does not reach the disk (macOS).
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update(None, "cache_size", -WRITER_CACHE_KIB)?;
    // The writer decides itself when to, after its callers have their answers.
    connection.pragma_update(None, "wal_autocheckpoint", 0)
}

/// Brings a file from `layout` up to date, all steps or none.
fn migrate(connection: &mut Connection, layout: i64, steps: &[&str]) -> rusqlite::Result<()> {
    let done = usize::try_from(layout).unwrap_or(0);
    let Some(missing) = steps.get(done..).filter(|missing| !missing.is_empty()) else {
        return Ok(());
    };
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    for step in missing {
        transaction.execute_batch(step)?;
    }
    if layout == 0 {
        transaction.pragma_update(None, "application_id", APPLICATION_ID)?;
        let insert = "INSERT INTO meta (name, value) VALUES ('epoch', ?1)";
        transaction.execute(insert, [random_epoch().as_str()])?;
    }
    transaction.pragma_update(None, "user_version", steps.len().cast_signed() as i64)?;
    transaction.commit()
}

/// The epoch that the store was created with.
pub(super) fn epoch(connection: &Connection, path: &Path) -> Result<Epoch, OpenError> {
    let select = "SELECT value FROM meta WHERE name = 'epoch'";
    let text: Option<String> = connection
        .query_row(select, [], |row| row.get(0))
        .optional()
        .map_err(OpenError::sqlite(path))?;
    text.and_then(Epoch::new).ok_or_else(|| OpenError::Damaged {
        path: path.to_owned(),
        detail: "it has no epoch".into(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn version(connection: &Connection) -> i64 {
        connection
            .pragma_query_value(None, "user_version", |row| row.get(0))
            .unwrap()
    }

    #[test]
    fn a_file_gets_the_steps_that_it_lacks() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, 0, MIGRATIONS).unwrap();
        let later = [
            MIGRATIONS,
            &["CREATE TABLE second (x)", "INSERT INTO second VALUES (3)"],
        ]
        .concat();
        migrate(&mut connection, 1, &later).unwrap();
        assert_eq!(version(&connection), 3);
        migrate(&mut connection, 3, &later).unwrap();
        let rows: i64 = connection
            .query_row("SELECT count(*) FROM second", [], |row| row.get(0))
            .unwrap();
        assert_eq!(rows, 1);
    }

    #[test]
    fn a_step_that_fails_changes_nothing() {
        let mut connection = Connection::open_in_memory().unwrap();
        migrate(&mut connection, 0, MIGRATIONS).unwrap();
        let later = [MIGRATIONS, &["CREATE TABLE second (x)", "nonsense"]].concat();
        assert!(migrate(&mut connection, 1, &later).is_err());
        assert_eq!(version(&connection), 1);
        assert!(connection.prepare("SELECT * FROM second").is_err());
    }
}
