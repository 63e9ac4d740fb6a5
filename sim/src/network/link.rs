//! A connection attempt and the connection that comes of it: two pipes, and what each end knows.

use super::pipe::{Message, Pipe};
use super::{End, NetworkEvent};
use crate::random::Random;
use crate::scenario::NetworkPlan;
use bytestring::ByteString;
use driftless_core::Instant;
use driftless_core::wire::CloseCode;
use std::time::Duration;

/// What an upgrade request or its answer is, about.
const HANDSHAKE_BYTES: usize = 300;
/// A close frame beside its reason: header and code.
const CLOSE_BYTES: usize = 4;

/// What an end of a connection is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    /// The client waits for the answer; at the server's end nothing is known yet.
    Opening,
    /// Open.
    Open,
    /// This end has closed in good order. It reads on for the network's sake, and tells nobody.
    Closed,
    /// This end is gone, or has heard that the connection is.
    Gone,
}

impl State {
    /// Whether there is somebody who wants to hear of the connection.
    pub(super) const fn is_live(self) -> bool {
        matches!(self, Self::Opening | Self::Open)
    }
}

/// A connection of a client, from the attempt on.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) client: usize,
    pub(super) up: Pipe,
    pub(super) down: Pipe,
    pub(super) client_end: State,
    pub(super) server_end: State,
    /// When the client's part of opening it is done, and the request leaves.
    request_leaves: Instant,
}

impl Link {
    /// The attempt `ordinal` of a client, which begins now.
    pub(super) fn open(seed: u64, plan: &NetworkPlan, client: usize, ordinal: u64, now: Instant) -> Self {
        let owner = (client as u64) << 32 | ordinal;
        let mut up = Pipe::new(Random::new(seed, "network up", owner), plan.socket_bytes);
        let takes = Duration::from_micros(up.random().micros(plan.connect));
        up.leaves_from = now + takes;
        up.send(Message::Open, 0, HANDSHAKE_BYTES);
        up.take(now, plan);
        Self {
            client,
            up,
            down: Pipe::new(Random::new(seed, "network down", owner), plan.socket_bytes),
            client_end: State::Opening,
            server_end: State::Opening,
            request_leaves: now + takes,
        }
    }

    /// Whether the client has not asked for anything yet.
    pub(super) fn is_before_request(&self, now: Instant) -> bool {
        now < self.request_leaves
    }

    /// The pipe to an end.
    pub(super) const fn to(&mut self, end: End) -> &mut Pipe {
        match end {
            End::Client => &mut self.down,
            End::Server => &mut self.up,
        }
    }

    /// The pipe to an end, to look at.
    pub(super) const fn pipe_to(&self, end: End) -> &Pipe {
        match end {
            End::Client => &self.down,
            End::Server => &self.up,
        }
    }

    /// The pipe from an end.
    pub(super) const fn from(&mut self, end: End) -> &mut Pipe {
        self.to(end.other())
    }

    /// What an end is.
    pub(super) const fn state(&mut self, end: End) -> &mut State {
        match end {
            End::Client => &mut self.client_end,
            End::Server => &mut self.server_end,
        }
    }

    /// What an end is, to look at.
    pub(super) const fn state_of(&self, end: End) -> State {
        match end {
            End::Client => self.client_end,
            End::Server => self.server_end,
        }
    }

    /// Whether an end hears of a reset although it does not read: it cannot send either.
    pub(super) fn hears_of_reset(&self, end: End) -> bool {
        let sends = self.pipe_to(end.other());
        (sends.is_full() || sends.in_vain) && self.pipe_to(end).is_reset()
    }

    /// Whether both ends are done with it.
    pub(super) const fn is_over(&self) -> bool {
        !self.client_end.is_live() && !self.server_end.is_live()
    }

    /// Sends a text frame. How much of it, and of what waited before it, the socket has taken.
    pub(super) fn send(&mut self, from: End, frame: ByteString, now: Instant, plan: &NetworkPlan) -> usize {
        let payload = frame.len();
        let wire = payload + header_bytes(payload, from);
        self.probe(from, now, plan);
        let is_reset = self.pipe_to(from).is_reset();
        let pipe = self.from(from);
        pipe.in_vain |= is_reset;
        let drops = plan.lossy_percent > 0 && pipe.random().percent(plan.lossy_percent);
        let message = if drops { Message::Dropped } else { Message::Text(frame) };
        pipe.send(message, payload, wire);
        pipe.take(now, plan)
    }

    /// Sends a close frame behind what was sent before.
    pub(super) fn send_close(&mut self, from: End, code: CloseCode, reason: String, now: Instant, plan: &NetworkPlan) {
        let wire = CLOSE_BYTES + reason.len();
        self.probe(from, now, plan);
        let pipe = self.from(from);
        pipe.send(Message::Close(code, reason), 0, wire);
        pipe.take(now, plan);
    }

    /// The server's end answers the request.
    pub(super) fn answer(&mut self, message: Message, now: Instant, plan: &NetworkPlan) {
        self.down.send(message, 0, HANDSHAKE_BYTES);
        self.down.take(now, plan);
    }

    /// If the connection is cut, what an end sends finds nobody.
    pub(super) fn probe(&mut self, from: End, now: Instant, plan: &NetworkPlan) {
        let pipe = self.from(from);
        if pipe.is_severed() {
            let after = pipe.draw_latency(plan);
            pipe.probe(now, after);
        }
    }

    /// The process at an end is gone, and the network tells the other end, unless it has cut the connection before.
    pub(super) fn hang_up(&mut self, end: End, why: &'static str, now: Instant, plan: &NetworkPlan) {
        *self.state(end) = State::Gone;
        if !self.from(end).is_severed() {
            self.reset(end.other(), why, now, plan);
        }
    }

    /// The process at an end is gone, and nobody tells the other end.
    pub(super) fn vanish(&mut self, end: End) {
        *self.state(end) = State::Gone;
        self.sever(end.other(), 100);
    }

    /// Cuts what goes to an end. Whether anything was cut off.
    pub(super) fn sever(&mut self, to: End, arrives: u64) -> bool {
        let cut_off = self.to(to).sever(arrives);
        if to == End::Server && self.server_end == State::Opening && !self.up.has_request() {
            self.server_end = State::Gone;
        }
        cut_off
    }

    /// An end is told, a latency from now, that nobody knows the connection at the other. Once.
    pub(super) fn reset(&mut self, end: End, why: &'static str, now: Instant, plan: &NetworkPlan) {
        if self.state(end).is_live() && !self.to(end).marked {
            let pipe = self.to(end);
            let after = pipe.draw_latency(plan);
            pipe.mark(Message::Reset(why), now, after);
        }
    }
}

impl End {
    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::Client => Self::Server,
            Self::Server => Self::Client,
        }
    }
}

impl super::LinkId {
    /// What an end is told when its connection is over without a close frame. A server's end that was never open
    /// hears nothing.
    pub(super) fn lost(self, end: End, state: State, why: &'static str) -> Option<NetworkEvent> {
        let (link, code, reason) = (self, None, why.to_owned());
        match (state, end) {
            (State::Opening, End::Client) => Some(NetworkEvent::ConnectFailed { link, reason }),
            (State::Open, _) => Some(NetworkEvent::Closed {
                link,
                end,
                code,
                reason,
            }),
            _ => None,
        }
    }
}

/// The header of a WebSocket frame (RFC 6455 section 5.2); a client's has a mask.
const fn header_bytes(payload: usize, from: End) -> usize {
    let length = match payload {
        0..=125 => 2,
        126..=65_535 => 4,
        _ => 10,
    };
    match from {
        End::Client => length + 4,
        End::Server => length,
    }
}
