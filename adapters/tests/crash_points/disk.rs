//! A storage whose process can be killed at any of its requests.

use driftless::core::client::{StorageFailure, StorageReply, StorageRequest};
use driftless::storage::{MemoryStorage, Reader, SqliteStorage, Storage};
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

/// Where in a request the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Before anything of it was done.
    Before,
    /// When all of it was done, and its answer was not seen.
    After,
    /// When all changes of a transaction but the last were done: what no storage may do.
    Torn,
}

/// A kill: how many requests are answered before it, counted from the start of the process.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Kill {
    pub(crate) answered: usize,
    pub(crate) moment: Moment,
}

/// Which storage.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Memory,
    Sqlite,
}

/// The disk, which outlives the process.
pub(crate) struct Disk {
    place: Place,
    kill: Option<Kill>,
    answered: usize,
}

enum Place {
    Memory(MemoryStorage),
    /// The lives so far, and the open file in the last one's folder.
    Sqlite(TempDir, usize, Box<SqliteStorage>),
}

const FILE: &str = "client.db";

impl Disk {
    pub(crate) fn new(kind: Kind) -> Self {
        let place = match kind {
            Kind::Memory => Place::Memory(MemoryStorage::new()),
            Kind::Sqlite => {
                let folder = folder();
                let storage = SqliteStorage::open(life(&folder, 0).join(FILE)).unwrap();
                Place::Sqlite(folder, 0, Box::new(storage))
            }
        };
        Self {
            place,
            kill: None,
            answered: 0,
        }
    }

    /// The next process begins; it will be killed there.
    pub(crate) fn arm(&mut self, kill: Option<Kill>) {
        self.kill = kill;
        self.answered = 0;
    }

    /// Carries out a request of the process; `None` kills it.
    pub(crate) fn request(&mut self, request: StorageRequest) -> Option<Result<StorageReply, StorageFailure>> {
        let kill = self.kill.filter(|kill| kill.answered == self.answered);
        if kill.is_some_and(|kill| kill.moment == Moment::Before) {
            return None;
        }
        let torn = kill.is_some_and(|kill| kill.moment == Moment::Torn);
        let reply = self.storage().request(if torn { tear(request) } else { request });
        self.answered += 1;
        kill.is_none().then_some(reply)
    }

    /// Finds the storage as a killed process leaves it. A file is copied, with its write-ahead log, before the storage
    /// could tidy it up.
    pub(crate) fn reopen(&mut self) {
        let Place::Sqlite(folder, lives, storage) = &mut self.place else {
            return;
        };
        let left = life(folder, *lives);
        *lives += 1;
        let next = life(folder, *lives);
        for suffix in ["", "-wal"] {
            let name = format!("{FILE}{suffix}");
            if left.join(&name).exists() {
                fs::copy(left.join(&name), next.join(&name)).unwrap();
            }
        }
        **storage = SqliteStorage::open(next.join(FILE)).unwrap();
        fs::remove_dir_all(left).unwrap();
    }

    /// The storage, for somebody who looks at it while no process runs.
    pub(crate) fn storage(&mut self) -> &mut dyn Storage {
        match &mut self.place {
            Place::Memory(storage) => storage,
            Place::Sqlite(_, _, storage) => &mut **storage,
        }
    }

    pub(crate) fn reader(&mut self) -> Box<dyn Reader> {
        self.storage().reader().unwrap()
    }
}

fn tear(request: StorageRequest) -> StorageRequest {
    let StorageRequest::Commit(mut transaction) = request else {
        return request;
    };
    transaction.changes.pop();
    StorageRequest::Commit(transaction)
}

/// A folder in memory, where there is one: a killed process leaves what it has written with any file system, and one that
/// waits for no disk has many more processes killed in the same time.
fn folder() -> TempDir {
    TempDir::new_in("/dev/shm").or_else(|_| TempDir::new()).unwrap()
}

fn life(folder: &TempDir, number: usize) -> PathBuf {
    let folder = folder.path().join(number.to_string());
    fs::create_dir_all(&folder).unwrap();
    folder
}
