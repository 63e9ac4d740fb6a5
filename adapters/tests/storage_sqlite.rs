//! The SQLite storage passes the suite.

use driftless::storage::conformance::Place;
use driftless::storage::{SqliteStorage, Storage};
use tempfile::TempDir;

/// A file in a folder that goes away with the test.
struct Folder(TempDir);

impl Place for Folder {
    fn open(&mut self) -> Box<dyn Storage> {
        Box::new(SqliteStorage::open(self.0.path().join("client.db")).expect("a folder of this test opens"))
    }
}

driftless::storage_conformance!(|| Folder(TempDir::new().unwrap()));
