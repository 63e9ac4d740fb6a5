//! The SQLite store passes the suite that every store has to pass.

#![allow(clippy::unwrap_used)]

use driftless::store::Store;
use driftless::store::conformance::Subject;
use driftless_server::store::Sqlite;
use std::path::PathBuf;
use std::sync::Arc;
use tempfile::TempDir;

struct Files {
    directory: TempDir,
    count: usize,
}

impl Files {
    fn new() -> Self {
        Self {
            directory: TempDir::new().unwrap(),
            count: 0,
        }
    }

    fn path(&self) -> PathBuf {
        self.directory.path().join(format!("{}.db", self.count))
    }
}

impl Subject for Files {
    fn create(&mut self) -> Arc<dyn Store> {
        self.count += 1;
        Arc::new(Sqlite::open(&self.path()).unwrap())
    }

    fn reopen(&mut self) -> Option<Arc<dyn Store>> {
        Some(Arc::new(Sqlite::open(&self.path()).unwrap()))
    }
}

driftless::store_conformance!(Files::new());
