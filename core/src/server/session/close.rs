//! How a session ends.

use super::{Phase, Session, SessionAction, Timer, later};
use crate::machine::Actions;
use crate::server::HubRequest;
use crate::timers::Timers;
use crate::wire::CloseCode;
use alloc::string::String;

/// Longest reason that a close frame has room for (RFC 6455 section 5.5: 125 bytes, two of them the code).
const REASON_BYTES: usize = 123;

impl Session {
    /// Closes the connection.
    pub(super) fn close(&mut self, code: CloseCode, reason: &str, out: &mut Actions<SessionAction>) {
        if self.phase == Phase::Closed {
            return;
        }
        self.end(out);
        let reason = String::from(&reason[..reason.floor_char_boundary(REASON_BYTES)]);
        out.push(SessionAction::Close { code, reason });
    }

    /// The connection is gone.
    pub(super) fn connection_lost(&mut self, out: &mut Actions<SessionAction>) {
        self.end(out);
    }

    fn end(&mut self, out: &mut Actions<SessionAction>) {
        self.phase = Phase::Closed;
        self.timers = Timers::new();
        self.backlog = super::Backlog::default();
        self.output = super::Output::default();
        self.pushes.clear();
        self.pending_auth = None;
        if self.login.take().is_some() {
            out.push(SessionAction::Hub(HubRequest::Detach));
        }
    }

    /// The server is stopping.
    pub(super) fn shut_down(&mut self, out: &mut Actions<SessionAction>) {
        if self.phase == Phase::Open {
            self.phase = Phase::Stopping;
            let at = later(self.now, self.config.limits.shutdown_timeout);
            self.timers.set(Timer::Shutdown, at);
            self.stop_if_done(out);
        }
    }

    /// A stopping session closes once the pushes under way are answered.
    pub(super) fn stop_if_done(&mut self, out: &mut Actions<SessionAction>) {
        if self.phase == Phase::Stopping && self.pushes.is_empty() {
            self.stop_now(out);
        }
    }

    pub(super) fn stop_now(&mut self, out: &mut Actions<SessionAction>) {
        self.close(CloseCode::RESTART, "The server is stopping; connect again.", out);
    }

    pub(super) fn too_big(&mut self, out: &mut Actions<SessionAction>) {
        self.close(CloseCode::TOO_BIG, "The frame is larger than the server reads.", out);
    }
}
