//! Disks and stores as the checks look at them.

use crate::check::{DiskView, StoreView};
use crate::disk::{ClientDisk, ServerStore};
use driftless_core::client::{Cursor, OwnEvent, RecordKey, StoredRecord};
use driftless_core::event::Sequence;
use driftless_core::name::RepositoryName;
use driftless_core::wire::Epoch;

impl DiskView for ClientDisk {
    fn cursor(&self, repository: &RepositoryName) -> Option<&Cursor> {
        self.cursor(repository)
    }

    fn record(&self, key: &RecordKey) -> Option<&StoredRecord> {
        self.record(key)
    }

    fn each_record(&self, repository: &RepositoryName, visit: &mut dyn FnMut(&StoredRecord)) {
        self.records(repository).for_each(visit);
    }

    fn each_own(&self, repository: &RepositoryName, visit: &mut dyn FnMut(&OwnEvent)) {
        self.own(repository).for_each(visit);
    }
}

impl StoreView for ServerStore {
    fn epoch(&self) -> &Epoch {
        self.epoch()
    }

    fn head(&self, repository: &RepositoryName) -> Sequence {
        self.log(repository).head()
    }
}
