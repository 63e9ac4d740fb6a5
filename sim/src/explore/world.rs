//! A small world: the machines, what is around them, and what can happen next.

use super::SmallWorld;
use super::choice::Choice;
use super::digest::{Digest, Part};
use super::node::{ClientNode, Item, Link, ServerNode};
use crate::check::Invariant;
use crate::disk::{ClientDisk, ServerStore};
use driftless_core::client::{
    ClientConfig, ClientCredentials, ClientLimits, ConnectionState, RepositoryConfig, Strategy, Timing,
};
use driftless_core::event::Spelling;
use driftless_core::name::RepositoryName;
use driftless_core::server::{ConnectionId, ServerLimits, SessionConfig};
use driftless_core::wire::Epoch;
use driftless_core::{Instant, Machine, Wake};
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

/// Most times that a world waits for a timer. One cut and one crash need a few reconnects, each with its doubled delay.
const MAX_WAITS: u32 = 40;

/// A state of a small world.
#[derive(Clone, Debug)]
pub(super) struct World {
    pub(super) plan: SmallWorld,
    /// True time, and every machine's own.
    pub(super) now: Instant,
    pub(super) clients: Vec<Part<ClientNode>>,
    pub(super) server: Part<ServerNode>,
    pub(super) links: BTreeMap<ConnectionId, Part<Link>>,
    pub(super) cuts: u8,
    pub(super) client_crashes: u8,
    pub(super) server_crashes: u8,
    /// How often it has waited for a timer.
    pub(super) waits: u32,
    /// The first guarantee that did not hold.
    pub(super) failure: Option<(Invariant, String)>,
    pub(super) fixed: Arc<Fixed>,
}

/// What never changes.
#[derive(Debug)]
pub(super) struct Fixed {
    pub(super) repository: RepositoryName,
    pub(super) session: Arc<SessionConfig>,
    pub(super) client: ClientConfig,
}

impl World {
    /// A server that runs and clients that do not, with nothing written.
    pub(super) fn new(plan: SmallWorld) -> Self {
        let epoch = Epoch::new("epoch").expect("a short text is an epoch");
        let repository = RepositoryName::new("notes").expect("a short text is a name");
        let client = ClientNode {
            machine: None,
            disk: ClientDisk::new(),
            storage: None,
            connecting: None,
            starts: 0,
            connections: 0,
            asked: 0,
            written: Vec::new(),
            acked: Vec::new(),
        };
        let server = ServerNode {
            hub: None,
            sessions: BTreeMap::new(),
            store: ServerStore::new(epoch.clone()),
            reads: BTreeMap::new(),
            auths: BTreeMap::new(),
            told: VecDeque::new(),
            promised: Vec::new(),
        };
        let fixed = Fixed {
            client: client_config(repository.clone()),
            repository,
            session: Arc::new(SessionConfig {
                epoch,
                limits: ServerLimits::default(),
            }),
        };
        let mut world = Self {
            now: Instant::ZERO,
            clients: (0..plan.clients).map(|_| Part::new(client.clone())).collect(),
            server: Part::new(server),
            links: BTreeMap::new(),
            cuts: plan.cuts,
            client_crashes: plan.client_crashes,
            server_crashes: plan.server_crashes,
            waits: 0,
            failure: None,
            fixed: Arc::new(fixed),
            plan,
        };
        world.start_server();
        for client in 0..world.clients.len() {
            world.start_client(client);
        }
        world
    }

    /// Goes on in one way until everyone is live. Nothing is written on the way.
    pub(super) fn come_alive(&mut self) {
        let live = |client: &Part<ClientNode>| {
            let machine = client.machine.as_ref();
            machine.is_some_and(|machine| *machine.connection() == ConnectionState::Live)
        };
        while !self.clients.iter().all(live) || self.due().iter().any(|choice| !matches!(choice, Choice::Write(_))) {
            let next = self
                .due()
                .into_iter()
                .find(|choice| !matches!(choice, Choice::Write(_)));
            self.perform(next.unwrap_or(Choice::Wait));
        }
    }

    /// What the state is known by.
    pub(super) fn digest(&self) -> u128 {
        let mut digest = Digest::default();
        digest.add(&(self.now, self.cuts, self.client_crashes, self.server_crashes));
        for client in &self.clients {
            digest.add(&client.digest());
        }
        digest.add(&self.server.digest());
        for (connection, link) in &self.links {
            digest.add(&(*connection, link.digest()));
        }
        digest.finish_128()
    }

    /// What has to happen some time, in an order that makes a good default.
    pub(super) fn due(&self) -> Vec<Choice> {
        let mut due = Vec::new();
        self.due_at_server(&mut due);
        for (connection, link) in &self.links {
            if link.up.next().is_some() {
                due.push(Choice::ToServer(*connection));
            }
            if link.down.next().is_some() {
                due.push(Choice::ToClient(*connection));
            }
        }
        for (index, client) in self.clients.iter().enumerate() {
            let happens = [
                (client.storage.is_some(), Choice::Storage(index)),
                (client.connecting.is_some(), Choice::Connect(index)),
                (client.machine.is_none(), Choice::StartClient(index)),
                (self.wants_to_write(index), Choice::Write(index)),
            ];
            due.extend(happens.into_iter().filter(|(can, _)| *can).map(|(_, choice)| choice));
        }
        due
    }

    fn due_at_server(&self, due: &mut Vec<Choice>) {
        let server = &self.server;
        if server.hub.is_none() {
            due.push(Choice::StartServer);
        }
        due.extend(
            server
                .auths
                .keys()
                .map(|(link, auth)| Choice::Authenticate(*link, *auth)),
        );
        if !server.told.is_empty() {
            due.push(Choice::Tell);
        }
        for (read, (request, page)) in &server.reads {
            due.push(Choice::Read {
                read: *read,
                stale: false,
            });
            if server.store.page(request) != *page {
                due.push(Choice::Read {
                    read: *read,
                    stale: true,
                });
            }
        }
        for (append, _) in server.store.appends() {
            due.push(Choice::Append {
                append,
                done_first: false,
            });
            if !server.promised.contains(&append) {
                due.push(Choice::Append {
                    append,
                    done_first: true,
                });
            }
        }
    }

    /// What may happen and need not.
    pub(super) fn faults(&self) -> Vec<Choice> {
        let mut faults = Vec::new();
        if self.cuts > 0 {
            self.links_to_cut(&mut faults);
        }
        let running = |client: &usize| self.plan.victims.contains(client) && self.clients[*client].machine.is_some();
        if self.client_crashes > 0 {
            for client in (0..self.clients.len()).filter(running) {
                let writes = self.clients[client].disk.unsynced().is_some();
                let sends = self
                    .links
                    .values()
                    .any(|link| link.client == client && !link.up.items.is_empty());
                let crash = |(kept, sent)| Choice::CrashClient { client, kept, sent };
                faults.extend(variants(writes, sends).map(crash));
            }
        }
        if self.server_crashes > 0 && self.server.hub.is_some() {
            let writes = self.server.store.appends().next().is_some();
            let sends = self.links.values().any(|link| !link.down.items.is_empty());
            faults.extend(variants(writes, sends).map(|(kept, sent)| Choice::CrashServer { kept, sent }));
        }
        faults
    }

    fn links_to_cut(&self, faults: &mut Vec<Choice>) {
        let victims = |link: &&(&ConnectionId, &Part<Link>)| self.plan.victims.contains(&link.1.client);
        let open = self.links.iter().filter(|(_, link)| !link.is_ending());
        for (connection, link) in open.filter(|link| victims(&link)) {
            let connection = *connection;
            let cut = |(up, down)| Choice::Cut { connection, up, down };
            faults.extend(variants(!link.up.items.is_empty(), !link.down.items.is_empty()).map(cut));
        }
    }

    fn wants_to_write(&self, client: usize) -> bool {
        let node = &self.clients[client];
        node.machine.is_some() && node.asked < self.plan.writes.iter().filter(|writer| **writer == client).count()
    }

    /// Whether everyone is live and has nothing to send.
    pub(super) fn is_settled(&self) -> bool {
        let live = |client: &Part<ClientNode>| {
            let machine = client.machine.as_ref();
            machine.is_some_and(|machine| *machine.connection() == ConnectionState::Live && machine.pending() == 0)
        };
        self.clients.iter().all(live)
    }

    /// Whether it may wait for another timer.
    pub(super) const fn may_wait(&self) -> bool {
        self.waits < MAX_WAITS
    }

    /// When a machine wants to be woken next.
    pub(super) fn next_wake(&self) -> Option<Instant> {
        let clients = self
            .clients
            .iter()
            .filter_map(|client| client.machine.as_ref()?.next_wake());
        let sessions = self.server.sessions.values().filter_map(|session| session.next_wake());
        let hub = self.server.hub.iter().filter_map(|hub| hub.next_wake());
        clients.chain(sessions).chain(hub).map(|wake| wake.at).min()
    }

    pub(super) fn fail(&mut self, invariant: Invariant, message: impl Into<String>) {
        if self.failure.is_none() {
            self.failure = Some((invariant, message.into()));
        }
    }

    /// A machine asks to be woken later than now.
    pub(super) fn check_wake(&mut self, wake: Option<Wake>) {
        if let Some(wake) = wake.filter(|wake| wake.at <= self.now) {
            self.fail(
                Invariant::MachineContract,
                format!("wants to be woken now: {}", wake.reason),
            );
        }
    }

    /// What happens, with the frame that is delivered.
    pub(super) fn describe(&self, choice: Choice) -> String {
        let next = match choice {
            Choice::ToServer(connection) => self.links.get(&connection).and_then(|link| link.up.items.front()),
            Choice::ToClient(connection) => self.links.get(&connection).and_then(|link| link.down.items.front()),
            _ => None,
        };
        match next {
            Some(Item::Frame(frame)) => format!("{choice}: {frame}"),
            Some(Item::Close(code, reason)) => format!("{choice}: close {} {reason}", code.0),
            Some(Item::End) => format!("{choice}: the end"),
            None => choice.to_string(),
        }
    }
}

/// Both values of what makes a difference, one of what does not.
fn variants(first: bool, second: bool) -> impl Iterator<Item = (bool, bool)> {
    let all = [(true, true), (false, true), (true, false), (false, false)];
    all.into_iter()
        .filter(move |(one, other)| (*one || first) && (*other || second))
}

fn client_config(repository: RepositoryName) -> ClientConfig {
    ClientConfig {
        repositories: vec![RepositoryConfig::new(repository)],
        credentials: ClientCredentials::default(),
        spelling: Spelling::Package,
        strategy: Strategy::default(),
        timing: Timing::default(),
        limits: ClientLimits::default(),
        seed: [0; 32],
    }
}
