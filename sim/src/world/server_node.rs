//! The server and what is around it: hub, sessions, store, clock; how it starts and ends.

use super::lane::Lane;
use super::settings::{self, WALL_MS};
use super::wake::Alarm;
use super::{Due, Ready, World, after};
use crate::clock::Clock;
use crate::disk::{Backup, ServerStore};
use crate::network::{End, LinkId};
use crate::peers::PlainServer;
use crate::random::Random;
use crate::recording::{Kind, Node};
use crate::scenario::{Scenario, ServerKind};
use driftless_core::Instant;
use driftless_core::name::{LogName, Namespace, RepositoryName};
use driftless_core::server::{
    Committed, ConnectionId, Hub, HubConfig, HubReply, HubRequest, Page, PageRequest, ReadId, Rights, ServerLimits,
    Session, SessionConfig, SessionInput,
};
use driftless_core::wire::Epoch;
use std::collections::BTreeMap;
use std::sync::Arc;

/// The server and what is around it.
pub(super) struct ServerNode {
    /// `None` while it does not run.
    pub(super) running: Option<Running>,
    /// Counts its starts and ends, so that completions of a former life are dropped.
    pub(super) life: u32,
    pub(super) store: ServerStore,
    pub(super) backup: Option<Backup>,
    /// What answers in the place of hub and sessions, where the server is the published one.
    pub(super) published: PlainServer,
    /// How many epochs the store has had.
    epochs: u64,
    pub(super) clock: Clock,
    pub(super) limits: ServerLimits,
    pub(super) all: Arc<Rights>,
    pub(super) most: Arc<Rights>,
    /// Until when the store fails, commits are not reported, nobody decides about credentials.
    pub(super) store_fails_until: Instant,
    pub(super) untold_until: Instant,
    pub(super) auth_away_until: Instant,
    /// How many of the next appends are committed and reported as failed.
    pub(super) unknown_commits: u64,
    /// Appends begun, over all lives.
    pub(super) appends: u64,
    pub(super) delays: Delays,
    pub(super) chances: Random,
    crashes: Random,
}

/// Streams of the server's times.
pub(super) struct Delays {
    pub(super) commit: Random,
    pub(super) read: Random,
    pub(super) hop: Random,
    pub(super) auth: Random,
}

/// A running server.
pub(super) struct Running {
    pub(super) hub: Hub,
    pub(super) alarm: Alarm,
    pub(super) sessions: BTreeMap<LinkId, SessionNode>,
    config: Arc<SessionConfig>,
    /// It was told to stop, and starts again after so long.
    stopping: Option<u64>,
    /// How many appends the store is busy with.
    pub(super) appending: usize,
    pub(super) reads: BTreeMap<ReadId, Reading>,
    /// The last commit of each log that was not reported.
    pub(super) untold: BTreeMap<LogName, Committed>,
}

/// A read at the store.
pub(super) enum Reading {
    /// It sees what is there at its end.
    Page(PageRequest),
    /// It has seen what was there at its beginning.
    Done(Page),
    List(Namespace),
}

/// A connection, as the server sees it.
pub(super) struct SessionNode {
    pub(super) client: usize,
    /// `None` once it has ended; what it has told the hub may still be on its way.
    pub(super) session: Option<Box<Session>>,
    pub(super) alarm: Alarm,
    pub(super) to_hub: Lane<HubRequest>,
    pub(super) to_session: Lane<HubReply>,
}

impl ServerNode {
    pub(super) fn new(scenario: &Scenario, repositories: &[RepositoryName]) -> Self {
        let stream = |purpose| Random::new(scenario.seed, purpose, 0);
        Self {
            running: None,
            life: 0,
            store: ServerStore::new(epoch(1)),
            backup: None,
            published: PlainServer::default(),
            epochs: 1,
            clock: Clock::new(scenario.server.clock, WALL_MS),
            limits: settings::server(&scenario.server),
            all: Arc::new(settings::rights(repositories, false)),
            most: Arc::new(settings::rights(repositories, true)),
            store_fails_until: Instant::ZERO,
            untold_until: Instant::ZERO,
            auth_away_until: Instant::ZERO,
            unknown_commits: 0,
            appends: 0,
            delays: Delays {
                commit: stream("store commit"),
                read: stream("store read"),
                hop: stream("hop"),
                auth: stream("auth"),
            },
            chances: stream("server chances"),
            crashes: stream("server crash"),
        }
    }
}

/// The name of a store's n-th history.
fn epoch(number: u64) -> Epoch {
    Epoch::new(format!("epoch-{number}")).expect("a short text is an epoch")
}

impl World<'_> {
    /// Starts the server on what the store holds.
    pub(super) fn start_server(&mut self) {
        let now = self.scheduler.now();
        let server = &mut self.server;
        if server.running.is_some() {
            return;
        }
        server.life += 1;
        server.published = PlainServer::default();
        let (epoch, limits) = (server.store.epoch().clone(), server.limits.clone());
        server.running = Some(Running {
            hub: Hub::new(HubConfig {
                epoch: epoch.clone(),
                limits: limits.clone(),
                lanes: self.scenario.server.lanes.max(1),
            }),
            alarm: Alarm::default(),
            sessions: BTreeMap::new(),
            config: Arc::new(SessionConfig { epoch, limits }),
            stopping: None,
            appending: 0,
            reads: BTreeMap::new(),
            untold: BTreeMap::new(),
        });
        self.checks.server_started(now, &self.server.limits);
        self.tell_server(Kind::Start);
        self.network.server_listens(true);
    }

    /// A connection has come in.
    pub(super) fn open_session(&mut self, link: LinkId) {
        let now = self.scheduler.now();
        let client = self.network.client_of(link);
        let local = self.server.clock.monotonic(now);
        let Some(running) = self
            .server
            .running
            .as_mut()
            .filter(|running| running.stopping.is_none())
        else {
            // It came in while the server was going down.
            self.network
                .abandon(link, End::Server, true, &mut self.scheduler, &mut self.fired);
            return;
        };
        let config = Arc::clone(&running.config);
        let is_ours = self.scenario.server.kind == ServerKind::Driftless;
        let session = || Session::new(local, config, ConnectionId(link.0), Namespace::default(), None);
        let node = SessionNode {
            client,
            session: is_ours.then(|| Box::new(session())),
            alarm: Alarm::default(),
            to_hub: Lane::new(),
            to_session: Lane::new(),
        };
        running.sessions.insert(link, node);
        self.tell(|tape, now| tape.accepted(now, link.0));
        if !is_ours {
            return self.published_opens(link);
        }
        self.checks.session_opened(now, link.0, client);
        self.plan_session(link);
    }

    /// Tells the server to stop in good order.
    pub(super) fn stop_server(&mut self, down: u64) -> bool {
        let Some(running) = self
            .server
            .running
            .as_mut()
            .filter(|running| running.stopping.is_none())
        else {
            return false;
        };
        running.stopping = Some(down);
        self.network.server_listens(false);
        let sessions = running.sessions.keys();
        let told = sessions.map(|link| Ready::Session(*link, SessionInput::Shutdown));
        self.ready.extend(told);
        self.server_down_if_done();
        true
    }

    /// Ends a stopping server once its last connection is closed and its store is idle.
    pub(super) fn server_down_if_done(&mut self) {
        let Some(running) = &self.server.running else {
            return;
        };
        let Some(down) = running.stopping else {
            return;
        };
        if running.sessions.is_empty() && running.appending == 0 {
            self.tell_server(Kind::Stop);
            self.end_server(down);
        }
    }

    /// Kills the server. Of what its store was writing, the store decides.
    pub(super) fn crash_server(&mut self, down: u64) -> bool {
        let now = self.scheduler.now();
        let Some(running) = &self.server.running else {
            return false;
        };
        let links: Vec<LinkId> = running.sessions.keys().copied().collect();
        let told = self.server.crashes.percent(50);
        self.network.server_listens(false);
        self.tell_server(Kind::Crash);
        for link in links {
            self.tell_closed(link, End::Server, None, "the server is gone");
            self.network
                .abandon(link, End::Server, told, &mut self.scheduler, &mut self.fired);
        }
        let appends: Vec<_> = self.server.store.appends().map(|(append, _)| append).collect();
        let (crashes, stored) = self.server.store.crash(&mut self.server.crashes);
        self.tell_store_crash(&appends, &crashes);
        for committed in &stored {
            self.stored(now, committed);
        }
        self.end_server(down);
        true
    }

    /// A server that is down or is going down starts again.
    pub(super) fn server_comes_back(&mut self) {
        match &mut self.server.running {
            Some(running) => {
                if let Some(down) = &mut running.stopping {
                    *down = 0;
                }
            }
            None => self.start_server(),
        }
    }

    fn end_server(&mut self, down: u64) {
        let now = self.scheduler.now();
        self.server.running = None;
        self.server.life += 1;
        self.checks.server_stopped(now);
        let life = self.server.life;
        self.scheduler.at(after(now, down), Due::ServerUp { life });
    }

    /// Puts the last backup in the place of the store.
    pub(super) fn restore_store(&mut self, down: u64, new_epoch: bool) -> bool {
        if self.server.running.is_none() || self.server.backup.is_none() {
            return false;
        }
        self.crash_server(down);
        let server = &mut self.server;
        if let Some(backup) = &server.backup {
            server.epochs += 1;
            server.store.restore(backup, new_epoch.then(|| epoch(server.epochs)));
        }
        self.checks.restored(self.scheduler.now(), &self.server.store);
        self.peers_lose_history();
        self.tell(|tape, now| tape.note(now, Node::Store, "is an old backup from here on"));
        self.tell_store();
        true
    }

    /// Events are durable: whoever hears of it hears of it later.
    pub(super) fn stored(&mut self, now: Instant, committed: &Committed) {
        self.events += committed.events.len() as u64;
        self.checks.committed(now, &committed.log.repository, &committed.events);
        self.tell(|tape, _| tape.appended(&committed.log.repository, &committed.events));
    }
}
