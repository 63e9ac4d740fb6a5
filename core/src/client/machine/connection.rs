//! Connect, authenticate, lose the connection, and connect again.

use super::link::{Phase, doubled};
use super::{Client, ClientAction, ConnectionState, Notice, Out, SocketId, Timer};
use crate::client::ClientCredentials;
use crate::event::Json;
use crate::wire::{
    Auth, AuthSuccess, ClientMessage, ClientRequest, CloseCode, ErrorCode, PROTOCOL_VERSION, ServerError,
};
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use bytestring::ByteString;
use core::time::Duration;

/// Fields of `auth` that a custom header cannot take the place of.
const PROTOCOL_FIELDS: [&str; 5] = ["type", "ref", "token", "protocol", "client"];

impl Client {
    pub(super) fn connect(&mut self, out: &mut Out) {
        self.link.socket = SocketId(self.link.socket.0 + 1);
        self.link.phase = Phase::Connecting;
        let timeout = self.doubled_timeout(self.config.timing.connect_timeout);
        self.set_timer(Timer::Link, timeout);
        out.push(ClientAction::Connect {
            socket: self.link.socket,
            credentials: self.link.credentials.clone(),
        });
    }

    pub(super) fn on_connected(&mut self, socket: SocketId, out: &mut Out) {
        if self.link.is(socket) && self.link.phase == Phase::Connecting {
            self.link.phase = Phase::Authenticating;
            self.send_auth(out);
        } else {
            self.ignored += 1;
        }
    }

    pub(super) fn on_disconnected(&mut self, socket: SocketId, code: Option<CloseCode>, reason: String, out: &mut Out) {
        if !self.link.is(socket) {
            self.ignored += 1;
            return;
        }
        self.forget_connection();
        match code {
            Some(CloseCode::UNAUTHENTICATED | CloseCode::FORBIDDEN) => self.refused(reason, out),
            _ => self.wait_to_reconnect(),
        }
    }

    /// The timer of the connection's phase has fired.
    pub(super) fn on_link_timer(&mut self, out: &mut Out) {
        match self.link.phase {
            Phase::Waiting { .. } => self.on_attempt_due(out),
            Phase::Connecting => self.lose(CloseCode::GOING_AWAY, "the connection did not open in time", out),
            Phase::Authenticating | Phase::Online => {
                self.lose(CloseCode::GOING_AWAY, "auth was not answered in time", out);
            }
            Phase::Stopped | Phase::Idle | Phase::Refused { .. } => {}
        }
    }

    /// Shows other credentials: at once on a live connection, else with the next attempt, which is made now if it
    /// waited for them or has shown the old ones.
    pub(super) fn on_credentials(&mut self, credentials: ClientCredentials, out: &mut Out) {
        self.link.credentials = credentials;
        match self.link.phase {
            Phase::Online => {
                self.link.renewing = true;
                self.send_auth(out);
            }
            Phase::Refused { .. } => {
                self.link.failures = 0;
                self.connect_or_rest(out);
            }
            Phase::Connecting | Phase::Authenticating => {
                self.hang_up(CloseCode::NORMAL, "other credentials", out);
                self.connect(out);
            }
            Phase::Stopped | Phase::Idle | Phase::Waiting { .. } => {}
        }
    }

    fn send_auth(&mut self, out: &mut Out) {
        let timeout = self.doubled_timeout(self.config.timing.auth_timeout);
        self.set_timer(Timer::Link, timeout);
        let message = ClientMessage::Auth(auth(&self.link.credentials));
        self.send_message(message, out);
    }

    pub(super) fn on_auth_success(&mut self, success: AuthSuccess) {
        let first = self.link.phase == Phase::Authenticating;
        if !first && !self.link.renewing {
            return;
        }
        self.timers.clear(Timer::Link);
        self.link.phase = Phase::Online;
        self.link.awaiting = None;
        self.link.renewing = false;
        self.link.server = success.extended;
        if first {
            self.set_timer(Timer::Stable, self.config.timing.stable_after);
            self.start_heartbeat();
        }
        self.start_streams(first);
        if !first {
            // A push that met the old credentials was refused, whether its refusal came before these were shown or not.
            self.restart_lanes();
        }
    }

    /// An error that came before `auth_success`, or that is about the connection's credentials.
    pub(super) fn on_auth_error(&mut self, error: ServerError, out: &mut Out) {
        // A server that has waited too long for `auth` has not judged the credentials.
        if says_auth(&error) && error.code != Some(ErrorCode::NotAuthenticated) {
            self.hang_up(CloseCode::NORMAL, "the credentials were refused", out);
            self.refused(error.message, out);
        } else {
            trouble(error.message, out);
            self.lose(CloseCode::NORMAL, "the server cannot authenticate now", out);
        }
    }

    /// The credentials of a live connection do not count any more: waits for others.
    pub(super) fn await_credentials(&mut self, message: String, out: &mut Out) {
        if self.link.awaiting.is_none() && !self.link.renewing {
            self.link.awaiting = Some(message.clone());
            self.fail_round(message.clone(), out);
            out.push(ClientAction::Notify(Notice::CredentialsNeeded { message }));
        }
    }

    /// The credentials were refused; there is no socket any more.
    fn refused(&mut self, message: String, out: &mut Out) {
        self.link.phase = Phase::Refused {
            message: message.clone(),
        };
        self.update_state(out);
        self.fail_round(message.clone(), out);
        out.push(ClientAction::Notify(Notice::CredentialsNeeded { message }));
    }

    /// Gives the connection up and plans the next attempt.
    pub(super) fn lose(&mut self, code: CloseCode, reason: &str, out: &mut Out) {
        self.hang_up(code, reason, out);
        self.wait_to_reconnect();
    }

    pub(super) fn stop(&mut self, out: &mut Out) {
        self.hang_up(CloseCode::NORMAL, "the client stops", out);
        self.link.phase = Phase::Stopped;
        self.timers.clear(Timer::Link);
    }

    fn wait_to_reconnect(&mut self) {
        self.link.failures = self.link.failures.saturating_add(1);
        let timing = &self.config.timing;
        let delay = self
            .link
            .reconnect_delay(timing.reconnect_delay, timing.reconnect_delay_max);
        self.wait_or_rest(delay);
    }

    pub(super) fn hang_up(&mut self, code: CloseCode, reason: &str, out: &mut Out) {
        if self.link.has_socket() {
            out.push(ClientAction::Close {
                socket: self.link.socket,
                code,
                reason: reason.to_string(),
            });
            self.forget_connection();
        }
    }

    fn forget_connection(&mut self) {
        self.link.forget_connection();
        self.inbox.clear();
        for timer in [Timer::Link, Timer::Stable, Timer::Ping, Timer::Silence] {
            self.timers.clear(timer);
        }
        for (index, repository) in self.repositories.iter_mut().enumerate() {
            repository.disconnect();
            self.timers.clear(Timer::Lane(index));
            self.timers.clear(Timer::Pull(index));
        }
    }

    fn doubled_timeout(&self, timeout: Duration) -> Duration {
        doubled(timeout, self.link.failures, self.config.timing.timeout_max)
    }

    pub(super) fn send_message(&mut self, message: ClientMessage, out: &mut Out) {
        let request = ClientRequest {
            reference: None,
            message,
        };
        self.send_frame(request.encode(), out);
    }

    pub(super) fn send_frame(&mut self, frame: ByteString, out: &mut Out) {
        self.link.sent += frame.len() as u64;
        out.push(ClientAction::Send {
            socket: self.link.socket,
            frame,
        });
    }

    /// Tells the application where the connection stands, if that has changed.
    pub(super) fn update_state(&mut self, out: &mut Out) {
        let state = match &self.link.phase {
            Phase::Stopped | Phase::Idle => ConnectionState::Offline { retry_in: None },
            Phase::Waiting { delay } => ConnectionState::Offline { retry_in: Some(*delay) },
            Phase::Connecting => ConnectionState::Connecting,
            Phase::Authenticating => ConnectionState::Authenticating,
            Phase::Refused { message } => ConnectionState::AuthenticationFailed {
                message: message.clone(),
            },
            Phase::Online if self.repositories.iter().all(super::Repository::is_current) => ConnectionState::Live,
            Phase::Online => ConnectionState::CatchingUp,
        };
        if state != self.state {
            self.state = state.clone();
            out.push(ClientAction::Notify(Notice::Connection(state)));
        }
    }
}

pub(super) fn trouble(message: String, out: &mut Out) {
    out.push(ClientAction::Notify(Notice::Trouble { message }));
}

/// What is shown in `auth`. A header never overwrites a field of the protocol, whatever its case.
fn auth(credentials: &ClientCredentials) -> Auth {
    let mut fields: Vec<(String, Json)> = Vec::new();
    for (name, value) in &credentials.headers {
        let reserved = PROTOCOL_FIELDS.iter().any(|field| field.eq_ignore_ascii_case(name));
        if !reserved && fields.iter().all(|(known, _)| known != name) {
            let text = serde_json::to_string(value).expect("a string can always be written as JSON");
            fields.push((name.clone(), Json::trusted(text.into())));
        }
    }
    let client = concat!(r#"{"name":"driftless","version":""#, env!("CARGO_PKG_VERSION"), r#""}"#);
    Auth {
        token: credentials.token.clone(),
        protocol: Some(PROTOCOL_VERSION),
        client: Some(Json::trusted(ByteString::from_static(client))),
        fields,
    }
}

/// Whether an error refuses the credentials. A plain server gives no code; its sentence has to say so.
pub(super) fn says_auth(error: &ServerError) -> bool {
    if let Some(code) = error.code {
        matches!(
            code,
            ErrorCode::AuthFailed | ErrorCode::Forbidden | ErrorCode::NotAuthenticated | ErrorCode::TokenExpired
        )
    } else {
        let message = error.message.to_lowercase();
        let mut words = message.split(|letter: char| !letter.is_alphanumeric());
        words.any(|word| {
            word == "auth"
                || ["authent", "authori", "unauth", "credential"]
                    .iter()
                    .any(|stem| word.starts_with(stem) && word != "authority")
        })
    }
}
