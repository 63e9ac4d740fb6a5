//! Opening a database file: whose it is, whether it is free, and how it is set.

use super::file_lock::FileLock;
use super::schema::{self, APPLICATION_ID};
use rusqlite::config::DbConfig;
use rusqlite::{Connection, ErrorCode, OpenFlags};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How long a connection waits for another's lock. Readers never block the writer in WAL, so only a checkpoint or a
/// backup by other tools is waited for.
const BUSY_TIMEOUT: Duration = Duration::from_secs(5);

/// Statements that a connection keeps prepared: more than there are.
const STATEMENTS: usize = 64;

/// The size to which the write-ahead log is cut after a checkpoint: a large catch-up leaves no large file behind.
const WAL_BYTES_KEPT: i64 = 16 << 20;

/// Memory for pages, in KiB: the inner pages of the indexes of a few million records.
const CACHE_KIB: i64 = 8 << 10;

/// Why a database file was not opened.
#[derive(Debug, thiserror::Error)]
pub enum SqliteOpenError {
    /// Another client, in this process or another, has the file open.
    #[error("{path} is in use by another client: a file belongs to one client at a time", path = .path.display())]
    InUse {
        /// The file.
        path: PathBuf,
    },
    /// The file is not a client's database.
    #[error("{path} is not a client's database of Driftless: name another file", path = .path.display())]
    Foreign {
        /// The file.
        path: PathBuf,
    },
    /// The file was written by a later version.
    #[error(
        "{path} was written by a later version of Driftless (its schema is {found}, this version knows {known}): \
         update this program",
        path = .path.display()
    )]
    NewerSchema {
        /// The file.
        path: PathBuf,
        /// Its schema's version.
        found: i64,
        /// The last version that this program knows.
        known: i64,
    },
    /// The file, or its folder, cannot be read or written.
    #[error("cannot open {path}: {error}", path = .path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the operating system said.
        #[source]
        error: io::Error,
    },
    /// SQLite failed.
    #[error("cannot open {path}: {error}", path = .path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite said.
        #[source]
        error: rusqlite::Error,
    },
}

/// Locks and opens a client's database, and brings its schema up to date.
pub(super) fn open(path: &Path) -> Result<(Connection, PathBuf, FileLock), SqliteOpenError> {
    let path = resolved(path)?;
    let lock = FileLock::take(&path).map_err(|error| io_error(&path, error))?;
    let Some(lock) = lock else {
        return Err(SqliteOpenError::InUse { path });
    };
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut connection = connect(&path, flags).map_err(|error| sqlite_error(&path, error))?;
    check(&connection, &path)?;
    set(&connection).map_err(|error| sqlite_error(&path, error))?;
    schema::migrate(&mut connection).map_err(|error| sqlite_error(&path, error))?;
    Ok((connection, path, lock))
}

/// Opens a second, reading connection to a database that is open already.
pub(super) fn connect_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    connect(path, flags)
}

fn connect(path: &Path, flags: OpenFlags) -> rusqlite::Result<Connection> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY_TIMEOUT)?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS);
    // Otherwise every new value in a statement that could use a partial index has it planned again, each time.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    Ok(connection)
}

/// The one name of a file, whatever links lead to it, so that its lock file is one too.
fn resolved(path: &Path) -> Result<PathBuf, SqliteOpenError> {
    if let Ok(path) = path.canonicalize() {
        return Ok(path);
    }
    let (Some(name), parent) = (path.file_name(), path.parent()) else {
        let error = io::Error::new(io::ErrorKind::InvalidInput, "this names no file");
        return Err(io_error(path, error));
    };
    let folder = parent.filter(|folder| !folder.as_os_str().is_empty());
    let folder = folder.unwrap_or(Path::new(".")).canonicalize();
    Ok(folder.map_err(|error| io_error(path, error))?.join(name))
}

/// Looks at whose file it is before anything is written to it.
fn check(connection: &Connection, path: &Path) -> Result<(), SqliteOpenError> {
    let foreign = || SqliteOpenError::Foreign { path: path.to_owned() };
    let header = schema::header(connection).map_err(|error| match error.sqlite_error_code() {
        Some(ErrorCode::NotADatabase) => foreign(),
        _ => sqlite_error(path, error),
    })?;
    let known = schema::VERSION;
    match header {
        header if header.empty => Ok(()),
        header if header.application_id != APPLICATION_ID => Err(foreign()),
        header if header.version > known => Err(SqliteOpenError::NewerSchema {
            path: path.to_owned(),
            found: header.version,
            known,
        }),
        _ => Ok(()),
    }
}

fn set(connection: &Connection) -> rusqlite::Result<()> {
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "full")?;
    // Where a plain fsync does not reach the disk (macOS).
    connection.pragma_update(None, "fullfsync", true)?;
    connection.pragma_update(None, "checkpoint_fullfsync", true)?;
    connection.pragma_update(None, "journal_size_limit", WAL_BYTES_KEPT)?;
    connection.pragma_update(None, "cache_size", -CACHE_KIB)
}

pub(super) fn io_error(path: &Path, error: io::Error) -> SqliteOpenError {
    SqliteOpenError::Io {
        path: path.to_owned(),
        error,
    }
}

fn sqlite_error(path: &Path, error: rusqlite::Error) -> SqliteOpenError {
    SqliteOpenError::Sqlite {
        path: path.to_owned(),
        error,
    }
}
