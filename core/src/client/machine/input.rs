//! What can happen to a client.

use crate::client::{ClientCredentials, Received, StorageFailure, StorageId, StorageReply};
use crate::event::{EventId, Json, RecordId, Sequence, Timestamp};
use crate::name::RepositoryName;
use crate::wire::CloseCode;
use alloc::string::String;
use alloc::vec::Vec;
use bytestring::ByteString;

/// Names a connection attempt and the socket that comes of it; never used again. Minted by the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SocketId(pub u64);

/// Names a request of the application until it is answered; minted by the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RequestId(pub u64);

/// Names a filter that the application is asked for until it is built; minted by the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FilterId(pub u64);

/// How a repository is caught up with: where this client's history of it begins, and what the application tells the
/// server besides.
///
/// From the beginning on everything is read, in order; what lies before is never seen, own events among it. Where both
/// `after` and `since` are given both hold; without any it is the first event. They count where the repository would be
/// read from 0, and nowhere else.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct SyncFilter {
    /// Behind this sequence. One beyond the server's last event is not a place: an extended server says so, and the
    /// repository is read from its first event.
    pub after: Option<Sequence>,
    /// With the first event that was made at or after this moment, by its author's clock, or that does not say when; at
    /// the end if there is none. A plain server is not asked for this: it would have to be trusted to know `since`.
    pub since: Option<Timestamp>,
    /// Fields of the application's own, which go to the server with every request for this repository on this
    /// connection, beside the protocol's. Servers ignore fields that they do not know, as ours does all of them; one that
    /// knows these may leave events out of the stream by them, which this client then never sees.
    pub fields: Vec<(String, Json)>,
}

/// What can happen to a [`Client`](crate::client::Client).
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ClientInput {
    /// Opens storage, then connects. The first input of a client.
    Start {
        /// This machine's wall clock.
        wall: Timestamp,
    },
    /// Closes the connection and asks for nothing more. The outbox stays in storage.
    Stop,
    /// A [`ClientAction::Connect`](crate::client::ClientAction::Connect) has succeeded: the WebSocket is open.
    Connected {
        /// Which attempt.
        socket: SocketId,
    },
    /// A [`ClientAction::Connect`](crate::client::ClientAction::Connect) has failed, or an open connection is gone.
    Disconnected {
        /// Which one.
        socket: SocketId,
        /// The close code, where the server sent one.
        code: Option<CloseCode>,
        /// What happened, in one sentence.
        reason: String,
    },
    /// A text frame came.
    Frame {
        /// On which socket.
        socket: SocketId,
        /// Its payload.
        frame: ByteString,
    },
    /// Bytes came that are not a text frame: the server is alive.
    Alive {
        /// On which socket.
        socket: SocketId,
    },
    /// The socket has taken this many bytes of payload since the last report.
    Flushed {
        /// Which socket.
        socket: SocketId,
        /// Bytes of payload.
        bytes: usize,
    },
    /// A [`ClientAction::Storage`](crate::client::ClientAction::Storage) is done.
    Stored {
        /// Which request.
        storage: StorageId,
        /// The answer.
        result: Result<StorageReply, StorageFailure>,
    },
    /// The application changes records, all of them in one transaction or none.
    Write(Write),
    /// Other credentials: shown at once on a live connection, and tried at once after a refusal.
    Credentials(ClientCredentials),
    /// Folds a repository again from 0.
    Resync {
        /// Which repository.
        repository: RepositoryName,
    },
    /// Forgets a repository: its records, its own events wherever they stand, and its cursor, in one transaction behind
    /// the writes that came before and ahead of those that come after. Events that were not acked are lost, unless the
    /// server has stored them by then. Then the repository is read again from 0, as that of a new client. A failure of
    /// storage is tried again, and later writes wait for it. Answered by
    /// [`Notice::Cleared`](crate::client::Notice::Cleared), unless the client is stopped first. Nothing for a repository
    /// that is not registered.
    Clear {
        /// Which repository.
        repository: RepositoryName,
    },
    /// Connects now, skipping a delay, unless the network is gone, and reads and pushes everything. Answered by the next
    /// [`Notice::Synced`](crate::client::Notice::Synced) or
    /// [`Notice::SyncFailed`](crate::client::Notice::SyncFailed), which answer every `SyncNow` before them. Without
    /// a network it waits for one.
    SyncNow,
    /// The network has come (or is there, and another attempt promises more than the last) or has gone. Without one the
    /// connection is closed and no attempt is made. In real time a client connects now that there is one; otherwise what
    /// its [`Strategy`](crate::client::Strategy) says. Until this is told, there is one.
    Connectivity(bool),
    /// The answer to [`ClientAction::BuildFilter`](crate::client::ClientAction::BuildFilter). One that comes late, or
    /// twice, counts as [ignored](crate::client::Client::ignored).
    FilterBuilt {
        /// Which filter.
        filter: FilterId,
        /// Where the repository begins; `None`: with its first event.
        result: Option<SyncFilter>,
    },
    /// Time has passed.
    Tick,
    /// As `Frame`, and the host has read the frame already.
    Received {
        /// On which socket.
        socket: SocketId,
        /// The frame.
        frame: Received,
    },
}

/// Changes that the application makes together.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Write {
    /// Names it in [`Notice::Written`](crate::client::Notice::Written).
    pub request: RequestId,
    /// This machine's wall clock, for `createdAt`.
    pub wall: Timestamp,
    /// The changes, in order.
    pub changes: Vec<Change>,
    /// Rejected own events that this write dismisses: they are forgotten in the transaction that makes the changes, or
    /// with [`WriteError::NotRejected`](crate::client::WriteError::NotRejected) nothing happens. A write that makes the
    /// change once more, or another one, retries an event; a write without changes drops it.
    pub dismiss: Vec<(RepositoryName, EventId)>,
}

/// One change of a [`Write`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Change {
    /// Which repository.
    pub repository: RepositoryName,
    /// Which record.
    pub record: RecordId,
    /// What happens to it.
    pub kind: ChangeKind,
}

/// What happens to a record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum ChangeKind {
    /// It is made or replaced.
    Upsert {
        /// Its data from now on.
        data: Json,
        /// Which fields are meant to change; `None`: those that differ from what the application saw, under a policy
        /// that asks for them.
        changed: Option<Vec<String>>,
    },
    /// It is deleted. A record that does not exist gets a delete event all the same.
    Delete,
}
