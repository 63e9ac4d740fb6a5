//! Local storage in an SQLite file.
//!
//! WAL with `synchronous=FULL`: a commit returns once it is on the disk. One connection writes; every reader has one
//! of its own and sees whole transactions. A lock file beside the database keeps a second writer out.

mod failure;
mod file_lock;
mod indexes;
#[cfg(test)]
mod migrations;
mod namespaces;
mod open;
mod own;
mod query;
#[cfg(test)]
mod query_plans;
mod read;
mod reader;
mod records;
mod repositories;
mod schema;
#[cfg(test)]
mod tests;
mod write;

pub use open::SqliteOpenError;

use super::{Index, Reader, Storage};
use driftless_core::client::{StorageFailure, StorageReply, StorageRequest};
use failure::Failure;
use file_lock::FileLock;
use repositories::Names;
use rusqlite::Connection;
use std::path::{Path, PathBuf};

/// Local storage in one SQLite file (and its `-wal`, `-shm` and `-lock` beside it). The file belongs to one client:
/// nothing else is kept in it.
#[derive(Debug)]
pub struct SqliteStorage {
    connection: Connection,
    names: Names,
    path: PathBuf,
    /// Last, so that the database is closed before another process may open it.
    _lock: FileLock,
}

impl SqliteStorage {
    /// Opens a file, or makes it. Its folder has to exist.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, SqliteOpenError> {
        let (connection, path, lock) = open::open(path.as_ref())?;
        Ok(Self {
            connection,
            names: Names::default(),
            path,
            _lock: lock,
        })
    }

    fn answer(&mut self, request: StorageRequest) -> Result<StorageReply, Failure> {
        match request {
            StorageRequest::Commit(transaction) => {
                let committed = write::commit(&mut self.connection, &mut self.names, &transaction);
                if committed.is_err() {
                    // A name may have got its number in the transaction that is gone.
                    self.names = Names::default();
                }
                committed.map(|()| StorageReply::Committed)
            }
            request => read::answer(&mut self.connection, &mut self.names, request),
        }
    }
}

impl Storage for SqliteStorage {
    fn request(&mut self, request: StorageRequest) -> Result<StorageReply, StorageFailure> {
        Ok(self.answer(request)?)
    }

    fn declare_indexes(&mut self, indexes: &[Index]) -> Result<(), StorageFailure> {
        let declared = indexes::declare(&mut self.connection, &mut self.names, indexes);
        if declared.is_err() {
            self.names = Names::default();
        }
        Ok(declared?)
    }

    fn reader(&self) -> Result<Box<dyn Reader>, StorageFailure> {
        Ok(Box::new(reader::SqliteReader::open(&self.path)?))
    }
}
