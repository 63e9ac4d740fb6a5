//! The server's half of a small world.
//!
//! What sessions and the hub say to each other arrives at once.

use super::digest::Part;
use super::node::Item;
use super::world::World;
use crate::check::Invariant;
use driftless_core::server::{
    AppendId, AuthId, ConnectionId, Grant, Hub, HubAction, HubConfig, HubInput, ReadId, Rights, SessionAction,
    SessionInput,
};
use driftless_core::{Actions, Machine};
use std::collections::VecDeque;
use std::sync::Arc;

/// What is said within the server.
enum Said {
    Hub(HubInput),
    Session(ConnectionId, SessionInput),
}

impl World {
    pub(super) fn start_server(&mut self) {
        let server = self.server.change();
        server.hub = Some(Part::new(Hub::new(HubConfig {
            epoch: server.store.epoch().clone(),
            limits: self.fixed.session.limits.clone(),
            lanes: 1,
        })));
    }

    pub(super) fn crash_server(&mut self, kept: bool, sent: bool) {
        let server = self.server.change();
        server.hub = None;
        server.sessions.clear();
        server.reads.clear();
        server.auths.clear();
        server.told.clear();
        server.promised.clear();
        server.store.crash_with(kept);
        for link in self.links.values_mut().filter(|link| !link.up.closed) {
            let link = link.change();
            link.down.end(sent);
            link.up.closed = true;
        }
        self.drop_links();
        for client in 0..self.clients.len() {
            self.check_client(client);
        }
    }

    pub(super) fn frame_for_server(&mut self, connection: ConnectionId) {
        let Some(link) = self.links.get_mut(&connection) else {
            return;
        };
        let link = link.change();
        let input = match link.up.items.pop_front() {
            None => return,
            Some(Item::Frame(frame)) => SessionInput::Frame(frame),
            Some(Item::Close(..) | Item::End) => {
                link.up.closed = true;
                SessionInput::Closed
            }
        };
        self.drop_links();
        self.server_hears(Said::Session(connection, input));
    }

    pub(super) fn authenticate(&mut self, connection: ConnectionId, auth: AuthId) {
        if self.server.change().auths.remove(&(connection, auth)).is_none() {
            return;
        }
        let grant = Grant {
            subject: "somebody".into(),
            rights: Arc::new(Rights::all()),
            valid_for: None,
        };
        let input = SessionInput::Authenticated {
            auth,
            result: Ok(grant),
            server_time: "2025-01-23T10:00:00.000Z".into(),
        };
        self.server_hears(Said::Session(connection, input));
    }

    pub(super) fn finish_append(&mut self, append: AppendId, done_first: bool) {
        let before = self.server.store.log(&self.fixed.repository).head();
        let server = self.server.change();
        if self.plan.store_lies && !server.promised.contains(&append) {
            let (appended, _) = server.store.clone().finish_append(append);
            server.promised.push(append);
            server.told.push_back(HubInput::Appended {
                append,
                result: Ok(appended),
            });
            return;
        }
        let (appended, committed) = server.store.finish_append(append);
        let dense = committed
            .iter()
            .all(|committed| committed.events.first() == before.next());
        let news = committed.into_iter().map(HubInput::Committed);
        let done = HubInput::Appended {
            append,
            result: Ok(appended),
        };
        match (self.plan.store_lies, done_first) {
            (true, _) => server.told.extend(news),
            (_, true) => server.told.extend([done].into_iter().chain(news)),
            (_, false) => server.told.extend(news.chain([done])),
        }
        server.promised.retain(|promised| *promised != append);
        if !dense {
            self.fail(
                Invariant::DenseSequences,
                format!("an append does not go on behind {before}"),
            );
        }
    }

    pub(super) fn tell(&mut self) {
        if let Some(input) = self.server.change().told.pop_front() {
            self.server_hears(Said::Hub(input));
        }
    }

    pub(super) fn finish_read(&mut self, read: ReadId, stale: bool) {
        let server = self.server.change();
        if let Some((request, page)) = server.reads.remove(&read) {
            let page = if stale { page } else { server.store.page(&request) };
            let result = Ok(page);
            self.server_hears(Said::Hub(HubInput::PageRead { read, result }));
        }
    }

    pub(super) fn tick_server(&mut self) {
        let now = self.now;
        let due = |machine: Option<driftless_core::Wake>| machine.is_some_and(|wake| wake.at <= now);
        let sessions = self
            .server
            .sessions
            .iter()
            .filter(|(_, session)| due(session.next_wake()));
        let late: Vec<ConnectionId> = sessions.map(|(connection, _)| *connection).collect();
        if self.server.hub.as_ref().is_some_and(|hub| due(hub.next_wake())) {
            self.server_hears(Said::Hub(HubInput::Tick));
        }
        for connection in late {
            self.server_hears(Said::Session(connection, SessionInput::Tick));
        }
    }

    fn server_hears(&mut self, said: Said) {
        let mut saying = VecDeque::from([said]);
        while let Some(said) = saying.pop_front() {
            match said {
                Said::Hub(input) => self.hub(input, &mut saying),
                Said::Session(connection, input) => self.session(connection, input, &mut saying),
            }
        }
    }

    fn hub(&mut self, input: HubInput, saying: &mut VecDeque<Said>) {
        let now = self.now;
        let Some(hub) = &mut self.server.change().hub else {
            return;
        };
        let mut actions = Actions::new();
        hub.change().handle(now, input, &mut actions);
        let wake = hub.next_wake();
        self.check_wake(wake);
        let server = self.server.change();
        for action in actions.drain() {
            match action {
                HubAction::Reply { connection, reply } => {
                    saying.push_back(Said::Session(connection, SessionInput::Hub(reply)));
                }
                HubAction::Append { append, events } => server.store.begin_append(append, events),
                HubAction::Read { read, page } => {
                    let held = server.store.page(&page);
                    server.reads.insert(read, (page, held));
                }
                HubAction::ListRepositories { read, namespace } => {
                    let result = Ok(server.store.repositories(&namespace));
                    saying.push_back(Said::Hub(HubInput::Repositories { read, result }));
                }
            }
        }
    }

    fn session(&mut self, connection: ConnectionId, input: SessionInput, saying: &mut VecDeque<Said>) {
        let now = self.now;
        let over = input == SessionInput::Closed;
        let server = self.server.change();
        let Some(session) = server.sessions.get_mut(&connection) else {
            return;
        };
        let mut actions = Actions::new();
        session.change().handle(now, input, &mut actions);
        let wake = session.next_wake();
        if over {
            server.sessions.remove(&connection);
            server.auths.retain(|(asked, _), _| *asked != connection);
        }
        self.check_wake(wake);
        for action in actions.drain() {
            self.session_action(connection, action, saying);
        }
    }

    fn session_action(&mut self, connection: ConnectionId, action: SessionAction, saying: &mut VecDeque<Said>) {
        match action {
            SessionAction::Send(frame) => {
                let bytes = frame.len();
                self.check_sent(connection, &frame);
                if let Some(link) = self.links.get_mut(&connection) {
                    link.change().down.send(Item::Frame(frame));
                }
                saying.push_back(Said::Session(connection, SessionInput::Flushed { bytes }));
            }
            SessionAction::Close { code, reason } => {
                self.server.change().sessions.remove(&connection);
                if let Some(link) = self.links.get_mut(&connection) {
                    let link = link.change();
                    link.down.send(Item::Close(code, reason));
                    link.up.closed = true;
                }
                self.drop_links();
            }
            SessionAction::PauseReading => self.pause(connection, true),
            SessionAction::ResumeReading => self.pause(connection, false),
            SessionAction::Authenticate { auth, credentials } => {
                self.server.change().auths.insert((connection, auth), credentials);
            }
            SessionAction::Hub(request) => saying.push_back(Said::Hub(HubInput::Session { connection, request })),
        }
    }

    fn pause(&mut self, connection: ConnectionId, paused: bool) {
        if let Some(link) = self.links.get_mut(&connection) {
            link.change().up.paused = paused;
        }
    }
}
