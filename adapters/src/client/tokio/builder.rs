//! How a client is made.

use super::error::OpenError;
use super::handle::Client;
use super::notices::{Feed, NOTICES, Tap};
use super::reads::Reads;
use super::run::Task;
use super::storage::StorageThread;
use super::target::{Target, headers};
use crate::client::Driver;
use crate::storage::{MemoryStorage, Storage};
use driftless_core::client::{
    ClientConfig, ClientCredentials, ClientLimits, Policy, RepositoryConfig, Strategy, Timing,
};
use driftless_core::event::Spelling;
use driftless_core::name::{NameError, RepositoryName};
use std::fmt;
#[cfg(feature = "sqlite")]
use std::path::PathBuf;
use std::sync::Arc;
use tokio::sync::{broadcast, mpsc, watch};

/// Commands that may wait for the client; past it a caller waits to ask. Writes have a bound of their own
/// ([`ClientLimits::writes`]).
const COMMANDS: usize = 64;

/// Makes a [`Client`]. Mistakes are reported by [`open`](Self::open).
#[derive(Debug)]
#[must_use = "a client is made by `open`"]
pub struct ClientBuilder {
    url: String,
    repositories: Vec<RepositoryConfig>,
    unnamed: Option<(String, NameError)>,
    credentials: ClientCredentials,
    spelling: Spelling,
    timing: Timing,
    limits: ClientLimits,
    place: Place,
}

/// Where the data is kept.
enum Place {
    #[cfg(feature = "sqlite")]
    Sqlite(PathBuf),
    Ready(Box<dyn Storage>),
}

impl fmt::Debug for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(path) => f.debug_tuple("Sqlite").field(path).finish(),
            Self::Ready(_) => f.write_str("Ready"),
        }
    }
}

impl ClientBuilder {
    pub(super) fn new(url: String) -> Self {
        Self {
            url,
            repositories: Vec::new(),
            unnamed: None,
            credentials: ClientCredentials::default(),
            spelling: Spelling::default(),
            timing: Timing::default(),
            limits: ClientLimits::default(),
            place: Place::Ready(Box::new(MemoryStorage::new())),
        }
    }

    /// Keeps a repository, and decides its conflicts by `policy`. Every client of a repository needs the same policy.
    pub fn repository(self, name: &str, policy: impl Policy + 'static) -> Self {
        self.repository_under(name, Arc::new(policy))
    }

    /// Keeps a repository under a policy that is chosen while the program runs.
    pub fn repository_under(mut self, name: &str, policy: Arc<dyn Policy>) -> Self {
        match RepositoryName::new(name) {
            Ok(name) => self.repositories.push(RepositoryConfig {
                name,
                policy,
                filtered: false,
            }),
            Err(error) => {
                self.unnamed.get_or_insert((name.to_owned(), error));
            }
        }
        self
    }

    /// Shows a token, in the handshake's `Authorization` and in `auth`.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.credentials.token = Some(token.into());
        self
    }

    /// Adds a header, to the handshake and to `auth`.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.credentials.headers.push((name.into(), value.into()));
        self
    }

    /// Sets timeouts and delays. Default: [`Timing::default`].
    pub fn timing(mut self, timing: Timing) -> Self {
        self.timing = timing;
        self
    }

    /// Sets bounds on memory. Default: [`ClientLimits::default`].
    pub fn limits(mut self, limits: ClientLimits) -> Self {
        self.limits = limits;
        self
    }

    /// Sets in which spelling events are written. Default: the package's.
    pub fn spelling(mut self, spelling: Spelling) -> Self {
        self.spelling = spelling;
        self
    }

    /// Keeps the data in a file, which belongs to this client alone.
    #[cfg(feature = "sqlite")]
    pub fn sqlite(mut self, path: impl Into<PathBuf>) -> Self {
        self.place = Place::Sqlite(path.into());
        self
    }

    /// Keeps the data in memory: it is gone with the client. The default.
    pub fn memory(self) -> Self {
        self.storage(MemoryStorage::new())
    }

    /// Keeps the data in a storage of the application's own.
    pub fn storage(mut self, storage: impl Storage) -> Self {
        self.place = Place::Ready(Box::new(storage));
        self
    }

    /// Opens the storage and starts the client on the current tokio runtime. It connects by itself, and reconnects as
    /// long as it is not stopped; it can be written to and read from at once.
    pub async fn open(self) -> Result<Client, OpenError> {
        self.start(Tap::default()).await
    }

    /// As [`open`](Self::open), with a feed of every notice from the first on, which keeps up to `capacity` of them.
    /// The client goes no faster than the feed is read.
    pub async fn open_with_feed(self, capacity: usize) -> Result<(Client, Feed), OpenError> {
        let (tap, feed) = Tap::new(capacity);
        Ok((self.start(tap).await?, feed))
    }

    async fn start(self, tap: Tap) -> Result<Client, OpenError> {
        if let Some((name, error)) = self.unnamed {
            return Err(OpenError::Repository { name, error });
        }
        let target = Arc::new(Target::parse(&self.url)?);
        headers(&self.credentials)?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(OpenError::Random)?;
        let storage = self.place.open().await?;
        let writes = self.limits.writes;
        let driver = Driver::new(ClientConfig {
            repositories: self.repositories,
            credentials: self.credentials,
            spelling: self.spelling,
            strategy: Strategy::default(),
            timing: self.timing,
            limits: self.limits,
            seed,
        });
        let reads = Reads::start(storage.reader()?)?;
        let (command_sender, commands) = mpsc::channel(COMMANDS);
        let notices = broadcast::Sender::new(NOTICES);
        let (ended, end) = watch::channel(());
        let client = Client::new(command_sender, reads.clone(), notices.downgrade(), end, writes);
        let task = Task {
            driver,
            target,
            storage: StorageThread::start(storage)?,
            reads,
            commands,
            notices,
            tap,
            ended,
        };
        tokio::spawn(task.run());
        Ok(client)
    }
}

impl Place {
    #[cfg_attr(
        not(feature = "sqlite"),
        expect(clippy::unused_async, reason = "a file takes time to open")
    )]
    async fn open(self) -> Result<Box<dyn Storage>, OpenError> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(path) => {
                let opening = tokio::task::spawn_blocking(|| crate::storage::SqliteStorage::open(path));
                let opened = opening.await.map_err(|error| driftless_core::client::StorageFailure {
                    detail: format!("opening it failed: {error}"),
                })?;
                Ok(Box::new(opened?))
            }
            Self::Ready(storage) => Ok(storage),
        }
    }
}
