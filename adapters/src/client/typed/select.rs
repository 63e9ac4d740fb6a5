//! Which records of a repository are asked for.

use super::item::{Read, Results, results, value_or_deleted};
use super::watch::Watch;
use crate::client::{Client, ClientError};
use crate::storage::{Comparison, Direction, Query, QueryRow};
use driftless_core::name::RepositoryName;
use serde::de::DeserializeOwned;
use std::fmt;

/// A question to a repository, which the storage answers: see [`storage::Query`](Query) for what can be asked and how
/// values compare. Made by [`Repository::query`](super::Repository::query).
#[must_use = "a question is asked by `all`, `count` or `watch`"]
pub struct Select<V> {
    pub(super) client: Client,
    pub(super) repository: RepositoryName,
    pub(super) query: Query,
    pub(super) read: Read<V>,
}

impl<V> Select<V> {
    pub(super) fn new(client: Client, repository: RepositoryName, read: Read<V>) -> Self {
        let query = Query::new();
        Self {
            client,
            repository,
            query,
            read,
        }
    }

    /// Asks for one condition more.
    pub fn filter(mut self, field: impl Into<String>, comparison: Comparison) -> Self {
        self.query = self.query.filter(field, comparison);
        self
    }

    /// Orders by one field more, among those that are equal by the fields before it.
    pub fn order_by(mut self, field: impl Into<String>, direction: Direction) -> Self {
        self.query = self.query.order_by(field, direction);
        self
    }

    /// Asks for at most this many records.
    pub fn limit(mut self, records: usize) -> Self {
        self.query = self.query.limit(records);
        self
    }

    /// Leaves out so many of the first records.
    pub fn offset(mut self, records: usize) -> Self {
        self.query = self.query.offset(records);
        self
    }

    /// The records, as they are now.
    pub async fn all(&self) -> Result<Results<V>, ClientError> {
        Ok(results(self.rows().await?, self.read))
    }

    /// How many records meet the conditions; order, limit and offset play no part.
    pub async fn count(&self) -> Result<u64, ClientError> {
        self.query.check()?;
        let (repository, query) = (self.repository.clone(), self.query.clone());
        self.client.read(move |reader| reader.count(&repository, &query)).await
    }

    /// The records as they are now, and again whenever a change, local or remote, has made others of them.
    pub fn watch(self) -> Watch<V> {
        Watch::new(self)
    }

    pub(super) async fn rows(&self) -> Result<Vec<QueryRow>, ClientError> {
        self.query.check()?;
        let (repository, query) = (self.repository.clone(), self.query.clone());
        self.client.read(move |reader| reader.query(&repository, &query)).await
    }
}

impl<T: DeserializeOwned> Select<T> {
    /// Asks for deleted records too, whose value is `None`.
    pub fn include_deleted(self) -> Select<Option<T>> {
        Select {
            client: self.client,
            repository: self.repository,
            query: self.query.include_deleted(),
            read: value_or_deleted,
        }
    }
}

impl<V> Clone for Select<V> {
    fn clone(&self) -> Self {
        Self {
            client: self.client.clone(),
            repository: self.repository.clone(),
            query: self.query.clone(),
            read: self.read,
        }
    }
}

impl<V> fmt::Debug for Select<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Select")
            .field("repository", &self.repository)
            .field("query", &self.query)
            .finish_non_exhaustive()
    }
}
