//! The application's handle on a running client.

use super::builder::ClientBuilder;
use super::error::ClientError;
use super::notices::Notices;
use super::reads::Reads;
use super::target::headers;
use crate::client::{Command, Status, WriteResult};
use driftless_core::client::{
    Change, ChangeKind, ClientCredentials, LocalSequence, Notice, OwnEvent, RecordKey, RequestId, StoredRecord,
};
use driftless_core::event::{EventId, Json, RecordId, Sequence};
use driftless_core::name::RepositoryName;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use tokio::sync::{Semaphore, broadcast, mpsc, oneshot, watch};

/// Records and own events that one read takes from the storage; longer answers are put together from several, between
/// which other reads get their turn.
const PAGE: usize = 1_000;

/// A running client. Cheap to clone; the client stops when the last clone is dropped.
#[derive(Clone, Debug)]
pub struct Client(Arc<Running>);

#[derive(Debug)]
struct Running {
    commands: mpsc::Sender<Command>,
    reads: Reads,
    notices: broadcast::WeakSender<Notice>,
    next_request: AtomicU64,
    /// One permit for each write that may wait.
    writes: Arc<Semaphore>,
    end: watch::Receiver<()>,
}

/// A record as the application sees it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Record {
    /// Its id.
    pub id: RecordId,
    /// Its data; `None` if it is deleted.
    pub data: Option<Json>,
    /// Whether an event of it is not acked yet.
    pub pending: bool,
    /// The place in the log up to which it is folded; `None` while an own un-acked event is on top.
    pub sequence: Option<Sequence>,
}

impl Client {
    /// Starts to make a client of the server at `url`, such as `ws://127.0.0.1:8080/sync`.
    pub fn builder(url: impl Into<String>) -> ClientBuilder {
        ClientBuilder::new(url.into())
    }

    pub(super) fn new(
        commands: mpsc::Sender<Command>,
        reads: Reads,
        notices: broadcast::WeakSender<Notice>,
        end: watch::Receiver<()>,
        writes: usize,
    ) -> Self {
        Self(Arc::new(Running {
            commands,
            reads,
            notices,
            next_request: AtomicU64::new(1),
            writes: Arc::new(Semaphore::new(writes.clamp(1, Semaphore::MAX_PERMITS))),
            end,
        }))
    }

    /// Makes or replaces a record. The event is durable here when its id is returned, and is sent as soon as it can be.
    pub async fn upsert(&self, repository: &str, record: &str, data: Json) -> Result<EventId, ClientError> {
        let kind = ChangeKind::Upsert { data, changed: None };
        self.write_one(repository, record, kind).await
    }

    /// Deletes a record. One that does not exist gets a delete event all the same.
    pub async fn delete(&self, repository: &str, record: &str) -> Result<EventId, ClientError> {
        self.write_one(repository, record, ChangeKind::Delete).await
    }

    async fn write_one(&self, repository: &str, record: &str, kind: ChangeKind) -> Result<EventId, ClientError> {
        let change = Change {
            repository: RepositoryName::new(repository)?,
            record: RecordId::new(record)?,
            kind,
        };
        let mut events = self.write(vec![change]).await?;
        Ok(events.pop().expect("a write has one event for each change"))
    }

    /// Changes records together: all of it is durable here when the event ids are returned, or none of it happens.
    /// The events are sent in this order, but the server may store them in several commits.
    pub async fn write(&self, changes: Vec<Change>) -> Result<Vec<EventId>, ClientError> {
        let (sender, receiver) = oneshot::channel();
        let request = self.next_request();
        let done = move |result| {
            // A caller that waits no more needs no answer.
            let _ = sender.send(result);
        };
        self.send_write(request, changes, done).await?;
        Ok(receiver.await.map_err(|_| ClientError::Stopped)??)
    }

    /// Starts a write and returns when the client has taken it on; [`Notice::Written`] with the id that is returned
    /// says what became of it.
    pub async fn submit(&self, changes: Vec<Change>) -> Result<RequestId, ClientError> {
        let request = self.next_request();
        self.send_write(request, changes, drop).await?;
        Ok(request)
    }

    fn next_request(&self) -> RequestId {
        RequestId(self.0.next_request.fetch_add(1, Ordering::Relaxed))
    }

    async fn send_write(
        &self,
        request: RequestId,
        changes: Vec<Change>,
        done: impl FnOnce(WriteResult) + Send + 'static,
    ) -> Result<(), ClientError> {
        let room = self.0.writes.clone().acquire_owned().await;
        let room = room.map_err(|_| ClientError::Stopped)?;
        let done = Box::new(move |result| {
            drop(room);
            done(result);
        });
        self.command(Command::Write { request, changes, done }).await
    }

    /// A record; `None` if there never was one.
    pub async fn get(&self, repository: &str, record: &str) -> Result<Option<Record>, ClientError> {
        let key = RecordKey {
            repository: RepositoryName::new(repository)?,
            record: RecordId::new(record)?,
        };
        let found = self.0.reads.call(move |reader| reader.record(&key)).await?;
        Ok(found.and_then(Record::visible))
    }

    /// Every record of a repository that is not deleted, in order of their ids (compared byte for byte). A large
    /// repository is better read by [`query_page`](Self::query_page).
    pub async fn query(&self, repository: &str) -> Result<Vec<Record>, ClientError> {
        let mut records: Vec<Record> = Vec::new();
        loop {
            let after = records.last().map(|record| record.id.clone());
            let page = self.query_page(repository, after, PAGE).await?;
            let complete = page.len() < PAGE;
            records.extend(page);
            if complete {
                return Ok(records);
            }
        }
    }

    /// The first `max` of these records behind `after`.
    pub async fn query_page(
        &self,
        repository: &str,
        after: Option<RecordId>,
        max: usize,
    ) -> Result<Vec<Record>, ClientError> {
        let repository = RepositoryName::new(repository)?;
        let read = self
            .0
            .reads
            .call(move |reader| reader.records(&repository, after.as_ref(), max));
        Ok(read.await?.into_iter().filter_map(Record::visible).collect())
    }

    /// The ids of the own events that are not acked, over all repositories, in the order in which they were written.
    pub async fn pending(&self) -> Result<Vec<EventId>, ClientError> {
        let (mut ids, mut after) = (Vec::new(), LocalSequence(0));
        loop {
            let page = self.0.reads.call(move |reader| reader.pending(after, PAGE)).await?;
            let complete = page.len() < PAGE;
            after = page.last().map_or(after, |event| event.local);
            // Their bodies are not kept: an outbox may be larger than memory.
            ids.extend(page.into_iter().map(|event| event.id.detached()));
            if complete {
                return Ok(ids);
            }
        }
    }

    /// Own events that a server refused for good, behind `after`, in the order in which they were written, at most
    /// `max`.
    pub async fn rejected(&self, after: LocalSequence, max: usize) -> Result<Vec<OwnEvent>, ClientError> {
        self.0.reads.call(move |reader| reader.rejected(after, max)).await
    }

    /// Returns when the outbox is empty and everything that was written before is acked, or was refused for good.
    /// Without a connection that takes until there is one.
    pub async fn flush(&self) -> Result<(), ClientError> {
        self.ask(|done| Command::Flush { done }).await
    }

    /// How the client stands.
    pub async fn status(&self) -> Result<Status, ClientError> {
        self.ask(|done| Command::Status { done }).await
    }

    /// Shows other credentials, at once on a live connection, and after a refusal.
    pub async fn update_credentials(&self, credentials: ClientCredentials) -> Result<(), ClientError> {
        headers(&credentials)?;
        self.command(Command::Credentials(credentials)).await
    }

    /// Reads a repository again from its beginning. What is pending stays.
    pub async fn resync(&self, repository: &str) -> Result<(), ClientError> {
        let repository = RepositoryName::new(repository)?;
        self.command(Command::Resync(repository)).await
    }

    /// Tries to connect now instead of waiting for the next attempt: the network is there again.
    pub async fn connect_now(&self) -> Result<(), ClientError> {
        self.command(Command::ConnectNow).await
    }

    /// What happens from now on.
    pub fn notices(&self) -> Notices {
        let sender = self.0.notices.upgrade();
        sender.map_or_else(Notices::ended, |sender| Notices::new(sender.subscribe()))
    }

    /// Closes the connection and the storage, and returns when both are closed. Writes that were taken on are finished
    /// or refused; what is pending stays in the storage and is sent by the next client that opens it.
    pub async fn stop(&self) {
        // An error means that it is stopping already.
        let _ = self.command(Command::Stop).await;
        // The end of the channel is the news.
        let _ = self.0.end.clone().changed().await;
    }

    async fn ask<T: Send + 'static>(
        &self,
        command: impl FnOnce(Box<dyn FnOnce(T) + Send>) -> Command,
    ) -> Result<T, ClientError> {
        let (sender, receiver) = oneshot::channel();
        let done = Box::new(move |answer| {
            let _ = sender.send(answer);
        });
        self.command(command(done)).await?;
        receiver.await.map_err(|_| ClientError::Stopped)
    }

    async fn command(&self, command: Command) -> Result<(), ClientError> {
        let sent = self.0.commands.send(command).await;
        sent.map_err(|_| ClientError::Stopped)
    }
}

impl Record {
    fn visible(stored: StoredRecord) -> Option<Self> {
        let state = stored.visible?;
        Some(Self {
            id: stored.key.record,
            data: state.data.clone(),
            pending: stored.pending,
            sequence: state.sequence,
        })
    }
}
