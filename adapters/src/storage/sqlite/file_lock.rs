//! A lock file that keeps a second writer out.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

/// An exclusive lock on the file `PATH-lock`, held until it is dropped or the process ends.
///
/// It is a file of its own because SQLite's locks on the database are the process's: opening and closing the database
/// file here would drop them (<https://sqlite.org/howtocorrupt.html>, section 2.2).
#[derive(Debug)]
pub(super) struct FileLock {
    _file: File,
}

impl FileLock {
    /// Takes the lock; `None` if another holds it, in this process or elsewhere.
    pub(super) fn take(database: &Path) -> io::Result<Option<Self>> {
        let open = OpenOptions::new().create(true).truncate(false).write(true).to_owned();
        let file = open.open(lock_path(database))?;
        match file.try_lock() {
            Ok(()) => Ok(Some(Self { _file: file })),
            Err(TryLockError::WouldBlock) => Ok(None),
            Err(TryLockError::Error(error)) => Err(error),
        }
    }
}

fn lock_path(database: &Path) -> PathBuf {
    let mut path = OsString::from(database);
    path.push("-lock");
    path.into()
}
