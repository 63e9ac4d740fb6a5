//! The published server.
//!
//! It broadcasts every event to everyone before it acks it, without a sequence; sends a repeated push's event to everyone
//! again; answers a pull with the newest event of each record, at most 100, without saying so. It pings every 30 s after
//! `auth`, and hangs up on who has not answered by the next.

use crate::disk::ServerStore;
use bytestring::ByteString;
use driftless_core::Instant;
use driftless_core::event::{Json, NewEvent, Sequence, StoredEvent};
use driftless_core::name::{LogName, Namespace, RepositoryName};
use driftless_core::server::{Append, AppendId, AppendRun, Committed};
use driftless_core::wire::{
    Ack, AuthSuccess, ClientMessage, ClientRequest, Events, ServerError, ServerMessage, ServerReply, SyncComplete,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

/// Most events of an answer.
const ANSWER_EVENTS: usize = 100;
/// Most events of an answer for [`COUNTER_LOG`], which comes newest first.
const COUNTER_EVENTS: usize = 5;
/// The log that is answered differently.
const COUNTER_LOG: &str = "counter_log";
/// How many repositories an answer to `request_all_events` has.
const KNOWN_REPOSITORIES: usize = 5;
/// How often it pings.
const PING: Duration = Duration::from_secs(30);

/// What it asks of its host.
#[derive(Clone, Debug)]
pub(crate) enum ServerAsks {
    /// A frame for a connection.
    Send(u64, ByteString),
    /// Events are stored.
    Stored(Committed),
    /// A connection is closed.
    Close(u64),
}

/// The published server, beside its store. It keeps nothing over a restart.
#[derive(Clone, Debug, Default)]
pub(crate) struct PlainServer {
    connections: BTreeMap<u64, Connection>,
    appends: u64,
    /// Which record each event changes, as far as anybody has asked.
    records: BTreeMap<(RepositoryName, Sequence), String>,
    asks: Vec<ServerAsks>,
}

#[derive(Clone, Debug, Default)]
struct Connection {
    authenticated: bool,
    ping_at: Option<Instant>,
    waits_for_pong: bool,
}

impl PlainServer {
    /// What it asks for, in order.
    pub(crate) fn take_asks(&mut self) -> Vec<ServerAsks> {
        std::mem::take(&mut self.asks)
    }

    /// A connection is open.
    pub(crate) fn opened(&mut self, link: u64) {
        self.connections.insert(link, Connection::default());
    }

    /// A connection is gone.
    pub(crate) fn closed(&mut self, link: u64) {
        self.connections.remove(&link);
    }

    /// When it wants to be called for a connection.
    pub(crate) fn next_wake(&self, link: u64) -> Option<Instant> {
        self.connections.get(&link)?.ping_at
    }

    /// Pings a connection if it is time, or hangs up on it.
    pub(crate) fn ring(&mut self, now: Instant, link: u64) {
        let Some(connection) = self.connections.get_mut(&link) else {
            return;
        };
        if connection.ping_at.is_none_or(|at| at > now) {
            return;
        }
        if connection.waits_for_pong {
            self.connections.remove(&link);
            self.asks.push(ServerAsks::Close(link));
            return;
        }
        (connection.ping_at, connection.waits_for_pong) = (Some(now + PING), true);
        self.send(link, ServerMessage::Ping);
    }

    /// A frame has come.
    pub(crate) fn got(&mut self, now: Instant, link: u64, frame: &ByteString, store: &mut ServerStore) {
        let Some(connection) = self.connections.get_mut(&link) else {
            return;
        };
        let message = match ClientRequest::decode(frame) {
            Ok(request) => request.message,
            Err(_) => return self.refuse(link, "Invalid message format"),
        };
        match message {
            ClientMessage::Auth(auth) => {
                let is_good = auth.token.is_some_and(|token| token.starts_with("good"));
                if !is_good {
                    return self.refuse(link, "Authentication failed");
                }
                connection.authenticated = true;
                connection.ping_at.get_or_insert(now + PING);
                self.send(link, ServerMessage::AuthSuccess(AuthSuccess::default()));
            }
            ClientMessage::Ping => self.send(link, ServerMessage::Pong),
            ClientMessage::Pong => connection.waits_for_pong = false,
            _ if !connection.authenticated => self.refuse(link, "Not authenticated"),
            ClientMessage::PushEvent { repository, event } => self.pushed(link, &repository, &[event], store),
            ClientMessage::PushEventsBatch { repository, events } => self.pushed(link, &repository, &events, store),
            ClientMessage::RequestEvents(request) => {
                let after = request.after.unwrap_or_default();
                self.answer(link, &request.repository, after, store);
                self.complete(link, Some(&request.repository));
            }
            ClientMessage::RequestAllEvents { .. } => {
                let known = store.repositories(&Namespace::default());
                for repository in known.iter().take(KNOWN_REPOSITORIES) {
                    self.answer(link, repository, Sequence::default(), store);
                }
                self.complete(link, None);
            }
            ClientMessage::EventsReceived { .. } => {}
            ClientMessage::Subscribe(_) | ClientMessage::Unsubscribe { .. } => {
                self.refuse(link, "Unknown message type");
            }
        }
    }

    fn send(&mut self, link: u64, message: ServerMessage) {
        let reference = None;
        let reply = ServerReply { reference, message };
        self.asks.push(ServerAsks::Send(link, reply.encode()));
    }

    fn refuse(&mut self, link: u64, message: &str) {
        let message = message.into();
        let error = ServerError {
            message,
            ..ServerError::default()
        };
        self.send(link, ServerMessage::Error(error));
    }

    fn complete(&mut self, link: u64, repository: Option<&RepositoryName>) {
        let complete = SyncComplete {
            repository: repository.map(|name| (&**name).into()),
            ..SyncComplete::default()
        };
        self.send(link, ServerMessage::SyncComplete(complete));
    }

    fn pushed(&mut self, link: u64, name: &str, events: &[Json], store: &mut ServerStore) {
        let Ok(repository) = RepositoryName::new(name) else {
            return self.refuse(link, "Invalid repository");
        };
        let mut ids = Vec::new();
        for event in events {
            let Ok(event) = NewEvent::read(event) else {
                self.refuse(link, "Missing required field: _event_id");
                continue;
            };
            ids.push(event.id.clone());
            let sequence = self.append(&repository, event, store);
            self.broadcast(&repository, sequence, store);
        }
        let ack = Ack {
            event_ids: ids.clone(),
            repositories: vec![(ByteString::from(name), ids)],
            sequences: Vec::new(),
        };
        self.send(link, ServerMessage::Ack(ack));
    }

    /// Stores an event at once: it answers nothing before.
    fn append(&mut self, repository: &RepositoryName, event: NewEvent, store: &mut ServerStore) -> Sequence {
        let log = LogName {
            namespace: Namespace::default(),
            repository: repository.clone(),
        };
        let events = vec![event];
        let runs = vec![AppendRun { log, events }];
        self.appends += 1;
        let append = AppendId(self.appends);
        store.begin_append(append, Append { runs });
        let (appended, committed) = store.finish_append(append);
        self.asks.extend(committed.into_iter().map(ServerAsks::Stored));
        appended
            .outcomes
            .first()
            .map_or_else(Sequence::default, |outcome| outcome.sequence())
    }

    fn broadcast(&mut self, repository: &RepositoryName, sequence: Sequence, store: &ServerStore) {
        let frame = events_frame(repository, &[sequence], store);
        let everyone = self
            .connections
            .iter()
            .filter(|(_, connection)| connection.authenticated);
        let sends = everyone.map(|(link, _)| ServerAsks::Send(*link, frame.clone()));
        self.asks.extend(sends);
    }

    /// Which record an event changes.
    fn record_of(&mut self, repository: &RepositoryName, event: &StoredEvent<'_>) -> String {
        let key = (repository.clone(), event.sequence);
        let read = || {
            let text = Json::parse(event.text.to_owned()).ok()?;
            Some(NewEvent::read(&text).ok()?.record_id.to_string())
        };
        self.records
            .entry(key)
            .or_insert_with(|| read().unwrap_or_default())
            .clone()
    }

    /// The newest event of each record above a sequence, as far as an answer goes.
    fn answer(&mut self, link: u64, repository: &RepositoryName, after: Sequence, store: &ServerStore) {
        let mut newest = BTreeMap::new();
        for (_, event) in store.log(repository).events() {
            if event.sequence > after {
                newest.insert(self.record_of(repository, &event), event.sequence);
            }
        }
        let sequences: BTreeSet<Sequence> = newest.into_values().collect();
        let sequences: Vec<Sequence> = if **repository == *COUNTER_LOG {
            sequences.into_iter().rev().take(COUNTER_EVENTS).collect()
        } else {
            sequences.into_iter().take(ANSWER_EVENTS).collect()
        };
        if !sequences.is_empty() {
            let frame = events_frame(repository, &sequences, store);
            self.asks.push(ServerAsks::Send(link, frame));
        }
    }
}

fn events_frame(repository: &RepositoryName, sequences: &[Sequence], store: &ServerStore) -> ByteString {
    let log = store.log(repository);
    let events = sequences.iter().filter_map(|sequence| log.event(*sequence));
    let events = events.filter_map(|event| Json::parse(event.text.to_owned()).ok());
    let message = ServerMessage::Events(Events {
        repository: (&**repository).into(),
        events: events.collect(),
        after: None,
        last: None,
    });
    let reference = None;
    ServerReply { reference, message }.encode()
}
