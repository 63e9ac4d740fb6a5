//! The application's handle on a running client.

use super::builder::ClientBuilder;
use super::error::ClientError;
use super::notices::Notices;
use super::reads::Reads;
use super::receipt::Receipt;
use super::state::{Connection, Connections, StateReader};
use super::target::headers;
use crate::client::{Command, Status, WriteResult};
use crate::storage::Reader;
use crate::watched::Watched;
use async_broadcast::InactiveReceiver;
use async_channel::Sender;
use async_lock::Semaphore;
use driftless_core::client::{
    Change, ChangeKind, ClientCredentials, LocalSequence, Notice, OwnEvent, RecordKey, RequestId, StorageFailure,
    StoredRecord, WriteError,
};
use driftless_core::event::{EventId, Json, RecordId, Sequence};
use driftless_core::name::RepositoryName;
use futures_channel::oneshot;
use std::collections::BTreeSet;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

/// Records and own events that one read takes from the storage; longer answers are put together from several, between
/// which other reads get their turn.
const PAGE: usize = 1_000;

/// A running client. Cheap to clone; the client stops when the last clone, and the last thing made from one, is
/// dropped.
#[derive(Clone)]
pub struct Client(Arc<Running>);

/// What the handles of a client share.
pub(super) struct Running {
    pub(super) commands: Sender<Command>,
    pub(super) reads: Reads,
    pub(super) notices: InactiveReceiver<Notice>,
    pub(super) states: StateReader,
    pub(super) names: BTreeSet<RepositoryName>,
    pub(super) credentials: Arc<Mutex<ClientCredentials>>,
    pub(super) next_request: AtomicU64,
    /// One permit for each write that may wait.
    pub(super) writes: Arc<Semaphore>,
    pub(super) ended: Arc<Watched<bool>>,
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

    pub(super) fn new(running: Running) -> Self {
        Self(Arc::new(running))
    }

    /// Makes or replaces a record. The event is durable here when this returns, and is sent as soon as it can be.
    pub async fn upsert(&self, repository: &str, record: &str, data: Json) -> Result<Receipt, ClientError> {
        let kind = ChangeKind::Upsert { data, changed: None };
        self.write_one(repository, record, kind).await
    }

    /// Deletes a record. One that does not exist gets a delete event all the same.
    pub async fn delete(&self, repository: &str, record: &str) -> Result<Receipt, ClientError> {
        self.write_one(repository, record, ChangeKind::Delete).await
    }

    async fn write_one(&self, repository: &str, record: &str, kind: ChangeKind) -> Result<Receipt, ClientError> {
        let change = Change {
            repository: RepositoryName::new(repository)?,
            record: RecordId::new(record)?,
            kind,
        };
        self.write(vec![change]).await
    }

    /// Changes records together: all of it is durable here when this returns, or none of it happens. The events are
    /// sent in this order, but the server may store them in several commits. Whoever drops the future gives up the answer,
    /// not the write, once the client has taken it on.
    pub async fn write(&self, changes: Vec<Change>) -> Result<Receipt, ClientError> {
        self.write_and_dismiss(changes, Vec::new()).await
    }

    /// As [`Self::write`], and forgets rejected events in the same transaction: all of it happens or nothing.
    pub async fn write_and_dismiss(
        &self,
        changes: Vec<Change>,
        dismiss: Vec<(RepositoryName, EventId)>,
    ) -> Result<Receipt, ClientError> {
        let (sender, receiver) = oneshot::channel();
        let request = self.next_request();
        let done = move |result| {
            // A caller that waits no more needs no answer.
            let _ = sender.send(result);
        };
        self.send_write(request, changes, dismiss, done).await?;
        Ok(receiver.await.map_err(|_| ClientError::Stopped)??)
    }

    /// Starts a write and returns when the client has taken it on; [`Notice::Written`] with the id that is returned
    /// says what became of it.
    pub async fn submit(&self, changes: Vec<Change>) -> Result<RequestId, ClientError> {
        let request = self.next_request();
        self.send_write(request, changes, Vec::new(), drop).await?;
        Ok(request)
    }

    fn next_request(&self) -> RequestId {
        RequestId(self.0.next_request.fetch_add(1, Ordering::Relaxed))
    }

    async fn send_write(
        &self,
        request: RequestId,
        changes: Vec<Change>,
        dismiss: Vec<(RepositoryName, EventId)>,
        done: impl FnOnce(WriteResult) + Send + 'static,
    ) -> Result<(), ClientError> {
        let room = self.0.writes.acquire_arc().await;
        let done = Box::new(move |result| {
            drop(room);
            done(result);
        });
        let write = Command::Write {
            request,
            changes,
            dismiss,
            done,
        };
        self.command(write).await
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

    /// Returns when at one moment the outbox is empty, and everything that was written before is acked or was refused for
    /// good. Without a connection that takes until there is one; while others go on writing, until they pause. A
    /// [`Receipt`] waits for one write alone.
    pub async fn flush(&self) -> Result<(), ClientError> {
        self.ask(|done| Command::Flush { done }).await
    }

    /// How the client stands.
    pub async fn status(&self) -> Result<Status, ClientError> {
        self.ask(|done| Command::Status { done }).await
    }

    /// Shows other credentials, token and headers, at once on a live connection, and after a refusal.
    pub async fn update_credentials(&self, credentials: ClientCredentials) -> Result<(), ClientError> {
        self.change_credentials(|shown| *shown = credentials).await
    }

    /// Shows another token beside the headers of before; see [`Self::update_credentials`].
    pub async fn update_auth_token(&self, token: impl Into<String>) -> Result<(), ClientError> {
        self.change_credentials(|shown| shown.token = Some(token.into())).await
    }

    /// Shows other headers beside the token of before; see [`Self::update_credentials`].
    pub async fn update_headers(&self, headers: Vec<(String, String)>) -> Result<(), ClientError> {
        self.change_credentials(|shown| shown.headers = headers).await
    }

    async fn change_credentials(&self, change: impl FnOnce(&mut ClientCredentials)) -> Result<(), ClientError> {
        let credentials = {
            let mut shown = self.0.credentials.lock().unwrap_or_else(PoisonError::into_inner);
            let mut changed = shown.clone();
            change(&mut changed);
            headers(&changed)?;
            shown.clone_from(&changed);
            changed
        };
        self.command(Command::Credentials(credentials)).await
    }

    /// Where the connection stands now, and each of its states from now on.
    pub fn connection(&self) -> Connections {
        self.0.states.subscribe()
    }

    /// Where the connection stands now.
    pub fn connection_state(&self) -> Connection {
        self.0.states.now()
    }

    /// Whether the server has accepted the credentials on a connection that is open.
    pub fn is_connected(&self) -> bool {
        self.connection_state().is_connected()
    }

    /// Reads a repository again from its beginning. What is pending stays.
    pub async fn resync(&self, repository: &str) -> Result<(), ClientError> {
        let repository = self.registered(repository)?;
        self.command(Command::Resync(repository)).await
    }

    /// Forgets a repository on this device: its records, its own events wherever they stand, and its cursor, all in one
    /// transaction. Events that the server does not have are lost. Then it is read again as that of a new client.
    pub async fn clear(&self, repository: &str) -> Result<(), ClientError> {
        let repository = self.registered(repository)?;
        self.ask(|done| Command::Clear { repository, done }).await
    }

    /// Reads and pushes everything now, whatever the [`Strategy`](driftless_core::client::Strategy), and returns when
    /// at one moment every repository was current and nothing was pending. Without a network that takes until there is
    /// one. Credentials that are refused end it with an error, whether others are asked for or not; the client goes on
    /// once it has them.
    pub async fn sync_now(&self) -> Result<(), ClientError> {
        Ok(self.ask(|done| Command::Sync { done }).await??)
    }

    /// Tells that the network has come or has gone. Without one the client does not try to connect; when it comes (or is
    /// there all the same, and another attempt promises more than the last) it connects at once, if its
    /// [`Strategy`](driftless_core::client::Strategy) wants that. Until this is told, there is one.
    pub async fn set_connectivity(&self, there: bool) -> Result<(), ClientError> {
        self.command(Command::Connectivity(there)).await
    }

    /// The name of a repository that the client keeps.
    pub(super) fn registered(&self, repository: &str) -> Result<RepositoryName, ClientError> {
        let name = RepositoryName::new(repository)?;
        if self.0.names.contains(&name) {
            return Ok(name);
        }
        Err(WriteError::UnknownRepository(name).into())
    }

    /// Has the storage's reader do something.
    pub(super) async fn read<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut dyn Reader) -> Result<T, StorageFailure> + Send + 'static,
    ) -> Result<T, ClientError> {
        self.0.reads.call(read).await
    }

    /// What happens from now on.
    pub fn notices(&self) -> Notices {
        Notices::new(&self.0.notices)
    }

    /// Closes the connection and the storage, and returns when both are closed. Writes that were taken on are finished
    /// or refused; what is pending stays in the storage and is sent by the next client that opens it.
    pub async fn stop(&self) {
        // An error means that it is stopping already.
        let _ = self.command(Command::Stop).await;
        self.0.ended.wait_until(|ended| *ended).await;
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

impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("repositories", &self.0.names)
            .field("connection", &self.0.states.now())
            .finish_non_exhaustive()
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
