//! What can happen to a client.

use crate::client::{ClientCredentials, Received, StorageFailure, StorageId, StorageReply};
use crate::event::{Json, RecordId, Timestamp};
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
    /// The network is there again: a waiting reconnect happens now.
    ConnectNow,
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
