//! Frames of the server, by the phase of the connection.

use super::connection::{says_auth, trouble};
use super::link::Phase;
use super::{Client, Out, SocketId};
use crate::client::Received;
use crate::event::{EnvelopeError, Event, Json};
use crate::wire::{ClientMessage, ErrorCode, Events, ServerError, ServerMessage, SyncComplete};
use alloc::format;
use alloc::vec::Vec;

/// A message of events, and the events.
pub(super) struct ReadEvents {
    /// Without the texts of the events.
    pub(super) message: Events,
    pub(super) events: Vec<Event>,
    /// Why others of its events cannot be read.
    pub(super) unreadable: Vec<EnvelopeError>,
    /// Bytes of the frame.
    pub(super) bytes: usize,
}

impl Client {
    pub(super) fn on_frame(&mut self, socket: SocketId, frame: impl FnOnce() -> Received, out: &mut Out) {
        if !self.link.is(socket) || self.link.phase == Phase::Connecting {
            self.ignored += 1;
            return;
        }
        self.alive();
        let said = frame().into_said();
        let reply = match said.reply {
            Ok(reply) => reply,
            Err(sentence) => {
                trouble(format!("a frame of the server cannot be read: {sentence}"), out);
                return;
            }
        };
        let reference = reply.reference.as_ref().and_then(number);
        match (self.link.phase.clone(), reply.message) {
            (_, ServerMessage::Ping) => self.send_message(ClientMessage::Pong, out),
            (_, ServerMessage::Pong) => {}
            (_, ServerMessage::AuthSuccess(success)) => self.on_auth_success(success),
            (Phase::Authenticating, ServerMessage::Error(error)) => self.on_auth_error(error, out),
            (Phase::Online, ServerMessage::Events(message)) => {
                let events = ReadEvents {
                    bytes: said.frame.len(),
                    message,
                    events: said.events,
                    unreadable: said.unreadable,
                };
                self.on_events(events, reference, out);
            }
            (Phase::Online, message) => self.on_message(message, reference, out),
            // Before `auth_success` a server has nothing else to say.
            _ => {}
        }
    }

    fn on_events(&mut self, events: ReadEvents, reference: Option<u64>, out: &mut Out) {
        if self.link.is_plain() {
            self.on_plain_events(events, out);
        } else if !self.on_first_event(&events, reference) {
            self.on_stream(events, out);
        }
    }

    fn on_message(&mut self, message: ServerMessage, reference: Option<u64>, out: &mut Out) {
        let plain = self.link.is_plain();
        match message {
            ServerMessage::SyncComplete(complete) if plain => self.on_plain_complete(&complete),
            ServerMessage::SyncComplete(SyncComplete {
                repository: Some(repository),
                last,
                ..
            }) if self.on_first_complete(&repository, last, reference) => {}
            ServerMessage::SyncComplete(SyncComplete {
                repository: Some(repository),
                ..
            }) => self.on_stream_complete(&repository, reference),
            ServerMessage::HistoryChanged { repository, .. } if !plain => self.on_history_changed(&repository),
            ServerMessage::Ack(ack) => self.on_ack(ack),
            ServerMessage::Error(error) => self.on_error(error, reference, out),
            _ => {}
        }
    }

    fn on_error(&mut self, error: ServerError, reference: Option<u64>, out: &mut Out) {
        let plain = self.link.is_plain();
        match error.code {
            Some(ErrorCode::AuthFailed) => self.on_auth_error(error, out),
            Some(ErrorCode::NotAuthenticated | ErrorCode::TokenExpired) if self.waits_for_what_is_gone(&error) => {
                self.lose_to_unblock(out);
            }
            Some(ErrorCode::NotAuthenticated | ErrorCode::TokenExpired) => self.await_credentials(error.message, out),
            None if plain && says_auth(&error) && self.link.renewing => self.on_auth_error(error, out),
            None if plain && says_auth(&error) => self.await_credentials(error.message, out),
            _ if !error.event_ids.is_empty() => self.on_refusal(&error, out),
            _ if plain => self.on_plain_error(&error, out),
            _ => match reference {
                Some(reference) => self.on_subscribe_refused(error, reference, out),
                None => self.on_other_error(error, out),
            },
        }
    }

    /// An error that names neither an event nor a subscription. It may be about a frame of events that the server
    /// could not read, whether it says that it can be tried again or not: what is in flight waits and is sent again,
    /// so that nothing newer overtakes it and [`super::Client::blocked`] tells why.
    fn on_other_error(&mut self, error: ServerError, out: &mut Out) {
        self.back_off_all(&error.message, out);
        trouble(error.message, out);
    }
}

/// The `ref`s that this client mints are numbers.
fn number(reference: &Json) -> Option<u64> {
    reference.parse().ok()
}
