//! A server without sockets: a session and the hub of `core` over the memory store, in virtual time.

use bytestring::ByteString;
use driftless::core::event::{Event, EventId, Json, NewEvent, Sequence};
use driftless::core::name::{LogName, Namespace, RepositoryName};
use driftless::core::server::{
    Access, Append, AppendRun, ConnectionId, Grant, Hub, HubAction, HubConfig, HubInput, PageRequest, Rights,
    ServerLimits, Session, SessionAction, SessionConfig, SessionInput,
};
use driftless::core::wire::CloseCode;
use driftless::core::{Actions, Instant, Machine};
use driftless::store::{Memory, Store, wait};
use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

/// What the server says to its only peer.
#[derive(Debug)]
pub(crate) enum Said {
    Frame(ByteString),
    Close(CloseCode, String),
}

/// The server and its one connection, if there is one.
pub(crate) struct Server {
    store: Arc<Memory>,
    hub: Hub,
    config: Arc<SessionConfig>,
    session: Option<(ConnectionId, Session)>,
    last_connection: u64,
    /// What the hub has to hear.
    mail: VecDeque<HubInput>,
    /// Commits that the hub has not heard of.
    committed: Arc<Mutex<VecDeque<HubInput>>>,
    /// What is on its way to the client.
    pub(crate) said: VecDeque<Said>,
    rights: Arc<Rights>,
}

impl Server {
    /// Everything may be read, and everything but `closed` written. A page holds few events.
    pub(crate) fn new(writable: &[&str]) -> Self {
        let store = Arc::new(Memory::new());
        let limits = ServerLimits {
            page_events: 3,
            ..ServerLimits::default()
        };
        let committed = Arc::new(Mutex::new(VecDeque::new()));
        let told = committed.clone();
        store.watch(Arc::new(move |commit| {
            told.lock().unwrap().push_back(HubInput::Committed(commit));
        }));
        let epoch = store.epoch();
        Self {
            store,
            hub: Hub::new(HubConfig {
                epoch: epoch.clone(),
                limits: limits.clone(),
                lanes: 1,
            }),
            config: Arc::new(SessionConfig { epoch, limits }),
            session: None,
            last_connection: 0,
            mail: VecDeque::new(),
            committed,
            said: VecDeque::new(),
            rights: Arc::new(Rights {
                scope: "all".to_owned(),
                read: Access::All,
                write: Access::Only(writable.iter().map(|name| name.parse().unwrap()).collect()),
            }),
        }
    }

    pub(crate) fn connect(&mut self, now: Instant) {
        self.hang_up(now);
        self.last_connection += 1;
        let id = ConnectionId(self.last_connection);
        let session = Session::new(now, self.config.clone(), id, Namespace::default(), None);
        self.session = Some((id, session));
    }

    /// The connection is gone, with all that was on it.
    pub(crate) fn hang_up(&mut self, now: Instant) {
        self.said.clear();
        self.session(now, SessionInput::Closed);
        self.session = None;
        self.said.clear();
    }

    /// Takes a frame of the client.
    pub(crate) fn frame(&mut self, now: Instant, frame: ByteString) {
        self.session(now, SessionInput::Frame(frame));
    }

    /// The client has taken so many bytes.
    pub(crate) fn flushed(&mut self, now: Instant, bytes: usize) {
        self.session(now, SessionInput::Flushed { bytes });
    }

    /// When something is due.
    pub(crate) fn next_wake(&self) -> Option<Instant> {
        let session = self.session.iter().filter_map(|(_, session)| session.next_wake());
        session.chain(self.hub.next_wake()).map(|wake| wake.at).min()
    }

    pub(crate) fn tick(&mut self, now: Instant) {
        self.session(now, SessionInput::Tick);
        self.mail.push_back(HubInput::Tick);
        self.settle(now);
    }

    /// Somebody else's events are stored.
    pub(crate) fn store_events(&mut self, now: Instant, name: &RepositoryName, texts: &[String]) -> Vec<EventId> {
        let read = |text: &String| NewEvent::read(&Json::parse(text.clone()).unwrap()).unwrap();
        let events: Vec<NewEvent> = texts.iter().map(read).collect();
        let ids = events.iter().map(|event| event.id.clone()).collect();
        let log = log(name);
        let run = AppendRun { log, events };
        wait(|done| self.store.append(Append { runs: vec![run] }, done)).unwrap();
        self.settle(now);
        ids
    }

    /// The whole log of a repository.
    pub(crate) fn log(&self, name: &RepositoryName) -> Vec<Event> {
        let page = PageRequest {
            log: log(name),
            after: Sequence::ZERO,
            max_events: usize::MAX,
            max_bytes: usize::MAX,
        };
        let page = wait(|done| self.store.read(page, done)).unwrap();
        let read = |text: &str| Event::read(&Json::parse(text.to_owned()).unwrap()).unwrap();
        page.events.iter().map(|stored| read(stored.text)).collect()
    }

    fn session(&mut self, now: Instant, input: SessionInput) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            let Some((id, session)) = &mut self.session else {
                return;
            };
            let connection = *id;
            let mut actions = Actions::new();
            session.handle(now, input, &mut actions);
            for action in actions.drain() {
                match action {
                    SessionAction::Send(frame) => self.said.push_back(Said::Frame(frame)),
                    SessionAction::Close { code, reason } => {
                        self.said.push_back(Said::Close(code, reason));
                        self.session = None;
                    }
                    // The frames of one client never fill a budget of this server.
                    SessionAction::PauseReading | SessionAction::ResumeReading => {}
                    SessionAction::Authenticate { auth, .. } => inputs.push_back(SessionInput::Authenticated {
                        auth,
                        result: Ok(Grant {
                            subject: "somebody".to_owned(),
                            rights: self.rights.clone(),
                            valid_for: None,
                        }),
                        server_time: "2025-01-23T10:00:00.000Z".to_owned(),
                    }),
                    SessionAction::Hub(request) => self.mail.push_back(HubInput::Session { connection, request }),
                }
            }
        }
        self.settle(now);
    }

    /// Has the hub hear everything that there is to hear.
    fn settle(&mut self, now: Instant) {
        loop {
            let committed = self.committed.lock().unwrap().pop_front();
            let Some(input) = committed.or_else(|| self.mail.pop_front()) else {
                return;
            };
            let mut actions = Actions::new();
            self.hub.handle(now, input, &mut actions);
            for action in actions.drain() {
                self.carry_out(now, action);
            }
        }
    }

    fn carry_out(&mut self, now: Instant, action: HubAction) {
        match action {
            HubAction::Reply { connection, reply } => {
                if self.session.as_ref().is_some_and(|(id, _)| *id == connection) {
                    self.session(now, SessionInput::Hub(reply));
                }
            }
            HubAction::Append { append, events } => {
                let result = wait(|done| self.store.append(events, done));
                self.mail.push_back(HubInput::Appended { append, result });
            }
            HubAction::Read { read, page } => {
                let result = wait(|done| self.store.read(page, done));
                self.mail.push_back(HubInput::PageRead { read, result });
            }
            HubAction::ListRepositories { read, namespace } => {
                let listed = wait(|done| self.store.repositories(namespace, done));
                let result = listed.map(|all| all.into_iter().map(|one| one.name).collect());
                self.mail.push_back(HubInput::Repositories { read, result });
            }
        }
    }
}

fn log(name: &RepositoryName) -> LogName {
    LogName {
        namespace: Namespace::default(),
        repository: name.clone(),
    }
}
