//! Clients, a server, their disks and the network between them, in virtual time.

use crate::client_host::ClientNode;
use crate::link::{Direction, Item, Link, Owner};
use crate::peer::Peer;
use crate::published::Published;
use crate::server_host::Server;
use crate::store::Store;
use driftless_core::client::{ClientInput, SocketId, StorageId, StorageRequest};
use driftless_core::name::Namespace;
use driftless_core::server::{
    Append, AppendId, AuthId, ConnectionId, Credentials, HubInput, PageRequest, ReadId, Rights, ServerLimits,
    SessionInput,
};
use driftless_core::{Instant, Machine};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

/// Most things that happen at one instant; more are a busy loop.
const MAX_STEPS: usize = 200_000;

/// Everything there is.
#[expect(clippy::struct_excessive_bools, reason = "each is a fault of its own")]
pub(crate) struct World {
    pub(crate) now: Instant,
    /// How long a frame travels, and how long a connection takes to open.
    pub(crate) latency: Duration,
    /// How long the server's store takes.
    pub(crate) store_delay: Duration,
    /// How long a client's storage takes.
    pub(crate) disk_delay: Duration,
    /// Whether new connections reach the server.
    pub(crate) reachable: bool,
    /// New connections neither open nor fail.
    pub(crate) connects_hang: bool,
    /// Nobody decides about credentials.
    pub(crate) auth_hangs: bool,
    /// The server's store fails everything that it is asked.
    pub(crate) store_fails: bool,
    /// Commits are not reported to the hub.
    pub(crate) commits_untold: bool,
    pub(crate) store: Store,
    pub(crate) limits: ServerLimits,
    /// What a good token allows. The tokens `bad` and `expiring` are not good.
    pub(crate) rights: Arc<Rights>,
    pub(crate) clients: Vec<ClientNode>,
    pub(crate) peers: Vec<Peer>,
    pub(crate) links: BTreeMap<ConnectionId, Link>,
    pub(crate) server: Option<Server>,
    /// In its place, with the same store.
    pub(crate) published: Option<Published>,
    /// Counts the server's starts, so that completions of a former one are dropped.
    pub(crate) server_life: u64,
    pub(crate) work: VecDeque<Work>,
    due: BTreeMap<(Instant, u64), Due>,
    order: u64,
    next_connection: u64,
}

/// What happens now, in order.
#[derive(Debug)]
pub(crate) enum Work {
    Hub(HubInput),
    Session(ConnectionId, SessionInput),
    Client {
        index: usize,
        life: u64,
        input: ClientInput,
    },
}

/// What happens later.
#[derive(Debug)]
pub(crate) enum Due {
    Connect {
        index: usize,
        life: u64,
        socket: SocketId,
    },
    Stored {
        index: usize,
        life: u64,
        storage: StorageId,
        request: StorageRequest,
    },
    Authenticated {
        connection: ConnectionId,
        auth: AuthId,
        credentials: Credentials,
    },
    Append {
        life: u64,
        append: AppendId,
        events: Append,
    },
    Read {
        life: u64,
        read: ReadId,
        page: PageRequest,
    },
    List {
        life: u64,
        read: ReadId,
        namespace: Namespace,
    },
}

impl World {
    /// A running server with an empty store, and nobody else.
    pub(crate) fn new() -> Self {
        let mut world = Self {
            now: Instant::ZERO,
            latency: Duration::from_millis(5),
            store_delay: Duration::from_millis(2),
            disk_delay: Duration::from_millis(1),
            reachable: true,
            connects_hang: false,
            auth_hangs: false,
            store_fails: false,
            commits_untold: false,
            store: Store::new("epoch-1"),
            limits: ServerLimits::default(),
            rights: Arc::new(Rights::all()),
            clients: Vec::new(),
            peers: Vec::new(),
            links: BTreeMap::new(),
            server: None,
            published: None,
            server_life: 0,
            work: VecDeque::new(),
            due: BTreeMap::new(),
            order: 0,
            next_connection: 1,
        };
        world.start_server();
        world
    }

    /// Lets time pass.
    pub(crate) fn run_for(&mut self, duration: Duration) {
        let end = self.now + duration;
        loop {
            self.settle();
            match self.next_time() {
                Some(next) if next <= end => self.now = self.now.max(next),
                _ => break,
            }
        }
        self.now = end;
    }

    /// Lets time pass until something is so. Panics if it is not so after `limit`.
    pub(crate) fn run_until(&mut self, limit: Duration, what: &str, mut so: impl FnMut(&mut Self) -> bool) {
        let end = self.now + limit;
        loop {
            self.settle();
            if so(self) {
                return;
            }
            match self.next_time() {
                Some(next) if next <= end => self.now = self.now.max(next),
                _ => panic!("{what}: not so after {limit:?}\n{}", self.describe()),
            }
        }
    }

    /// Where everyone stands, for a test that fails.
    fn describe(&self) -> String {
        let mut lines = vec![format!("at {:?}, {} links", self.now, self.links.len())];
        for (index, node) in self.clients.iter().enumerate() {
            let machine = node.machine.as_ref();
            let state = machine.map(|machine| (machine.connection(), machine.blocked(), machine.pending()));
            lines.push(format!("client {index}: {state:?}, {} writing", node.writing));
            lines.extend(node.config.repositories.iter().map(|repository| {
                let (cursor, layer) = (node.disk.cursor(&repository.name), node.disk.layer(&repository.name));
                format!("    {} {cursor:?}, {} in the layer", repository.name, layer.len())
            }));
            lines.push(node.trace.tail(30));
        }
        lines.join("\n")
    }

    pub(crate) fn later(&mut self, delay: Duration, due: Due) {
        self.order += 1;
        self.due.insert((self.now + delay, self.order), due);
    }

    /// Takes away what would happen later and satisfies `which`.
    pub(crate) fn undo(&mut self, which: impl Fn(&Due) -> bool) -> Vec<Due> {
        let keys: Vec<_> = self
            .due
            .iter()
            .filter(|(_, due)| which(due))
            .map(|(key, _)| *key)
            .collect();
        keys.iter().filter_map(|key| self.due.remove(key)).collect()
    }

    pub(crate) fn new_connection(&mut self, owner: Owner) -> ConnectionId {
        let connection = ConnectionId(self.next_connection);
        self.next_connection += 1;
        self.links.insert(connection, Link::new(owner));
        if self.published.is_none() {
            self.open_session(connection);
        }
        connection
    }

    /// Cuts a connection; both ends notice at once, and what was on its way is lost.
    pub(crate) fn cut(&mut self, connection: ConnectionId) {
        if let Some(link) = self.links.remove(&connection) {
            self.work.push_back(Work::Session(connection, SessionInput::Closed));
            self.tell_owner_gone(link.owner, None, "cut");
        }
    }

    /// Does everything that is due now.
    fn settle(&mut self) {
        for _ in 0..MAX_STEPS {
            if !self.step() {
                return;
            }
        }
        panic!("a busy loop at {:?}: {:?}", self.now, self.work);
    }

    fn step(&mut self) -> bool {
        if let Some(work) = self.work.pop_front() {
            self.perform(work);
            return true;
        }
        if let Some(entry) = self.due.first_entry()
            && entry.key().0 <= self.now
        {
            let due = entry.remove();
            self.complete(due);
            return true;
        }
        self.deliver() || self.swallow() || self.tick()
    }

    fn perform(&mut self, work: Work) {
        match work {
            Work::Hub(input) => self.hub(input),
            Work::Session(connection, input) if self.published.is_some() => self.published_server(connection, input),
            Work::Session(connection, input) => self.session(connection, input),
            Work::Client { index, life, input } => self.client(index, life, input),
        }
    }

    fn complete(&mut self, due: Due) {
        match due {
            Due::Connect { index, life, socket } => self.connect(index, life, socket),
            Due::Stored {
                index,
                life,
                storage,
                request,
            } => self.stored(index, life, storage, request),
            due => self.complete_for_server(due),
        }
    }

    /// Takes one frame that has arrived somewhere.
    fn deliver(&mut self) -> bool {
        let now = self.now;
        let taken = self.links.iter_mut().find_map(|(connection, link)| {
            let (direction, item) = link.take(now)?;
            Some((*connection, link.owner, direction, item))
        });
        let Some((connection, owner, direction, item)) = taken else {
            return false;
        };
        match (direction, item) {
            (Direction::ToServer, Item::Frame(frame)) => {
                self.tell_owner_flushed(owner, frame.len());
                let is_read = frame.len() <= self.limits.frame_bytes;
                let input = if is_read {
                    SessionInput::Frame(frame)
                } else {
                    SessionInput::TooBig
                };
                self.work.push_back(Work::Session(connection, input));
            }
            (Direction::ToServer, Item::Close(..)) => {
                self.links.remove(&connection);
                self.work.push_back(Work::Session(connection, SessionInput::Closed));
            }
            (Direction::ToClient, Item::Frame(frame)) => {
                let bytes = frame.len();
                self.work
                    .push_back(Work::Session(connection, SessionInput::Flushed { bytes }));
                self.give_owner(owner, frame);
            }
            (Direction::ToClient, Item::Close(code, reason)) => {
                self.links.remove(&connection);
                self.tell_owner_gone(owner, Some(code), &reason);
            }
        }
        true
    }

    /// Reports what the sockets of a frozen connection have taken.
    fn swallow(&mut self) -> bool {
        let swallowed = self.links.iter_mut().find_map(|(connection, link)| {
            let (direction, bytes) = link.swallow()?;
            Some((*connection, link.owner, direction, bytes))
        });
        let Some((connection, owner, direction, bytes)) = swallowed else {
            return false;
        };
        match direction {
            Direction::ToServer => self.tell_owner_flushed(owner, bytes),
            Direction::ToClient => self
                .work
                .push_back(Work::Session(connection, SessionInput::Flushed { bytes })),
        }
        true
    }

    fn tick(&mut self) -> bool {
        let now = self.now;
        let due = |wake: Option<driftless_core::Wake>| wake.is_some_and(|wake| wake.at <= now);
        for (index, node) in self.clients.iter().enumerate() {
            if node.machine.as_ref().is_some_and(|machine| due(machine.next_wake())) {
                let (life, input) = (node.life, ClientInput::Tick);
                self.work.push_back(Work::Client { index, life, input });
            }
        }
        if let Some(server) = self.server.as_ref().filter(|_| self.published.is_none()) {
            if due(server.hub.next_wake()) {
                self.work.push_back(Work::Hub(HubInput::Tick));
            }
            let sessions = server.sessions.iter().filter(|(_, session)| due(session.next_wake()));
            self.work
                .extend(sessions.map(|(connection, _)| Work::Session(*connection, SessionInput::Tick)));
        }
        !self.work.is_empty()
    }

    fn next_time(&self) -> Option<Instant> {
        let clients = self
            .clients
            .iter()
            .filter_map(|node| node.machine.as_ref()?.next_wake());
        let server = self
            .server
            .iter()
            .filter(|_| self.published.is_none())
            .flat_map(|server| {
                let sessions = server.sessions.values().filter_map(Machine::next_wake);
                sessions.chain(server.hub.next_wake())
            });
        let wakes = clients.chain(server).map(|wake| wake.at);
        let due = self.due.keys().next().map(|(at, _)| *at);
        wakes.chain(due).chain(self.links.values().filter_map(Link::next)).min()
    }
}
