//! Keeping the write-ahead log small.
//!
//! SQLite reuses the log from its start once everything in it has been copied to the file and no reader needs it any
//! more. The writer copies after every [`COPY_PAGES`] pages, when its callers have their answers. Readers that are
//! always at work can keep the log from being reused for ever; past [`WAIT_PAGES`] the writer waits for those that
//! are at work at that moment, which takes as long as one page of a log. Only a backup takes longer; the writer
//! gives up on it after [`WAIT`] and tries again [`COPY_PAGES`] pages later.

use super::schema::BUSY_TIMEOUT;
use rusqlite::Connection;
use std::sync::Arc;
use std::sync::atomic::{AtomicI32, Ordering};
use std::time::Duration;

/// Pages of 4 KiB after which they are copied: 16 MiB, so that pages that change often are copied once for many
/// commits.
const COPY_PAGES: i32 = 4096;

/// Pages after which the writer waits for readers: 64 MiB.
const WAIT_PAGES: i32 = 16_384;

/// The longest wait for readers.
const WAIT: Duration = Duration::from_millis(200);

/// When to copy the write-ahead log to the file.
#[derive(Debug)]
pub(super) struct Checkpoints {
    /// Pages in the log after the last commit, as SQLite reports them to its hook.
    pages: Arc<AtomicI32>,
    seen: i32,
    next: i32,
}

impl Checkpoints {
    /// Watches the commits of a connection, whose own checkpoints are off.
    pub(super) fn watch(connection: &mut Connection) -> rusqlite::Result<Self> {
        let pages = Arc::new(AtomicI32::new(0));
        let counter = Arc::clone(&pages);
        connection.wal_hook(Some(move |_: &mut rusqlite::hooks::Wal, pages| {
            counter.store(pages, Ordering::Relaxed);
            Ok(())
        }))?;
        Ok(Self {
            pages,
            seen: 0,
            next: COPY_PAGES,
        })
    }

    /// Called after commits.
    pub(super) fn run_if_due(&mut self, connection: &Connection) -> rusqlite::Result<()> {
        let pages = self.pages.load(Ordering::Relaxed);
        if pages < self.seen {
            // The log has been started over.
            self.next = COPY_PAGES;
        }
        self.seen = pages;
        if pages < self.next {
            return Ok(());
        }
        self.next = pages.saturating_add(COPY_PAGES);
        if pages < WAIT_PAGES {
            return checkpoint(connection, "PRAGMA wal_checkpoint(PASSIVE)").map(drop);
        }
        connection.busy_timeout(WAIT)?;
        let result = checkpoint(connection, "PRAGMA wal_checkpoint(TRUNCATE)");
        connection.busy_timeout(BUSY_TIMEOUT)?;
        if !result? {
            tracing::warn!(
                pages,
                "a reader, such as a backup, keeps the write-ahead log from being started over"
            );
        }
        Ok(())
    }
}

/// Copies what can be copied; whether no reader was in the way of more.
pub(super) fn checkpoint(connection: &Connection, pragma: &str) -> rusqlite::Result<bool> {
    connection
        .query_row(pragma, [], |row| row.get::<_, bool>(0))
        .map(|busy| !busy)
}
