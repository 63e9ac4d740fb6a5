//! Several changes in one local transaction.

use super::item::encode;
use super::repository::Repository;
use crate::client::{Client, ClientError, Receipt};
use driftless_core::client::Change;
use driftless_core::event::RecordId;
use serde::Serialize;

/// Changes, of one repository or several, that are durable here together or not at all. Made by [`Client::batch`].
///
/// ```no_run
/// # use driftless::client::{Client, ClientError, Repository};
/// # async fn example(client: Client, lists: Repository<serde_json::Value>, todos: Repository<serde_json::Value>) -> Result<(), ClientError> {
/// client
///     .batch()
///     .delete(&lists, "groceries")?
///     .delete(&todos, "milk")?
///     .commit()
///     .await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "the changes are made by `commit`"]
pub struct Batch {
    client: Client,
    changes: Vec<Change>,
}

impl Client {
    /// Starts to collect changes that are made together.
    pub fn batch(&self) -> Batch {
        Batch {
            client: self.clone(),
            changes: Vec::new(),
        }
    }
}

impl Batch {
    /// Makes or replaces the record whose id is the value's field `id`.
    pub fn upsert<T: Serialize>(mut self, repository: &Repository<T>, value: &T) -> Result<Self, ClientError> {
        self.changes.push(repository.change_of(value)?);
        Ok(self)
    }

    /// Makes or replaces the record of an id.
    pub fn upsert_as<T: Serialize>(
        mut self,
        repository: &Repository<T>,
        id: &str,
        value: &T,
    ) -> Result<Self, ClientError> {
        let change = repository.upsertion(RecordId::new(id)?, encode(value)?);
        self.changes.push(change);
        Ok(self)
    }

    /// Deletes a record.
    pub fn delete<T>(mut self, repository: &Repository<T>, id: &str) -> Result<Self, ClientError> {
        self.changes.push(repository.deletion(id)?);
        Ok(self)
    }

    /// Makes the changes: all of them are durable here when this returns, or none is made. They are sent in this order,
    /// but the server may store them in several commits.
    pub async fn commit(self) -> Result<Receipt, ClientError> {
        self.client.write(self.changes).await
    }
}
