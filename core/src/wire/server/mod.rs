//! Messages from a server to a client (PROTOCOL.md section 5).

mod decode;
mod encode;

pub use encode::{encode_ack, encode_events};

use super::{Epoch, ErrorCode};
use crate::event::{EventId, Json, Sequence};
use alloc::string::String;
use alloc::vec::Vec;
use bytestring::ByteString;

/// A server's message with the `ref` of the request that it answers.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerReply {
    /// The `ref`, any JSON value.
    pub reference: Option<Json>,
    /// The message.
    pub message: ServerMessage,
}

/// A message from a server. Repository names are as they came: a client looks them up among its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ServerMessage {
    /// The credentials are accepted.
    AuthSuccess(AuthSuccess),
    /// Asks for a `pong`.
    Ping,
    /// Answers a `ping`.
    Pong,
    /// Events of one repository.
    Events(Events),
    /// Events that are durable.
    Ack(Ack),
    /// A request is answered, or a stream has reached the head.
    SyncComplete(SyncComplete),
    /// The log is not the one that the client's cursor belongs to (extended).
    HistoryChanged {
        /// Which repository.
        repository: ByteString,
        /// The epoch of the store now.
        epoch: Epoch,
    },
    /// A request failed.
    Error(ServerError),
}

/// The fields of `auth_success`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AuthSuccess {
    /// What an extended peer is told; `None` from a plain server.
    pub extended: Option<Extended>,
}

/// The fields of `auth_success` that only extended peers exchange.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Extended {
    /// The epoch of the store.
    pub epoch: Epoch,
    /// Names the read rights; a client that sees another one reads again from 0.
    pub scope: String,
    /// The server's wall clock, ISO 8601; informational.
    pub server_time: String,
    /// How often the server sends a `ping`, in milliseconds.
    pub heartbeat_ms: u64,
    /// What the server accepts.
    pub limits: Limits,
}

/// What a server accepts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Largest frame, in bytes.
    pub frame_bytes: u64,
    /// Largest event, in bytes.
    pub event_bytes: u64,
    /// Most events in a batch.
    pub batch_events: u64,
}

/// The fields of `events`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Events {
    /// Which repository.
    pub repository: ByteString,
    /// The events, ascending.
    pub events: Vec<Json>,
    /// The `lastSequence` of the stream's frame before (extended).
    pub after: Option<Sequence>,
    /// The frame holds all that the peer may see up to here (extended).
    pub last: Option<Sequence>,
}

/// The fields of `ack`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ack {
    /// Every acked event's id. Entries that are not strings (a published server acks an event without an id as
    /// `[null]`) are left out.
    pub event_ids: Vec<EventId>,
    /// The ids by repository.
    pub repositories: Vec<(ByteString, Vec<EventId>)>,
    /// The sequences by repository; absent from a plain server.
    pub sequences: Vec<(ByteString, Vec<(EventId, Sequence)>)>,
}

/// The fields of `sync_complete`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct SyncComplete {
    /// Which repository; absent where all were asked for.
    pub repository: Option<ByteString>,
    /// The sequence up to which the request was answered.
    pub last: Option<Sequence>,
    /// Whether a `limit` cut the answer.
    pub has_more: bool,
}

/// The fields of `error`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ServerError {
    /// One plain sentence.
    pub message: String,
    /// What went wrong; `None` from a plain server, or for a code that this version does not know.
    pub code: Option<ErrorCode>,
    /// Whether the same request may succeed later; `None` from a plain server.
    pub retryable: Option<bool>,
    /// Which repository it concerns.
    pub repository: Option<ByteString>,
    /// Which events it concerns.
    pub event_ids: Vec<EventId>,
    /// Their places in the batch.
    pub indexes: Vec<u64>,
}

/// What every server of the protocol accepts at least (PROTOCOL.md section 1).
impl Default for Limits {
    fn default() -> Self {
        Self {
            frame_bytes: 16 << 20,
            event_bytes: 15 << 20,
            batch_events: 10_000,
        }
    }
}
