//! The parts of a small world.

use super::digest::{Digest, Digestible, Part};
use crate::disk::{ClientDisk, ServerStore};
use bytestring::ByteString;
use driftless_core::client::{Client, SocketId, StorageId};
use driftless_core::event::{EventId, Sequence};
use driftless_core::server::{
    AppendId, AuthId, ConnectionId, Credentials, Hub, HubInput, Page, PageRequest, ReadId, Session,
};
use driftless_core::wire::CloseCode;
use std::collections::{BTreeMap, VecDeque};

/// A client, its disk and its application.
#[derive(Clone, Debug)]
pub(super) struct ClientNode {
    /// `None` while it does not run.
    pub(super) machine: Option<Client>,
    pub(super) disk: ClientDisk,
    /// The storage request under way.
    pub(super) storage: Option<StorageId>,
    /// The connection attempt under way.
    pub(super) connecting: Option<SocketId>,
    pub(super) starts: u8,
    pub(super) connections: u64,
    /// How many of its writes the application has asked for.
    pub(super) asked: usize,
    /// Events that the application was told are written.
    pub(super) written: Vec<EventId>,
    /// Events that the application was told are acked.
    pub(super) acked: Vec<EventId>,
}

/// The server: machines, store, and what is under way between them.
#[derive(Clone, Debug)]
pub(super) struct ServerNode {
    /// `None` while it does not run.
    pub(super) hub: Option<Part<Hub>>,
    pub(super) sessions: BTreeMap<ConnectionId, Part<Session>>,
    pub(super) store: ServerStore,
    /// Pages that are being read, with what the store held when they were asked for.
    pub(super) reads: BTreeMap<ReadId, (PageRequest, Page)>,
    /// Credentials that are being decided about.
    pub(super) auths: BTreeMap<(ConnectionId, AuthId), Credentials>,
    /// What the store has to tell the hub.
    pub(super) told: VecDeque<HubInput>,
    /// Appends that a broken store has acked and not made durable.
    pub(super) promised: Vec<AppendId>,
}

/// A connection.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) client: usize,
    pub(super) socket: SocketId,
    pub(super) up: Pipe,
    pub(super) down: Pipe,
    /// What the server's stream has told on it so far; `None` before the first frame of it.
    pub(super) streamed: Option<Sequence>,
}

/// One direction of a connection.
#[derive(Clone, Debug, Default, Hash)]
pub(super) struct Pipe {
    pub(super) items: VecDeque<Item>,
    /// The receiving end does not read.
    pub(super) paused: bool,
    /// Nobody receives any more.
    pub(super) closed: bool,
}

/// What travels.
#[derive(Clone, Debug, Hash)]
pub(super) enum Item {
    Frame(ByteString),
    /// The sender has closed.
    Close(CloseCode, String),
    /// The connection is gone.
    End,
}

impl Pipe {
    pub(super) fn send(&mut self, item: Item) {
        let ended = self.items.back().is_some_and(|last| !matches!(last, Item::Frame(_)));
        if !self.closed && !ended {
            self.items.push_back(item);
        }
    }

    /// The next item that can be taken.
    pub(super) fn next(&self) -> Option<&Item> {
        let item = self.items.front()?;
        // A socket that is not read does not tell of its end either.
        let held = self.paused && matches!(item, Item::Frame(_));
        (!self.closed && !held).then_some(item)
    }

    /// Ends it behind what is on its way, or in its place.
    pub(super) fn end(&mut self, arrives: bool) {
        if !arrives {
            self.items.clear();
        }
        self.send(Item::End);
    }
}

impl Link {
    pub(super) fn new(client: usize, socket: SocketId) -> Self {
        Self {
            client,
            socket,
            up: Pipe::default(),
            down: Pipe::default(),
            streamed: None,
        }
    }

    /// Whether an end has been put to it.
    pub(super) fn is_ending(&self) -> bool {
        let ends = |pipe: &Pipe| pipe.closed || pipe.items.back().is_some_and(|last| !matches!(last, Item::Frame(_)));
        ends(&self.up) || ends(&self.down)
    }
}

impl Digestible for ClientNode {
    fn digest(&self, into: &mut Digest) {
        into.add_text(&self.machine);
        into.add(&(&self.disk, self.storage, self.connecting));
        into.add(&(self.starts, self.connections, self.asked, &self.written, &self.acked));
    }
}

impl Digestible for ServerNode {
    fn digest(&self, into: &mut Digest) {
        into.add(&self.hub.as_ref().map(Part::digest));
        for (connection, session) in &self.sessions {
            into.add(&(*connection, session.digest()));
        }
        into.add(&(&self.store, &self.reads, &self.auths, &self.told, &self.promised));
    }
}

impl Digestible for Hub {
    fn digest(&self, into: &mut Digest) {
        into.add_text(self);
    }
}

impl Digestible for Session {
    fn digest(&self, into: &mut Digest) {
        into.add_text(self);
    }
}

impl Digestible for Link {
    fn digest(&self, into: &mut Digest) {
        into.add(&(self.client, self.socket, &self.up, &self.down, self.streamed));
    }
}
