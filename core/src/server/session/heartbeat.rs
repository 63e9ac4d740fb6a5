//! Whether the peer is alive: a `ping` at every interval, any byte as an answer, and a socket that takes what is sent.

use super::{Session, SessionAction, Timer, later};
use crate::machine::Actions;
use crate::wire::{CloseCode, ServerMessage};

/// A `ping` without a sign of life since.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ping {
    /// What the socket has to take before the peer can hear it.
    mark: u64,
    is_flushed: bool,
}

impl Session {
    /// The connection is authenticated: the heartbeat starts.
    pub(super) fn start_heartbeat(&mut self) {
        let at = later(self.now, self.config.limits.heartbeat_interval);
        self.timers.set(Timer::Heartbeat, at);
    }

    pub(super) fn send_ping(&mut self, out: &mut Actions<SessionAction>) {
        self.start_heartbeat();
        if self.ping.is_none() {
            self.send(None, ServerMessage::Ping, out);
            self.ping = Some(Ping {
                mark: self.output.mark(),
                is_flushed: false,
            });
        }
    }

    /// Bytes came.
    pub(super) fn is_alive(&mut self) {
        if self.ping.take().is_some() {
            self.timers.clear(Timer::Silence);
        }
    }

    /// The socket has taken something: from the moment on that the `ping` has left, silence counts.
    pub(super) fn ping_flushed(&mut self) {
        let has_left = |ping: &&mut Ping| !ping.is_flushed && self.output.has_taken(ping.mark);
        if let Some(ping) = self.ping.as_mut().filter(has_left) {
            ping.is_flushed = true;
            if !self.paused {
                self.count_silence();
            }
        }
    }

    /// What the peer sends is not seen now, so its silence does not count.
    pub(super) fn reading_paused(&mut self) {
        self.timers.clear(Timer::Silence);
    }

    pub(super) fn reading_resumed(&mut self) {
        if self.ping.is_some_and(|ping| ping.is_flushed) {
            self.count_silence();
        }
    }

    fn count_silence(&mut self) {
        let at = later(self.now, self.config.limits.heartbeat_timeout);
        self.timers.set(Timer::Silence, at);
    }

    pub(super) fn silence(&mut self, out: &mut Actions<SessionAction>) {
        self.close(CloseCode::HEARTBEAT_MISSED, "No sign of life after a ping.", out);
    }

    /// Something was sent: the socket has to take some of it in time. The timer is not moved at every frame, but looks
    /// when it fires whether there was progress.
    pub(super) fn watch_stall(&mut self) {
        if self.timers.deadline(Timer::Stall).is_none() {
            let at = later(self.now, self.config.limits.stall_timeout);
            self.timers.set(Timer::Stall, at);
        }
    }

    pub(super) fn check_stall(&mut self, out: &mut Actions<SessionAction>) {
        if self.output.is_empty() {
            return;
        }
        let at = later(self.output.progress_at(), self.config.limits.stall_timeout);
        if at > self.now {
            return self.timers.set(Timer::Stall, at);
        }
        self.close(
            CloseCode::HEARTBEAT_MISSED,
            "The peer takes nothing of what is sent.",
            out,
        );
    }
}
