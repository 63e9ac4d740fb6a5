//! What sessions and the hub say to each other.

use super::Rights;
use crate::event::{EventId, Json, NewEvent, Sequence, Timestamp};
use crate::name::{LogName, Namespace, RepositoryName};
use crate::wire::{CloseCode, Epoch, ErrorCode, Position};
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytestring::ByteString;

/// Names a connection within a process; never used again. Minted by the host.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// Names a push of a connection until it is answered; minted by the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PushId(pub u64);

/// Which kind of peer a connection has.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Peer {
    /// Negotiated version 1: streams what it subscribes.
    Extended,
    /// Every other: streams every readable repository.
    Plain,
}

/// What a session asks of the hub.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HubRequest {
    /// The connection is authenticated. Before it, and after `Detach`, everything else but `Push` is ignored.
    /// Again on the same connection: new rights; streams that they do not cover end, and [`HubReply::ReadDone`] tells
    /// when.
    Attach {
        /// The connection's namespace.
        namespace: Namespace,
        /// Which kind of peer.
        peer: Peer,
        /// What it may do.
        rights: Arc<Rights>,
    },
    /// The connection's subject has changed: its streams, requests and holds end. What the hub gave before
    /// [`HubReply::Reset`], its answer, was for the old subject; the bytes of those frames are still credited.
    /// Until the next `Attach` everything but `Push` and `Flushed` is ignored.
    Reset,
    /// The connection is gone: all its state but pushes under way ends.
    Detach,
    /// Events to append, validated and allowed. Answered by [`HubReply::Pushed`].
    Push {
        /// Names the push in the answer.
        push: PushId,
        /// Where to.
        log: LogName,
        /// The events, in sending order; not empty.
        events: Vec<NewEvent>,
    },
    /// The session refused this event in a way that the client will retry: nothing more is stored from this
    /// connection in this log until the event comes again (PROTOCOL.md section 4, Pushing).
    Hold {
        /// Which log.
        log: LogName,
        /// The refused event.
        event: EventId,
    },
    /// The session refused these events for good: no hold waits for one of them any more.
    Release {
        /// Which log.
        log: LogName,
        /// The refused events.
        events: Vec<EventId>,
    },
    /// A read request.
    Read(Read),
    /// Starts or moves streams (extended).
    Subscribe(Subscription),
    /// Ends streams (extended).
    Unsubscribe {
        /// Which repositories.
        repositories: Vec<RepositoryName>,
    },
    /// The socket has taken this many bytes of the frames that the hub gave.
    Flushed {
        /// Bytes of payload.
        bytes: usize,
    },
}

/// A `request_events` or `request_all_events`, its repository already checked against the rights.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Read {
    /// The `ref` for every reply.
    pub reference: Option<Json>,
    /// What is asked for.
    pub kind: RequestKind,
    /// The oldest that many only, for each repository.
    pub limit: Option<u64>,
}

/// What a read request asks for.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum RequestKind {
    /// `request_events`; the `sync_complete` names the repository.
    One {
        /// Which repository.
        repository: RepositoryName,
        /// Behind this position.
        after: Sequence,
        /// `createdAt` at or after this, or unreadable.
        since: Option<Timestamp>,
    },
    /// `request_all_events` without a repository; one `sync_complete`, which names none.
    All,
}

/// A `subscribe`, its repositories already checked against the rights.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subscription {
    /// The `ref` for every direct reply.
    pub reference: Option<Json>,
    /// The epoch of the client's cursors.
    pub epoch: Option<Epoch>,
    /// Where each stream starts.
    pub repositories: Vec<(RepositoryName, Position)>,
}

/// What the hub tells a session.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HubReply {
    /// An encoded frame for the peer; its bytes come back as [`HubRequest::Flushed`].
    Frame(ByteString),
    /// A push is done.
    Pushed {
        /// Which push.
        push: PushId,
        /// One for each of its events, in order.
        results: Vec<PushResult>,
    },
    /// A read request is answered (its last frame, or why there is none, went before this), a `subscribe` or an
    /// `unsubscribe` is carried out, or the connection has its new rights.
    ReadDone,
    /// A read request or a part of a `subscribe` has failed.
    Failed(Failure),
    /// A [`HubRequest::Reset`] is done.
    Reset,
    /// The connection asks for more than the hub keeps for one: close it.
    Close {
        /// The status code.
        code: CloseCode,
        /// One short sentence.
        reason: &'static str,
    },
}

/// Why a read request or a part of a `subscribe` has failed; becomes an `error`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Failure {
    /// The `ref` of the request.
    pub reference: Option<Json>,
    /// Which repository, if it is one.
    pub repository: Option<RepositoryName>,
    /// What went wrong.
    pub code: ErrorCode,
    /// One plain sentence.
    pub message: &'static str,
}

/// What became of one event of a push.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PushResult {
    /// The event.
    pub id: EventId,
    /// Its sequence, durable; or why it was not stored.
    pub outcome: Result<Sequence, Refusal>,
}

/// Why the hub did not store an event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Refusal {
    /// The id is taken by an event with another body, at this place.
    Conflict(Sequence),
    /// The client must send it again later; the code is retryable.
    Retry(ErrorCode),
}
