//! Signs of life: pings go out, silence after one ends the connection.

use super::link::Ping;
use super::{Client, Out, SocketId, Timer};
use crate::wire::{ClientMessage, CloseCode};

impl Client {
    pub(super) fn start_heartbeat(&mut self) {
        self.set_timer(Timer::Ping, self.config.timing.heartbeat_interval);
    }

    /// Any received byte is life.
    pub(super) fn alive(&mut self) {
        self.link.ping = None;
        self.timers.clear(Timer::Silence);
    }

    pub(super) fn on_ping_timer(&mut self, out: &mut Out) {
        let stalled = |ping: Ping| self.link.flushed < ping.end && self.link.flushed <= ping.flushed;
        if self.link.ping.is_some_and(stalled) {
            self.lose(CloseCode::HEARTBEAT_MISSED, "the connection takes no bytes", out);
            return;
        }
        self.set_timer(Timer::Ping, self.config.timing.heartbeat_interval);
        self.send_message(ClientMessage::Ping, out);
        self.link.ping = Some(Ping {
            end: self.link.sent,
            flushed: self.link.flushed,
        });
    }

    /// The server may be silent only once the `ping` has left: what is queued before it may take long on a slow link.
    pub(super) fn on_flushed(&mut self, socket: SocketId, bytes: usize) {
        if !self.link.is(socket) {
            return;
        }
        self.link.flushed = self.link.flushed.saturating_add(bytes as u64).min(self.link.sent);
        let left = self.link.ping.is_some_and(|ping| self.link.flushed >= ping.end);
        if left && self.timers.deadline(Timer::Silence).is_none() {
            self.set_timer(Timer::Silence, self.config.timing.heartbeat_timeout);
        }
        self.pushes_flushed();
    }

    pub(super) fn on_silence_timer(&mut self, out: &mut Out) {
        if self.link.paused {
            // Nothing can be heard by who does not listen.
            self.set_timer(Timer::Silence, self.config.timing.heartbeat_timeout);
        } else {
            self.lose(CloseCode::HEARTBEAT_MISSED, "no sign of life after a ping", out);
        }
    }
}
