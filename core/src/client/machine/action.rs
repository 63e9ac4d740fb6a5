//! What a client asks of its host and tells its application.

use super::{FilterId, RequestId, SocketId};
use crate::client::{ClientCredentials, StorageFailure, StorageId, StorageRequest};
use crate::event::{EventId, Json, RecordId, Sequence};
use crate::name::RepositoryName;
use crate::wire::{CloseCode, ErrorCode};
use alloc::string::String;
use alloc::vec::Vec;
use bytestring::ByteString;
use core::time::Duration;

/// What a [`Client`](crate::client::Client) asks its host to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ClientAction {
    /// Open a WebSocket; answer with `Connected` or `Disconnected`.
    Connect {
        /// Names the attempt and the socket.
        socket: SocketId,
        /// For the handshake.
        credentials: ClientCredentials,
    },
    /// Send a text frame; report its payload's length with `Flushed` once the socket has taken it.
    Send {
        /// On which socket.
        socket: SocketId,
        /// Its payload.
        frame: ByteString,
    },
    /// Close the socket or give up the attempt. No `Disconnected` is needed.
    Close {
        /// Which socket.
        socket: SocketId,
        /// The status code.
        code: CloseCode,
        /// One short sentence.
        reason: String,
    },
    /// Read no more frames. Frames that were read already are handled all the same.
    PauseReading {
        /// From which socket.
        socket: SocketId,
    },
    /// Read again.
    ResumeReading {
        /// From which socket.
        socket: SocketId,
    },
    /// Ask storage; answer with `Stored`.
    Storage {
        /// Names it in the answer.
        storage: StorageId,
        /// What.
        request: StorageRequest,
    },
    /// Ask the application where a repository begins; answer with `FilterBuilt`. Only this repository waits. Asked again
    /// on the next connection, if nothing was answered or nothing came of it.
    BuildFilter {
        /// Names it in the answer.
        filter: FilterId,
        /// Which repository.
        repository: RepositoryName,
    },
    /// Tell the application.
    Notify(Notice),
}

/// What the application is told.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Notice {
    /// Storage is open: writes are accepted from the first input on, this tells that they can be done.
    Opened,
    /// The connection's state has changed.
    Connection(ConnectionState),
    /// A [`Write`](crate::client::Write) is durable, or was not made.
    Written {
        /// Which write.
        request: RequestId,
        /// The ids of its events, in order of the changes.
        result: Result<Vec<EventId>, WriteError>,
    },
    /// What the application sees of a record has changed.
    Changed {
        /// Which repository.
        repository: RepositoryName,
        /// Which record.
        record: RecordId,
        /// Its data now; `None` if it is deleted.
        data: Option<Json>,
        /// Whose doing it is.
        origin: Origin,
        /// The place in the log up to which it is folded; `None` while an own un-acked event is on top.
        sequence: Option<Sequence>,
        /// Whether an event of it is not acked yet.
        pending: bool,
        /// Whether data or deciding event changed, or only `sequence` and `pending`.
        content: bool,
    },
    /// Own events are durable on the server.
    Acked {
        /// Which repository.
        repository: RepositoryName,
        /// Which events. An event is told once, unless the server lost it and was given it again.
        events: Vec<EventId>,
    },
    /// An own event was refused for good: it has left the outbox and the local layer.
    Rejected {
        /// Which repository.
        repository: RepositoryName,
        /// Which event.
        event: EventId,
        /// The event as it was sent.
        body: Json,
        /// The server's code, if it gave one.
        code: Option<ErrorCode>,
        /// The server's sentence.
        message: String,
    },
    /// A page of a repository's stream is durable. Told after the [`Notice::Changed`] of what it has changed.
    Applied {
        /// Which repository.
        repository: RepositoryName,
        /// The cursor now: everything up to here is applied.
        after: Sequence,
        /// How many events the page held; those that came late or again count too. Zero where the cursor moved over
        /// events that this client may not see.
        events: usize,
    },
    /// A rejected event is forgotten, as a [`Write`](crate::client::Write) has asked for. Told after its
    /// [`Notice::Written`].
    Dismissed {
        /// Which repository.
        repository: RepositoryName,
        /// The record that the event was to change.
        record: RecordId,
        /// Which event.
        event: EventId,
    },
    /// A repository was cleared: none of its records is there any more, and none of the own events that it had is waited
    /// for or told of again. Records are not told one by one.
    Cleared {
        /// Which repository.
        repository: RepositoryName,
    },
    /// A repository is current: everything that was in the log when it was asked for is applied.
    CaughtUp {
        /// Which repository.
        repository: RepositoryName,
    },
    /// At this moment every repository is current, and everything that was written is acked or was refused for good: the
    /// end of a round, which a client outside real time closes its connection at, or the answer to
    /// [`ClientInput::SyncNow`](super::ClientInput::SyncNow).
    Synced,
    /// A round cannot go on: the credentials were refused, or the client was stopped. Other credentials continue it.
    SyncFailed {
        /// Why, in one sentence.
        message: String,
    },
    /// The server's history is another one: the repository is folded again from 0, and own events that the server
    /// lost are pushed again. Told once, or again where the client was killed before that had begun.
    HistoryChanged {
        /// Which repository.
        repository: RepositoryName,
    },
    /// The server wants other credentials: they were refused, or have expired on a live connection. The client waits
    /// for [`ClientInput::Credentials`](super::ClientInput::Credentials).
    CredentialsNeeded {
        /// The server's sentence.
        message: String,
    },
    /// The server said something that concerns no event, or storage failed; the client goes on by itself.
    Trouble {
        /// One sentence.
        message: String,
    },
}

/// Whose doing a change is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Origin {
    /// This application's own write.
    Local,
    /// The stream.
    Remote,
}

/// Where the connection stands.
///
/// ```text
///            ┌──────────────── failure, close, silence ────────────────┐
///            ▼                                                         │
///  Offline ──delay──▶ Connecting ──open──▶ Authenticating ──success──▶ CatchingUp ──head──▶ Live
///                                               │  ▲                        ▲                │
///                                            refused │ other credentials      └── behind again ┘
///                                               ▼  │
///                                        AuthenticationFailed
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ConnectionState {
    /// Not connected; the next attempt is due after `retry_in`: again after a failure, or for the next periodic round.
    /// `None` if none is planned: the client is stopped, has no network, or waits to be told to connect.
    Offline {
        /// The delay, from when this is told.
        retry_in: Option<Duration>,
    },
    /// Opening a connection.
    Connecting,
    /// Connected; `auth` is not answered yet.
    Authenticating,
    /// Authenticated; not every repository is current.
    CatchingUp,
    /// Every repository is current.
    Live,
    /// The credentials were refused; waits for others.
    AuthenticationFailed {
        /// The server's sentence.
        message: String,
    },
}

impl ConnectionState {
    /// The plain view: connected means authenticated.
    pub const fn is_connected(&self) -> bool {
        matches!(self, Self::CatchingUp | Self::Live)
    }
}

/// Why a write was not made.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum WriteError {
    /// The repository is not one of the client's.
    #[error("the repository `{0}` is not registered with this client")]
    UnknownRepository(RepositoryName),
    /// The event would be over [`crate::client::ClientLimits::event_bytes`].
    #[error("the event is larger than {0} bytes")]
    TooLarge(usize),
    /// The event would be nested deeper than a frame that carries it may be.
    #[error("the event is nested deeper than {0} levels")]
    TooDeep(usize),
    /// The write dismisses an event that is not one of this client's, or that is not rejected (any more).
    #[error("the event `{0}` is not a rejected event of this client")]
    NotRejected(EventId),
    /// More writes wait for storage than [`crate::client::ClientLimits::writes`].
    #[error("too many writes wait for local storage; try again")]
    Busy,
    /// The client was stopped.
    #[error("the client is stopped")]
    Stopped,
    /// Storage failed; nothing was written.
    #[error(transparent)]
    Storage(#[from] StorageFailure),
}

/// Why the outbox does not move.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Blocked {
    /// There is no connection.
    #[error("not connected to the server")]
    Offline,
    /// The credentials were refused.
    #[error("the server refused the credentials: {0}")]
    Credentials(String),
    /// The client is not current yet; the outbox follows.
    #[error("catching up with the server first")]
    CatchingUp,
    /// The server refuses for now; the client tries again.
    #[error("the server refuses for now: {0}")]
    Refused(String),
    /// Local storage fails; the client tries again.
    #[error("local storage fails: {0}")]
    Storage(String),
}
