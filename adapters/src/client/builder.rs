//! How a client is made.

use super::error::OpenError;
use super::handle::{Client, Running};
use super::hooks::{Applied, Building, Hooks};
use super::journal::{Journal, JournalEntry};
use super::notices::{self, Feed, Tap};
use super::queue::Queue;
use super::reads::Reads;
use super::refresh::{Callback, Refresh};
use super::state;
use super::storage::StorageThread;
use super::target::{Target, Trust, headers};
use super::task::{Ended, Parts, run};
use crate::client::Driver;
use crate::runtime::Runtime;
#[cfg(feature = "sqlite")]
use crate::storage::SqliteStorage;
use crate::storage::{Index, MemoryStorage, Storage};
use crate::watched::Watched;
use async_lock::Semaphore;
use driftless_core::client::{
    ClientConfig, ClientCredentials, ClientLimits, Policy, RepositoryConfig, Strategy, SyncFilter, Timing,
};
use driftless_core::event::Spelling;
#[cfg(feature = "sqlite")]
use driftless_core::name::Namespace;
use driftless_core::name::{NameError, RepositoryName};
use std::fmt;
#[cfg(feature = "sqlite")]
use std::path::PathBuf;
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, Mutex};

/// Commands that may wait for the client; past it a caller waits to ask. Writes have a bound of their own
/// ([`ClientLimits::writes`]).
const COMMANDS: usize = 64;

/// Makes a [`Client`]. Mistakes are reported by [`open`](Self::open).
#[must_use = "a client is made by `open`"]
pub struct ClientBuilder {
    url: String,
    trust: Trust,
    repositories: Vec<RepositoryConfig>,
    unnamed: Option<(String, NameError)>,
    credentials: ClientCredentials,
    spelling: Spelling,
    strategy: Strategy,
    timing: Timing,
    limits: ClientLimits,
    place: Place,
    indexes: Vec<(String, Vec<String>)>,
    refresh: Option<Callback>,
    hooks: Hooks,
    /// A repository that has a filter and no name.
    unfiltered: Option<String>,
    journal: Option<Journal>,
}

/// Where the data is kept.
enum Place {
    #[cfg(feature = "sqlite")]
    Sqlite(PathBuf),
    #[cfg(feature = "sqlite")]
    Namespace(PathBuf, String),
    Ready(Box<dyn Storage>),
}

impl fmt::Debug for ClientBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ClientBuilder")
            .field("repositories", &self.repositories)
            .field("credentials", &self.credentials)
            .field("timing", &self.timing)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

impl ClientBuilder {
    pub(super) fn new(url: String) -> Self {
        Self {
            url,
            trust: Trust::default(),
            repositories: Vec::new(),
            unnamed: None,
            credentials: ClientCredentials::default(),
            spelling: Spelling::default(),
            strategy: Strategy::default(),
            timing: Timing::default(),
            limits: ClientLimits::default(),
            place: Place::Ready(Box::new(MemoryStorage::new())),
            indexes: Vec::new(),
            refresh: None,
            hooks: Hooks::default(),
            unfiltered: None,
            journal: None,
        }
    }

    /// Keeps a repository, and decides its conflicts by `policy`. Every client of a repository needs the same policy: see
    /// [the guide](crate::guide::conflicts).
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

    /// Asks `filter`, on each connection before a repository is read, where this client's history of it begins and what
    /// the server is told besides: see [`SyncFilter`].
    ///
    /// A beginning counts where the repository would be read from its first event: at the first start, after
    /// [`Client::clear`] and [`Client::resync`], and when the server's history has changed. With `None`, or without a
    /// filter, it is the first event. From there on sequences are the library's affair.
    ///
    /// The repository has to be named by [`repository`](Self::repository) before.
    pub fn sync_filter<F>(mut self, repository: &str, filter: impl Fn() -> F + Send + 'static) -> Self
    where
        F: Future<Output = Option<SyncFilter>> + Send + 'static,
    {
        let found = self.repositories.iter_mut().find(|one| *one.name == *repository);
        if let Some(found) = found {
            found.filtered = true;
            let filter = Box::new(move || Box::pin(filter()) as Building);
            self.hooks.filters.insert(found.name.clone(), filter);
        } else {
            self.unfiltered.get_or_insert(repository.to_owned());
        }
        self
    }

    /// Calls `applied` whenever a page of a repository's log is durable on this device, on the client's task. Must not
    /// block. Default: nobody is told.
    pub fn on_applied(mut self, applied: impl FnMut(Applied) + Send + 'static) -> Self {
        self.hooks.applied = Some(Box::new(applied));
        self
    }

    /// Shows a token, in the handshake's `Authorization` and in `auth`. Default: none.
    pub fn token(mut self, token: impl Into<String>) -> Self {
        self.credentials.token = Some(token.into());
        self
    }

    /// Adds a header, to the handshake and to `auth`, where it never takes the place of a field of the protocol. One of
    /// the handshake's own makes [`open`](Self::open) fail. Default: none.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.credentials.headers.push((name.into(), value.into()));
        self
    }

    /// Sets when the client syncs: in real time, every so often, whenever the network comes, or when it is told. Default:
    /// in real time.
    pub fn strategy(mut self, strategy: Strategy) -> Self {
        self.strategy = strategy;
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

    /// Keeps the data in a file, which belongs to this client alone until [`Client::stop`] has returned.
    #[cfg(feature = "sqlite")]
    pub fn sqlite(mut self, path: impl Into<PathBuf>) -> Self {
        self.place = Place::Sqlite(path.into());
        self
    }

    /// Keeps the data in the file of a namespace in a folder, see [`SqliteStorage::open_namespace`]. Every user of an
    /// application gets one: to switch users stop the client and open another on the other namespace with the other
    /// credentials. What was made from the stopped one fails with [`ClientError::Stopped`](super::ClientError::Stopped), so
    /// that no operation of one user lands in the data of another.
    #[cfg(feature = "sqlite")]
    pub fn sqlite_namespace(mut self, folder: impl Into<PathBuf>, namespace: impl Into<String>) -> Self {
        self.place = Place::Namespace(folder.into(), namespace.into());
        self
    }

    /// Keeps an index over top-level fields of a repository's data, for queries that compare the first of them for
    /// equality and are ordered by the others; see [`Index`]. Indexes that are not declared any more are dropped. They
    /// make queries faster and writes slower, and change no answer. Default: none.
    pub fn index<F: Into<String>>(mut self, repository: &str, fields: impl IntoIterator<Item = F>) -> Self {
        let fields = fields.into_iter().map(Into::into).collect();
        self.indexes.push((repository.to_owned(), fields));
        self
    }

    /// Keeps the data in memory: it is gone with the client, what was never sent too. The default.
    pub fn memory(self) -> Self {
        self.storage(MemoryStorage::new())
    }

    /// Keeps the data in a storage of the application's own.
    pub fn storage(mut self, storage: impl Storage) -> Self {
        self.place = Place::Ready(Box::new(storage));
        self
    }

    /// Trusts these certificate authorities for `wss://`. Default: those of the operating system.
    #[cfg(feature = "tls")]
    pub fn roots(mut self, roots: crate::tls::Roots) -> Self {
        self.trust.roots = roots;
        self
    }

    /// Asks `refresh` for other credentials once the server has refused those that it was shown, or they have expired;
    /// it is given the server's sentence. With `None` the client waits for [`Client::update_credentials`]. If those that
    /// it gives are refused as well it is asked again after [`Timing::reconnect_delay`], which doubles up to
    /// [`Timing::reconnect_delay_max`]. Default: there are no others.
    pub fn refresh_credentials<F>(mut self, refresh: impl Fn(String) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = Option<ClientCredentials>> + Send + 'static,
    {
        self.refresh = Some(Arc::new(move |message| Box::pin(refresh(message))));
        self
    }

    /// Gives the configuration, every input and every action of the client's machine to `journal`, see [`Journal`]. Default:
    /// nobody is told.
    pub fn journal(mut self, journal: impl FnMut(JournalEntry<'_>) + Send + 'static) -> Self {
        self.journal = Some(Box::new(journal));
        self
    }

    /// Opens the storage and starts the client. It connects by itself, and reconnects as long as it is not stopped; it
    /// can be written to and read from at once.
    pub async fn open(self, runtime: impl Runtime) -> Result<Client, OpenError> {
        self.start(Arc::new(runtime), Tap::default()).await
    }

    /// As [`open`](Self::open), with a feed of every notice from the first on, which keeps up to `capacity` notices, at
    /// least one.
    /// The client goes no faster than the feed is read.
    pub async fn open_with_feed(self, runtime: impl Runtime, capacity: usize) -> Result<(Client, Feed), OpenError> {
        let (tap, feed) = Tap::new(capacity);
        Ok((self.start(Arc::new(runtime), tap).await?, feed))
    }

    /// Finds what makes no client before anything is opened. Gives where the server is.
    fn check(&mut self) -> Result<Arc<Target>, OpenError> {
        if let Some((name, error)) = self.unnamed.take() {
            return Err(OpenError::Repository { name, error });
        }
        if let Some(name) = self.unfiltered.take() {
            return Err(OpenError::Filter(name));
        }
        headers(&self.credentials)?;
        Ok(Arc::new(Target::parse(&self.url, &self.trust)?))
    }

    async fn start(mut self, runtime: Arc<dyn Runtime>, tap: Tap) -> Result<Client, OpenError> {
        let target = self.check()?;
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(OpenError::Random)?;
        let (place, indexes) = (self.place, indexes(self.indexes)?);
        let open = move || {
            let mut storage = place.open()?;
            storage.declare_indexes(&indexes)?;
            Ok::<_, OpenError>(storage)
        };
        let (storage, reader) = StorageThread::start(open).await?;
        let names = self.repositories.iter().map(|one| one.name.clone()).collect();
        let credentials = Arc::new(Mutex::new(self.credentials.clone()));
        let (refresh, writes) = (Refresh::new(self.refresh, &self.timing), self.limits.writes);
        let config = ClientConfig {
            repositories: self.repositories,
            credentials: self.credentials,
            spelling: self.spelling,
            strategy: self.strategy,
            timing: self.timing,
            limits: self.limits,
            seed,
        };
        let (frame_bytes, close_timeout) = (config.limits.frame_bytes, config.timing.close_timeout);
        let driver = match self.journal {
            Some(journal) => Driver::with_journal(config, journal),
            None => Driver::new(config),
        };
        let reads = Reads::start(reader)?;
        let (command_sender, commands) = async_channel::bounded(COMMANDS);
        let (notices, listeners) = notices::channel();
        let (state, states) = state::channel();
        let ended = Arc::new(Watched::new(false));
        let client = Client::new(Running {
            commands: command_sender,
            reads: reads.clone(),
            notices: listeners,
            states,
            names,
            credentials: credentials.clone(),
            next_request: AtomicU64::new(1),
            writes: Arc::new(Semaphore::new(writes.max(1))),
            ended: ended.clone(),
        });
        let parts = Parts {
            driver,
            runtime: runtime.clone(),
            target,
            frame_bytes,
            close_timeout,
            storage,
            reads,
            queue: Queue(commands.clone()),
            commands,
            notices,
            tap,
            state,
            refresh,
            hooks: self.hooks,
            credentials,
            ended: Ended(ended),
        };
        let spawned = runtime.spawn("driftless-client", Box::pin(run(parts)));
        spawned.map_err(OpenError::Runtime)?;
        Ok(client)
    }
}

fn indexes(declared: Vec<(String, Vec<String>)>) -> Result<Vec<Index>, OpenError> {
    let index = |(repository, fields): (String, Vec<String>)| match RepositoryName::new(&repository) {
        Ok(name) => {
            let index = Index::new(name, fields);
            index.check()?;
            Ok(index)
        }
        Err(error) => Err(OpenError::Repository {
            name: repository,
            error,
        }),
    };
    declared.into_iter().map(index).collect()
}

impl Place {
    fn open(self) -> Result<Box<dyn Storage>, OpenError> {
        match self {
            #[cfg(feature = "sqlite")]
            Self::Sqlite(path) => Ok(Box::new(SqliteStorage::open(path)?)),
            #[cfg(feature = "sqlite")]
            Self::Namespace(folder, namespace) => {
                let named = Namespace::new(&namespace).map_err(|error| OpenError::Namespace { namespace, error })?;
                Ok(Box::new(SqliteStorage::open_namespace(folder, &named)?))
            }
            Self::Ready(storage) => Ok(storage),
        }
    }
}
