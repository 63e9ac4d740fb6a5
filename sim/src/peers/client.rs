//! The published package's client, and peers that offer other versions of the protocol.
//!
//! ```text
//! start ─► connecting ─► authenticating ─► online ─► waiting ─► connecting
//!              └──────────────┴─── 1.5 s ──────────────▲ 3 s
//! ```
//!
//! Its queue and its cursors are durable, and written before anything is sent. A cursor is the sequence of the event
//! that was applied last, whether live or missed. What is not acked is sent again after a reconnect, and every 30 s, as
//! the package's periodic synchronisation does.

use super::frames::{self, Seen};
use driftless_core::client::{ClientAction, ClientInput, SocketId, Write};
use driftless_core::event::EventId;
use driftless_core::wire::{CloseCode, Events, ServerError, ServerMessage, ServerReply};
use driftless_core::{Actions, Instant, Machine, Wake};
use std::collections::{BTreeMap, VecDeque};
use std::time::Duration;

/// How long it waits for a connection, and for `auth_success`.
const OPEN_TIMEOUT: Duration = Duration::from_millis(1_500);
/// When it connects again.
const RECONNECT: Duration = Duration::from_secs(3);
/// How often it pings.
const PING: Duration = Duration::from_secs(30);
/// How long after a ping it gives up.
const PONG_TIMEOUT: Duration = Duration::from_secs(2);
/// The log of which the published example asks for few events.
const COUNTER_LOG: &str = "counter_log";

/// What a plain client says of the protocol's version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Offer {
    /// Nothing: the published client.
    Nothing,
    /// Something else than the integer 1, another thing at each connection.
    Others,
}

/// What peers of other versions say in `auth`.
const OTHER_OFFERS: [&str; 5] = [
    r#""protocol":2"#,
    r#""protocol":0"#,
    r#""protocol":"1""#,
    r#""protocol":[1],"colour":"red""#,
    r#""protocol":2,"client":{"id":"x","name":"other","version":"9"}"#,
];

/// A client that is not ours.
#[derive(Clone, Debug)]
pub(crate) struct PlainClient {
    index: usize,
    offer: Offer,
    in_seeds: bool,
    // Durable.
    queue: VecDeque<Queued>,
    cursors: BTreeMap<String, u64>,
    /// Where each event that was applied stands.
    places: BTreeMap<(String, String), u64>,
    acked: Vec<(String, EventId)>,
    /// Whether all that it was told is of one history.
    knows_history: bool,
    written: u64,
    sockets: u64,
    // Of this life.
    now: Instant,
    token: String,
    socket: Option<SocketId>,
    phase: Phase,
    /// What the server did that it never may.
    broken: Option<String>,
    /// Whether it has come online since it was last asked.
    came_online: bool,
}

#[derive(Clone, Debug)]
struct Queued {
    repository: String,
    id: String,
    text: String,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Down,
    Connecting { until: Instant },
    Authenticating { until: Instant },
    Online { ping_at: Instant, pong_by: Option<Instant> },
    Waiting { until: Instant },
}

impl PlainClient {
    /// A client with nothing in its queue, that is down.
    pub(crate) const fn new(index: usize, offer: Offer, in_seeds: bool) -> Self {
        Self {
            index,
            offer,
            in_seeds,
            queue: VecDeque::new(),
            cursors: BTreeMap::new(),
            places: BTreeMap::new(),
            acked: Vec::new(),
            knows_history: true,
            written: 0,
            sockets: 0,
            now: Instant::ZERO,
            token: String::new(),
            socket: None,
            phase: Phase::Down,
            broken: None,
            came_online: false,
        }
    }

    /// Whether it runs.
    pub(crate) fn is_up(&self) -> bool {
        self.phase != Phase::Down
    }

    /// Its process is gone. What is durable stays.
    pub(crate) const fn ends(&mut self) {
        self.phase = Phase::Down;
        self.socket = None;
    }

    /// What it shows to the server.
    pub(crate) fn shows(&mut self, token: Option<String>) {
        self.token = token.unwrap_or_default();
    }

    /// Whether it is online and everything that it has written is acked.
    pub(crate) fn is_settled(&self) -> bool {
        self.queue.is_empty() && matches!(self.phase, Phase::Online { .. })
    }

    /// The sequence of the event of a repository that it has applied last.
    pub(crate) fn cursor(&self, repository: &str) -> u64 {
        self.cursors.get(repository).copied().unwrap_or_default()
    }

    /// What it was told is stored.
    pub(crate) fn acked(&self) -> impl Iterator<Item = (&str, &EventId)> {
        self.acked.iter().map(|(repository, id)| (repository.as_str(), id))
    }

    /// The server's history is another one: what it knows of places is void, and what is still on its way to it is of
    /// the old one. Nothing tells a plain client which is which.
    pub(crate) fn forget_places(&mut self) {
        self.knows_history = false;
        self.places.clear();
        self.acked.clear();
    }

    /// What the server did that it never may.
    pub(crate) const fn take_broken(&mut self) -> Option<String> {
        self.broken.take()
    }

    /// Whether it has come online since this was last asked.
    pub(crate) const fn take_came_online(&mut self) -> bool {
        std::mem::replace(&mut self.came_online, false)
    }

    fn connect(&mut self, out: &mut Actions<ClientAction>) {
        self.sockets += 1;
        let socket = SocketId(self.sockets);
        self.socket = Some(socket);
        self.phase = Phase::Connecting {
            until: self.now + OPEN_TIMEOUT,
        };
        out.push(ClientAction::Connect {
            socket,
            credentials: driftless_core::client::ClientCredentials::default(),
        });
    }

    fn close(&mut self, why: &str, out: &mut Actions<ClientAction>) {
        if let Some(socket) = self.socket.take() {
            let (code, reason) = (CloseCode::GOING_AWAY, why.to_owned());
            out.push(ClientAction::Close { socket, code, reason });
        }
    }

    fn lose(&mut self, why: &str, out: &mut Actions<ClientAction>) {
        self.close(why, out);
        self.phase = Phase::Waiting {
            until: self.now + RECONNECT,
        };
    }

    fn send(&self, frame: String, out: &mut Actions<ClientAction>) {
        if let Some(socket) = self.socket {
            let frame = frame.into();
            out.push(ClientAction::Send { socket, frame });
        }
    }

    fn authenticate(&mut self, out: &mut Actions<ClientAction>) {
        self.phase = Phase::Authenticating {
            until: self.now + OPEN_TIMEOUT,
        };
        let token = frames::quoted(&self.token);
        let offers = OTHER_OFFERS.len() as u64;
        let offer = match self.offer {
            Offer::Nothing => String::new(),
            Offer::Others => {
                let index = usize::try_from(self.sockets % offers).unwrap_or_default();
                format!(",{}", OTHER_OFFERS[index])
            }
        };
        self.send(format!(r#"{{"type":"auth","token":{token}{offer}}}"#), out);
    }

    fn come_online(&mut self, out: &mut Actions<ClientAction>) {
        self.came_online = true;
        self.phase = Phase::Online {
            ping_at: self.now + PING,
            pong_by: None,
        };
        if self.offer == Offer::Others {
            self.send(r#"{"type":"presence","of":"another version"}"#.into(), out);
        }
        self.send(r#"{"type":"request_all_events"}"#.into(), out);
        for (repository, cursor) in &self.cursors {
            let limit = if repository == COUNTER_LOG { r#","limit":5"# } else { "" };
            let name = frames::quoted(repository);
            let request = format!(r#"{{"type":"request_events","repository":{name},"afterSequence":{cursor}{limit}}}"#);
            self.send(request, out);
        }
        self.push(out);
    }

    /// Sends the whole queue, a batch a repository.
    fn push(&self, out: &mut Actions<ClientAction>) {
        let mut batches: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for queued in &self.queue {
            batches.entry(&queued.repository).or_default().push(&queued.text);
        }
        for (repository, events) in batches {
            let (name, events) = (frames::quoted(repository), events.join(","));
            let batch = format!(r#"{{"type":"push_events_batch","repository":{name},"events":[{events}]}}"#);
            self.send(batch, out);
        }
    }

    fn write(&mut self, write: &Write, out: &mut Actions<ClientAction>) {
        for change in &write.changes {
            self.written += 1;
            let id = format!("evt_{}_{}", self.index, self.written);
            let text = frames::event(&id, change, write.wall, self.in_seeds);
            let repository = change.repository.to_string();
            if matches!(self.phase, Phase::Online { .. }) {
                let name = frames::quoted(&repository);
                let push = format!(r#"{{"type":"push_event","repository":{name},"event":{text}}}"#);
                self.send(push, out);
            }
            self.queue.push_back(Queued { repository, id, text });
        }
    }

    fn frame(&mut self, frame: &bytestring::ByteString, out: &mut Actions<ClientAction>) {
        if let Phase::Online { pong_by, .. } = &mut self.phase {
            *pong_by = None;
        }
        match ServerReply::decode(frame).map(|reply| reply.message) {
            Ok(ServerMessage::AuthSuccess(success)) => {
                if success.extended.is_some() {
                    self.break_law("it is answered with a version that it has not offered".into());
                }
                if matches!(self.phase, Phase::Authenticating { .. }) {
                    self.come_online(out);
                }
            }
            Ok(ServerMessage::Ping) => self.send(r#"{"type":"pong"}"#.into(), out),
            Ok(ServerMessage::Events(events)) => self.apply(&events, out),
            Ok(ServerMessage::Ack(ack)) => {
                for (repository, ids) in ack.repositories {
                    for id in ids {
                        self.settle(&repository, id);
                    }
                }
            }
            Ok(ServerMessage::Error(error)) => self.refused(&error, out),
            Ok(ServerMessage::HistoryChanged { .. }) => self.break_law("it is told of another history".into()),
            Ok(ServerMessage::Pong | ServerMessage::SyncComplete(_)) => {}
            Err(wrong) => self.break_law(format!("it cannot read a frame: {wrong}")),
        }
    }

    /// While it authenticates it takes any error for a refusal; later it takes none to heart.
    fn refused(&mut self, _: &ServerError, out: &mut Actions<ClientAction>) {
        if matches!(self.phase, Phase::Authenticating { .. }) {
            self.lose("authentication failed", out);
        }
    }

    /// Applies events in the order of their arrival, whether live or missed.
    fn apply(&mut self, events: &Events, out: &mut Actions<ClientAction>) {
        let repository = events.repository.to_string();
        for event in &events.events {
            let Some(seen) = Seen::read(event) else {
                self.break_law(format!("an event of {repository} has no id or no sequence"));
                continue;
            };
            let key = (repository.clone(), seen.id);
            let place = *self.places.entry(key).or_insert(seen.sequence);
            if place != seen.sequence && self.knows_history {
                let wrong = format!("an event of {repository} stands at {place} and at {}", seen.sequence);
                self.break_law(wrong);
            }
            self.cursors.insert(repository.clone(), seen.sequence);
        }
        let (name, count) = (frames::quoted(&repository), events.events.len());
        self.send(
            format!(r#"{{"type":"events_received","repository":{name},"count":{count}}}"#),
            out,
        );
    }

    fn settle(&mut self, repository: &str, id: EventId) {
        let held = |queued: &Queued| queued.repository == repository && queued.id[..] == *id;
        if let Some(index) = self.queue.iter().position(held) {
            self.queue.remove(index);
            if self.knows_history {
                self.acked.push((repository.to_owned(), id));
            }
        }
    }

    fn break_law(&mut self, what: String) {
        self.broken.get_or_insert(what);
    }

    fn ring(&mut self, out: &mut Actions<ClientAction>) {
        let now = self.now;
        match self.phase {
            Phase::Connecting { until } | Phase::Authenticating { until } if until <= now => self.lose("timeout", out),
            Phase::Online { pong_by: Some(by), .. } if by <= now => self.lose("no sign of life", out),
            Phase::Online { ping_at, .. } if ping_at <= now => {
                self.phase = Phase::Online {
                    ping_at: now + PING,
                    pong_by: Some(now + PONG_TIMEOUT),
                };
                self.send(r#"{"type":"ping"}"#.into(), out);
                self.push(out);
            }
            Phase::Waiting { until } if until <= now => self.connect(out),
            _ => {}
        }
    }

    fn apply_input(&mut self, input: ClientInput, out: &mut Actions<ClientAction>) {
        match input {
            ClientInput::Start { .. } => self.connect(out),
            ClientInput::Stop => {
                self.close("goodbye", out);
                self.phase = Phase::Down;
            }
            ClientInput::Connected { socket } if self.socket == Some(socket) => self.authenticate(out),
            ClientInput::Disconnected { socket, .. } if self.socket == Some(socket) => {
                self.socket = None;
                self.lose("", out);
            }
            ClientInput::Frame { socket, frame } if self.socket == Some(socket) => self.frame(&frame, out),
            ClientInput::Write(write) => self.write(&write, out),
            ClientInput::Credentials(credentials) => {
                // The published `update_auth_token` connects again.
                self.shows(credentials.token);
                if self.socket.is_some() {
                    self.close("other credentials", out);
                    self.connect(out);
                }
            }
            _ => {}
        }
    }
}

impl Machine for PlainClient {
    type Input = ClientInput;
    type Action = ClientAction;

    fn handle(&mut self, now: Instant, input: ClientInput, out: &mut Actions<ClientAction>) {
        self.now = self.now.max(now);
        self.ring(out);
        self.apply_input(input, out);
    }

    fn next_wake(&self) -> Option<Wake> {
        let (at, reason) = match self.phase {
            Phase::Down => return None,
            Phase::Connecting { until } => (until, "connecting"),
            Phase::Authenticating { until } => (until, "authenticating"),
            Phase::Online { ping_at, pong_by } => (pong_by.map_or(ping_at, |by| by.min(ping_at)), "heartbeat"),
            Phase::Waiting { until } => (until, "reconnect"),
        };
        Some(Wake { at, reason })
    }
}
