//! A client and what is around it: machine, disk, clocks, application.

use super::settings::{self, WALL_MS};
use super::wake::Alarm;
use super::{Due, Ready, World};
use crate::check::Node;
use crate::clock::Clock;
use crate::disk::{ClientDisk, Crash};
use crate::known::Known;
use crate::network::{End, LinkId};
use crate::peers::PlainClient;
use crate::random::Random;
use crate::recording::Kind;
use crate::scenario::ClientPlan;
use bytestring::ByteString;
use driftless_core::client::{Client, ClientConfig, ClientCredentials, ClientInput, Received, SocketId, StorageId};
use driftless_core::event::Timestamp;
use driftless_core::{Instant, Machine};
use std::collections::VecDeque;
use std::mem;

/// How many of a client's last sockets are remembered: what comes late on an old one still reaches the machine, which
/// has to know better.
const SOCKETS: usize = 8;

/// A client and what is around it.
pub(super) struct ClientNode {
    pub(super) standing: Standing,
    /// `None` while it does not run.
    pub(super) machine: Option<Box<Client>>,
    /// In the place of a machine and a disk, where the client is not ours. It stays while it does not run.
    pub(super) peer: Option<Box<PlainClient>>,
    /// Counts its starts and ends, so that completions of a former life are dropped.
    pub(super) life: u32,
    pub(super) disk: ClientDisk,
    pub(super) clock: Clock,
    pub(super) alarm: Alarm,
    /// What happens on it waits while it sleeps.
    pub(super) waiting: VecDeque<ClientInput>,
    /// When it wakes up.
    pub(super) asleep_until: Instant,
    /// The storage request that is under way.
    pub(super) storage: Option<StorageId>,
    /// How many of the next storage requests fail.
    pub(super) disk_failures: u64,
    /// Its last sockets, the newest at the back.
    sockets: VecDeque<(SocketId, LinkId)>,
    /// Until when its host tells of no network.
    pub(super) no_network_until: Instant,
    /// Until when its credentials are bad.
    pub(super) bad_until: Instant,
    /// Whether it has, or will have, rights to all but the last repository.
    pub(super) narrow: bool,
    /// Whether its last grant was narrow.
    pub(super) granted_narrow: bool,
    /// Commits begun, frames sent and frames sent to it, over all lives.
    pub(super) commits: u64,
    pub(super) frames_up: u64,
    pub(super) frames_down: u64,
    pub(super) requests: u64,
    pub(super) late_closes: Random,
    pub(super) late_frames: Random,
    /// When the last of the frames of closed sockets is handed on.
    pub(super) late_until: Instant,
    /// Those of them that are handed on when the next socket is open.
    pub(super) held: Vec<(SocketId, ByteString)>,
    pub(super) disk_delays: Random,
    pub(super) crashes: Random,
    config: ClientConfig,
}

/// Whether a client runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It was never started.
    New,
    /// It runs.
    Up,
    /// It was told to stop, and its storage is still busy. It is started again after so long.
    Stopping(Option<u64>),
    /// It is down, and comes back.
    Down,
    /// It is gone for good.
    Left,
}

impl ClientNode {
    pub(super) fn new(seed: u64, index: usize, plan: &ClientPlan, config: ClientConfig) -> Self {
        let stream = |purpose| Random::new(seed, purpose, index as u64);
        Self {
            standing: Standing::New,
            machine: None,
            peer: Self::peer(index, plan),
            life: 0,
            disk: ClientDisk::new(),
            clock: Clock::new(plan.clock, WALL_MS),
            alarm: Alarm::default(),
            waiting: VecDeque::new(),
            asleep_until: Instant::ZERO,
            storage: None,
            disk_failures: 0,
            sockets: VecDeque::new(),
            no_network_until: Instant::ZERO,
            bad_until: Instant::ZERO,
            narrow: false,
            granted_narrow: false,
            commits: 0,
            frames_up: 0,
            frames_down: 0,
            requests: 0,
            late_closes: stream("late closes"),
            late_frames: stream("late frames"),
            late_until: Instant::ZERO,
            held: Vec::new(),
            disk_delays: stream("client disk"),
            crashes: stream("client crash"),
            config,
        }
    }

    /// What the application shows to the server now.
    pub(super) fn credentials(&self, index: usize, now: Instant) -> ClientCredentials {
        let quality = if now < self.bad_until { "bad" } else { "good" };
        ClientCredentials {
            token: Some(format!("{quality} {index}")),
            headers: Vec::new(),
        }
    }

    /// The wall clock, as the client reads it.
    pub(super) fn wall(&self, now: Instant) -> Timestamp {
        // Out of range only after jumps of thousands of years.
        let wall = Timestamp::from_millis(self.clock.wall_ms(now));
        wall.unwrap_or_else(|| Timestamp::from_millis(WALL_MS).expect("a moment of our time is in range"))
    }

    pub(super) fn connects(&mut self, socket: SocketId, link: LinkId) {
        if self.sockets.len() == SOCKETS {
            self.sockets.pop_front();
        }
        self.sockets.push_back((socket, link));
    }

    pub(super) fn link(&self, socket: SocketId) -> Option<LinkId> {
        let mut newest_first = self.sockets.iter().rev();
        newest_first.find(|(of, _)| *of == socket).map(|(_, link)| *link)
    }

    pub(super) fn socket(&self, link: LinkId) -> Option<SocketId> {
        let mut newest_first = self.sockets.iter().rev();
        newest_first.find(|(_, of)| *of == link).map(|(socket, _)| *socket)
    }

    /// Nothing of this life goes on. Its connections are left to the caller.
    pub(super) fn end_life(&mut self) -> Vec<LinkId> {
        self.machine = None;
        if let Some(peer) = &mut self.peer {
            peer.ends();
        }
        self.life += 1;
        self.storage = None;
        self.waiting.clear();
        self.held.clear();
        self.sockets.drain(..).map(|(_, link)| link).collect()
    }
}

/// Reads a frame, unless it was read for another client.
fn read(known: &mut Known<Received>, socket: SocketId, frame: &ByteString) -> ClientInput {
    let read = known.find(frame.as_bytes()).cloned();
    let frame = read.unwrap_or_else(|| {
        let read = Received::read(frame.clone());
        if read.has_events() {
            known.keep(frame, read.clone());
        }
        read
    });
    ClientInput::Received { socket, frame }
}

impl World<'_> {
    /// Starts a client on what its disk holds.
    pub(super) fn start_client(&mut self, index: usize) {
        let now = self.scheduler.now();
        let Some(node) = self.clients.get_mut(index) else {
            return;
        };
        if node.runs() || node.standing == Standing::Left {
            return;
        }
        if node.peer.is_some() {
            return self.start_peer(index);
        }
        node.life += 1;
        node.standing = Standing::Up;
        let mut config = node.config.clone();
        config.seed = settings::client_seed(self.scenario.seed, index, node.life);
        config.credentials = node.credentials(index, now);
        self.checks.client_started(now, index, &config, &node.disk);
        node.machine = Some(Box::new(Client::new(config)));
        let wall = node.wall(now);
        self.tell_client_starts(index);
        self.client(index, ClientInput::Start { wall });
        if self.clients[index].no_network_until > now {
            self.client(index, ClientInput::Connectivity(false));
        }
    }

    /// Gives a client's machine something, and carries out what it asks for. What comes to one that sleeps waits; what
    /// comes to one that does not run is gone.
    pub(super) fn client(&mut self, index: usize, input: ClientInput) {
        let now = self.scheduler.now();
        let node = &mut self.clients[index];
        if node.clock.is_asleep() {
            node.waiting.push_back(input);
            return;
        }
        if node.peer.is_some() {
            self.peer(index, input);
            self.plan_client(index);
            return self.stop_if_done(index);
        }
        if node.machine.is_none() {
            return;
        }
        self.client_gets(index, &input);
        self.steps.input(now, Node::Client(index), &input);
        let node = &mut self.clients[index];
        let Some(machine) = &mut node.machine else {
            return;
        };
        let local = node.clock.monotonic(now);
        let input = match input {
            ClientInput::Frame { socket, frame } => read(&mut self.read_frames, socket, &frame),
            input => input,
        };
        let mut actions = mem::take(&mut self.client_actions);
        machine.handle(local, input, &mut actions);
        self.checks
            .machine(now, Node::Client(index), local, machine.next_wake());
        while let Some(action) = actions.pop() {
            self.steps.action(&action);
            self.client_asks(index, action);
        }
        self.client_actions = actions;
        self.plan_client(index);
        self.stop_if_done(index);
    }

    /// Tells the checks what is about to go into a client.
    pub(super) fn client_gets(&mut self, index: usize, input: &ClientInput) {
        let now = self.scheduler.now();
        let node = &self.clients[index];
        match input {
            ClientInput::Frame { socket, frame } => {
                self.steps.frames += 1;
                if let Some(link) = node.link(*socket) {
                    self.checks.client_got(now, index, link.0, frame);
                }
            }
            ClientInput::Write(write) if node.peer.is_none() => self.checks.write_asked(now, index, write),
            ClientInput::Resync { repository } => self.checks.resync_asked(now, index, repository),
            ClientInput::Clear { repository } => self.checks.clear_asked(now, index, repository),
            ClientInput::SyncNow if node.peer.is_none() => self.checks.sync_asked(now, index),
            ClientInput::Connectivity(is_there) => self.checks.network_told(now, index, *is_there),
            ClientInput::Disconnected { socket, .. } => {
                if let Some(link) = node.link(*socket) {
                    self.checks.client_disconnected(now, index, link.0);
                }
            }
            _ => {}
        }
    }

    /// Plans a client's next wake-up, if it is earlier than the planned one.
    pub(super) fn plan_client(&mut self, index: usize) {
        let now = self.scheduler.now();
        let node = &mut self.clients[index];
        let wake = node.next_wake();
        let wanted = wake.and_then(|wake| node.clock.when(wake.at));
        if let Some(at) = node.alarm.want(now, wanted) {
            self.scheduler.at(at, Due::ClientWake(index));
        }
    }

    pub(super) fn client_wakes(&mut self, index: usize) {
        let now = self.scheduler.now();
        let node = &mut self.clients[index];
        if !node.alarm.rings(now) || node.clock.is_asleep() {
            return;
        }
        let wake = node.next_wake();
        match wake {
            Some(wake) if wake.at <= node.clock.monotonic(now) => self.client(index, ClientInput::Tick),
            _ => self.plan_client(index),
        }
    }

    /// Sends a client to sleep.
    pub(super) fn sleep_client(&mut self, index: usize, micros: u64) -> bool {
        let now = self.scheduler.now();
        let Some(node) = self.clients.get_mut(index) else {
            return false;
        };
        if !node.runs() || node.clock.is_asleep() {
            return false;
        }
        node.clock.sleep(now);
        node.asleep_until = super::after(now, micros);
        self.network.asleep(index, now);
        self.scheduler.at(node.asleep_until, Due::Awake(index));
        self.tell_client(index, Kind::Sleep);
        true
    }

    /// Wakes a client up; what has waited goes in, in order.
    pub(super) fn wake_client(&mut self, index: usize) {
        let now = self.scheduler.now();
        let node = &mut self.clients[index];
        if !node.clock.is_asleep() {
            return;
        }
        node.clock.resume(now);
        self.network.awake(index, &mut self.scheduler);
        self.tell_client(index, Kind::Awake);
        let life = self.clients[index].life;
        for input in mem::take(&mut self.clients[index].waiting) {
            self.ready.push_back(Ready::Client {
                client: index,
                life,
                input,
            });
        }
        self.plan_client(index);
    }

    /// Tells a client to stop in good order.
    pub(super) fn stop_client(&mut self, index: usize, back_after: Option<u64>) -> bool {
        let Some(node) = self.clients.get_mut(index) else {
            return false;
        };
        match node.standing {
            Standing::Up if !node.clock.is_asleep() => {
                node.standing = Standing::Stopping(back_after);
                self.client(index, ClientInput::Stop);
                true
            }
            Standing::Stopping(Some(_)) if back_after.is_none() => {
                node.standing = Standing::Stopping(None);
                true
            }
            Standing::Down if back_after.is_none() => {
                node.standing = Standing::Left;
                true
            }
            _ => false,
        }
    }

    /// Ends a stopping client once its storage is idle.
    fn stop_if_done(&mut self, index: usize) {
        let now = self.scheduler.now();
        let node = &mut self.clients[index];
        let Standing::Stopping(back_after) = node.standing else {
            return;
        };
        if node.storage.is_some() {
            return;
        }
        node.end_life();
        node.standing = if back_after.is_some() {
            Standing::Down
        } else {
            Standing::Left
        };
        self.checks.client_stopped(now, index, false);
        self.tell_client(index, Kind::Stop);
        if let Some(micros) = back_after {
            let (client, life) = (index, self.clients[index].life);
            self.scheduler
                .at(super::after(now, micros), Due::ClientUp { client, life });
        }
    }

    /// Kills a client. Of what its disk was writing, the disk decides.
    pub(super) fn crash_client(&mut self, index: usize, down: u64) -> bool {
        let now = self.scheduler.now();
        let Some(node) = self.clients.get_mut(index) else {
            return false;
        };
        if !node.runs() {
            return false;
        }
        if node.clock.is_asleep() {
            node.clock.resume(now);
            self.network.awake(index, &mut self.scheduler);
        }
        let node = &mut self.clients[index];
        let back = node.standing != Standing::Stopping(None);
        node.standing = if back { Standing::Down } else { Standing::Left };
        let told = node.crashes.percent(50);
        let request = node.storage.map(|request| request.0);
        let links = node.end_life();
        let crash = node.disk.crash(&mut node.crashes);
        if let (Crash::Kept, Some(made)) = (crash, node.disk.kept()) {
            self.checks.client_committed(now, index, made, &node.disk);
        }
        self.checks.client_stopped(now, index, true);
        let life = node.life;
        self.tell_client(index, Kind::Crash);
        self.tell_client_crash(index, request, crash);
        for link in links {
            self.tell_closed(link, End::Client, None, "the client is gone");
            self.network
                .abandon(link, End::Client, told, &mut self.scheduler, &mut self.fired);
        }
        if back {
            self.scheduler
                .at(super::after(now, down), Due::ClientUp { client: index, life });
        }
        true
    }
}
