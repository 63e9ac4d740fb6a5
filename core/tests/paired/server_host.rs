//! The server's half of the world: sessions, the hub, and the store behind it.

use crate::link::Item;
use crate::world::{Due, Work, World};
use driftless_core::name::Namespace;
use driftless_core::server::{
    Append, Appended, AuthRefusal, ConnectionId, Credentials, Grant, Hub, HubAction, HubConfig, HubInput, Session,
    SessionAction, SessionConfig, SessionInput, StoreFailure,
};
use driftless_core::{Actions, Machine};
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// A running server.
pub(crate) struct Server {
    pub(crate) hub: Hub,
    pub(crate) sessions: BTreeMap<ConnectionId, Session>,
    config: Arc<SessionConfig>,
}

impl World {
    /// Starts the server on what the store holds.
    pub(crate) fn start_server(&mut self) {
        assert!(self.server.is_none(), "the server runs already");
        let (epoch, limits) = (self.store.epoch.clone(), self.limits.clone());
        self.server_life += 1;
        self.server = Some(Server {
            hub: Hub::new(HubConfig {
                epoch: epoch.clone(),
                limits: limits.clone(),
                lanes: 1,
            }),
            sessions: BTreeMap::new(),
            config: Arc::new(SessionConfig { epoch, limits }),
        });
    }

    /// Kills the server. What was on its way to the store is stored or not; nobody will be told.
    pub(crate) fn crash_server(&mut self, appends_survive: bool) {
        let connections: Vec<_> = self.links.keys().copied().collect();
        for connection in connections {
            self.cut(connection);
        }
        self.server = None;
        for due in self.undo(|due| matches!(due, Due::Append { .. })) {
            if let Due::Append { events, .. } = due
                && appends_survive
            {
                self.store.append(&events);
            }
        }
    }

    /// Asks every session to stop.
    pub(crate) fn shut_down(&mut self) {
        let sessions = self.server.iter().flat_map(|server| server.sessions.keys());
        let work: Vec<_> = sessions
            .map(|connection| Work::Session(*connection, SessionInput::Shutdown))
            .collect();
        self.work.extend(work);
    }

    pub(crate) fn open_session(&mut self, connection: ConnectionId) {
        let now = self.now;
        let server = self.server.as_mut().expect("a connection opens to a running server");
        let config = Arc::clone(&server.config);
        let session = Session::new(now, config, connection, Namespace::default(), None);
        server.sessions.insert(connection, session);
    }

    pub(crate) fn session(&mut self, connection: ConnectionId, input: SessionInput) {
        let Some(server) = &mut self.server else {
            return;
        };
        let Some(session) = server.sessions.get_mut(&connection) else {
            return;
        };
        let gone = input == SessionInput::Closed;
        let mut actions = Actions::new();
        session.handle(self.now, input, &mut actions);
        let wake = session.next_wake();
        assert!(wake.is_none_or(|wake| wake.at > self.now), "{wake:?} at {:?}", self.now);
        if gone {
            server.sessions.remove(&connection);
        }
        for action in actions.drain() {
            self.session_action(connection, action);
        }
    }

    fn session_action(&mut self, connection: ConnectionId, action: SessionAction) {
        let arrives = self.now + self.latency;
        let link = self.links.get_mut(&connection);
        match (action, link) {
            (SessionAction::Send(frame), Some(link)) => link.to_client.send(arrives, Item::Frame(frame)),
            (SessionAction::Close { code, reason }, link) => {
                if let Some(server) = &mut self.server {
                    server.sessions.remove(&connection);
                }
                if let Some(link) = link {
                    link.to_client.send(arrives, Item::Close(code, reason));
                    link.to_server.closed = true;
                }
            }
            (SessionAction::PauseReading, Some(link)) => link.to_server.paused = true,
            (SessionAction::ResumeReading, Some(link)) => link.to_server.paused = false,
            (SessionAction::Authenticate { .. }, _) if self.auth_hangs => {}
            (SessionAction::Authenticate { auth, credentials }, _) => {
                let due = Due::Authenticated {
                    connection,
                    auth,
                    credentials,
                };
                self.later(Duration::from_millis(1), due);
            }
            (SessionAction::Hub(request), _) => {
                self.work
                    .push_back(Work::Hub(HubInput::Session { connection, request }));
            }
            (_, None) => {}
        }
    }

    pub(crate) fn hub(&mut self, input: HubInput) {
        let Some(server) = &mut self.server else {
            return;
        };
        let mut actions = Actions::new();
        server.hub.handle(self.now, input, &mut actions);
        let wake = server.hub.next_wake();
        assert!(wake.is_none_or(|wake| wake.at > self.now), "{wake:?} at {:?}", self.now);
        let life = self.server_life;
        for action in actions.drain() {
            match action {
                HubAction::Reply { connection, reply } => {
                    self.work.push_back(Work::Session(connection, SessionInput::Hub(reply)));
                }
                HubAction::Append { append, events } => {
                    self.later(self.store_delay, Due::Append { life, append, events });
                }
                HubAction::Read { read, page } => self.later(self.store_delay, Due::Read { life, read, page }),
                HubAction::ListRepositories { read, namespace } => {
                    self.later(self.store_delay, Due::List { life, read, namespace });
                }
            }
        }
    }

    /// Completes what the server waits for; what a former server waited for is dropped.
    pub(crate) fn complete_for_server(&mut self, due: Due) {
        let failed = self.store_fails.then(|| StoreFailure {
            detail: "the disk is full".into(),
        });
        match due {
            Due::Append { life, append, events } if life == self.server_life => {
                let result = failed.map_or_else(|| Ok(self.append(&events)), Err);
                self.work.push_back(Work::Hub(HubInput::Appended { append, result }));
            }
            Due::Read { life, read, page } if life == self.server_life => {
                let result = failed.map_or_else(|| Ok(self.store.page(&page)), Err);
                self.work.push_back(Work::Hub(HubInput::PageRead { read, result }));
            }
            Due::List { life, read, namespace } if life == self.server_life => {
                let result = failed.map_or_else(|| Ok(self.store.repositories(&namespace)), Err);
                self.work.push_back(Work::Hub(HubInput::Repositories { read, result }));
            }
            Due::Authenticated {
                connection,
                auth,
                credentials,
            } => {
                let input = SessionInput::Authenticated {
                    auth,
                    result: self.grant(&credentials),
                    server_time: "2025-01-23T10:00:00.000Z".into(),
                };
                self.work.push_back(Work::Session(connection, input));
            }
            _ => {}
        }
    }

    fn append(&mut self, events: &Append) -> Appended {
        let (appended, committed) = self.store.append(events);
        if !self.commits_untold {
            let told = committed
                .into_iter()
                .map(|committed| Work::Hub(HubInput::Committed(committed)));
            self.work.extend(told);
        }
        appended
    }

    fn grant(&self, credentials: &Credentials) -> Result<Grant, AuthRefusal> {
        let token = credentials.token.as_deref().unwrap_or("nobody");
        match token {
            "bad" => Err(AuthRefusal::Refused("the token is not known".into())),
            "forbidden" => Err(AuthRefusal::Forbidden("the token is not for this namespace".into())),
            "unavailable" => Err(AuthRefusal::Unavailable),
            subject => Ok(Grant {
                subject: subject.into(),
                rights: Arc::clone(&self.rights),
                valid_for: (subject == "expiring").then(|| Duration::from_mins(1)),
            }),
        }
    }
}
