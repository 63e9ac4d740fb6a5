//! What the checks know of a client.

use driftless_core::Instant;
use driftless_core::client::{ClientLimits, Cursor, OwnState, Write};
use std::collections::{BTreeMap, VecDeque};

/// One client.
#[derive(Clone, Debug)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct ClientState {
    /// Whether it is of our kind: it has a disk.
    pub(super) is_ours: bool,
    pub(super) is_running: bool,
    pub(super) limits: ClientLimits,
    /// Its connection, or attempt.
    pub(super) link: Option<u64>,
    /// Whether it has got `auth_success` on it.
    pub(super) is_welcome: bool,
    /// The connection that it lost last, and when.
    pub(super) ended: Option<(u64, Instant)>,
    /// By repository.
    pub(super) replicas: Vec<Replica>,
    /// The last place given to an event of its own.
    pub(super) last_local: u64,
    /// Writes that are not answered, by request.
    pub(super) writes: BTreeMap<u64, Write>,
    /// Whether it was told to read and push everything now, and has not answered.
    pub(super) syncs: bool,
    /// Since when there is no network, as far as it was told.
    pub(super) network_gone: Option<Instant>,
    /// Events (by repository and number) whose refusal for good the application has to be told.
    pub(super) to_tell: Vec<(usize, u32)>,
}

/// One repository of a client.
#[derive(Clone, Debug, Default)]
pub(super) struct Replica {
    /// The durable cursor.
    pub(super) cursor: Cursor,
    /// Of which histories the cursor may be, by bit.
    pub(super) histories: u64,
    /// The numbers of its own events on the disk, in the order in which they were written.
    pub(super) own: Vec<u32>,
    /// By record: how much of the local layer is on it.
    pub(super) layer: Vec<Layer>,
    /// Own events that are pending or acked.
    pub(super) unsettled: usize,
    /// Own events that are settled.
    pub(super) settled: usize,
    /// Own events in flight, and their bytes.
    pub(super) flight: (usize, usize),
    /// Frames received and not applied: their last sequences and bytes.
    pub(super) received: VecDeque<(u64, usize)>,
    /// Bytes of all of them.
    pub(super) received_bytes: usize,
    /// Whether the client is between two streams and takes no frame in.
    pub(super) is_between: bool,
    /// Where the stream starts that the client has asked for and got nothing of. Until then it takes no other frame in.
    pub(super) starts_at: Option<u64>,
    /// Up to where the stream that it takes in has come.
    pub(super) streamed: u64,
    /// What the application has to know of its history.
    pub(super) news: News,
    /// Where its clearing stands.
    pub(super) clearing: Clearing,
    /// Whether the last event applied is at its place in the store's history, which is another one all the same: nobody
    /// can notice that (PROTOCOL.md 6.11; a restored store should have an epoch of its own).
    pub(super) is_deceived: bool,
    /// Whether the server forbids the repository to be read, on this connection.
    pub(super) is_forbidden: bool,
    /// The head when the client asked for its stream.
    pub(super) asked_at: u64,
}

/// Where the clearing of a repository stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Clearing {
    /// Nobody waits for any.
    #[default]
    No,
    /// The application has asked for it.
    Asked,
    /// It is durable, and the application was not told.
    Done,
}

/// What an application has to be told of a repository's history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum News {
    /// Nothing.
    #[default]
    None,
    /// That it has changed, before an event of the new one is applied.
    ToTell,
    /// It was told, and the repository is not folded again yet.
    Told,
}

impl News {
    /// The history has changed, as far as the client has heard.
    pub(super) fn come(&mut self) {
        if *self != Self::Told {
            *self = Self::ToTell;
        }
    }
}

/// The local layer on one record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Layer {
    /// Pending and acked events.
    pub(super) all: u32,
    /// Pending ones.
    pub(super) pending: u32,
}

impl ClientState {
    pub(super) fn new(repositories: usize, is_ours: bool) -> Self {
        let replica = Replica {
            histories: u64::MAX,
            ..Replica::default()
        };
        Self {
            is_ours,
            is_running: false,
            limits: ClientLimits::default(),
            link: None,
            is_welcome: false,
            ended: None,
            replicas: vec![replica; repositories],
            last_local: 0,
            writes: BTreeMap::new(),
            syncs: false,
            network_gone: None,
            to_tell: Vec::new(),
        }
    }

    /// Bytes of frames that were received and are not applied.
    pub(super) fn received_bytes(&self) -> usize {
        self.replicas.iter().map(|replica| replica.received_bytes).sum()
    }

    /// Forgets what its machine was asked and has told.
    pub(super) fn end_life(&mut self) {
        self.is_running = false;
        self.writes.clear();
        self.to_tell.clear();
        (self.syncs, self.network_gone) = (false, None);
        for replica in &mut self.replicas {
            replica.news = News::None;
            replica.clearing = Clearing::No;
        }
    }

    /// Forgets what belongs to a connection.
    pub(super) fn disconnect(&mut self, now: Instant) {
        self.ended = self.link.take().map(|link| (link, now));
        self.is_welcome = false;
        for replica in &mut self.replicas {
            replica.forget_stream();
            replica.is_between = false;
            replica.is_forbidden = false;
        }
    }
}

impl Replica {
    /// Forgets what was received and what is in flight.
    pub(super) fn forget_stream(&mut self) {
        self.received.clear();
        self.received_bytes = 0;
        self.flight = (0, 0);
        self.is_between = true;
    }

    /// A frame came.
    pub(super) fn receive(&mut self, last: u64, bytes: usize) {
        self.received.push_back((last, bytes));
        self.received_bytes += bytes;
    }

    /// Everything up to `cursor` is applied.
    pub(super) fn apply(&mut self, cursor: u64) {
        while let Some((_, bytes)) = self.received.front().copied().filter(|(last, _)| *last <= cursor) {
            self.received.pop_front();
            self.received_bytes -= bytes;
        }
    }

    /// An own event has gone from one place to another; `None`: it is or was not there.
    pub(super) fn count(&mut self, record: u32, from: Option<&OwnState>, to: Option<&OwnState>) {
        let is_pending = |state: Option<&OwnState>| state == Some(&OwnState::Pending);
        let is_layer = |state: Option<&OwnState>| matches!(state, Some(OwnState::Pending | OwnState::Acked(_)));
        let is_settled = |state: Option<&OwnState>| matches!(state, Some(OwnState::Settled { .. }));
        let layer = self.layer_mut(record);
        layer.all = layer.all + u32::from(is_layer(to)) - u32::from(is_layer(from));
        layer.pending = layer.pending + u32::from(is_pending(to)) - u32::from(is_pending(from));
        self.unsettled = self.unsettled + usize::from(is_layer(to)) - usize::from(is_layer(from));
        self.settled = self.settled + usize::from(is_settled(to)) - usize::from(is_settled(from));
    }

    pub(super) fn layer(&self, record: u32) -> Layer {
        self.layer.get(record as usize).copied().unwrap_or_default()
    }

    pub(super) fn layer_mut(&mut self, record: u32) -> &mut Layer {
        let index = record as usize;
        if self.layer.len() <= index {
            self.layer.resize(index + 1, Layer::default());
        }
        &mut self.layer[index]
    }
}
