//! Reading lines of JSON into a store.

use super::line::{Line, LineError};
use super::{OpenError, Sqlite};
use driftless::store::{Store, wait};
use driftless_core::event::{NewEvent, Sequence};
use driftless_core::name::{LogName, Namespace};
use driftless_core::server::{Append, AppendOutcome, AppendRun, StoreFailure};
use std::io::{self, BufRead, Read};
use std::path::Path;

/// Events and bytes of one commit.
const COMMIT_EVENTS: usize = 4096;
const COMMIT_BYTES: usize = 4 << 20;

/// Longest line that is read: several times the largest event that a server takes.
const MAX_LINE_BYTES: usize = 64 << 20;

/// What was imported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Imported {
    /// Events that are stored now.
    pub stored: u64,
    /// Events that the store had already.
    pub duplicates: u64,
    /// Events whose id the store has with another body, which stays.
    pub conflicts: u64,
    /// The line of the first conflict.
    pub first_conflict: Option<u64>,
    /// Events among [`Self::stored`] whose sequence is another now than it was in the export, because the repository
    /// was not empty or because lines of it are missing.
    pub renumbered: u64,
}

/// Why an import has stopped. What was stored before stays; the same lines can be imported again.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The input cannot be read.
    #[error("cannot read the import: {0}")]
    Read(#[from] io::Error),
    /// A line is not one of an export.
    #[error("line {number}: {error}")]
    Line {
        /// Which line, from 1.
        number: u64,
        /// What is wrong with it.
        error: LineError,
    },
    /// The store cannot be written.
    #[error(transparent)]
    Append(#[from] StoreFailure),
}

/// Appends events from lines as [`export`](super::export()) writes them to the store at `store`, which is made if it
/// does not exist and must not be in use. Lines without a namespace go to `namespace`. `progress` is told after each
/// commit.
///
/// Every event is appended in the order of the lines. In a repository that was empty all get the sequences that they
/// had; in one that was not, events that it has already stay where they are and the others get the next sequences.
/// A new store has an epoch of its own, so that clients fold the history again (PROTOCOL.md 6.11); to go on with the
/// old epoch, restore a [`backup`](super::backup()).
pub fn import(
    store: &Path,
    namespace: &Namespace,
    mut lines: impl BufRead,
    mut progress: impl FnMut(Imported),
) -> Result<Imported, ImportError> {
    let store = Sqlite::open(store)?;
    let mut pending = Pending::default();
    let mut imported = Imported::default();
    let mut number = 0;
    loop {
        number += 1;
        let at_line = |error| ImportError::Line { number, error };
        let Some(text) = next_line(&mut lines)? else { break };
        let text = text.map_err(at_line)?;
        if !text.trim_ascii().is_empty() {
            pending.add(number, Line::read(&text, namespace).map_err(at_line)?);
        }
        if pending.lines.len() >= COMMIT_EVENTS || pending.bytes >= COMMIT_BYTES {
            std::mem::take(&mut pending).store(&store, &mut imported)?;
            progress(imported);
        }
    }
    pending.store(&store, &mut imported)?;
    progress(imported);
    Ok(imported)
}

/// The next line; `None` at the end.
fn next_line(lines: &mut impl BufRead) -> io::Result<Option<Result<String, LineError>>> {
    let mut text = Vec::new();
    let mut lines = lines.take(MAX_LINE_BYTES as u64 + 1);
    if lines.read_until(b'\n', &mut text)? == 0 {
        return Ok(None);
    }
    if text.len() > MAX_LINE_BYTES {
        return Ok(Some(Err(LineError::TooLong(MAX_LINE_BYTES))));
    }
    Ok(Some(String::from_utf8(text).map_err(|_| LineError::NotText)))
}

/// Lines on their way to one commit.
#[derive(Default)]
struct Pending {
    runs: Vec<AppendRun>,
    /// The number and the old sequence of each.
    lines: Vec<(u64, Option<Sequence>)>,
    bytes: usize,
}

impl Pending {
    fn add(&mut self, number: u64, line: Line) {
        self.bytes += line.event.body.len();
        self.lines.push((number, line.sequence));
        self.run(line.log).push(line.event);
    }

    /// The run that the next event of a log belongs to.
    fn run(&mut self, log: LogName) -> &mut Vec<NewEvent> {
        if self.runs.last().is_none_or(|run| run.log != log) {
            let events = Vec::new();
            self.runs.push(AppendRun { log, events });
        }
        let last = self.runs.len() - 1;
        &mut self.runs[last].events
    }

    fn store(self, store: &Sqlite, imported: &mut Imported) -> Result<(), StoreFailure> {
        let append = Append { runs: self.runs };
        let appended = wait(|done| store.append(append, done))?;
        for ((number, old), outcome) in self.lines.into_iter().zip(appended.outcomes) {
            match outcome {
                AppendOutcome::Stored(sequence) => {
                    imported.stored += 1;
                    imported.renumbered += u64::from(old.is_some_and(|old| old != sequence));
                }
                AppendOutcome::Duplicate(_) => imported.duplicates += 1,
                AppendOutcome::Conflict(_) => {
                    imported.conflicts += 1;
                    imported.first_conflict.get_or_insert(number);
                }
            }
        }
        Ok(())
    }
}
