//! Copying a store while it is in use.

use super::lock::with_suffix;
use super::{OpenError, schema};
use rusqlite::Connection;
use rusqlite::backup::{Backup, StepResult};
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Pages of 4 KiB that are copied between two reports of progress.
const STEP_PAGES: i32 = 1024;

/// How long to wait where SQLite says that the source is busy.
const BUSY_PAUSE: Duration = Duration::from_millis(20);

/// How far a backup is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BackupProgress {
    /// Pages that are copied.
    pub copied: u64,
    /// Pages in all.
    pub pages: u64,
}

/// Why there is no backup.
#[derive(Debug, thiserror::Error)]
pub enum BackupError {
    /// The store cannot be opened.
    #[error(transparent)]
    Source(#[from] OpenError),
    /// The destination exists.
    #[error("{} exists; a backup overwrites nothing", path.display())]
    Exists {
        /// The destination.
        path: PathBuf,
    },
    /// The operating system refuses the destination.
    #[error("cannot write the backup {}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// SQLite cannot copy.
    #[error("cannot copy the store: {0}")]
    Copy(#[from] rusqlite::Error),
}

/// Copies the store at `source`, as it is at this moment, to the new file `destination`. A server may be using it; its
/// write-ahead log cannot shrink until the copy is done. The copy appears under its name when it is complete and
/// durable.
///
/// A copy that is served in the place of its source is an older state of the same history: it has the source's epoch,
/// and clients that are ahead of it notice, fold it again and push what it lacks (PROTOCOL.md 6.11). The `-wal` and
/// `-shm` files that a server may have left beside its source belong to the source: move them away with it, or SQLite
/// takes them for the copy's.
pub fn backup(source: &Path, destination: &Path, mut progress: impl FnMut(BackupProgress)) -> Result<(), BackupError> {
    let source = schema::open_reader(source)?;
    if destination.exists() {
        let path = destination.to_owned();
        return Err(BackupError::Exists { path });
    }
    let partial = with_suffix(destination, ".partial");
    let result = copy(&source, &partial, &mut progress).and_then(|()| publish(&partial, destination));
    if let Err(error) = fs::remove_file(&partial)
        && error.kind() != io::ErrorKind::NotFound
    {
        tracing::warn!(%error, path = %partial.display(), "a temporary file is left behind");
    }
    result
}

fn copy(source: &Connection, partial: &Path, progress: &mut impl FnMut(BackupProgress)) -> Result<(), BackupError> {
    let io_error = |source| BackupError::Io {
        path: partial.to_owned(),
        source,
    };
    File::create(partial).map_err(io_error)?;
    let mut copy = Connection::open(partial)?;
    // A copy that is not finished is thrown away, so it needs no way back.
    copy.pragma_update(None, "journal_mode", "off")?;
    // One read transaction around all steps: without it every commit of the server would start the copy over.
    let snapshot = source.unchecked_transaction()?;
    let _: i64 = snapshot.query_row("SELECT count(*) FROM meta", [], |row| row.get(0))?;
    let backup = Backup::new(source, &mut copy)?;
    loop {
        let result = backup.step(STEP_PAGES)?;
        let now = backup.progress();
        let pages = u64::try_from(now.pagecount).unwrap_or(0);
        let remaining = u64::try_from(now.remaining).unwrap_or(0);
        progress(BackupProgress {
            copied: pages.saturating_sub(remaining),
            pages,
        });
        match result {
            StepResult::Done => break,
            StepResult::Busy | StepResult::Locked => std::thread::sleep(BUSY_PAUSE),
            _ => {}
        }
    }
    drop(backup);
    drop(snapshot);
    copy.close().map_err(|(_, error)| error)?;
    File::open(partial).and_then(|file| file.sync_all()).map_err(io_error)
}

/// Gives the finished copy its name, unless something has got that name meanwhile.
fn publish(partial: &Path, destination: &Path) -> Result<(), BackupError> {
    let linked = match fs::hard_link(partial, destination) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let path = destination.to_owned();
            return Err(BackupError::Exists { path });
        }
        // A file system without links.
        Err(_) => fs::rename(partial, destination),
        Ok(()) => Ok(()),
    };
    linked.and_then(|()| sync_directory(destination)).map_err(|source| {
        let path = destination.to_owned();
        BackupError::Io { path, source }
    })
}

#[cfg(unix)]
fn sync_directory(file: &Path) -> io::Result<()> {
    let directory = file.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(directory.unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(not(unix))]
fn sync_directory(_: &Path) -> io::Result<()> {
    Ok(())
}
