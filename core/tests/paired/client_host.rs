//! The clients' half of the world: machines, their disks and their applications.

use crate::disk::Disk;
use crate::link::{Item, Link, Owner};
use crate::peer::End;
use crate::trace::Trace;
use crate::world::{Due, Work, World};
use bytestring::ByteString;
use driftless_core::client::{
    Change, ChangeKind, Client, ClientAction, ClientConfig, ClientCredentials, ClientInput, ClientLimits,
    ConnectionState, Notice, RepositoryConfig, RequestId, SocketId, StorageFailure, StorageId, StorageRequest,
    Strategy, SyncFilter, Timing, Write,
};
use driftless_core::event::{EventId, Json, RecordId, Spelling, Timestamp};
use driftless_core::name::RepositoryName;
use driftless_core::server::ConnectionId;
use driftless_core::wire::CloseCode;
use driftless_core::{Actions, Machine};

/// A client and what is around it.
pub(crate) struct ClientNode {
    /// `None` while it does not run.
    pub(crate) machine: Option<Client>,
    /// Counts its starts, so that completions of a former one are dropped.
    pub(crate) life: u64,
    pub(crate) disk: Disk,
    pub(crate) config: ClientConfig,
    /// How far its wall clock is off, in milliseconds.
    pub(crate) skew_ms: i64,
    /// This many of the next storage requests fail.
    /// Where its application says that filtered repositories begin.
    pub(crate) filter: Option<SyncFilter>,
    pub(crate) disk_failures: usize,
    pub(crate) notices: Vec<Notice>,
    pub(crate) trace: Trace,
    /// Writes that are not answered.
    pub(crate) writing: usize,
    storage_busy: bool,
    requests: u64,
}

/// The wall clock at the world's beginning: 2025-01-23T10:00:00Z.
const WALL_MS: i64 = 1_737_626_400_000;

impl ClientNode {
    /// Ids that the application was told are acked.
    pub(crate) fn acked(&self) -> Vec<EventId> {
        let acked = self.notices.iter().filter_map(|notice| match notice {
            Notice::Acked { events, .. } => Some(events.clone()),
            _ => None,
        });
        acked.flatten().collect()
    }

    /// The states of the connection that the application was told.
    pub(crate) fn states(&self) -> Vec<ConnectionState> {
        let states = self.notices.iter().filter_map(|notice| match notice {
            Notice::Connection(state) => Some(state.clone()),
            _ => None,
        });
        states.collect()
    }

    /// How often the application was told something.
    pub(crate) fn told(&self, what: impl Fn(&Notice) -> bool) -> usize {
        self.notices.iter().filter(|notice| what(notice)).count()
    }
}

impl World {
    /// Adds a client that does not run yet.
    pub(crate) fn add_client(&mut self, repositories: &[&str]) -> usize {
        let repositories = repositories.iter().map(|name| RepositoryConfig::new(repository(name)));
        let index = self.clients.len();
        self.clients.push(ClientNode {
            machine: None,
            life: 0,
            disk: Disk::default(),
            config: ClientConfig {
                repositories: repositories.collect(),
                seed: [u8::try_from(index).unwrap_or(u8::MAX); 32],
                credentials: ClientCredentials::default(),
                spelling: Spelling::Package,
                strategy: Strategy::default(),
                timing: Timing::default(),
                limits: ClientLimits::default(),
            },
            skew_ms: 0,
            disk_failures: 0,
            filter: None,
            notices: Vec::new(),
            trace: Trace::default(),
            writing: 0,
            storage_busy: false,
            requests: 0,
        });
        index
    }

    /// Starts a client on what its disk holds.
    pub(crate) fn start(&mut self, index: usize) {
        let wall = self.wall(index);
        let node = &mut self.clients[index];
        assert!(node.machine.is_none(), "the client runs already");
        node.life += 1;
        node.storage_busy = false;
        node.writing = 0;
        // Another seed at every start, as from the operating system.
        node.config.seed[31] = u8::try_from(node.life % 256).unwrap_or(0);
        node.machine = Some(Client::new(node.config.clone()));
        self.input(index, ClientInput::Start { wall });
    }

    /// Kills a client. What its storage was doing is done or not.
    pub(crate) fn crash(&mut self, index: usize, commit_survives: bool) {
        for connection in self.connections_of(index) {
            self.cut(connection);
        }
        self.clients[index].machine = None;
        let life = self.clients[index].life;
        let under_way = self
            .undo(|due| matches!(due, Due::Stored { index: of, life: since, .. } if *of == index && *since == life));
        for due in under_way {
            if let Due::Stored { request, .. } = due
                && commit_survives
            {
                self.clients[index].disk.answer(request);
            }
        }
    }

    /// Gives a client something.
    pub(crate) fn input(&mut self, index: usize, input: ClientInput) {
        let life = self.clients[index].life;
        self.work.push_back(Work::Client { index, life, input });
    }

    /// The application writes a record.
    pub(crate) fn upsert(&mut self, index: usize, name: &str, record: &str, data: &str) {
        let data = Json::parse(data.to_owned()).unwrap();
        self.write(index, name, record, ChangeKind::Upsert { data, changed: None });
    }

    /// The application deletes a record.
    pub(crate) fn delete(&mut self, index: usize, name: &str, record: &str) {
        self.write(index, name, record, ChangeKind::Delete);
    }

    fn write(&mut self, index: usize, name: &str, record: &str, kind: ChangeKind) {
        let wall = self.wall(index);
        let node = &mut self.clients[index];
        node.requests += 1;
        node.writing += usize::from(node.machine.is_some());
        let change = Change {
            repository: repository(name),
            record: RecordId::new(record.to_owned()).unwrap(),
            kind,
        };
        let write = Write {
            request: RequestId(node.requests),
            wall,
            changes: vec![change],
            dismiss: Vec::new(),
        };
        self.input(index, ClientInput::Write(write));
    }

    /// The connections of a client, open or dying.
    pub(crate) fn connections_of(&self, index: usize) -> Vec<ConnectionId> {
        let of = |link: &Link| matches!(link.owner, Owner::Client { index: of, .. } if of == index);
        self.links
            .iter()
            .filter(|(_, link)| of(link))
            .map(|(connection, _)| *connection)
            .collect()
    }

    /// Cuts a client's connections.
    pub(crate) fn cut_client(&mut self, index: usize) {
        for connection in self.connections_of(index) {
            self.cut(connection);
        }
    }

    /// Lets nothing pass on a client's connections any more, and tells nobody.
    pub(crate) fn freeze_client(&mut self, index: usize) {
        for connection in self.connections_of(index) {
            if let Some(link) = self.links.get_mut(&connection) {
                link.frozen = true;
            }
        }
    }

    /// What a client's application sees of a repository.
    pub(crate) fn visible(&self, index: usize, name: &str) -> std::collections::BTreeMap<String, String> {
        self.clients[index].disk.visible(&repository(name))
    }

    fn wall(&self, index: usize) -> Timestamp {
        let millis = i64::try_from(self.now.as_micros() / 1_000).unwrap_or(0);
        Timestamp::from_millis(WALL_MS + millis + self.clients[index].skew_ms).unwrap()
    }

    pub(crate) fn client(&mut self, index: usize, life: u64, input: ClientInput) {
        let now = self.now;
        let node = &mut self.clients[index];
        let Some(machine) = node.machine.as_mut().filter(|_| node.life == life) else {
            return;
        };
        node.trace.input(now, &input);
        let mut actions = Actions::new();
        machine.handle(now, input, &mut actions);
        let wake = machine.next_wake();
        assert!(wake.is_none_or(|wake| wake.at > now), "{wake:?} at {now:?}");
        for action in actions.drain() {
            self.clients[index].trace.action(now, &action);
            self.client_action(index, action);
        }
    }

    fn client_action(&mut self, index: usize, action: ClientAction) {
        let arrives = self.now + self.latency;
        let life = self.clients[index].life;
        match action {
            ClientAction::Connect { .. } if self.connects_hang => {}
            ClientAction::Connect { socket, .. } => self.later(self.latency, Due::Connect { index, life, socket }),
            ClientAction::Send { socket, frame } => {
                if let Some(link) = self.link(index, socket) {
                    link.to_server.send(arrives, Item::Frame(frame));
                }
            }
            ClientAction::Close { socket, code, reason } => {
                if let Some(link) = self.link(index, socket) {
                    link.to_server.paused = false;
                    link.to_server.send(arrives, Item::Close(code, reason));
                    link.to_client.closed = true;
                }
            }
            ClientAction::PauseReading { socket } => {
                if let Some(link) = self.link(index, socket) {
                    link.to_client.paused = true;
                }
            }
            ClientAction::ResumeReading { socket } => {
                if let Some(link) = self.link(index, socket) {
                    link.to_client.paused = false;
                }
            }
            ClientAction::Storage { storage, request } => {
                assert!(
                    !self.clients[index].storage_busy,
                    "one storage request at a time: {request:?}"
                );
                self.clients[index].storage_busy = true;
                let due = Due::Stored {
                    index,
                    life,
                    storage,
                    request,
                };
                self.later(self.disk_delay, due);
            }
            ClientAction::BuildFilter { filter, .. } => {
                let result = self.clients[index].filter.clone();
                self.input(index, ClientInput::FilterBuilt { filter, result });
            }
            ClientAction::Notify(notice) => {
                let node = &mut self.clients[index];
                node.writing -= usize::from(matches!(notice, Notice::Written { .. }));
                node.notices.push(notice);
            }
        }
    }

    fn link(&mut self, index: usize, socket: SocketId) -> Option<&mut Link> {
        let owner = Owner::Client { index, socket };
        self.links.values_mut().find(|link| link.owner == owner)
    }

    pub(crate) fn connect(&mut self, index: usize, life: u64, socket: SocketId) {
        if self.clients[index].life != life || self.clients[index].machine.is_none() {
            return;
        }
        let input = if self.reachable && self.server.is_some() {
            self.new_connection(Owner::Client { index, socket });
            ClientInput::Connected { socket }
        } else {
            ClientInput::Disconnected {
                socket,
                code: None,
                reason: "connection refused".into(),
            }
        };
        self.work.push_back(Work::Client { index, life, input });
    }

    pub(crate) fn stored(&mut self, index: usize, life: u64, storage: StorageId, request: StorageRequest) {
        let node = &mut self.clients[index];
        if node.life != life {
            return;
        }
        node.storage_busy = false;
        let result = if node.disk_failures > 0 {
            node.disk_failures -= 1;
            Err(StorageFailure {
                detail: "the disk is full".into(),
            })
        } else {
            Ok(node.disk.answer(request))
        };
        let input = ClientInput::Stored { storage, result };
        self.work.push_back(Work::Client { index, life, input });
    }

    pub(crate) fn give_owner(&mut self, owner: Owner, frame: ByteString) {
        match owner {
            Owner::Client { index, socket } => self.input(index, ClientInput::Frame { socket, frame }),
            Owner::Peer(peer) => self.peers[peer].received.push((self.now, frame)),
        }
    }

    pub(crate) fn tell_owner_flushed(&mut self, owner: Owner, bytes: usize) {
        if let Owner::Client { index, socket } = owner {
            self.input(index, ClientInput::Flushed { socket, bytes });
        }
    }

    pub(crate) fn tell_owner_gone(&mut self, owner: Owner, code: Option<CloseCode>, reason: &str) {
        match owner {
            Owner::Client { index, socket } => {
                let reason = reason.to_owned();
                self.input(index, ClientInput::Disconnected { socket, code, reason });
            }
            Owner::Peer(peer) => self.peers[peer].end = code.map_or(End::Cut, End::Closed),
        }
    }
}

pub(crate) fn repository(name: &str) -> RepositoryName {
    RepositoryName::new(name).unwrap()
}
