//! What the hub keeps of a connection.

use super::holds::Holds;
use super::request::Request;
use super::{HubAction, ServerLimits};
use crate::event::Sequence;
use crate::machine::{Actions, Instant};
use crate::name::{LogName, Namespace, RepositoryName};
use crate::server::{ConnectionId, HubReply, Peer, ReadId, Rights};
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::sync::Arc;
use bytestring::ByteString;
use core::ops::Bound;

/// What the hub keeps of a connection.
#[derive(Clone, Debug)]
pub(super) struct Connection {
    pub(super) namespace: Namespace,
    pub(super) peer: Peer,
    /// `None` between a reset and the next `Attach`.
    pub(super) rights: Option<Arc<Rights>>,
    /// Bytes of frames given and not yet flushed.
    pub(super) unflushed: usize,
    /// In which logs it has a reader.
    pub(super) repositories: BTreeSet<RepositoryName>,
    /// What waits for its turn at the store.
    pub(super) work: BTreeSet<Work>,
    /// What had the last turn.
    pub(super) turn: Option<Work>,
    /// The read at the store.
    pub(super) reading: Option<Reading>,
    /// Failed reads in a row.
    pub(super) failures: u32,
    /// Whether it waits before it reads again.
    pub(super) backing_off: bool,
    /// Read requests in order of arrival; the first is being answered.
    pub(super) requests: VecDeque<Request>,
    /// Refused events that must come again.
    pub(super) holds: Holds,
    /// Until when a plain peer hears nothing of what it has not requested.
    pub(super) quiet_until: Instant,
    /// Whether a plain peer has been answered from every repository that there was: those that it has no reader of
    /// were empty then.
    pub(super) has_all: bool,
    /// Readers that are held, and until when.
    pub(super) held: BTreeMap<RepositoryName, Instant>,
}

/// Something that wants to read the store.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Work {
    /// The first of the requests.
    Request,
    /// A reader that is catching up.
    Stream(RepositoryName),
}

/// A read at the store.
#[derive(Clone, Debug)]
pub(super) struct Reading {
    pub(super) read: ReadId,
    pub(super) target: Target,
}

/// What a read at the store is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Target {
    /// A page for a reader.
    Stream {
        repository: RepositoryName,
        after: Sequence,
    },
    /// A page for the first request.
    Request { after: Sequence },
    /// The list of repositories for the first request.
    List,
    /// Nothing any more: what it was for has ended.
    Abandoned,
}

impl Connection {
    pub(super) fn new(namespace: Namespace, peer: Peer) -> Self {
        Self {
            namespace,
            peer,
            rights: None,
            unflushed: 0,
            repositories: BTreeSet::new(),
            work: BTreeSet::new(),
            turn: None,
            reading: None,
            failures: 0,
            backing_off: false,
            requests: VecDeque::new(),
            holds: Holds::default(),
            quiet_until: Instant::ZERO,
            has_all: false,
            held: BTreeMap::new(),
        }
    }

    /// Gives the peer a frame.
    pub(super) fn give(&mut self, id: ConnectionId, frame: ByteString, out: &mut Actions<HubAction>) {
        self.unflushed = self.unflushed.saturating_add(frame.len());
        let reply = HubReply::Frame(frame);
        out.push(HubAction::Reply { connection: id, reply });
    }

    /// Whether the peer may read a repository.
    pub(super) fn may_read(&self, repository: &RepositoryName) -> bool {
        self.rights
            .as_ref()
            .is_some_and(|rights| rights.read.allows(repository))
    }

    /// The log that a repository's name means on this connection.
    pub(super) fn log(&self, repository: &RepositoryName) -> LogName {
        LogName {
            namespace: self.namespace.clone(),
            repository: repository.clone(),
        }
    }

    /// How many bytes the next page may have; `None` if there must be no read now. It waits for credit for a whole
    /// frame, and takes at most half of all, so that one page can be read while another is on its way to the peer.
    pub(super) fn page_budget(&self, limits: &ServerLimits) -> Option<usize> {
        let least = limits.page_bytes.min(limits.stream_bytes).max(1);
        let credit = limits.stream_bytes.max(1).saturating_sub(self.unflushed);
        let may_read = self.reading.is_none() && !self.backing_off && credit >= least;
        may_read.then(|| credit.min(limits.stream_bytes / 2).max(least))
    }

    /// Takes the next piece of work, in turns.
    pub(super) fn next_work(&mut self) -> Option<Work> {
        let behind = self.turn.take().and_then(|turn| {
            let range = (Bound::Excluded(turn), Bound::Unbounded);
            self.work.range(range).next().cloned()
        });
        let work = behind.or_else(|| self.work.first().cloned())?;
        self.work.remove(&work);
        self.turn = Some(work.clone());
        Some(work)
    }

    /// Takes a reader out of everything that would move it.
    pub(super) fn forget_turns(&mut self, repository: &RepositoryName) {
        self.work.remove(&Work::Stream(repository.clone()));
        self.held.remove(repository);
        self.abandon(|target| matches!(target, Target::Stream { repository: name, .. } if name == repository));
    }

    /// Gives up the read at the store if it is for this.
    pub(super) fn abandon(&mut self, is_target: impl FnOnce(&Target) -> bool) {
        if let Some(reading) = &mut self.reading
            && is_target(&reading.target)
        {
            reading.target = Target::Abandoned;
        }
    }
}
