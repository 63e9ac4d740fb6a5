//! A repository of values of one type.

use super::item::{Item, encode, id_of, item, value};
use super::select::Select;
use crate::client::{Client, ClientError, Receipt};
use driftless_core::client::{Change, ChangeKind, RecordKey};
use driftless_core::event::{Json, RecordId};
use driftless_core::name::RepositoryName;
use serde::Serialize;
use serde::de::DeserializeOwned;
use std::fmt;
use std::marker::PhantomData;

/// A repository whose records are values of one type. Cheap to clone; keeps its client running.
///
/// ```no_run
/// # async fn example(client: driftless::Client) -> Result<(), Box<dyn std::error::Error>> {
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Todo {
///     id: String,
///     title: String,
///     done: bool,
/// }
///
/// let todos = client.repository::<Todo>("todos")?;
/// let milk = Todo { id: "milk".into(), title: "Buy milk".into(), done: false };
/// todos.upsert(&milk).await?; // durable here, sent as soon as it can be
/// let open = todos.query().filter("done", driftless::storage::Comparison::equal(false)).all().await?;
/// for todo in open {
///     println!("{}{}", todo.value.title, if todo.pending { " (not sent yet)" } else { "" });
/// }
/// # Ok(())
/// # }
/// ```
pub struct Repository<T> {
    pub(super) client: Client,
    pub(super) name: RepositoryName,
    values: PhantomData<fn() -> T>,
}

impl Client {
    /// A repository as values of a type. Fails for one that the client does not keep.
    pub fn repository<T>(&self, name: &str) -> Result<Repository<T>, ClientError> {
        Ok(Repository {
            client: self.clone(),
            name: self.registered(name)?,
            values: PhantomData,
        })
    }
}

impl<T> Repository<T> {
    /// Its name.
    pub fn name(&self) -> &RepositoryName {
        &self.name
    }

    /// Deletes a record. One that does not exist gets a delete event all the same. Durable here when this returns.
    pub async fn delete(&self, id: &str) -> Result<Receipt, ClientError> {
        self.client.write(vec![self.deletion(id)?]).await
    }

    /// Forgets the repository on this device; see [`Client::clear`].
    pub async fn clear(&self) -> Result<(), ClientError> {
        self.client.clear(&self.name).await
    }

    /// Reads the repository again from its beginning; see [`Client::resync`].
    pub async fn resync(&self) -> Result<(), ClientError> {
        self.client.resync(&self.name).await
    }

    pub(super) fn deletion(&self, id: &str) -> Result<Change, ClientError> {
        Ok(self.change(RecordId::new(id)?, ChangeKind::Delete))
    }

    pub(super) fn change(&self, record: RecordId, kind: ChangeKind) -> Change {
        Change {
            repository: self.name.clone(),
            record,
            kind,
        }
    }

    pub(super) fn upsertion(&self, record: RecordId, data: Json) -> Change {
        self.change(record, ChangeKind::Upsert { data, changed: None })
    }
}

impl<T: Serialize> Repository<T> {
    /// Makes or replaces the record whose id is the value's field `id`, a text or a number. Durable here when this
    /// returns, and sent as soon as it can be.
    pub async fn upsert(&self, value: &T) -> Result<Receipt, ClientError> {
        self.client.write(vec![self.change_of(value)?]).await
    }

    /// Makes or replaces the record of an id.
    pub async fn upsert_as(&self, id: &str, value: &T) -> Result<Receipt, ClientError> {
        let change = self.upsertion(RecordId::new(id)?, encode(value)?);
        self.client.write(vec![change]).await
    }

    pub(super) fn change_of(&self, value: &T) -> Result<Change, ClientError> {
        let data = encode(value)?;
        Ok(self.upsertion(id_of(&data)?, data))
    }
}

impl<T: DeserializeOwned> Repository<T> {
    /// A record; `None` if there is none, or it is deleted.
    pub async fn get(&self, id: &str) -> Result<Option<Item<T>>, ClientError> {
        let key = RecordKey {
            repository: self.name.clone(),
            record: RecordId::new(id)?,
        };
        let row = self.client.read(move |reader| reader.row(&key)).await?;
        let there = row.filter(|row| row.visible.data.is_some());
        let found = there.map(|row| item(row, value)).transpose();
        found.map_err(|unreadable| ClientError::Decode {
            repository: self.name.clone(),
            record: unreadable.id,
            message: unreadable.message,
        })
    }

    /// Asks for records: all of them in order of their ids, until it is said otherwise.
    pub fn query(&self) -> Select<T> {
        Select::new(self.client.clone(), self.name.clone(), value)
    }
}

impl<T> Clone for Repository<T> {
    fn clone(&self) -> Self {
        Self {
            client: self.client.clone(),
            name: self.name.clone(),
            values: PhantomData,
        }
    }
}

impl<T> fmt::Debug for Repository<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Repository").field(&self.name).finish()
    }
}
