//! What can go wrong at the client's surface.

use super::command::SyncFailed;
use crate::storage::QueryError;
use driftless_core::client::{StorageFailure, WriteError};
use driftless_core::event::{IdError, RecordId};
use driftless_core::name::{NameError, RepositoryName};

/// Why a client was not opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The server's address is not one.
    #[error(transparent)]
    Url(#[from] UrlError),
    /// A repository's name is not one.
    #[error("`{name}` is not a repository: {error}")]
    Repository {
        /// The name.
        name: String,
        /// What is wrong with it.
        #[source]
        error: NameError,
    },
    /// A filter is for a repository that the client does not keep.
    #[error("there is a filter for `{0}`, which is no repository of this client: name it with `repository` before")]
    Filter(String),
    /// A namespace's name is not one.
    #[error("`{namespace}` is not a namespace: {error}")]
    Namespace {
        /// The name.
        namespace: String,
        /// What is wrong with it.
        #[source]
        error: NameError,
    },
    /// An index that no storage keeps.
    #[error(transparent)]
    Index(#[from] QueryError),
    /// The token or a header cannot be sent.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// The database file was not opened.
    #[cfg(feature = "sqlite")]
    #[error(transparent)]
    Sqlite(#[from] crate::storage::SqliteOpenError),
    /// TLS could not be set up.
    #[cfg(feature = "tls")]
    #[error("no TLS: {0}")]
    Tls(#[from] crate::tls::TlsError),
    /// The runtime cannot run the client.
    #[error("the runtime cannot run the client: {0}")]
    Runtime(#[source] std::io::Error),
    /// The storage gives no reader, or no thread for it can be made.
    #[error(transparent)]
    Storage(#[from] StorageFailure),
    /// The operating system gave no random numbers.
    #[error("the operating system gave no random numbers: {0}")]
    Random(getrandom::Error),
}

/// Why an address is not a server's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum UrlError {
    /// Not an address with a host.
    #[error("`{0}` is not an address such as ws://127.0.0.1:8080/sync")]
    Unreadable(String),
    /// Another scheme than `ws` and `wss`.
    #[error("`{0}` does not start with ws:// or wss://")]
    Scheme(String),
    /// `wss`, in a build without the feature `tls`.
    #[error("`{0}` needs TLS, which this build does not have: build with the feature `tls`")]
    Tls(String),
}

/// Why a token or a header cannot be sent.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum CredentialsError {
    /// The token has characters that a header cannot carry.
    #[error("the token has characters that an HTTP header cannot carry")]
    Token,
    /// A header's name or value has characters that a header cannot carry.
    #[error("the header `{0}` has characters that an HTTP header cannot carry")]
    Header(String),
    /// A header that the handshake sets itself.
    #[error("the header `{0}` belongs to the WebSocket handshake")]
    Reserved(String),
}

/// Why a request to a client failed.
#[derive(Debug, thiserror::Error, Clone, PartialEq, Eq)]
pub enum ClientError {
    /// The repository's name is not one.
    #[error(transparent)]
    Repository(#[from] NameError),
    /// The record's id is not one.
    #[error(transparent)]
    Record(#[from] IdError),
    /// The write was not made.
    #[error(transparent)]
    Write(WriteError),
    /// Local storage could not be read.
    #[error(transparent)]
    Storage(#[from] StorageFailure),
    /// The credentials cannot be sent.
    #[error(transparent)]
    Credentials(#[from] CredentialsError),
    /// Everything could not be read and pushed.
    #[error(transparent)]
    Sync(#[from] SyncFailed),
    /// A query that no storage answers.
    #[error(transparent)]
    Query(#[from] QueryError),
    /// A value cannot be written as JSON.
    #[error("the value cannot be written as JSON: {0}")]
    Encode(String),
    /// A value has no id.
    #[error("the value has no field `id` with a text or a number in it: write it under an id with `upsert_as`")]
    NoId,
    /// A record is no value of the repository's type.
    #[error("record `{record}` of `{repository}` is not of the expected type: {message}")]
    Decode {
        /// Which repository.
        repository: RepositoryName,
        /// Which record.
        record: RecordId,
        /// What does not fit.
        message: String,
    },
    /// The client was stopped.
    #[error("the client is stopped")]
    Stopped,
}

impl From<WriteError> for ClientError {
    fn from(error: WriteError) -> Self {
        match error {
            WriteError::Stopped => Self::Stopped,
            other => Self::Write(other),
        }
    }
}
