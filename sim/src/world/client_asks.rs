//! What a client's machine asks for.

use super::agenda::Trigger;
use super::client_node::Standing;
use super::{Due, Ready, World, after};
use crate::fault::Fault;
use crate::network::{End, LinkId};
use crate::random::Delay;
use crate::scenario::Way;
use bytestring::ByteString;
use driftless_core::client::{ClientAction, ClientInput, Notice, SocketId, StorageId, StorageRequest};
use driftless_core::wire::CloseCode;

/// A storage time from which on a disk counts as slow, in microseconds.
const SLOW_MICROS: u64 = 20_000;
/// In how many of 100 cases the end of a closed socket is reported late, where connections overlap.
const LATE_CLOSES: u64 = 50;
/// In how many of 100 cases a frame that comes to a closed socket is handed on, where that happens.
const LATE_FRAMES: u64 = 60;
/// In how many of 100 cases that is when the next one is open.
const HELD_FRAMES: u64 = 50;
/// How late: around the time after which a client connects again.
const LATE_CLOSE: Delay = Delay::LongTail(4_000_000);

impl World<'_> {
    /// Carries out what a client asks for. Nothing is handled in here: what follows at once becomes ready.
    pub(super) fn client_asks(&mut self, index: usize, action: ClientAction) {
        match action {
            ClientAction::Connect { socket, .. } => self.client_connects(index, socket),
            ClientAction::Send { socket, frame } => self.client_sends(index, socket, frame),
            ClientAction::Close { socket, code, reason } => self.client_closes(index, socket, code, reason),
            ClientAction::PauseReading { socket } => self.client_pauses(index, socket, true),
            ClientAction::ResumeReading { socket } => self.client_pauses(index, socket, false),
            ClientAction::Storage { storage, request } => self.client_stores(index, storage, request),
            // No scenario has a filtered repository.
            ClientAction::BuildFilter { .. } => {}
            ClientAction::Notify(notice) => self.client_tells(index, &notice),
        }
    }

    fn client_connects(&mut self, index: usize, socket: SocketId) {
        let link = self.network.connect(index, &mut self.scheduler);
        self.clients[index].connects(socket, link);
        self.checks.client_connects(self.scheduler.now(), index, link.0);
        self.tell(|tape, now| tape.connecting(now, link.0, index));
    }

    fn client_sends(&mut self, index: usize, socket: SocketId, frame: ByteString) {
        let node = &mut self.clients[index];
        let Some(link) = node.link(socket) else {
            return;
        };
        node.frames_up += 1;
        let number = node.frames_up;
        self.checks.client_sent(self.scheduler.now(), index, link.0, &frame);
        self.tell(|tape, now| tape.sent(now, link.0, Way::Up, &frame));
        self.network
            .send(link, End::Client, frame, &mut self.scheduler, &mut self.arrived);
        self.trigger(Trigger::ClientFrame(index), number);
    }

    fn client_closes(&mut self, index: usize, socket: SocketId, code: CloseCode, reason: String) {
        let Some(link) = self.clients[index].link(socket) else {
            return;
        };
        self.checks.client_disconnected(self.scheduler.now(), index, link.0);
        self.tell_closed(link, End::Client, Some(code), &reason);
        self.network.close(link, End::Client, code, reason, &mut self.scheduler);
        self.close_late(index, socket);
    }

    /// A host may take its time to report the end of a socket that its client has closed. By then the next one may be
    /// open.
    fn close_late(&mut self, index: usize, socket: SocketId) {
        if self.healed || !self.scenario.faults.contains(&Fault::Overlap) {
            return;
        }
        let node = &mut self.clients[index];
        if node.late_closes.percent(LATE_CLOSES) {
            let micros = node.late_closes.micros(LATE_CLOSE);
            let (client, life) = (index, node.life);
            let due = Due::LateClose { client, life, socket };
            self.scheduler.at(after(self.scheduler.now(), micros), due);
        }
    }

    /// A frame has come to a socket that its client has closed. The host's task for the socket may have read it by the
    /// time it hears of that, and hand it on when the next socket is open.
    pub(super) fn comes_late(&mut self, link: LinkId, frame: ByteString) {
        let (index, now) = (self.network.client_of(link), self.scheduler.now());
        if self.healed || !self.scenario.faults.contains(&Fault::LateFrame) {
            return;
        }
        let node = &mut self.clients[index];
        let Some(socket) = node.socket(link).filter(|_| node.late_frames.percent(LATE_FRAMES)) else {
            return;
        };
        // A task hands frames on in the order in which it has read them.
        let is_free = node.late_until <= now;
        if !node.held.is_empty() || is_free && node.late_frames.percent(HELD_FRAMES) {
            return node.held.push((socket, frame));
        }
        let micros = node.late_frames.micros(LATE_CLOSE);
        node.late_until = node.late_until.max(after(now, micros));
        let due = Due::LateFrame {
            client: index,
            life: node.life,
            socket,
            frame: frame.into(),
        };
        self.scheduler.at(node.late_until, due);
    }

    /// A client's host hands on what it has read of a socket that the client has closed.
    pub(super) fn hands_on(&mut self, index: usize, socket: SocketId, frame: &ByteString) {
        self.fired.count(Fault::LateFrame);
        let frame = frame.clone();
        self.client(index, ClientInput::Frame { socket, frame });
    }

    /// A client's next socket is open, and the task for the one before has its turn.
    pub(super) fn hands_on_held(&mut self, link: LinkId) {
        let index = self.network.client_of(link);
        for (socket, frame) in std::mem::take(&mut self.clients[index].held) {
            self.hands_on(index, socket, &frame);
        }
    }

    fn client_pauses(&mut self, index: usize, socket: SocketId, pause: bool) {
        let Some(link) = self.clients[index].link(socket) else {
            return;
        };
        self.checks.client_pauses(link.0, pause);
        if !pause {
            self.network.resume(link, End::Client, &mut self.scheduler);
            return;
        }
        self.network.pause(link, End::Client);
        if self.scenario.clients[index].tiny_limits {
            self.fired.count(Fault::TinyLimits);
        }
    }

    fn client_stores(&mut self, index: usize, storage: StorageId, request: StorageRequest) {
        let now = self.scheduler.now();
        let node = &mut self.clients[index];
        let micros = node.disk_delays.micros(self.scenario.clients[index].disk);
        if micros >= SLOW_MICROS {
            self.fired.count(Fault::SlowDisk);
        }
        let (client, life) = (index, node.life);
        if let StorageRequest::Commit(_) = request {
            node.commits += 1;
            let (trigger, commit) = (Trigger::ClientCommit(index), node.commits);
            if self.agenda.waits_for(trigger, commit) {
                let due = Due::HalfStored { client, life, commit };
                self.scheduler.at(after(now, micros / 2), due);
            }
        }
        if let Some(tape) = self.recorder.tape() {
            tape.asked(now, index, storage.0, &request);
        }
        node.storage = Some(storage);
        node.disk.begin(request);
        self.under_way += 1;
        self.scheduler.at(after(now, micros), Due::Stored { client, life });
    }

    /// A client's disk is done with a request.
    pub(super) fn client_stored(&mut self, index: usize, life: u32) {
        let now = self.scheduler.now();
        self.under_way -= 1;
        let node = &mut self.clients[index];
        if node.life != life {
            return;
        }
        let Some(storage) = node.storage.take() else {
            return;
        };
        let (checks, records) = (&mut self.checks, self.recorder.tape().is_some());
        let mut made = None;
        let result = if node.disk_failures > 0 {
            node.disk_failures -= 1;
            self.fired.count(Fault::DiskFails);
            Err(node.disk.fail("the disk is full"))
        } else {
            node.disk.finish_seen(|transaction, disk| {
                checks.client_committed(now, index, transaction, disk);
                made = records.then(|| transaction.clone());
            })
        };
        self.tell_client_stored(index, storage.0, result.is_ok(), made.as_ref());
        if let Some(law) = self.clients[index].disk.broken_law() {
            let message = format!("client {index}: {law}");
            self.broke_contract(message);
        }
        self.client(index, ClientInput::Stored { storage, result });
    }

    fn client_tells(&mut self, index: usize, notice: &Notice) {
        let now = self.scheduler.now();
        self.checks.noticed(now, index, notice);
        self.tell(|tape, now| tape.noticed(now, index, notice));
        match notice {
            Notice::Dismissed { .. } => self.fired.count(Fault::Dismiss),
            Notice::Cleared { .. } => self.fired.count(Fault::Clear),
            Notice::Synced if !self.scenario.clients[index].strategy.is_real_time() => self.fired.count(Fault::Rounds),
            Notice::CredentialsNeeded { .. } => self.renew_credentials(index),
            _ => {}
        }
    }

    fn renew_credentials(&mut self, index: usize) {
        let now = self.scheduler.now();
        let node = &self.clients[index];
        // Bad ones are replaced when the good ones are there.
        if now < node.bad_until || node.standing != Standing::Up {
            return;
        }
        if self.scenario.server.token_valid.is_some() {
            self.fired.count(Fault::TokenExpiry);
        }
        let (life, input) = (node.life, ClientInput::Credentials(node.credentials(index, now)));
        self.ready.push_back(Ready::Client {
            client: index,
            life,
            input,
        });
    }
}
