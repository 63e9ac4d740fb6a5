//! The store in one SQLite file.

use super::answer::Answer;
use super::checkpoint::Checkpoints;
use super::error::Fault;
use super::lock::StoreLock;
use super::readers::{self, Question, question};
use super::writer::{Job, Watcher, Writer};
use super::{OpenError, queries, schema};
use driftless::store::{CommitSink, Done, RepositorySummary, Store};
use driftless_core::event::{EventBatch, EventId, RecordId};
use driftless_core::name::{LogName, Namespace};
use driftless_core::server::{Append, Appended, Page, PageRequest};
use driftless_core::wire::Epoch;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{SendError, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, Builder, JoinHandle};
use std::{fmt, fs, io};

/// A store in one SQLite file, for one server process.
///
/// Commits are durable: `synchronous=FULL` in write-ahead mode, one fsync for everything that waited for it. Readers
/// have threads and connections of their own and do not wait for the writer. While it is open there are up to three
/// files beside the store's: `-wal` and `-shm`, which belong to it and must be copied with it (better: use
/// [`backup`](super::backup())), and `.lock`, which keeps a second process out.
#[derive(Debug)]
pub struct Sqlite {
    epoch: Epoch,
    watcher: WatcherSlot,
    /// `None` once it is closed.
    open: Mutex<Option<Threads>>,
}

/// A [`Watcher`] that can be shown.
struct WatcherSlot(Watcher);

#[derive(Debug)]
struct Threads {
    jobs: Sender<Job>,
    questions: Sender<Question>,
    writer: JoinHandle<()>,
    readers: Vec<JoinHandle<()>>,
}

impl Sqlite {
    /// Opens the store in the file at `path`, and makes the file and its directory if they do not exist.
    pub fn open(path: &Path) -> Result<Self, OpenError> {
        let path = &place(path)?;
        let lock = StoreLock::take(path)?;
        let (mut connection, epoch) = schema::open_writer(path)?;
        let checkpoints = Checkpoints::watch(&mut connection).map_err(OpenError::sqlite(path))?;
        let readers: Result<_, _> = (0..readers::count()).map(|_| schema::open_reader(path)).collect();
        let (questions, readers) = readers::start(readers?).map_err(OpenError::io(path))?;
        let watcher = Watcher::default();
        let writer = Writer::new(connection, checkpoints, Watcher::clone(&watcher), lock);
        let (jobs, queue) = channel();
        let thread = Builder::new().name("store-writer".into());
        let writer = thread.spawn(move || writer.run(&queue)).map_err(OpenError::io(path))?;
        Ok(Self {
            epoch,
            watcher: WatcherSlot(watcher),
            open: Mutex::new(Some(Threads {
                jobs,
                questions,
                writer,
                readers,
            })),
        })
    }

    /// Finishes what has been asked, closes the file and lets the next process have it. Later requests fail. Dropping
    /// the store does the same.
    pub fn close(&self) {
        let Some(threads) = self.threads().take() else {
            return;
        };
        drop((threads.jobs, threads.questions));
        // The writer last: the last connection to be closed clears the write-ahead log away.
        for thread in threads.readers.into_iter().chain([threads.writer]) {
            // A callback on a thread of ours may hold the last handle; that thread ends by itself.
            if thread.thread().id() != thread::current().id() {
                // A callback that panicked has said so on its own.
                let _ = thread.join();
            }
        }
    }

    fn threads(&self) -> MutexGuard<'_, Option<Threads>> {
        self.open.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn ask<T: 'static>(&self, query: impl FnOnce(&Connection) -> Result<T, Fault> + Send + 'static, done: Done<T>) {
        let question = question(query, done);
        let refused = match &*self.threads() {
            Some(threads) => threads
                .questions
                .send(question)
                .err()
                .map(|SendError(question)| question),
            None => Some(question),
        };
        // Its receiver is told, and may ask for more: not with the lock held.
        drop(refused);
    }

    fn write(&self, job: Job) {
        let refused = match &*self.threads() {
            Some(threads) => threads.jobs.send(job).err().map(|SendError(job)| job),
            None => Some(job),
        };
        drop(refused);
    }
}

impl Drop for Sqlite {
    fn drop(&mut self) {
        self.close();
    }
}

impl Store for Sqlite {
    fn epoch(&self) -> Epoch {
        self.epoch.clone()
    }

    fn append(&self, events: Append, done: Done<Appended>) {
        self.write(Job::Append(events, Answer::to(done)));
    }

    fn read(&self, page: PageRequest, done: Done<Page>) {
        self.ask(move |connection| queries::page(connection, &page), done);
    }

    fn repositories(&self, namespace: Namespace, done: Done<Vec<RepositorySummary>>) {
        self.ask(move |connection| queries::repositories(connection, &namespace), done);
    }

    fn event(&self, log: LogName, id: EventId, done: Done<Option<EventBatch>>) {
        self.ask(move |connection| queries::event(connection, &log, &id), done);
    }

    fn newest(&self, log: LogName, record: RecordId, done: Done<Option<EventBatch>>) {
        self.ask(move |connection| queries::newest(connection, &log, &record), done);
    }

    /// Writes, reads back, and makes durable, unless a commit of the last second has shown that it works.
    fn check(&self, done: Done<()>) {
        self.write(Job::Check(Answer::to(done)));
    }

    fn watch(&self, sink: CommitSink) {
        *self.watcher.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(sink);
    }
}

impl fmt::Debug for WatcherSlot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Watcher")
    }
}

/// The one path of a file, whatever links and dots lead to it, so that its lock is one. Makes its directory.
fn place(path: &Path) -> Result<PathBuf, OpenError> {
    if path.exists() {
        return path.canonicalize().map_err(OpenError::io(path));
    }
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    let Some(name) = path.file_name() else {
        let no_name = io::Error::new(io::ErrorKind::InvalidInput, "the path names no file");
        return Err(OpenError::io(path)(no_name));
    };
    fs::create_dir_all(directory).map_err(OpenError::io(directory))?;
    let directory = directory.canonicalize().map_err(OpenError::io(directory))?;
    sync_parent(&directory).map_err(OpenError::io(&directory))?;
    Ok(directory.join(name))
}

/// Makes the name of a new directory durable; SQLite does the same for the files in it.
#[cfg(unix)]
fn sync_parent(directory: &Path) -> io::Result<()> {
    directory
        .parent()
        .map_or(Ok(()), |parent| fs::File::open(parent)?.sync_all())
}

/// Other systems keep names by themselves, and have no way to ask for it.
#[cfg(not(unix))]
fn sync_parent(_: &Path) -> io::Result<()> {
    Ok(())
}
