//! A repository of values of one type.

use super::client::Receipt;
use super::select::Select;
use crate::client::{ClientError, ExportError, ImportError, Item};
use crate::runtime::block_on;
use driftless_core::name::RepositoryName;
use futures_util::io::AllowStdIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::io::{BufRead, Write};

/// A repository whose records are values of one type. Cheap to clone; keeps its client running.
pub struct Repository<T>(pub(super) crate::Repository<T>);

impl<T> Repository<T> {
    /// Its name.
    pub fn name(&self) -> &RepositoryName {
        self.0.name()
    }

    /// The same repository with calls that are futures.
    pub fn inner(&self) -> &crate::Repository<T> {
        &self.0
    }

    /// Deletes a record. Durable here when this returns.
    pub fn delete(&self, id: &str) -> Result<Receipt, ClientError> {
        block_on(self.0.delete(id)).map(Receipt)
    }

    /// Forgets the repository on this device; see [`crate::Client::clear`].
    pub fn clear(&self) -> Result<(), ClientError> {
        block_on(self.0.clear())
    }

    /// Reads the repository again from its beginning.
    pub fn resync(&self) -> Result<(), ClientError> {
        block_on(self.0.resync())
    }

    /// Writes every record as a JSON line; see [`crate::Repository::export`].
    pub fn export(&self, into: impl Write) -> Result<u64, ExportError> {
        block_on(self.0.export(&mut AllowStdIo::new(into)))
    }

    /// Makes or replaces the records of JSON lines; see [`crate::Repository::import`].
    pub fn import(&self, from: impl BufRead) -> Result<u64, ImportError> {
        block_on(self.0.import(&mut AllowStdIo::new(from)))
    }
}

impl<T: Serialize> Repository<T> {
    /// Makes or replaces the record whose id is the value's field `id`. Durable here when this returns.
    pub fn upsert(&self, value: &T) -> Result<Receipt, ClientError> {
        block_on(self.0.upsert(value)).map(Receipt)
    }

    /// Makes or replaces the record of an id.
    pub fn upsert_as(&self, id: &str, value: &T) -> Result<Receipt, ClientError> {
        block_on(self.0.upsert_as(id, value)).map(Receipt)
    }
}

impl<T: DeserializeOwned> Repository<T> {
    /// A record; `None` if there is none, or it is deleted.
    pub fn get(&self, id: &str) -> Result<Option<Item<T>>, ClientError> {
        block_on(self.0.get(id))
    }

    /// Asks for records: all of them in order of their ids, until it is said otherwise.
    pub fn query(&self) -> Select<T> {
        Select(self.0.query())
    }
}

impl<T> Clone for Repository<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> fmt::Debug for Repository<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
