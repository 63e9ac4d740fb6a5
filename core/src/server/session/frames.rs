//! What to do with a frame.

use super::flow::Received;
use super::reply::{error, naming};
use super::{Phase, Session, SessionAction};
use crate::event::{Json, event_id};
use crate::machine::Actions;
use crate::server::{HubRequest, Peer};
use crate::wire::{ClientMessage, ClientRequest, DecodeError, ErrorCode, ServerError, ServerMessage};
use alloc::vec::Vec;
use bytestring::ByteString;

impl Session {
    /// A text frame came.
    pub(super) fn frame_came(&mut self, frame: ByteString, out: &mut Actions<SessionAction>) {
        if frame.len() > self.config.limits.frame_bytes {
            return self.too_big(out);
        }
        self.came(Received::Text(frame), out);
    }

    /// A binary frame came.
    pub(super) fn binary_came(&mut self, out: &mut Actions<SessionAction>) {
        self.came(Received::Binary, out);
    }

    fn came(&mut self, frame: Received, out: &mut Actions<SessionAction>) {
        self.is_alive();
        if self.phase == Phase::Stopping {
            // It is not acked, so it comes again on another connection.
            return;
        }
        if self.pending_auth.is_some() {
            return self.keep(frame, out);
        }
        self.take_frame(frame, out);
    }

    /// Handles a frame whose turn it is.
    pub(super) fn take_frame(&mut self, frame: Received, out: &mut Actions<SessionAction>) {
        let Received::Text(frame) = frame else {
            let message = "Binary frames are not understood; send text frames.";
            return self.send_error(None, error(ErrorCode::BadMessage, message), out);
        };
        match ClientRequest::decode(&frame) {
            Ok(request) => self.request(request, out),
            Err(fault) => self.undecodable(fault, out),
        }
    }

    fn undecodable(&mut self, fault: DecodeError, out: &mut Actions<SessionAction>) {
        // Before `auth_success` only a frame that may have been meant as `auth` is told its fault.
        let is_told = self.login.is_some() || fault.code == ErrorCode::BadMessage;
        let error = if is_told {
            error(fault.code, fault.message)
        } else {
            not_authenticated()
        };
        self.send_error(fault.reference, error, out);
    }

    fn request(&mut self, request: ClientRequest, out: &mut Actions<SessionAction>) {
        let ClientRequest { reference, message } = request;
        match message {
            ClientMessage::Auth(auth) => self.auth_came(auth, reference, out),
            ClientMessage::Ping => self.send(reference, ServerMessage::Pong, out),
            ClientMessage::Pong => {}
            message => match &self.login {
                None => self.refuse(reference, &message, not_authenticated(), out),
                Some(login) if login.is_expired => self.refuse_expired(reference, &message, out),
                Some(_) => self.allowed(reference, message, out),
            },
        }
    }

    fn allowed(&mut self, reference: Option<Json>, message: ClientMessage, out: &mut Actions<SessionAction>) {
        match message {
            ClientMessage::PushEvent { repository, event } => self.push(reference, &repository, &[event], out),
            ClientMessage::PushEventsBatch { repository, events } => self.push(reference, &repository, &events, out),
            ClientMessage::RequestEvents(request) => self.read_one(reference, request, out),
            ClientMessage::RequestAllEvents { repository, limit } => self.read_all(reference, repository, limit, out),
            ClientMessage::Subscribe(_) | ClientMessage::Unsubscribe { .. } if self.peer == Peer::Plain => {
                let message = "`subscribe` and `unsubscribe` need `\"protocol\": 1` in `auth`.";
                self.send_error(reference, error(ErrorCode::UnknownType, message), out);
            }
            ClientMessage::Subscribe(subscribe) => self.subscribe(reference, subscribe, out),
            ClientMessage::Unsubscribe { repositories } => {
                self.requests += 1;
                out.push(SessionAction::Hub(HubRequest::Unsubscribe { repositories }));
            }
            ClientMessage::EventsReceived { .. }
            | ClientMessage::Auth(_)
            | ClientMessage::Ping
            | ClientMessage::Pong => {}
        }
    }

    /// Refuses a message; a push with the names of its events.
    fn refuse(
        &mut self,
        reference: Option<Json>,
        message: &ClientMessage,
        error: ServerError,
        out: &mut Actions<SessionAction>,
    ) {
        let error = match pushed(message) {
            Some((repository, events)) => self.naming_all(error, repository, events),
            None => error,
        };
        self.send_error(reference, error, out);
    }

    /// Refuses a message because of expired credentials: what follows a refused event must not overtake it.
    fn refuse_expired(&mut self, reference: Option<Json>, message: &ClientMessage, out: &mut Actions<SessionAction>) {
        if let Some((repository, events)) = pushed(message) {
            self.hold_first(repository, events, out);
        }
        let error = error(
            ErrorCode::TokenExpired,
            "The credentials have expired; authenticate again.",
        );
        self.refuse(reference, message, error, out);
    }

    /// The error with all events of a push named, unless they are more than a batch may have.
    pub(super) fn naming_all(&self, error: ServerError, repository: &str, events: &[Json]) -> ServerError {
        let events = if events.len() > self.config.limits.batch_events {
            &[]
        } else {
            events
        };
        let ids: Vec<_> = events.iter().map(event_id).collect();
        naming(error, repository, (0u64..).zip(ids.iter().map(Option::as_ref)))
    }
}

fn not_authenticated() -> ServerError {
    error(ErrorCode::NotAuthenticated, "Not authenticated")
}

/// The repository and the events of a push.
fn pushed(message: &ClientMessage) -> Option<(&ByteString, &[Json])> {
    match message {
        ClientMessage::PushEvent { repository, event } => Some((repository, core::slice::from_ref(event))),
        ClientMessage::PushEventsBatch { repository, events } => Some((repository, events)),
        _ => None,
    }
}
