//! What a run tells its recorder. Where nobody records, each of these is one branch.

use super::World;
use crate::clock::Clock;
use crate::disk::Crash;
use crate::network::{End, LinkId, NetworkEvent};
use crate::recording::{Ending, Kind, Node, Reading, Tape};
use crate::scenario::{ClockPlan, Way, What};
use driftless_core::Instant;
use driftless_core::client::Transaction;
use driftless_core::server::{Append, AppendId};
use driftless_core::wire::CloseCode;

impl World<'_> {
    /// Does something with the tape, if there is one.
    pub(super) fn tell(&mut self, tell: impl FnOnce(&mut Tape, Instant)) {
        if let Some(tape) = self.recorder.tape() {
            tell(tape, self.scheduler.now());
        }
    }

    /// A client starts with what its disk holds.
    pub(super) fn tell_client_starts(&mut self, index: usize) {
        let now = self.scheduler.now();
        let Some(tape) = self.recorder.tape() else { return };
        let (node, plan) = (&self.clients[index], &self.scenario.clients[index]);
        let clock = reading(&node.clock, plan.clock, now);
        tape.life(now, Node::Client(index), Kind::Start, Some(clock));
        let disk = &node.disk;
        let cursors = self
            .repositories
            .iter()
            .filter_map(|name| Some((name, disk.cursor(name)?)));
        let records = self.repositories.iter().flat_map(|name| disk.records(name));
        let own = self.repositories.iter().flat_map(|name| disk.own(name));
        tape.disk(index, cursors, records, own);
    }

    /// Something else happens to a client as a whole.
    pub(super) fn tell_client(&mut self, index: usize, kind: Kind) {
        let now = self.scheduler.now();
        let Some(tape) = self.recorder.tape() else { return };
        let clock = reading(&self.clients[index].clock, self.scenario.clients[index].clock, now);
        tape.life(now, Node::Client(index), kind, Some(clock));
    }

    /// What became of a client's storage work when it crashed.
    pub(super) fn tell_client_crash(&mut self, index: usize, request: Option<u64>, crash: Crash) {
        let now = self.scheduler.now();
        let (Some(tape), Some(request)) = (self.recorder.tape(), request) else {
            return;
        };
        tape.ended(now, Node::Client(index), request, ending(crash));
        if let (Crash::Kept, Some(made)) = (crash, self.clients[index].disk.kept()) {
            tape.committed(index, made);
        }
    }

    /// A client's disk is done.
    pub(super) fn tell_client_stored(&mut self, index: usize, request: u64, done: bool, made: Option<&Transaction>) {
        let now = self.scheduler.now();
        let Some(tape) = self.recorder.tape() else { return };
        let how = if done { Ending::Done } else { Ending::Failed };
        tape.ended(now, Node::Client(index), request, how);
        if let Some(made) = made {
            tape.committed(index, made);
        }
    }

    /// Something happens to the server as a whole.
    pub(super) fn tell_server(&mut self, kind: Kind) {
        let now = self.scheduler.now();
        let Some(tape) = self.recorder.tape() else { return };
        let clock = reading(&self.server.clock, self.scenario.server.clock, now);
        tape.life(now, Node::Server, kind, Some(clock));
        if kind == Kind::Start {
            tape.life(now, Node::Store, kind, None);
            self.tell_store();
        }
    }

    /// The store may be another one.
    pub(super) fn tell_store(&mut self) {
        let Some(tape) = self.recorder.tape() else { return };
        let store = &self.server.store;
        let heads = self
            .repositories
            .iter()
            .map(|name| (name, store.log(name).head().get()));
        tape.store(store.epoch().as_str(), heads);
    }

    /// The store begins to write.
    pub(super) fn tell_append(&mut self, append: AppendId, events: &Append) {
        self.tell(|tape, now| {
            let runs = events.runs.iter();
            let runs: Vec<_> = runs
                .map(|run| format!("{} ×{}", run.log.repository, run.events.len()))
                .collect();
            tape.begun(now, Node::Store, append.0, format!("append {}", runs.join(" ")));
        });
    }

    /// What became of the store's work when the server crashed.
    pub(super) fn tell_store_crash(&mut self, appends: &[AppendId], crashes: &[Crash]) {
        self.tell(|tape, now| {
            tape.life(now, Node::Store, Kind::Crash, None);
            for (append, crash) in appends.iter().zip(crashes) {
                tape.ended(now, Node::Store, append.0, ending(*crash));
            }
        });
    }

    /// The network has brought something.
    pub(super) fn tell_brought(&mut self, event: &NetworkEvent) {
        self.tell(|tape, now| match event {
            NetworkEvent::Connected { link } => tape.connected(now, link.0),
            NetworkEvent::ConnectFailed { link, reason } => tape.connect_failed(now, link.0, reason),
            NetworkEvent::Frame {
                link,
                end: End::Client,
                frame,
            } => tape.arrived(now, link.0, Way::Down, frame),
            NetworkEvent::Frame {
                link,
                end: End::Server,
                frame,
            } => tape.arrived(now, link.0, Way::Up, frame),
            NetworkEvent::Closed {
                link,
                end,
                code,
                reason,
            } => {
                tape.closed(now, link.0, *end == End::Server, *code, reason);
            }
            NetworkEvent::Accepted { .. }
            | NetworkEvent::Late { .. }
            | NetworkEvent::Alive { .. }
            | NetworkEvent::Flushed { .. } => {}
        });
    }

    /// An end closes a connection.
    pub(super) fn tell_closed(&mut self, link: LinkId, end: End, code: Option<CloseCode>, reason: &str) {
        self.tell(|tape, now| tape.closed(now, link.0, end == End::Server, code, reason));
    }

    /// An incident whose effect is told by nothing else.
    pub(super) fn tell_incident(&mut self, node: Node, what: &What) {
        self.tell(|tape, now| tape.incident(now, node, what));
    }
}

const fn ending(crash: Crash) -> Ending {
    match crash {
        Crash::Nothing => Ending::Failed,
        Crash::Kept => Ending::Kept,
        Crash::Lost => Ending::Lost,
        Crash::Torn => Ending::Torn,
    }
}

fn reading(clock: &Clock, plan: ClockPlan, now: Instant) -> Reading {
    Reading {
        wall_ms: clock.wall_ms(now),
        monotonic: clock.monotonic(now).as_micros(),
        drift_ppm: plan.drift_ppm,
        ticking: !(clock.is_asleep() && plan.stops_asleep),
    }
}
