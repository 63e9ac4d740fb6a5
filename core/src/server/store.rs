//! What the hub asks of a store and what a store answers: plain data that any store's host can carry.

use crate::event::{EventBatch, NewEvent, Sequence};
use crate::name::LogName;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// Names an append until it is completed; minted by the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AppendId(pub u64);

/// Names a read until it is completed; minted by the hub.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ReadId(pub u64);

/// Events for one commit: all are stored or none. Runs of one log keep their order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Append {
    /// In arrival order; a log may occur in several runs.
    pub runs: Vec<AppendRun>,
}

/// Consecutive events of one push.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AppendRun {
    /// The log to append to; made if it does not exist.
    pub log: LogName,
    /// The events, in order. An id may occur twice, here or in another run: the second is a duplicate of the first.
    pub events: Vec<NewEvent>,
}

/// A durable commit: an outcome for every event of every run, in the same order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Appended {
    /// As many as the [`Append`] had events.
    pub outcomes: Vec<AppendOutcome>,
}

/// What became of one event in a durable commit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AppendOutcome {
    /// Stored now, at this place.
    Stored(Sequence),
    /// It was there already, with the same body, at this place.
    Duplicate(Sequence),
    /// Its id was there already, with another body, at this place. Nothing was changed.
    Conflict(Sequence),
}

impl AppendOutcome {
    /// The place of the event that has the id.
    pub const fn sequence(self) -> Sequence {
        match self {
            Self::Stored(sequence) | Self::Duplicate(sequence) | Self::Conflict(sequence) => sequence,
        }
    }
}

/// Newly stored events of one log, whoever stored them: this process or another on the same store.
///
/// A store reports the commits of a log in sequence order. A report that never comes costs time, not events: the next
/// one, or a reader's next page, closes the gap.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Committed {
    /// The log.
    pub log: LogName,
    /// The events, not empty.
    pub events: Arc<EventBatch>,
}

/// A read of one page of a log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct PageRequest {
    /// The log; one that does not exist is empty.
    pub log: LogName,
    /// Only events behind this position.
    pub after: Sequence,
    /// At most this many events.
    pub max_events: usize,
    /// At most this many bytes of encoded events, the commas between them included, unless the first alone is larger.
    pub max_bytes: usize,
}

/// A page of a log.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Page {
    /// The events from `after + 1` on, without a gap; empty only if there are none behind `after` or none were asked
    /// for.
    pub events: EventBatch,
    /// The sequence of the log's last event at the time of the read; zero for an empty log.
    pub head: Sequence,
}

/// Why a store did not do what it was asked. Nothing was stored, or (where the outcome of a commit is unknown) a
/// repeat will find it as a duplicate.
#[derive(Clone, Debug, PartialEq, Eq, Hash, thiserror::Error)]
#[error("the store is unavailable: {detail}")]
pub struct StoreFailure {
    /// For logs, never for peers.
    pub detail: String,
}
