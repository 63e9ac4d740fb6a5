//! One server process a store.
//!
//! A server caches the heads of its logs and tells its readers of its own commits, so a second one on the same file
//! would leave the first's readers behind. SQLite's own locks last for a transaction; this one lasts for the process.

use super::OpenError;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

/// The right to write to a store, until it is dropped or the process ends, however it ends.
#[derive(Debug)]
pub(super) struct StoreLock {
    _file: File,
}

impl StoreLock {
    /// Takes the lock of the store at `path`: a lock on a file beside it, which stays when the lock goes.
    pub(super) fn take(path: &Path) -> Result<Self, OpenError> {
        let lock = with_suffix(path, ".lock");
        let mut options = OpenOptions::new();
        let options = options.read(true).write(true).create(true).truncate(false);
        let mut file = options.open(&lock).map_err(OpenError::io(&lock))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let holder = holder(&mut file);
                let path = path.to_owned();
                return Err(OpenError::InUse { path, holder });
            }
            Err(TryLockError::Error(error)) => return Err(OpenError::io(&lock)(error)),
        }
        // Only for the message of one who comes too late: the lock holds without it.
        let _ = file.set_len(0);
        let _ = write!(file, "{}", std::process::id());
        Ok(Self { _file: file })
    }
}

fn holder(file: &mut File) -> String {
    let mut process = String::new();
    match file.take(20).read_to_string(&mut process) {
        Ok(_) if !process.is_empty() && process.bytes().all(|byte| byte.is_ascii_digit()) => {
            format!(" (process {process})")
        }
        _ => String::new(),
    }
}

/// The path of a file that belongs to a store, beside it.
pub(super) fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut path = path.as_os_str().to_owned();
    path.push(suffix);
    path.into()
}
