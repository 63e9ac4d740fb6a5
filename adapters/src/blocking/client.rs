//! The client, its receipts and what it tells.

use super::repository::Repository;
use crate::client::{ClientBuilder, ClientError, Connection, Lagged, NotAcked, OpenError, Rejection, Status};
use crate::runtime::{Threads, block_on};
use driftless_core::client::{Change, ClientCredentials, Notice};
use driftless_core::event::{EventId, Json};
use serde::Serialize;

/// A running client. Cheap to clone; the client stops when the last clone, and the last thing made from one, is
/// dropped.
#[derive(Clone, Debug)]
pub struct Client(crate::Client);

impl Client {
    /// Starts to make a client of the server at `url`, such as `ws://127.0.0.1:8080/sync`.
    pub fn builder(url: impl Into<String>) -> ClientBuilder {
        crate::Client::builder(url)
    }

    /// Opens the storage and starts the client on threads of its own. It connects by itself, and reconnects as long as it
    /// is not stopped; it can be written to and read from at once.
    pub fn open(builder: ClientBuilder) -> Result<Self, OpenError> {
        block_on(builder.open(Threads)).map(Self)
    }

    /// As [`Self::open`], with a feed of every notice; see [`ClientBuilder::open_with_feed`].
    pub fn open_with_feed(builder: ClientBuilder, capacity: usize) -> Result<(Self, Feed), OpenError> {
        let (client, feed) = block_on(builder.open_with_feed(Threads, capacity))?;
        Ok((Self(client), Feed(feed)))
    }

    /// The same client with calls that are futures.
    pub fn inner(&self) -> &crate::Client {
        &self.0
    }

    /// A repository as values of a type. Fails for one that the client does not keep.
    pub fn repository<T>(&self, name: &str) -> Result<Repository<T>, ClientError> {
        self.0.repository(name).map(Repository)
    }

    /// Starts to collect changes that are made together.
    pub fn batch(&self) -> Batch {
        Batch(self.0.batch())
    }

    /// Changes records together; see [`crate::Client::write`].
    pub fn write(&self, changes: Vec<Change>) -> Result<Receipt, ClientError> {
        block_on(self.0.write(changes)).map(Receipt)
    }

    /// The ids of the own events that are not acked, over all repositories, in the order in which they were written.
    pub fn pending(&self) -> Result<Vec<EventId>, ClientError> {
        block_on(self.0.pending())
    }

    /// Returns when the outbox is empty and everything that was written before is acked, or was refused for good.
    pub fn flush(&self) -> Result<(), ClientError> {
        block_on(self.0.flush())
    }

    /// Reads and pushes everything now; see [`crate::Client::sync_now`].
    pub fn sync_now(&self) -> Result<(), ClientError> {
        block_on(self.0.sync_now())
    }

    /// Tells that the network has come or has gone; see [`crate::Client::set_connectivity`].
    pub fn set_connectivity(&self, there: bool) -> Result<(), ClientError> {
        block_on(self.0.set_connectivity(there))
    }

    /// How the client stands.
    pub fn status(&self) -> Result<Status, ClientError> {
        block_on(self.0.status())
    }

    /// Where the connection stands now.
    pub fn connection_state(&self) -> Connection {
        self.0.connection_state()
    }

    /// Whether the server has accepted the credentials on a connection that is open.
    pub fn is_connected(&self) -> bool {
        self.0.is_connected()
    }

    /// Where the connection stands now, and each of its states from now on.
    pub fn connection(&self) -> Connections {
        Connections(self.0.connection())
    }

    /// What happens from now on.
    pub fn notices(&self) -> Notices {
        Notices(self.0.notices())
    }

    /// Shows other credentials, at once on a live connection, and after a refusal.
    pub fn update_credentials(&self, credentials: ClientCredentials) -> Result<(), ClientError> {
        block_on(self.0.update_credentials(credentials))
    }

    /// Shows another token beside the headers of before.
    pub fn update_auth_token(&self, token: impl Into<String>) -> Result<(), ClientError> {
        block_on(self.0.update_auth_token(token))
    }

    /// Shows other headers beside the token of before.
    pub fn update_headers(&self, headers: Vec<(String, String)>) -> Result<(), ClientError> {
        block_on(self.0.update_headers(headers))
    }

    /// The own events that a server refused for good and that nobody has dismissed.
    pub fn rejections(&self) -> Result<Vec<Rejection>, ClientError> {
        block_on(self.0.rejections())
    }

    /// Makes the change of a rejected event once more, as a new event, and dismisses the old one.
    pub fn retry(&self, rejection: &Rejection) -> Result<Receipt, ClientError> {
        block_on(self.0.retry(rejection)).map(Receipt)
    }

    /// Writes other data in place of a rejected event, and dismisses that.
    pub fn revise(&self, rejection: &Rejection, data: Json) -> Result<Receipt, ClientError> {
        block_on(self.0.revise(rejection, data)).map(Receipt)
    }

    /// Dismisses a rejected event: it is forgotten.
    pub fn dismiss(&self, rejection: &Rejection) -> Result<(), ClientError> {
        block_on(self.0.dismiss(rejection))
    }

    /// Closes the connection and the storage, and returns when both are closed.
    pub fn stop(&self) {
        block_on(self.0.stop());
    }
}

/// Changes that are durable here together or not at all; see [`crate::client::Batch`].
#[derive(Debug)]
#[must_use = "the changes are made by `commit`"]
pub struct Batch(crate::client::Batch);

impl Batch {
    /// Makes or replaces the record whose id is the value's field `id`.
    pub fn upsert<T: Serialize>(self, repository: &Repository<T>, value: &T) -> Result<Self, ClientError> {
        self.0.upsert(&repository.0, value).map(Self)
    }

    /// Makes or replaces the record of an id.
    pub fn upsert_as<T: Serialize>(self, repository: &Repository<T>, id: &str, value: &T) -> Result<Self, ClientError> {
        self.0.upsert_as(&repository.0, id, value).map(Self)
    }

    /// Deletes a record.
    pub fn delete<T>(self, repository: &Repository<T>, id: &str) -> Result<Self, ClientError> {
        self.0.delete(&repository.0, id).map(Self)
    }

    /// Makes the changes: all of them are durable here when this returns, or none is made.
    pub fn commit(self) -> Result<Receipt, ClientError> {
        block_on(self.0.commit()).map(Receipt)
    }
}

/// Every notice of a client, from the first on; see [`crate::client::Feed`]. Ends when the client has stopped.
#[derive(Debug)]
pub struct Feed(crate::client::Feed);

impl Iterator for Feed {
    type Item = Notice;

    fn next(&mut self) -> Option<Notice> {
        block_on(self.0.next())
    }
}

/// A write that is durable on this device.
#[derive(Debug)]
pub struct Receipt(pub(super) crate::client::Receipt);

impl Receipt {
    /// The ids of the events of the write, in order of its changes.
    pub fn events(&self) -> &[EventId] {
        self.0.events()
    }

    /// Returns when every event of the write is durable on the server, or the first one is known not to become so.
    pub fn acked(self) -> Result<(), NotAcked> {
        block_on(self.0.acked())
    }
}

/// The states of a client's connection: the one of now first, then each as it comes. Ends when the client has stopped.
#[derive(Debug)]
pub struct Connections(crate::client::Connections);

impl Iterator for Connections {
    type Item = Connection;

    fn next(&mut self) -> Option<Connection> {
        block_on(self.0.next())
    }
}

/// A subscription to a client's notices. Ends when the client has stopped.
#[derive(Debug)]
pub struct Notices(crate::client::Notices);

impl Iterator for Notices {
    type Item = Result<Notice, Lagged>;

    fn next(&mut self) -> Option<Self::Item> {
        block_on(self.0.next())
    }
}
