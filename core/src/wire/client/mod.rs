//! Messages from a client to a server (PROTOCOL.md section 4).

mod decode;
mod encode;

pub use decode::{MAX_AUTH_FIELDS, MAX_REF_BYTES, MAX_REPOSITORIES};

use super::{Epoch, ErrorCode};
use crate::event::{EventId, Json, Sequence, Timestamp};
use crate::name::RepositoryName;
use alloc::string::String;
use alloc::vec::Vec;
use bytestring::ByteString;

/// A client's message with the `ref` that comes back on every reply to it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientRequest {
    /// The `ref`, any JSON value.
    pub reference: Option<Json>,
    /// The message.
    pub message: ClientMessage,
}

/// A message from a client. Repository names are as they came where a reply has to name the events that a bad name
/// rejects; events are slices of the frame, not yet looked into.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ClientMessage {
    /// Credentials, and the version that the client speaks.
    Auth(Auth),
    /// Asks for a `pong`.
    Ping,
    /// Answers a `ping`.
    Pong,
    /// One event for a repository.
    PushEvent {
        /// Which repository, unchecked.
        repository: ByteString,
        /// The event.
        event: Json,
    },
    /// Several events for a repository.
    PushEventsBatch {
        /// Which repository, unchecked.
        repository: ByteString,
        /// The events, in the client's order.
        events: Vec<Json>,
    },
    /// Asks for events of one repository.
    RequestEvents(RequestEvents),
    /// Asks for events of every readable repository, or of one.
    RequestAllEvents {
        /// The one repository.
        repository: Option<RepositoryName>,
        /// The oldest that many only, for each repository.
        limit: Option<u64>,
    },
    /// Confirms events; informational.
    EventsReceived {
        /// Which repository.
        repository: RepositoryName,
        /// How many.
        count: u64,
    },
    /// Starts or moves streams (extended).
    Subscribe(Subscribe),
    /// Ends streams (extended).
    Unsubscribe {
        /// Which repositories.
        repositories: Vec<RepositoryName>,
    },
}

/// The fields of `auth`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Auth {
    /// The `token`.
    pub token: Option<String>,
    /// The protocol version that the client asks for; absent or not an integer: a plain client.
    pub protocol: Option<u64>,
    /// `client: {id, name, version}`, informational, as text.
    pub client: Option<Json>,
    /// Every other field: the custom headers that the published client spreads into the message.
    pub fields: Vec<(String, Json)>,
}

/// The fields of `request_events`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestEvents {
    /// Which repository.
    pub repository: RepositoryName,
    /// Only events behind this position.
    pub after: Option<Sequence>,
    /// Only events whose own `createdAt` is at or after this moment or is not readable.
    pub since: Option<Timestamp>,
    /// The oldest that many only.
    pub limit: Option<u64>,
    /// Fields of the application's own, for servers that know them. Not read by ours.
    pub fields: Vec<(String, Json)>,
}

/// The fields of `subscribe`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Subscribe {
    /// The epoch that the client's cursors belong to; absent from a client that has none.
    pub epoch: Option<Epoch>,
    /// Where each repository's stream starts.
    pub repositories: Vec<(RepositoryName, Position)>,
}

/// Where a client stands in a repository's log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Position {
    /// The cursor: everything up to here is applied.
    pub after: Sequence,
    /// Sequence and id of the last event applied.
    pub seen: Option<(Sequence, EventId)>,
    /// Fields of the application's own, for servers that know them. Not read by ours.
    pub fields: Vec<(String, Json)>,
}

/// Why a frame is not a message; becomes an `error` reply.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{code}: {message}")]
pub struct DecodeError {
    /// The code of the reply: [`ErrorCode::BadMessage`], [`ErrorCode::UnknownType`] or [`ErrorCode::InvalidRepository`].
    pub code: ErrorCode,
    /// One plain sentence that says what is wrong and with which field.
    pub message: String,
    /// The `ref` of the frame, where it could be read.
    pub reference: Option<Json>,
}
