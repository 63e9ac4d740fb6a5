//! The sessions of the server, and the messages between them and the hub.

use super::agenda::Trigger;
use super::server_node::SessionNode;
use super::{Due, Ready, World, after};
use crate::check::Node;
use crate::fault::Fault;
use crate::network::{End, LinkId};
use crate::scenario::{ServerKind, Way};
use bytestring::ByteString;
use driftless_core::server::{
    AuthId, AuthRefusal, ConnectionId, Credentials, Grant, HubInput, HubReply, HubRequest, SessionAction, SessionInput,
};
use driftless_core::wire::CloseCode;
use driftless_core::{Instant, Machine};
use std::mem;
use std::sync::Arc;
use std::time::Duration;

/// A question about credentials.
pub(super) struct Question {
    link: LinkId,
    auth: AuthId,
    credentials: Credentials,
}

impl World<'_> {
    fn session_node(&mut self, link: LinkId) -> Option<&mut SessionNode> {
        self.server.running.as_mut()?.sessions.get_mut(&link)
    }

    /// Gives a session something, and carries out what it asks for.
    pub(super) fn session(&mut self, link: LinkId, input: SessionInput) {
        if self.scenario.server.kind == ServerKind::Published {
            return self.published(link, &input);
        }
        let now = self.scheduler.now();
        let local = self.server.clock.monotonic(now);
        let running = self.server.running.as_mut();
        let node = running.and_then(|running| running.sessions.get_mut(&link));
        let Some(session) = node.and_then(|node| node.session.as_mut()) else {
            return;
        };
        let gone = matches!(input, SessionInput::Closed);
        match &input {
            SessionInput::Frame(frame) => {
                self.steps.frames += 1;
                self.checks.server_got(now, link.0, frame);
            }
            SessionInput::Flushed { bytes } => self.checks.server_flushed(now, link.0, *bytes),
            _ => {}
        }
        self.steps.input(now, Node::Session(link.0), &input);
        let mut actions = mem::take(&mut self.session_actions);
        session.handle(local, input, &mut actions);
        self.checks
            .machine(now, Node::Session(link.0), local, session.next_wake());
        while let Some(action) = actions.pop() {
            self.steps.action(&action);
            self.session_asks(link, action);
        }
        self.session_actions = actions;
        self.session_handled(link, gone);
    }

    fn session_handled(&mut self, link: LinkId, gone: bool) {
        let now = self.scheduler.now();
        let running = self.server.running.as_mut();
        let Some(node) = running.and_then(|running| running.sessions.get_mut(&link)) else {
            return;
        };
        let Some(session) = &node.session else {
            return;
        };
        self.checks.session(now, link.0, session);
        if gone || session.is_closed() {
            node.session = None;
            self.checks.session_closed(now, link.0);
            self.forget_if_done(link);
        } else {
            self.plan_session(link);
        }
    }

    /// Forgets a connection whose session has ended once the hub has heard everything.
    fn forget_if_done(&mut self, link: LinkId) {
        let Some(running) = &mut self.server.running else {
            return;
        };
        let done = |node: &SessionNode| node.session.is_none() && node.to_hub.is_empty();
        if running.sessions.get(&link).is_some_and(done) {
            running.sessions.remove(&link);
            self.server_down_if_done();
        }
    }

    pub(super) fn plan_session(&mut self, link: LinkId) {
        let now = self.scheduler.now();
        let running = self.server.running.as_mut();
        let Some(node) = running.and_then(|running| running.sessions.get_mut(&link)) else {
            return;
        };
        let wake = node.session.as_ref().and_then(|session| session.next_wake());
        let wanted = wake.and_then(|wake| self.server.clock.when(wake.at));
        if let Some(at) = node.alarm.want(now, wanted) {
            self.scheduler.at(at, Due::SessionWake(link));
        }
    }

    pub(super) fn session_wakes(&mut self, link: LinkId) {
        let now = self.scheduler.now();
        let local = self.server.clock.monotonic(now);
        let is_published = self.scenario.server.kind == ServerKind::Published;
        let Some(node) = self.session_node(link) else {
            return;
        };
        if !node.alarm.rings(now) {
            return;
        }
        if is_published {
            return self.published(link, &SessionInput::Tick);
        }
        let wake = node.session.as_ref().and_then(|session| session.next_wake());
        match wake {
            Some(wake) if wake.at <= local => self.session(link, SessionInput::Tick),
            _ => self.plan_session(link),
        }
    }

    /// Carries out what a session asks for. Nothing is handled in here: what follows at once becomes ready.
    fn session_asks(&mut self, link: LinkId, action: SessionAction) {
        match action {
            SessionAction::Send(frame) => self.session_sends(link, frame),
            SessionAction::Close { code, reason } => self.session_closes(link, code, reason),
            SessionAction::PauseReading => self.session_pauses(link),
            SessionAction::ResumeReading => {
                self.network.resume(link, End::Server, &mut self.scheduler);
            }
            SessionAction::Authenticate { auth, credentials } => self.ask_about(link, auth, credentials),
            SessionAction::Hub(request) => self.tell_hub(link, request),
        }
    }

    fn session_sends(&mut self, link: LinkId, frame: ByteString) {
        self.checks.server_sent(self.scheduler.now(), link.0, &frame);
        self.tell(|tape, now| tape.sent(now, link.0, Way::Down, &frame));
        self.network
            .send(link, End::Server, frame, &mut self.scheduler, &mut self.arrived);
        let Some(client) = self.session_node(link).map(|node| node.client) else {
            return;
        };
        self.clients[client].frames_down += 1;
        let number = self.clients[client].frames_down;
        self.trigger(Trigger::ServerFrame(client), number);
    }

    fn session_closes(&mut self, link: LinkId, code: CloseCode, reason: String) {
        self.tell_closed(link, End::Server, Some(code), &reason);
        self.network.close(link, End::Server, code, reason, &mut self.scheduler);
    }

    fn session_pauses(&mut self, link: LinkId) {
        self.network.pause(link, End::Server);
        if self.scenario.server.tiny_limits {
            self.fired.count(Fault::TinyLimits);
        }
    }

    fn hop(&mut self, now: Instant) -> Instant {
        after(now, self.server.delays.hop.micros(self.scenario.server.hop))
    }

    fn tell_hub(&mut self, link: LinkId, request: HubRequest) {
        let now = self.scheduler.now();
        let at = self.hop(now);
        let Some(node) = self.session_node(link) else {
            return;
        };
        let at = node.to_hub.send(at, request);
        if at <= now {
            self.ready.push_back(Ready::ToHub(link));
        } else {
            self.under_way += 1;
            self.scheduler.at(at, Due::ToHub(link));
        }
    }

    /// The next message of a session reaches the hub.
    pub(super) fn arrives_at_hub(&mut self, link: LinkId) {
        let Some(request) = self.session_node(link).and_then(|node| node.to_hub.arrive()) else {
            return;
        };
        let connection = ConnectionId(link.0);
        self.hub(HubInput::Session { connection, request });
        self.forget_if_done(link);
    }

    pub(super) fn tell_session(&mut self, connection: ConnectionId, reply: HubReply) {
        let now = self.scheduler.now();
        let at = self.hop(now);
        let link = LinkId(connection.0);
        let Some(node) = self.session_node(link) else {
            return;
        };
        let at = node.to_session.send(at, reply);
        if at <= now {
            self.ready.push_back(Ready::ToSession(link));
        } else {
            self.under_way += 1;
            self.scheduler.at(at, Due::ToSession(link));
        }
    }

    /// The hub's next message to a session reaches it.
    pub(super) fn arrives_at_session(&mut self, link: LinkId) {
        if let Some(reply) = self.session_node(link).and_then(|node| node.to_session.arrive()) {
            self.session(link, SessionInput::Hub(reply));
        }
    }

    fn ask_about(&mut self, link: LinkId, auth: AuthId, credentials: Credentials) {
        let now = self.scheduler.now();
        let micros = self.server.delays.auth.micros(self.scenario.server.auth);
        let question = Box::new(Question {
            link,
            auth,
            credentials,
        });
        self.under_way += 1;
        self.scheduler.at(after(now, micros), Due::Authenticated(question));
    }

    /// Somebody decides about credentials, or cannot, or never answers.
    pub(super) fn answer_about(&mut self, question: &Question) {
        let now = self.scheduler.now();
        self.under_way -= 1;
        let Some(client) = self.session_node(question.link).map(|node| node.client) else {
            return;
        };
        let result = if now < self.server.auth_away_until {
            self.fired.count(Fault::AuthUnavailable);
            if self.server.chances.percent(50) {
                return;
            }
            Err(AuthRefusal::Unavailable)
        } else {
            self.grant(client, &question.credentials)
        };
        let input = SessionInput::Authenticated {
            auth: question.auth,
            result,
            server_time: self.server_time(),
        };
        self.session(question.link, input);
    }

    fn grant(&mut self, client: usize, credentials: &Credentials) -> Result<Grant, AuthRefusal> {
        let token = credentials.token.as_deref().unwrap_or_default();
        if !token.starts_with("good") {
            self.fired.count(Fault::BadCredentials);
            return Err(AuthRefusal::Refused("the token is not known".into()));
        }
        let node = &mut self.clients[client];
        if node.narrow != node.granted_narrow {
            self.fired.count(Fault::ScopeChange);
            node.granted_narrow = node.narrow;
        }
        let rights = if node.narrow {
            &self.server.most
        } else {
            &self.server.all
        };
        // Once the faults have ended tokens are good for ever.
        let token_valid = self.scenario.server.token_valid.filter(|_| !self.healed);
        Ok(Grant {
            subject: format!("client {client}"),
            rights: Arc::clone(rights),
            valid_for: token_valid.map(Duration::from_micros),
        })
    }

    fn server_time(&self) -> String {
        let millis = self.server.clock.wall_ms(self.scheduler.now());
        driftless_core::event::Timestamp::from_millis(millis).map_or_else(String::new, |wall| wall.to_string())
    }
}
