//! When the peer is not read from, and the frames that come all the same.

use super::{Phase, Session, SessionAction};
use crate::machine::Actions;
use crate::server::HubRequest;
use crate::wire::CloseCode;
use alloc::collections::VecDeque;
use bytestring::ByteString;

/// What a frame in the backlog costs beside its text, in bytes, about.
const FRAME_OVERHEAD: usize = 64;

/// Frames that came while credentials were being decided about.
#[derive(Clone, Debug, Default)]
pub(super) struct Backlog {
    frames: VecDeque<Received>,
    bytes: usize,
}

/// A frame that came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Received {
    Text(ByteString),
    Binary,
}

impl Backlog {
    pub(super) fn push(&mut self, frame: Received) {
        self.bytes += cost(&frame);
        self.frames.push_back(frame);
    }

    pub(super) fn pop(&mut self) -> Option<Received> {
        let frame = self.frames.pop_front()?;
        self.bytes -= cost(&frame);
        Some(frame)
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }
}

fn cost(frame: &Received) -> usize {
    match frame {
        Received::Text(text) => text.len() + FRAME_OVERHEAD,
        Received::Binary => FRAME_OVERHEAD,
    }
}

impl Session {
    /// Keeps a frame until the credentials are decided about.
    pub(super) fn keep(&mut self, frame: Received, out: &mut Actions<SessionAction>) {
        self.backlog.push(frame);
        if self.backlog.bytes() > self.config.limits.backlog_bytes {
            self.close(CloseCode::RATE_LIMITED, "Too many frames behind `auth`.", out);
        }
    }

    /// The socket has taken something.
    pub(super) fn flushed(&mut self, bytes: usize, out: &mut Actions<SessionAction>) {
        let bytes = self.output.take(self.now, bytes);
        if bytes > 0 && self.login.is_some() {
            out.push(SessionAction::Hub(HubRequest::Flushed { bytes }));
        }
        self.ping_flushed();
    }

    /// Stops or resumes reading. Reading resumes when half of what was too much is gone, so that it does not change
    /// with every frame.
    pub(super) fn update_reading(&mut self, out: &mut Actions<SessionAction>) {
        if self.phase == Phase::Closed {
            return;
        }
        let is_unsettled = self.pending_auth.is_some() || self.resets > 0;
        let pause = self.phase == Phase::Stopping || is_unsettled || self.is_full();
        if pause == self.paused {
            return;
        }
        self.paused = pause;
        if pause {
            out.push(SessionAction::PauseReading);
            self.reading_paused();
        } else {
            out.push(SessionAction::ResumeReading);
            self.reading_resumed();
        }
    }

    fn is_full(&self) -> bool {
        let limits = &self.config.limits;
        let loads = [
            (self.push_bytes, limits.push_bytes),
            (self.pushes.len(), limits.pushes),
            (self.requests, limits.requests),
            (self.output.replies(), limits.reply_bytes),
        ];
        let paused = self.paused;
        let is_over = |(load, limit): (usize, usize)| {
            if paused { load > limit / 2 } else { load >= limit.max(1) }
        };
        loads.into_iter().any(is_over)
    }
}
