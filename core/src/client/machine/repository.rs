//! What the client holds of one repository: cursor, stream position and outbox lane, never its data.

use super::beginning::Beginning;
use super::lane::Lane;
use super::plain::Plain;
use super::refold::Sweep;
use crate::client::{Cursor, LocalSequence, Policy, RepositoryConfig};
use crate::event::{Json, Sequence};
use crate::name::RepositoryName;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

/// One repository of a client.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Repository {
    pub(super) name: RepositoryName,
    pub(super) policy: Arc<dyn Policy>,
    /// Whether the application says where it begins.
    pub(super) filtered: bool,
    pub(super) beginning: Beginning,
    /// What the application tells the server with every request, on this connection.
    pub(super) fields: Vec<(String, Json)>,
    /// The durable cursor.
    pub(super) cursor: Cursor,
    /// How many own events are pending in storage.
    pub(super) pending: u64,
    pub(super) stream: Stream,
    /// What reading from a plain server needs beside the stream's position.
    pub(super) plain: Plain,
    pub(super) lane: Lane,
    /// The repository has to be folded again from 0.
    pub(super) restart: Option<Restart>,
    /// Whether the application was told of the history because of which it has to.
    pub(super) told_history: bool,
    /// What is being looked through in storage.
    pub(super) sweep: Option<Sweep>,
    pub(super) acked: Acked,
    /// The cursor has to take over epoch and scope of the server.
    pub(super) adopt: bool,
    /// Events settled since old ones were last pruned; `None`: never pruned.
    pub(super) unpruned: Option<usize>,
    /// Whether the application was told that the repository is current.
    pub(super) told_current: bool,
}

/// What is known of own events that are acked and not settled. They stand in storage alone.
#[derive(Clone, Debug)]
pub(super) struct Acked {
    /// Whether storage may hold some that are not counted: from before it was opened, or doubted ones.
    pub(super) unknown: bool,
    /// How many there are, if none is unknown.
    pub(super) count: u64,
    /// How many of them were acked without a sequence.
    pub(super) unplaced: u64,
    /// The highest sequence that one was acked with.
    pub(super) highest: Sequence,
    /// Whether one was acked since the last sweep began.
    pub(super) since_sweep: bool,
}

impl Default for Acked {
    fn default() -> Self {
        Self {
            unknown: true,
            count: 0,
            unplaced: 0,
            highest: Sequence::ZERO,
            since_sweep: false,
        }
    }
}

impl Acked {
    /// Whether there may be one.
    pub(super) fn possible(&self) -> bool {
        self.unknown || self.count > 0
    }

    /// Whether there may be one whose place is at or below `cursor` and that has not appeared there.
    pub(super) fn is_passed(&self, cursor: Sequence) -> bool {
        (self.unknown || self.count > self.unplaced) && self.highest <= cursor
    }

    /// One was acked.
    pub(super) fn add(&mut self, sequence: Option<Sequence>) {
        self.count += 1;
        self.unplaced += u64::from(sequence.is_none());
        self.highest = self.highest.max(sequence.unwrap_or_default());
        self.since_sweep = true;
    }

    /// One is acked no longer.
    pub(super) fn remove(&mut self, sequence: Option<Sequence>) {
        self.count = self.count.saturating_sub(1);
        self.unplaced = self.unplaced.saturating_sub(u64::from(sequence.is_none()));
    }

    /// A sweep has gone through all of storage and kept that many.
    pub(super) fn swept(&mut self, kept: u64) {
        self.unplaced = 0;
        self.unknown = kept > 0 || self.since_sweep;
        if !self.unknown {
            self.count = 0;
        }
    }
}

/// Where the reading of a repository stands on this connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Stream {
    pub(super) reading: Reading,
    /// Everything up to here has been received.
    pub(super) position: Sequence,
    /// The `ref` of the subscription; zero before the first on this connection.
    pub(super) reference: u64,
    /// The stream was moved on a live connection: frames of the old position may still come.
    pub(super) moving: bool,
    /// The stream was moved on this connection: frames may overlap.
    pub(super) overlaps: bool,
}

/// The phases of a [`Stream`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Reading {
    /// There is no authenticated connection, or it waits for a retry.
    #[default]
    Idle,
    /// Where it begins is not known yet.
    Beginning,
    /// It has to be asked for.
    Wanted,
    /// It was asked for and has not reached the head.
    Catching,
    /// It has reached the head.
    Current,
    /// The server refuses it; nothing more will come.
    Refused,
}

/// Why a repository is folded again from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Restart {
    /// The server's history is another one.
    History,
    /// The read rights have changed, or the application asked.
    Asked,
}

impl Repository {
    fn new(config: RepositoryConfig) -> Self {
        Self {
            name: config.name,
            policy: config.policy,
            filtered: config.filtered,
            beginning: Beginning::default(),
            fields: Vec::new(),
            cursor: Cursor::default(),
            pending: 0,
            stream: Stream::default(),
            plain: Plain::default(),
            lane: Lane::default(),
            restart: None,
            told_history: false,
            sweep: None,
            acked: Acked::default(),
            adopt: false,
            unpruned: None,
            told_current: false,
        }
    }

    /// Whether everything that was in the log when it was asked for is applied, or nothing can be read.
    pub(super) fn is_current(&self) -> bool {
        match self.stream.reading {
            Reading::Refused => true,
            Reading::Current => self.restart.is_none() && !self.cursor.refolding,
            Reading::Idle | Reading::Beginning | Reading::Wanted | Reading::Catching => false,
        }
    }

    /// Whether it is current, and everything that was written is acked or refused for good.
    pub(super) fn is_synced(&self) -> bool {
        self.is_current() && self.pending == 0 && self.sweep.is_none() && !self.adopt
    }

    /// Whether an event of the stream can concern an own event that is not settled.
    pub(super) fn may_have_own(&self) -> bool {
        self.pending > 0 || self.acked.possible() || self.cursor.refolding
    }

    /// Starts to look for acked events that the cursor has passed.
    pub(super) fn sweep_acked(&mut self) {
        self.acked.since_sweep = false;
        self.sweep = Some(Sweep::Acked(LocalSequence::default(), 0));
    }

    /// Starts to look for acked events that the stream has not shown, now that it has reached the head.
    pub(super) fn sweep_at_head(&mut self) {
        self.sweep_acked();
        if self.cursor.epoch.is_some() {
            self.sweep = Some(Sweep::Unseen(LocalSequence::default()));
        }
    }

    /// Storage holds nothing of it any more.
    pub(super) fn clear(&mut self, online: bool) {
        self.cursor = Cursor::default();
        self.beginning = Beginning::default();
        self.pending = 0;
        self.stream.reading = if online { Reading::Wanted } else { Reading::Idle };
        self.plain = Plain::default();
        self.lane.give_up();
        self.restart = None;
        self.told_history = false;
        self.sweep = None;
        self.acked = Acked {
            unknown: false,
            ..Acked::default()
        };
        self.unpruned = None;
        self.told_current = false;
    }

    /// Forgets everything that belongs to a connection.
    pub(super) fn disconnect(&mut self) {
        self.stream = Stream::default();
        self.beginning = Beginning::default();
        self.plain = Plain::default();
        self.lane.reset();
        self.told_current = false;
    }
}

/// The repositories of a client, by name; of two with one name the later counts.
pub(super) fn repositories(configs: Vec<RepositoryConfig>) -> Vec<Repository> {
    let mut repositories: Vec<Repository> = Vec::with_capacity(configs.len());
    for config in configs {
        match find(&repositories, &config.name) {
            Ok(index) => repositories[index] = Repository::new(config),
            Err(index) => repositories.insert(index, Repository::new(config)),
        }
    }
    repositories
}

/// Where the repository with this name is, or would be.
pub(super) fn find(repositories: &[Repository], name: &str) -> Result<usize, usize> {
    repositories.binary_search_by(|repository| (*repository.name).cmp(name))
}
