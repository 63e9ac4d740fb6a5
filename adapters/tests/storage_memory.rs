//! The memory storage passes the suite.

use driftless::storage::conformance::Place;
use driftless::storage::{MemoryStorage, Storage};

/// The data that clones of one storage share.
struct Shared(MemoryStorage);

impl Place for Shared {
    fn open(&mut self) -> Box<dyn Storage> {
        Box::new(self.0.clone())
    }
}

driftless::storage_conformance!(|| Shared(MemoryStorage::new()));
