//! Peers that are not ours, as nodes of the world: plain clients, and the published server.
//!
//! What a plain client has written is durable at once. What the protocol promises to it is checked by itself; what it
//! sends and gets is checked as that of any other connection, where the server is ours.

use super::client_node::{ClientNode, Standing};
use super::{World, after};
use crate::check::{Failure, Invariant, Node};
use crate::fault::Fault;
use crate::network::{End, LinkId};
use crate::peers::{Offer, PlainClient, ServerAsks};
use crate::scenario::{ClientKind, ClientPlan, ServerKind, Way};
use driftless_core::client::{ClientAction, ClientInput};
use driftless_core::server::SessionInput;
use driftless_core::wire::CloseCode;
use driftless_core::{Actions, Instant, Machine, Wake};

impl ClientNode {
    /// The plain client of a plan that asks for one.
    pub(super) fn peer(index: usize, plan: &ClientPlan) -> Option<Box<PlainClient>> {
        let offer = match plan.kind {
            ClientKind::Driftless => return None,
            ClientKind::Published => Offer::Nothing,
            ClientKind::OtherVersion => Offer::Others,
        };
        Some(Box::new(PlainClient::new(index, offer, plan.seed_spelling)))
    }

    /// Whether its process is there.
    pub(super) fn runs(&self) -> bool {
        self.machine.is_some() || self.peer.as_ref().is_some_and(|peer| peer.is_up())
    }

    /// When its machine wants to be called.
    pub(super) fn next_wake(&self) -> Option<Wake> {
        match &self.peer {
            Some(peer) => peer.next_wake(),
            None => self.machine.as_ref()?.next_wake(),
        }
    }
}

impl World<'_> {
    /// Starts a plain client.
    pub(super) fn start_peer(&mut self, index: usize) {
        let now = self.scheduler.now();
        let node = &mut self.clients[index];
        node.life += 1;
        node.standing = Standing::Up;
        let (wall, token) = (node.wall(now), node.credentials(index, now).token);
        if let Some(peer) = &mut node.peer {
            peer.shows(token);
        }
        self.tell_client_starts(index);
        self.peer(index, ClientInput::Start { wall });
        self.plan_client(index);
    }

    /// Gives a plain client something, and carries out what it asks for.
    pub(super) fn peer(&mut self, index: usize, input: ClientInput) {
        let now = self.scheduler.now();
        let node = &mut self.clients[index];
        let is_start = matches!(input, ClientInput::Start { .. });
        if !is_start && !node.runs() {
            return;
        }
        self.client_gets(index, &input);
        self.steps.input(now, Node::Client(index), &input);
        let node = &mut self.clients[index];
        let Some(peer) = &mut node.peer else { return };
        let mut actions = Actions::new();
        peer.handle(node.clock.monotonic(now), input, &mut actions);
        let (broken, came_online) = (peer.take_broken(), peer.take_came_online());
        while let Some(action) = actions.pop() {
            self.steps.action(&action);
            self.peer_asks(index, action);
        }
        if came_online {
            self.fired.count(match self.scenario.clients[index].kind {
                ClientKind::OtherVersion => Fault::OtherVersion,
                _ => Fault::PlainClient,
            });
        }
        if let Some(broken) = broken {
            self.break_promise(Invariant::OrderedDelivery, format!("plain client {index}: {broken}"));
        }
    }

    fn peer_asks(&mut self, index: usize, action: ClientAction) {
        match action {
            ClientAction::Connect { socket, .. } => {
                let link = self.network.connect(index, &mut self.scheduler);
                self.clients[index].connects(socket, link);
                self.checks.client_connects(self.scheduler.now(), index, link.0);
                self.tell(|tape, now| tape.connecting(now, link.0, index));
            }
            ClientAction::Send { socket, frame } => {
                let Some(link) = self.clients[index].link(socket) else {
                    return;
                };
                self.checks.client_sent(self.scheduler.now(), index, link.0, &frame);
                self.tell(|tape, now| tape.sent(now, link.0, Way::Up, &frame));
                let (scheduler, arrived) = (&mut self.scheduler, &mut self.arrived);
                self.network.send(link, End::Client, frame, scheduler, arrived);
            }
            ClientAction::Close { socket, code, reason } => {
                let Some(link) = self.clients[index].link(socket) else {
                    return;
                };
                self.checks.client_disconnected(self.scheduler.now(), index, link.0);
                self.tell_closed(link, End::Client, Some(code), &reason);
                self.network.close(link, End::Client, code, reason, &mut self.scheduler);
            }
            _ => {}
        }
    }

    /// Something that is promised to plain peers does not hold.
    fn break_promise(&mut self, invariant: Invariant, message: String) {
        let at = self.scheduler.now();
        self.over = true;
        self.broken.get_or_insert(Failure { invariant, at, message });
    }

    /// Whether every plain client has everything and everything of it is acked.
    pub(super) fn peers_are_settled(&self) -> bool {
        (0..self.clients.len()).all(|index| self.unsettled_peer(index).is_none())
    }

    /// Why a plain client is not settled; `None` if it is, or is none, or does not run.
    fn unsettled_peer(&self, index: usize) -> Option<String> {
        let node = &self.clients[index];
        let peer = node.peer.as_ref().filter(|peer| peer.is_up())?;
        if !peer.is_settled() {
            return Some(format!(
                "plain client {index} is not online, or what it has written is not acked"
            ));
        }
        if self.scenario.server.kind == ServerKind::Published {
            return None;
        }
        self.repositories.iter().find_map(|name| {
            let (cursor, head) = (peer.cursor(name), self.server.store.log(name).head().get());
            (cursor != head).then(|| format!("plain client {index} is at {cursor} of {name}, and the head is {head}"))
        })
    }

    /// The end of a run: whoever is not settled by now never will be.
    pub(super) fn check_peers(&mut self) {
        for index in 0..self.clients.len() {
            if let Some(why) = self.unsettled_peer(index) {
                self.break_promise(Invariant::Liveness, why);
            }
            if let Some(id) = self.lost_of_peer(index) {
                let message = format!("plain client {index} was acked {id}, and the log does not have it");
                self.break_promise(Invariant::NothingLost, message);
            }
        }
    }

    fn lost_of_peer(&self, index: usize) -> Option<String> {
        let peer = self.clients[index].peer.as_ref()?;
        let is_lost = |name: &str, id: &_| {
            let repository = self.repositories.iter().find(|repository| ***repository == *name);
            repository.is_none_or(|repository| self.server.store.log(repository).find(id).is_none())
        };
        let mut acked = peer.acked();
        acked.find(|(name, id)| is_lost(name, id)).map(|(_, id)| id.to_string())
    }

    /// The server's history is another one from now on.
    pub(super) fn peers_lose_history(&mut self) {
        for peer in self.clients.iter_mut().filter_map(|node| node.peer.as_mut()) {
            peer.forget_places();
        }
    }

    /// Gives the published server what has happened on a connection.
    pub(super) fn published(&mut self, link: LinkId, input: &SessionInput) {
        let now = self.scheduler.now();
        self.steps.input(now, Node::Session(link.0), input);
        let local = self.server.clock.monotonic(now);
        let server = &mut self.server;
        match input {
            SessionInput::Frame(frame) => {
                self.steps.frames += 1;
                server.published.got(local, link.0, frame, &mut server.store);
            }
            SessionInput::Tick => server.published.ring(local, link.0),
            SessionInput::Shutdown => self.published_closes(link),
            SessionInput::Closed => self.published_forgets(link),
            _ => return,
        }
        for asks in self.server.published.take_asks() {
            self.published_asks(now, asks);
        }
        self.plan_published(link);
    }

    fn published_asks(&mut self, now: Instant, asks: ServerAsks) {
        match asks {
            ServerAsks::Stored(committed) => self.stored(now, &committed),
            ServerAsks::Close(link) => self.published_closes(LinkId(link)),
            ServerAsks::Send(link, frame) => {
                let link = LinkId(link);
                self.steps.action(&(link.0, &frame));
                self.tell(|tape, now| tape.sent(now, link.0, Way::Down, &frame));
                let (scheduler, arrived) = (&mut self.scheduler, &mut self.arrived);
                self.network.send(link, End::Server, frame, scheduler, arrived);
            }
        }
    }

    fn published_closes(&mut self, link: LinkId) {
        let (code, reason) = (CloseCode::GOING_AWAY, String::from("goodbye"));
        self.tell_closed(link, End::Server, Some(code), &reason);
        self.network.close(link, End::Server, code, reason, &mut self.scheduler);
        self.published_forgets(link);
    }

    fn published_forgets(&mut self, link: LinkId) {
        self.server.published.closed(link.0);
        if let Some(running) = &mut self.server.running {
            running.sessions.remove(&link);
            self.server_down_if_done();
        }
    }

    /// A connection to the published server is open.
    pub(super) fn published_opens(&mut self, link: LinkId) {
        self.server.published.opened(link.0);
        self.fired.count(Fault::PlainServer);
    }

    /// Plans when the published server looks after a connection.
    pub(super) fn plan_published(&mut self, link: LinkId) {
        let now = self.scheduler.now();
        let wanted = self.server.published.next_wake(link.0);
        let at = wanted.and_then(|at| self.server.clock.when(at));
        let running = self.server.running.as_mut();
        let Some(node) = running.and_then(|running| running.sessions.get_mut(&link)) else {
            return;
        };
        if let Some(at) = node.alarm.want(now, at) {
            self.scheduler.at(at.max(after(now, 1)), super::Due::SessionWake(link));
        }
    }
}
