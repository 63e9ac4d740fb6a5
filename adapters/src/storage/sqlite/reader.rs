//! Reading beside the writer.

use super::failure::Failure;
use super::records::Place;
use super::repositories::unsigned;
use super::{open, own, query, records, repositories};
use crate::storage::{Query, QueryRow, Reader};
use driftless_core::client::{LocalSequence, OwnEvent, RecordKey, StorageFailure, StoredRecord};
use driftless_core::event::RecordId;
use driftless_core::name::RepositoryName;
use rusqlite::Connection;
use std::path::Path;

/// A second connection, which cannot write.
#[derive(Debug)]
pub(super) struct SqliteReader {
    connection: Connection,
}

impl SqliteReader {
    pub(super) fn open(path: &Path) -> Result<Self, Failure> {
        let connection = open::connect_reader(path)?;
        Ok(Self { connection })
    }

    fn find(&self, key: &RecordKey) -> Result<Option<StoredRecord>, Failure> {
        let name = &key.repository;
        match repositories::find(&self.connection, name)? {
            Some(id) => records::one(&self.connection, Place { id, name }, &key.record),
            None => Ok(None),
        }
    }

    fn page(&self, name: &RepositoryName, after: Option<&RecordId>, max: usize) -> Result<Vec<StoredRecord>, Failure> {
        match repositories::find(&self.connection, name)? {
            Some(id) => records::visible(&self.connection, Place { id, name }, after, max),
            None => Ok(Vec::new()),
        }
    }

    /// What `read` finds in a repository, at one moment; nothing where there is no such repository.
    fn of<T: Default>(
        &mut self,
        name: &RepositoryName,
        read: impl FnOnce(&Connection, Place<'_>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let reading = self.connection.transaction()?;
        match repositories::find(&reading, name)? {
            Some(id) => read(&reading, Place { id, name }),
            None => Ok(T::default()),
        }
    }

    /// The own events of all repositories that `sql` selects.
    fn over_all(&mut self, sql: &str, after: LocalSequence, max: usize) -> Result<Vec<OwnEvent>, Failure> {
        let reading = self.connection.transaction()?;
        let names = repositories::all(&reading)?;
        let mut found = Vec::new();
        for (id, name) in &names {
            let locals = own::locals(&reading, sql, *id, after, max)?;
            found.extend(locals.into_iter().map(|local| (local, name)));
        }
        found.sort_unstable();
        found.truncate(max);
        let mut events = Vec::with_capacity(found.len());
        for (local, name) in found {
            events.extend(own::by_local(&reading, name, local)?);
        }
        Ok(events)
    }
}

impl Reader for SqliteReader {
    fn record(&mut self, key: &RecordKey) -> Result<Option<StoredRecord>, StorageFailure> {
        Ok(self.find(key)?)
    }

    fn records(
        &mut self,
        repository: &RepositoryName,
        after: Option<&RecordId>,
        max: usize,
    ) -> Result<Vec<StoredRecord>, StorageFailure> {
        Ok(self.page(repository, after, max)?)
    }

    fn row(&mut self, key: &RecordKey) -> Result<Option<QueryRow>, StorageFailure> {
        Ok(self.of(&key.repository, |reading, place| {
            query::row(reading, place, &key.record)
        })?)
    }

    fn query(&mut self, repository: &RepositoryName, query: &Query) -> Result<Vec<QueryRow>, StorageFailure> {
        query.check()?;
        Ok(self.of(repository, |reading, place| query::rows(reading, place, query))?)
    }

    fn count(&mut self, repository: &RepositoryName, query: &Query) -> Result<u64, StorageFailure> {
        query.check()?;
        Ok(self.of(repository, |reading, place| {
            unsigned(query::count(reading, place, query)?)
        })?)
    }

    fn pending(&mut self, after: LocalSequence, max: usize) -> Result<Vec<OwnEvent>, StorageFailure> {
        Ok(self.over_all(own::PENDING, after, max)?)
    }

    fn rejected(&mut self, after: LocalSequence, max: usize) -> Result<Vec<OwnEvent>, StorageFailure> {
        Ok(self.over_all(own::REJECTED, after, max)?)
    }
}
