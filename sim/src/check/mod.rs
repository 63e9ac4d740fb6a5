//! The guarantees of the protocol, checked while a run goes on.
//!
//! [`Checks`] is told everything that passes between machines, network and disks. It decides nothing by the code under
//! test: it keeps a log, streams, replicas and outboxes of its own.

mod book;
mod client;
mod clocks;
mod commit;
mod disk;
mod down;
mod end;
mod frame;
mod invariant;
mod link;
mod notice;
mod stream;
#[cfg(test)]
mod tests;
mod up;
mod verdict;
mod view;

pub use clocks::{under_clock_blind_policies, with_other_clocks};
pub use invariant::{Counts, Failure, Invariant};
pub use view::{ClientEnd, DiskView, StoreView};

use crate::model::{Fault, Model};
use crate::scenario::{ClientKind, Scenario, ServerKind};
use book::{Book, is_stored_form};
use bytestring::ByteString;
use client::{Clearing, ClientState};
use down::Looked;
use driftless_core::client::{ClientConfig, Notice, Policy, Transaction, Write};
use driftless_core::event::EventBatch;
use driftless_core::name::RepositoryName;
use driftless_core::server::{Hub, ServerLimits, Session};
use driftless_core::wire::Epoch;
use driftless_core::{Instant, Wake};
use link::LinkState;
use std::collections::BTreeMap;
use std::sync::Arc;
use verdict::Verdict;

/// A connection, as the network names it.
pub type Link = u64;

/// A machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Node {
    /// A client.
    Client(usize),
    /// The server's end of a connection.
    Session(Link),
    /// The server's hub.
    Hub,
}

/// How often a machine may be called at one moment of true time before that counts as a loop.
const CALLS_AT_ONCE: u64 = 1_000_000;

/// How many calls of the hub pass between two looks at how many readers it has.
const HUB_CALLS: u64 = 64;

/// Everything that is checked while a run goes on. `now` is true time everywhere. The first failure is kept.
pub struct Checks {
    verdict: Verdict,
    model: Model,
    book: Book,
    clients: Vec<ClientState>,
    links: BTreeMap<Link, LinkState>,
    looked: Looked,
    server: ServerLimits,
    /// The epoch of the store, once it has been replaced.
    epoch: Option<Epoch>,
    /// By repository and client: the place of the last event in the log, among what that client wrote.
    last_written: Vec<Vec<u64>>,
    /// By repository and record: the last look at a transaction that met it.
    stamps: Vec<Vec<u64>>,
    stamp: u64,
    /// Kept to be warm: the records that a transaction writes, by the places of the changes, with their numbers.
    written: Vec<(usize, Option<u32>)>,
    /// What the largest push so far may take in the hub.
    largest_push: usize,
    /// Whether only our clients write: then every event of a log has a known author.
    knows_authors: bool,
    /// The server is the published one, whose streams and places are not ours to judge.
    is_plain_server: bool,
    /// Whole messages may vanish inside connections.
    is_lossy: bool,
    /// Digests of the connections that are over.
    shape: u64,
    hub_calls: u64,
    /// Calls of machines at one moment.
    calls: (Instant, u64),
}

impl Checks {
    /// Nothing has happened yet. `policy` gives the policy of a name in the scenario.
    pub fn new(scenario: &Scenario, policy: &dyn Fn(&str) -> Arc<dyn Policy>) -> Self {
        let repositories = scenario.repositories.iter();
        let named = repositories.filter_map(|plan| Some((RepositoryName::new(&plan.name).ok()?, policy(&plan.policy))));
        let model = Model::new(named);
        let count = model.len();
        let is_ours = |kind: ClientKind| kind == ClientKind::Driftless;
        let clients = scenario
            .clients
            .iter()
            .map(|plan| ClientState::new(count, is_ours(plan.kind)));
        Self {
            verdict: Verdict::default(),
            book: Book::new(count),
            links: BTreeMap::new(),
            looked: Looked::new(),
            server: ServerLimits::default(),
            epoch: None,
            last_written: vec![vec![0; scenario.clients.len()]; count],
            stamps: vec![Vec::new(); count],
            stamp: 0,
            written: Vec::new(),
            largest_push: 0,
            knows_authors: scenario.clients.iter().all(|plan| is_ours(plan.kind)),
            is_plain_server: scenario.server.kind == ServerKind::Published,
            is_lossy: scenario.network.lossy_percent > 0,
            shape: 0,
            hub_calls: 0,
            calls: (Instant::ZERO, 0),
            clients: clients.collect(),
            model,
        }
    }

    /// What was found first, if anything was.
    pub fn failure(&self) -> Option<&Failure> {
        self.verdict.failure.as_ref()
    }

    /// How often each invariant was checked.
    pub fn counts(&self) -> &Counts {
        &self.verdict.counts
    }

    /// A digest of what was delivered, without ids and times: on which connection which events went in which frames.
    /// Wall clocks must make no difference to it.
    pub fn shape(&self) -> u64 {
        self.links
            .iter()
            .fold(self.shape, |shape, (id, link)| shape.wrapping_add(shape_of(*id, link)))
    }

    /// The server's machines are new.
    pub fn server_started(&mut self, now: Instant, limits: &ServerLimits) {
        self.verdict.now = now;
        self.server = limits.clone();
    }

    /// The server's machines are gone, and all sessions with them.
    pub fn server_stopped(&mut self, now: Instant) {
        self.verdict.now = now;
        let links: Vec<Link> = self.links.keys().copied().collect();
        for link in links {
            self.end_of_server(link);
        }
    }

    /// Events are durable in the server's store, whether anybody is told or not. In order, before any machine hears of it.
    pub fn committed(&mut self, now: Instant, repository: &RepositoryName, events: &EventBatch) {
        self.verdict.now = now;
        let Some(index) = self.model.find(repository) else {
            return;
        };
        let result = self.model.repository_mut(index).append(events);
        self.verdict.counts.count(Invariant::DenseSequences);
        match result {
            Ok(added) => added.into_iter().for_each(|id| self.stored(index, id)),
            Err(Fault::Repeated { id, first }) => {
                let message = format!("{id} of {repository} is stored again, first at {first}");
                self.verdict.fail(Invariant::IdempotentPush, message);
            }
            Err(fault) => {
                let message = format!("what is stored in {repository} is no log: {fault:?}");
                self.verdict.fail(Invariant::DenseSequences, message);
            }
        }
    }

    /// An event is in the log now: what its author wrote, behind what its author wrote before.
    fn stored(&mut self, repository: usize, id: u32) {
        let model = self.model.repository(repository);
        let log = model.log();
        let place = log.place(id).unwrap_or_default();
        let entry = self.book.entry(repository, id);
        let was_there = core::mem::replace(&mut entry.ever, true);
        self.verdict.counts.count(Invariant::IdempotentPush);
        let Some(author) = &entry.author else {
            if self.knows_authors && !self.is_plain_server {
                let message = format!(
                    "{} of {} is stored, and nobody wrote it",
                    model.events.text(id),
                    model.name
                );
                self.verdict.fail(Invariant::IdempotentPush, message);
            }
            return;
        };
        let text = log.event(place).map_or("", |event| &*event.text);
        self.verdict.check(
            Invariant::DenseSequences,
            is_stored_form(text, &author.body, place),
            || {
                format!(
                    "{} was written, and at {place} of {} stands {text}",
                    author.body, model.name
                )
            },
        );
        if was_there {
            // A restore has taken it away; it comes back behind what was written later.
            return;
        }
        self.in_order(repository, id);
    }

    /// An event comes behind what its author wrote before. Copies of a device push the same events, each in its order:
    /// one that the author cannot push any more may still come from a copy. What was refused for good, with the
    /// credentials of another connection, may still come from an older connection.
    fn in_order(&mut self, repository: usize, id: u32) {
        let model = self.model.repository(repository);
        let holders = self.book.get(repository, id).map_or(&[][..], |entry| &entry.holders);
        let last_written = &mut self.last_written[repository];
        // Where messages vanish inside connections, a later one overtakes; one that its application has given up is not
        // sent again, and may still come from an older connection.
        let mut is_in_order = self.is_lossy || self.book.is_given_up(repository, id);
        for holder in holders {
            let last = &mut last_written[holder.client];
            is_in_order |= holder.local > *last || holder.was_refused();
            *last = holder.local.max(*last);
        }
        self.verdict.check(Invariant::WriterOrder, is_in_order, || {
            let (name, id) = (&model.name, model.events.text(id));
            format!("{id} is stored in {name} behind later events, up to {last_written:?} by client: {holders:?}")
        });
    }

    /// The store is another one: an old backup. Before any machine reads it.
    pub fn restored(&mut self, now: Instant, store: &dyn StoreView) {
        self.verdict.now = now;
        self.epoch = Some(store.epoch().clone());
        self.forget_looked();
        for index in 0..self.model.len() {
            let head = store.head(&self.model.repository(index).name).get();
            self.model.repository_mut(index).go_back(head);
            self.last_written[index] = self.book.last_written(&self.model, index, self.clients.len());
            let newest = self.model.repository(index).histories().len() - 1;
            let (before, now) = (commit::bit(newest - 1), commit::bit(newest));
            for client in &mut self.clients {
                let replica = &mut client.replicas[index];
                // What stands before the place where the histories part is of both.
                let is_of_both = replica.histories & before != 0 && replica.cursor.after.get() <= head;
                if is_of_both {
                    replica.histories |= now;
                } else {
                    replica.histories &= !now;
                }
            }
        }
    }

    /// The server has a session for a client's connection.
    pub fn session_opened(&mut self, now: Instant, link: Link, client: usize) {
        self.verdict.now = now;
        self.link(link, client).server_is_open = true;
    }

    fn link(&mut self, link: Link, client: usize) -> &mut LinkState {
        let repositories = self.model.len();
        self.links
            .entry(link)
            .or_insert_with(|| LinkState::new(client, repositories))
    }

    /// The session has said `Close` (and that was carried out), or was told that its connection is gone.
    pub fn session_closed(&mut self, now: Instant, link: Link) {
        self.verdict.now = now;
        self.end_of_server(link);
    }

    fn end_of_server(&mut self, id: Link) {
        if let Some(link) = self.links.get_mut(&id) {
            link.server_is_open = false;
            link.up.clear();
        }
        self.forget_link(id);
    }

    /// Forgets a connection that both ends have left.
    fn forget_link(&mut self, id: Link) {
        let is_over = |link: &LinkState| !link.server_is_open && !link.client_is_open;
        if self.links.get(&id).is_some_and(is_over)
            && let Some(link) = self.links.remove(&id)
        {
            self.shape = self.shape.wrapping_add(shape_of(id, &link));
        }
    }

    /// A frame is about to go into a session.
    pub fn server_got(&mut self, now: Instant, link: Link, frame: &ByteString) {
        self.verdict.now = now;
        self.got_up(link, frame);
    }

    /// A session sends a frame.
    pub fn server_sent(&mut self, now: Instant, link: Link, frame: &ByteString) {
        self.verdict.now = now;
        if !self.is_plain_server {
            self.sent_down(link, frame);
        }
    }

    /// The server's socket has taken bytes: about to be told to the session.
    pub fn server_flushed(&mut self, now: Instant, link: Link, bytes: usize) {
        self.verdict.now = now;
        if let Some(link) = self.links.get_mut(&link)
            && !self.is_plain_server
        {
            link.output.flushed(bytes);
        }
    }

    /// The hub has handled something.
    pub fn hub(&mut self, now: Instant, hub: &Hub) {
        self.verdict.now = now;
        let (queued, limit) = (hub.queued_bytes(), self.server.queued_bytes.max(self.largest_push));
        self.verdict.check(Invariant::BoundedQueues, queued <= limit, || {
            format!("the hub queues {queued} bytes of events, of {limit}")
        });
        self.hub_calls += 1;
        if self.hub_calls.is_multiple_of(HUB_CALLS) {
            let (readers, connections) = (hub.readers(), hub.connections());
            let most = connections * self.server.streams.min(self.model.len());
            self.verdict.check(Invariant::BoundedQueues, readers <= most, || {
                format!("the hub has {readers} readers of {connections} connections, and {most} are enough")
            });
        }
    }

    /// A session has handled something, and what it asked for was carried out.
    pub fn session(&mut self, now: Instant, link: Link, session: &Session) {
        self.verdict.now = now;
        let is_open = self.links.get(&link).is_some_and(|link| link.server_is_open);
        let closed = session.is_closed();
        self.verdict.check(Invariant::MachineContract, is_open || closed, || {
            format!("the session of connection {link} goes on after its end")
        });
    }

    /// A client's machine is new. Its disk is what it will find.
    pub fn client_started(&mut self, now: Instant, client: usize, config: &ClientConfig, disk: &dyn DiskView) {
        self.verdict.now = now;
        self.clients[client].is_running = true;
        self.clients[client].limits = config.limits.clone();
        self.whole_disk(client, disk);
    }

    /// A client's machine is gone: stopped in good order, or crashed (and its disk has lost what it loses).
    pub fn client_stopped(&mut self, now: Instant, client: usize, _crashed: bool) {
        self.verdict.now = now;
        if let Some(link) = self.clients[client].link {
            self.client_disconnected(now, client, link);
        }
        self.clients[client].end_life();
    }

    /// A client asks for a connection.
    pub fn client_connects(&mut self, now: Instant, client: usize, link: Link) {
        self.verdict.now = now;
        let other = self.clients[client].link.replace(link);
        self.verdict.check(Invariant::MachineContract, other.is_none(), || {
            format!("client {client} connects while it has connection {other:?}")
        });
        // What was due is done before the machine hears that the network is gone, in the same moment.
        let may_connect = self.clients[client].network_gone.is_none_or(|gone| gone == now);
        self.verdict.check(Invariant::MachineContract, may_connect, || {
            format!("client {client} connects while there is no network")
        });
        self.link(link, client).client_is_open = true;
    }

    /// A client stops or goes on reading.
    pub fn client_pauses(&mut self, link: Link, pauses: bool) {
        if let Some(link) = self.links.get_mut(&link) {
            link.client_pauses = pauses;
        }
    }

    /// A client has closed a connection, or was told that it is gone.
    pub fn client_disconnected(&mut self, now: Instant, client: usize, link: Link) {
        self.verdict.now = now;
        if self.clients[client].link == Some(link) {
            self.clients[client].disconnect(now);
        }
        if let Some(link) = self.links.get_mut(&link) {
            link.client_is_open = false;
            link.down.clear();
            link.named.clear();
        }
        self.forget_link(link);
    }

    /// A frame is about to go into a client.
    pub fn client_got(&mut self, now: Instant, client: usize, link: Link, frame: &ByteString) {
        self.verdict.now = now;
        if !self.is_plain_server {
            self.got_down(client, link, frame);
        }
    }

    /// A client sends a frame.
    pub fn client_sent(&mut self, now: Instant, client: usize, link: Link, frame: &ByteString) {
        self.verdict.now = now;
        self.sent_up(client, link, frame);
    }

    /// The application asks for a write: about to be told to the client.
    pub fn write_asked(&mut self, now: Instant, client: usize, write: &Write) {
        self.verdict.now = now;
        self.clients[client].writes.insert(write.request.0, write.clone());
    }

    /// The application asks for a repository to be folded again from 0: about to be told to the client.
    pub fn resync_asked(&mut self, now: Instant, client: usize, repository: &RepositoryName) {
        self.verdict.now = now;
        if let Some(repository) = self.model.find(repository) {
            self.clients[client].replicas[repository].forget_stream();
        }
    }

    /// The application wants a repository cleared: about to be told to the client.
    pub fn clear_asked(&mut self, now: Instant, client: usize, repository: &RepositoryName) {
        self.verdict.now = now;
        if let Some(repository) = self.model.find(repository) {
            self.clients[client].replicas[repository].clearing = Clearing::Asked;
        }
    }

    /// The application wants everything read and pushed now: about to be told to the client.
    pub fn sync_asked(&mut self, now: Instant, client: usize) {
        self.verdict.now = now;
        self.clients[client].syncs = true;
    }

    /// The host knows whether there is a network: about to be told to the client.
    pub fn network_told(&mut self, now: Instant, client: usize, is_there: bool) {
        self.verdict.now = now;
        let gone = &mut self.clients[client].network_gone;
        *gone = if is_there { None } else { gone.or(Some(now)) };
    }

    /// A client tells its application.
    pub fn noticed(&mut self, now: Instant, client: usize, notice: &Notice) {
        self.verdict.now = now;
        self.told(client, notice);
    }

    /// A transaction becomes durable on a client's disk: before its machine hears of it, or when a crash has kept it.
    /// Not for one that is lost. Only records that it does not write are looked at on the disk, which may show it
    /// already or not yet.
    pub fn client_committed(&mut self, now: Instant, client: usize, made: &Transaction, disk: &dyn DiskView) {
        self.verdict.now = now;
        self.transaction(client, made, disk);
    }

    /// A client's disk was copied to another client, which has not started yet.
    pub fn copied(&mut self, now: Instant, from: usize, to: usize) {
        self.verdict.now = now;
        let mut copy = self.clients[from].clone();
        copy.disconnect(now);
        copy.end_life();
        for (repository, replica) in copy.replicas.iter().enumerate() {
            for id in &replica.own {
                let entry = self.book.entry(repository, *id);
                if let Some(mut holder) = entry.holder(from).cloned() {
                    holder.client = to;
                    holder.flight = None;
                    entry.holders.push(holder);
                }
            }
        }
        for last in &mut self.last_written {
            last[to] = last[from];
        }
        self.clients[to] = copy;
    }

    /// A machine has handled something: `local` is what its monotonic clock read then, `wake` what it asks for.
    pub fn machine(&mut self, now: Instant, node: Node, local: Instant, wake: Option<Wake>) {
        self.verdict.now = now;
        let is_later = wake.is_none_or(|wake| wake.at > local);
        self.verdict.check(Invariant::MachineContract, is_later, || {
            format!("{node:?} at {} us wants to be woken: {wake:?}", local.as_micros())
        });
        let (at, calls) = &mut self.calls;
        (*at, *calls) = if *at == now { (now, *calls + 1) } else { (now, 1) };
        if *calls > CALLS_AT_ONCE {
            let message = format!("{node:?} and others go on for ever at one moment");
            self.verdict.fail(Invariant::MachineContract, message);
        }
    }

    /// Whether everyone is equal and idle. `clients` are all that run and are meant to be connected, `idle` is whether
    /// nothing is under way in network, disks and store.
    pub fn is_settled(&self, clients: &[ClientEnd<'_>], idle: bool) -> bool {
        idle && clients.iter().all(|end| self.unsettled(end).is_none())
    }

    /// The end: everyone is settled. Compares everything with the model.
    pub fn settled(&mut self, now: Instant, clients: &[ClientEnd<'_>]) {
        self.verdict.now = now;
        self.end(clients);
    }

    /// The end: the time is over. Fails, and says who is not settled and why.
    pub fn not_settled(&mut self, now: Instant, clients: &[ClientEnd<'_>], idle: bool) {
        self.verdict.now = now;
        if self.is_lossy {
            // A message that vanished inside a live connection is missed by nobody.
            return;
        }
        for end in clients.iter().filter(|end| end.disk.is_some()) {
            self.end_histories(end.client);
        }
        let who = clients
            .iter()
            .filter_map(|end| Some(format!("client {}: {}", end.client, self.unsettled(end)?)));
        let mut who: Vec<String> = who.collect();
        if !idle {
            who.push("something is still under way".into());
        }
        self.verdict.fail(Invariant::Liveness, who.join("; "));
    }
}

/// The digest of one connection.
fn shape_of(id: Link, link: &LinkState) -> u64 {
    let [down, up] = link.shape;
    let mixed = (id ^ down.rotate_left(17)).wrapping_mul(0x9E37_79B9_7F4A_7C15) ^ up;
    mixed.wrapping_mul(0xD6E8_FEB8_6659_FD93)
}
