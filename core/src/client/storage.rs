//! What a client asks of its local storage: plain data that any storage's host can carry.
//!
//! Storage keeps, for each repository, a cursor, records and the client's own events. It decides nothing: the machine
//! computes every state, storage keeps it. A [`Transaction`] is durable and whole, or did not happen.

use crate::event::{EventId, Json, RecordId, Sequence, Timestamp};
use crate::name::RepositoryName;
use crate::wire::{Epoch, ErrorCode};
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Names a storage request until it is completed; minted by the machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StorageId(pub u64);

/// The order in which this client's application wrote its events: from 1, over all repositories, never used again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LocalSequence(pub u64);

/// One record of one repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordKey {
    /// Which repository.
    pub repository: RepositoryName,
    /// Which record.
    pub record: RecordId,
}

/// What the events folded so far make of a record.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct State {
    /// The event that decided it.
    pub event: EventId,
    /// That event's `createdAt`.
    pub created_at: Option<Timestamp>,
    /// The place in the log up to which the record is folded; `None` while an own event without one is on top.
    pub sequence: Option<Sequence>,
    /// The record's data; `None` if it is deleted.
    pub data: Option<Json>,
}

/// A record as storage keeps it: two layers, which share their state where they agree.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StoredRecord {
    /// Which record.
    pub key: RecordKey,
    /// The fold of the stream up to the cursor; `None` if no event of the record is below the cursor.
    pub confirmed: Option<Arc<State>>,
    /// What the application sees: the fold of the confirmed state and the local layer. `None` removes the record.
    pub visible: Option<Arc<State>>,
    /// Whether an event of the record's local layer is not acked yet.
    pub pending: bool,
    /// The [`Cursor::generation`] in which `confirmed` was folded; an older one does not count.
    pub generation: u64,
}

impl StoredRecord {
    /// What it counts towards a [`ByteBudget`]: the bytes of the data of both states.
    pub fn bytes(&self) -> usize {
        let states = [&self.confirmed, &self.visible].into_iter().flatten();
        states
            .filter_map(|state| state.data.as_ref())
            .map(|data| data.len())
            .sum()
    }
}

/// How many bytes an answer of storage may hold: everything counts as long as the sum is within it, and the first
/// always.
#[derive(Clone, Debug)]
pub struct ByteBudget {
    max: usize,
    /// `None` before the first.
    used: Option<usize>,
}

impl ByteBudget {
    /// A budget of which nothing is used.
    pub const fn new(max_bytes: usize) -> Self {
        Self {
            max: max_bytes,
            used: None,
        }
    }

    /// Whether the next thing, of so many bytes, belongs to the answer. The first that does not ends the answer.
    pub fn takes(&mut self, bytes: usize) -> bool {
        let used = self.used.unwrap_or(0).saturating_add(bytes);
        let fits = self.used.is_none() || used <= self.max;
        if fits {
            self.used = Some(used);
        }
        fits
    }
}

/// How far a repository is read, and of which history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Cursor {
    /// Everything up to here is applied.
    pub after: Sequence,
    /// Sequence and id of the last event applied.
    pub seen: Option<(Sequence, EventId)>,
    /// Counts how often the repository was folded from 0.
    pub generation: u64,
    /// Whether it is being folded again from 0 and the records of older generations are still there.
    pub refolding: bool,
    /// The epoch that `after` belongs to; `None` from a plain server.
    pub epoch: Option<Epoch>,
    /// The scope that `after` was read under; `None` from a plain server.
    pub scope: Option<Arc<str>>,
}

/// Where an event of this client stands.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum OwnState {
    /// In the outbox and in the local layer.
    Pending,
    /// Acked, still in the local layer: the cursor has not passed it. A plain server acks without a sequence.
    Acked(Option<Sequence>),
    /// The cursor has passed it; kept in case the server loses it. Not in the local layer.
    Settled {
        /// When, on this client's wall clock, in milliseconds since 1970.
        at_ms: i64,
    },
    /// Was settled in a history that has changed, and has not appeared in the new one yet. Not in the local layer.
    Doubted,
    /// Refused for good. Not in the local layer; kept for the application.
    Rejected {
        /// The server's code, if it gave one.
        code: Option<ErrorCode>,
        /// The server's sentence.
        message: String,
    },
}

/// An event that this client made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct OwnEvent {
    /// Its place among this client's events.
    pub local: LocalSequence,
    /// Its record.
    pub key: RecordKey,
    /// Its id.
    pub id: EventId,
    /// The event as it is sent.
    pub body: Json,
    /// Where it stands.
    pub state: OwnState,
}

/// What the machine asks of storage. Each is answered by the [`StorageReply`] of the same name.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StorageRequest {
    /// What is there?
    Open {
        /// The repositories that the client keeps.
        repositories: Vec<RepositoryName>,
    },
    /// Records, and own events by id.
    ///
    /// Storage goes through the records in the order in which they are asked for, as long as the bytes of what it
    /// answers are within `max_bytes`, and answers for the first always. Then through the own events, in the same way
    /// and with as many bytes again. The reply tells how far it came. A record that is not there has no bytes.
    Load {
        /// These records with their local layers.
        records: Vec<RecordKey>,
        /// Those of these events that are this client's own, in any state.
        own: Vec<(RepositoryName, EventId)>,
        /// At most this many bytes of [`StoredRecord::bytes`] and of the bodies of the layers, and as many of the bodies
        /// of `own`; see [`ByteBudget`].
        max_bytes: usize,
    },
    /// The oldest pending events of a repository.
    Outbox {
        /// Which repository.
        repository: RepositoryName,
        /// Only events written after this one.
        after: LocalSequence,
        /// At most this many events.
        max_events: usize,
        /// At most this many bytes of bodies, unless the first alone is larger.
        max_bytes: usize,
    },
    /// Own events that are [`OwnState::Acked`] or [`OwnState::Doubted`], in local order.
    Unsettled {
        /// Which repository.
        repository: RepositoryName,
        /// Only events written after this one.
        after: LocalSequence,
        /// At most this many events.
        max_events: usize,
        /// At most this many bytes of bodies, unless the first alone is larger.
        max_bytes: usize,
    },
    /// The ids of records of an older generation, in order.
    Stale {
        /// Which repository.
        repository: RepositoryName,
        /// The generation of now.
        generation: u64,
        /// Only records behind this one.
        after: Option<RecordId>,
        /// At most this many.
        max_records: usize,
    },
    /// Makes changes durable.
    Commit(Transaction),
}

/// Changes that become durable together, applied in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Transaction {
    /// The changes.
    pub changes: Vec<StorageChange>,
}

/// One change of a [`Transaction`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StorageChange {
    /// Writes a record; removes it where `confirmed` and `visible` are both `None`.
    Record(StoredRecord),
    /// Adds an own event.
    AddOwn(OwnEvent),
    /// Changes where an own event stands; nothing if it is not there.
    SetOwn {
        /// Which repository.
        repository: RepositoryName,
        /// Which event.
        event: EventId,
        /// Where it stands now.
        state: OwnState,
    },
    /// Writes a cursor.
    Cursor {
        /// Which repository.
        repository: RepositoryName,
        /// Its cursor.
        cursor: Cursor,
    },
    /// Every [`OwnState::Settled`] event of a repository becomes [`OwnState::Doubted`].
    DoubtSettled {
        /// Which repository.
        repository: RepositoryName,
    },
    /// Forgets settled events of a repository: those settled before a moment, and the oldest beyond a number.
    PruneSettled {
        /// Which repository.
        repository: RepositoryName,
        /// Those settled before this, in milliseconds since 1970.
        before_ms: i64,
        /// The oldest, so that at most this many stay.
        keep: usize,
    },
    /// Forgets an own event, wherever it stands; nothing if it is not there. Its place and its id are never given again.
    DropOwn {
        /// Which repository.
        repository: RepositoryName,
        /// Which event.
        event: EventId,
    },
    /// Forgets a repository: its records, its own events wherever they stand, and its cursor, which is the default one
    /// again. [`Opened::last_local`] stays.
    Clear {
        /// Which repository.
        repository: RepositoryName,
    },
}

/// The answer to a [`StorageRequest`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum StorageReply {
    /// To [`StorageRequest::Open`].
    Opened(Opened),
    /// To [`StorageRequest::Load`].
    Loaded {
        /// Those of the records that exist, in the order in which they were asked for.
        records: Vec<StoredRecord>,
        /// The local layers of all those records (pending and acked events), in local order.
        layers: Vec<OwnEvent>,
        /// The own events asked for by id, whatever their state.
        own: Vec<OwnEvent>,
        /// For how many of the records asked for this is the answer, from the first on.
        answered_records: usize,
        /// For how many of the own events asked for this is the answer, from the first on.
        answered_own: usize,
    },
    /// To [`StorageRequest::Outbox`].
    Outbox(Vec<OwnEvent>),
    /// To [`StorageRequest::Unsettled`].
    Unsettled(Vec<OwnEvent>),
    /// To [`StorageRequest::Stale`].
    Stale(Vec<RecordId>),
    /// To [`StorageRequest::Commit`].
    Committed,
}

/// What a storage holds when it is opened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Opened {
    /// One for each repository asked for, in that order; a new one has the default cursor.
    pub repositories: Vec<RepositoryRow>,
    /// The highest local sequence ever given; zero in a new storage.
    pub last_local: LocalSequence,
}

/// What storage knows of a repository.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct RepositoryRow {
    /// Which repository.
    pub name: RepositoryName,
    /// How far it is read.
    pub cursor: Cursor,
    /// How many of its own events are pending.
    pub pending: u64,
}

/// Why storage did not do what it was asked; nothing was changed.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("local storage failed: {detail}")]
pub struct StorageFailure {
    /// What the storage said.
    pub detail: String,
}
