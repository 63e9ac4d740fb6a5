//! Frames of the session's own, and those of the hub's.

use super::{Session, SessionAction};
use crate::event::{EventId, Json};
use crate::machine::Actions;
use crate::server::Failure;
use crate::wire::{CloseCode, ErrorCode, ServerError, ServerMessage, ServerReply};
use alloc::string::String;
use alloc::vec::Vec;
use bytestring::ByteString;

/// An error with this code and message, which concerns no event.
pub(super) fn error(code: ErrorCode, message: impl Into<String>) -> ServerError {
    ServerError {
        message: message.into(),
        code: Some(code),
        retryable: Some(code.retryable()),
        ..ServerError::default()
    }
}

/// The error for an answer to a push: names the events by place, and by id those that have one.
pub(super) fn naming<'a>(
    error: ServerError,
    repository: &str,
    events: impl IntoIterator<Item = (u64, Option<&'a EventId>)>,
) -> ServerError {
    let (indexes, ids): (Vec<_>, Vec<_>) = events.into_iter().unzip();
    ServerError {
        repository: Some(repository.into()),
        event_ids: ids.into_iter().flatten().cloned().collect(),
        indexes,
        ..error
    }
}

impl Session {
    /// Sends a message of the session's own.
    pub(super) fn send(&mut self, reference: Option<Json>, message: ServerMessage, out: &mut Actions<SessionAction>) {
        self.send_frame(ServerReply { reference, message }.encode(), out);
    }

    /// Sends an `error`.
    pub(super) fn send_error(&mut self, reference: Option<Json>, error: ServerError, out: &mut Actions<SessionAction>) {
        self.send(reference, ServerMessage::Error(error), out);
    }

    /// Sends an encoded message of the session's own.
    pub(super) fn send_frame(&mut self, frame: ByteString, out: &mut Actions<SessionAction>) {
        self.output.sent(self.now, frame.len(), false);
        self.watch_stall();
        out.push(SessionAction::Send(frame));
    }

    /// Sends a frame of the hub's.
    pub(super) fn forward(&mut self, frame: ByteString, out: &mut Actions<SessionAction>) {
        self.output.sent(self.now, frame.len(), true);
        self.watch_stall();
        out.push(SessionAction::Send(frame));
    }

    /// The hub cannot answer a request.
    pub(super) fn read_failed(&mut self, failure: Failure, out: &mut Actions<SessionAction>) {
        let error = ServerError {
            repository: failure.repository.map(|name| ByteString::from(&*name)),
            ..error(failure.code, failure.message)
        };
        self.send_error(failure.reference, error, out);
        self.count_refusal(failure.code, out);
    }

    /// Closes a connection that asks for too much and goes on asking.
    pub(super) fn count_refusal(&mut self, code: ErrorCode, out: &mut Actions<SessionAction>) {
        if code == ErrorCode::RateLimited {
            self.refusals += 1;
            if self.refusals > self.config.limits.refusals {
                self.close(CloseCode::RATE_LIMITED, "Too much at once for too long.", out);
            }
        }
    }
}
