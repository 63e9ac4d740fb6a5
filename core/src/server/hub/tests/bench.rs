//! A hub with a store that the test completes by hand.

use crate::event::{EventBatchBuilder, EventId, Json, NewEvent, Sequence};
use crate::machine::{Actions, Instant, Machine};
use crate::name::{LogName, Namespace, RepositoryName};
use crate::server::hub::{Hub, HubAction, HubConfig, HubInput};
use crate::server::{
    Append, AppendId, AppendOutcome, Appended, Committed, ConnectionId, HubReply, HubRequest, Page, PageRequest, Peer,
    PushId, PushResult, Read, ReadId, RequestKind, Rights, ServerLimits, StoreFailure, Subscription,
};
use crate::wire::{Epoch, Position, ServerMessage, ServerReply};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec::Vec;
use bytestring::ByteString;
use core::time::Duration;

/// What the hub asked of the store.
#[derive(Clone, Debug)]
pub(super) enum Work {
    Append(AppendId, Append),
    Page(ReadId, PageRequest),
    List(ReadId),
}

pub(super) struct Bench {
    pub(super) hub: Hub,
    pub(super) now: Instant,
    /// What the hub asked of the store and was not answered, oldest first.
    pub(super) work: VecDeque<Work>,
    pub(super) logs: BTreeMap<LogName, Vec<NewEvent>>,
    /// Commits that the hub has not been told of.
    pub(super) commits: VecDeque<Committed>,
    /// What the hub has said since it was last asked for.
    pub(super) replies: BTreeMap<ConnectionId, Vec<HubReply>>,
    /// Bytes of frames that were not flushed.
    pub(super) unflushed: BTreeMap<ConnectionId, usize>,
    /// Whether frames are flushed as soon as they are given.
    pub(super) fast: bool,
}

pub(super) fn limits() -> ServerLimits {
    ServerLimits::default()
}

pub(super) fn repository(name: &str) -> RepositoryName {
    RepositoryName::new(name).unwrap()
}

pub(super) fn log(name: &str) -> LogName {
    LogName {
        namespace: Namespace::default(),
        repository: repository(name),
    }
}

/// An event in the seeds' spelling.
pub(super) fn event(id: &str) -> NewEvent {
    read_event(&format!(r#"{{"eventId":"{id}"}}"#))
}

/// An event that the published package can read.
pub(super) fn package_event(id: &str) -> NewEvent {
    let event = read_event(&format!(
        r#"{{"_event_id":"{id}","_operation":0,"_created_at":"2025-01-23T10:00:00Z","_data_id":"r","_data":{{}}}}"#
    ));
    assert!(event.package_complete);
    event
}

pub(super) fn read_event(text: &str) -> NewEvent {
    NewEvent::read(&Json::parse(text.to_string()).unwrap()).unwrap()
}

pub(super) fn at(sequence: u64) -> Position {
    Position {
        after: Sequence::new(sequence),
        seen: None,
        fields: Vec::new(),
    }
}

pub(super) fn seen(sequence: u64, id: &str) -> Position {
    Position {
        after: Sequence::new(sequence),
        seen: Some((Sequence::new(sequence), EventId::new(id.to_string()).unwrap())),
        fields: Vec::new(),
    }
}

impl Bench {
    pub(super) fn new(limits: ServerLimits) -> Self {
        Self::with_lanes(limits, 1)
    }

    pub(super) fn with_lanes(limits: ServerLimits, lanes: usize) -> Self {
        let config = HubConfig {
            epoch: Epoch::new("e1").unwrap(),
            limits,
            lanes,
        };
        Self {
            hub: Hub::new(config),
            now: Instant::ZERO,
            work: VecDeque::new(),
            logs: BTreeMap::new(),
            commits: VecDeque::new(),
            replies: BTreeMap::new(),
            unflushed: BTreeMap::new(),
            fast: true,
        }
    }

    pub(super) fn input(&mut self, input: HubInput) {
        let mut out = Actions::new();
        self.hub.handle(self.now, input, &mut out);
        if let Some(wake) = self.hub.next_wake() {
            assert!(wake.at > self.now, "{wake:?}");
        }
        let mut flushed = Vec::new();
        for action in out.drain() {
            match action {
                HubAction::Append { append, events } => self.work.push_back(Work::Append(append, events)),
                HubAction::Read { read, page } => self.work.push_back(Work::Page(read, page)),
                HubAction::ListRepositories { read, .. } => self.work.push_back(Work::List(read)),
                HubAction::Reply { connection, reply } => {
                    if let HubReply::Frame(frame) = &reply {
                        *self.unflushed.entry(connection).or_default() += frame.len();
                        flushed.push(connection);
                    }
                    self.replies.entry(connection).or_default().push(reply);
                }
            }
        }
        if self.fast {
            for connection in flushed {
                self.flush(connection.0);
            }
        }
    }

    pub(super) fn ask(&mut self, connection: u64, request: HubRequest) {
        let connection = ConnectionId(connection);
        self.input(HubInput::Session { connection, request });
    }

    pub(super) fn attach(&mut self, connection: u64, peer: Peer) {
        self.attach_with(connection, peer, Rights::all());
    }

    pub(super) fn attach_with(&mut self, connection: u64, peer: Peer, rights: Rights) {
        let request = HubRequest::Attach {
            namespace: Namespace::default(),
            peer,
            rights: Arc::new(rights),
        };
        self.ask(connection, request);
    }

    pub(super) fn subscribe(&mut self, connection: u64, name: &str, position: Position) {
        self.subscribe_with(connection, name, position, Some("e1"), None);
    }

    pub(super) fn subscribe_with(
        &mut self,
        connection: u64,
        name: &str,
        position: Position,
        epoch: Option<&str>,
        reference: Option<&'static str>,
    ) {
        let subscription = Subscription {
            reference: reference.map(|text| Json::parse(text).unwrap()),
            epoch: epoch.and_then(Epoch::new),
            repositories: [(repository(name), position)].into(),
        };
        self.ask(connection, HubRequest::Subscribe(subscription));
    }

    pub(super) fn request(&mut self, connection: u64, name: &str, after: u64, limit: Option<u64>) {
        let kind = RequestKind::One {
            repository: repository(name),
            after: Sequence::new(after),
            since: None,
        };
        self.read(connection, kind, limit);
    }

    pub(super) fn read(&mut self, connection: u64, kind: RequestKind, limit: Option<u64>) {
        let read = Read {
            reference: None,
            kind,
            limit,
        };
        self.ask(connection, HubRequest::Read(read));
    }

    pub(super) fn push(&mut self, connection: u64, push: u64, name: &str, ids: &[&str]) {
        let request = HubRequest::Push {
            push: PushId(push),
            log: log(name),
            events: ids.iter().map(|id| event(id)).collect(),
        };
        self.ask(connection, request);
    }

    /// Stores events without telling the hub, and keeps the news for later.
    pub(super) fn store(&mut self, name: &str, events: Vec<NewEvent>) {
        let log = log(name);
        let stored = self.logs.entry(log.clone()).or_default();
        let mut builder = EventBatchBuilder::new(Sequence::new(stored.len() as u64 + 1));
        for event in events {
            builder.append(&event);
            stored.push(event);
        }
        let events = Arc::new(builder.build());
        self.commits.push_back(Committed { log, events });
    }

    /// Stores `count` events named after their sequences, and tells the hub.
    pub(super) fn commit(&mut self, name: &str, count: usize) {
        let first = self.logs.get(&log(name)).map_or(0, Vec::len) + 1;
        self.store(
            name,
            (first..first + count).map(|n| event(&format!("{name}{n}"))).collect(),
        );
        self.tell();
    }

    /// Tells the hub of the oldest commit that it does not know.
    pub(super) fn tell(&mut self) {
        if let Some(committed) = self.commits.pop_front() {
            self.input(HubInput::Committed(committed));
        }
    }

    /// Completes the oldest work.
    pub(super) fn complete(&mut self) -> bool {
        let Some(work) = self.work.pop_front() else {
            return false;
        };
        match work {
            Work::Append(append, events) => {
                let result = Ok(self.append(&events));
                while !self.commits.is_empty() {
                    self.tell();
                }
                self.input(HubInput::Appended { append, result });
            }
            Work::Page(read, page) => {
                let result = Ok(self.page(&page));
                self.input(HubInput::PageRead { read, result });
            }
            Work::List(read) => {
                let names = self.logs.keys().map(|log| log.repository.clone()).collect();
                self.input(HubInput::Repositories {
                    read,
                    result: Ok(names),
                });
            }
        }
        true
    }

    /// Fails the oldest work.
    pub(super) fn fail(&mut self) {
        let failure = || StoreFailure { detail: "disk".into() };
        match self.work.pop_front() {
            Some(Work::Append(append, _)) => self.input(HubInput::Appended {
                append,
                result: Err(failure()),
            }),
            Some(Work::Page(read, _)) => self.input(HubInput::PageRead {
                read,
                result: Err(failure()),
            }),
            Some(Work::List(read)) => self.input(HubInput::Repositories {
                read,
                result: Err(failure()),
            }),
            None => panic!("the hub asked nothing of the store"),
        }
    }

    /// Completes everything until the hub asks no more.
    pub(super) fn settle(&mut self) {
        while self.complete() {}
    }

    pub(super) fn append(&mut self, append: &Append) -> Appended {
        let mut outcomes = Vec::new();
        for run in &append.runs {
            let mut new = Vec::new();
            let stored = self.logs.entry(run.log.clone()).or_default();
            for event in &run.events {
                let known = stored
                    .iter()
                    .chain(&new)
                    .position(|known: &NewEvent| known.id == event.id);
                let same = known.map(|index| stored.iter().chain(&new).nth(index).unwrap().body == event.body);
                outcomes.push(match (known, same) {
                    (Some(index), Some(true)) => AppendOutcome::Duplicate(Sequence::new(index as u64 + 1)),
                    (Some(index), _) => AppendOutcome::Conflict(Sequence::new(index as u64 + 1)),
                    (None, _) => {
                        new.push(event.clone());
                        AppendOutcome::Stored(Sequence::new((stored.len() + new.len()) as u64))
                    }
                });
            }
            if !new.is_empty() {
                self.store(&run.log.repository, new);
            }
        }
        Appended { outcomes }
    }

    pub(super) fn page(&self, page: &PageRequest) -> Page {
        let none = Vec::new();
        let stored = self.logs.get(&page.log).unwrap_or(&none);
        let mut builder = EventBatchBuilder::new(page.after.next());
        let after = usize::try_from(page.after.get()).unwrap();
        for event in stored.iter().skip(after).take(page.max_events) {
            if !builder.is_empty() && builder.bytes() + event.body.len() + 30 > page.max_bytes {
                break;
            }
            builder.append(event);
        }
        Page {
            events: builder.build(),
            head: Sequence::new(stored.len() as u64),
        }
    }

    /// The socket of a connection takes all that it was given.
    pub(super) fn flush(&mut self, connection: u64) {
        let bytes = self.unflushed.remove(&ConnectionId(connection)).unwrap_or(0);
        if bytes > 0 {
            self.ask(connection, HubRequest::Flushed { bytes });
        }
    }

    /// Lets time pass, stopping at every moment that the hub asks for.
    pub(super) fn pass(&mut self, time: Duration) {
        let end = self.now + time;
        while let Some(wake) = self.hub.next_wake().filter(|wake| wake.at <= end) {
            self.now = wake.at;
            self.input(HubInput::Tick);
        }
        self.now = end;
        self.input(HubInput::Tick);
    }

    /// What the hub said to a connection since the last call.
    pub(super) fn said(&mut self, connection: u64) -> Vec<HubReply> {
        self.replies.remove(&ConnectionId(connection)).unwrap_or_default()
    }

    pub(super) fn frames(&mut self, connection: u64) -> Vec<ByteString> {
        let frame = |reply| match reply {
            HubReply::Frame(frame) => Some(frame),
            _ => None,
        };
        self.said(connection).into_iter().filter_map(frame).collect()
    }

    /// The frames in short: `name(after,last]:a b`, or `name:a b` to plain peers, `name=last` for `sync_complete`.
    pub(super) fn heard(&mut self, connection: u64) -> Vec<String> {
        self.frames(connection).iter().map(short).collect()
    }

    pub(super) fn results(&mut self, connection: u64) -> Vec<(u64, Vec<PushResult>)> {
        let result = |reply| match reply {
            HubReply::Pushed { push, results } => Some((push.0, results)),
            _ => None,
        };
        self.said(connection).into_iter().filter_map(result).collect()
    }

    /// Detaches everyone and checks that nothing is left.
    pub(super) fn leave_nothing(&mut self) {
        let connections: Vec<_> = self.hub.connections.keys().copied().collect();
        for connection in connections {
            self.ask(connection.0, HubRequest::Detach);
        }
        self.settle();
        let hub = &self.hub;
        assert_eq!((hub.connections(), hub.readers(), hub.queued_bytes()), (0, 0, 0));
        assert!(hub.reads.is_empty() && hub.timers.is_empty() && hub.logs.is_empty());
        assert!(hub.behind.is_empty() && hub.next_wake().is_none());
    }
}

/// A frame in short.
pub(super) fn short(frame: &ByteString) -> String {
    match ServerReply::decode(frame).unwrap().message {
        ServerMessage::Events(events) => {
            let span = events.after.zip(events.last);
            let span = span.map_or(String::new(), |(after, last)| format!("({after},{last}]"));
            let ids: Vec<_> = events
                .events
                .iter()
                .map(|event| NewEvent::read(event).unwrap().id.to_string())
                .collect();
            format!("{}{span}:{}", events.repository, ids.join(" "))
        }
        ServerMessage::SyncComplete(complete) => {
            let last = complete.last.map_or("?".into(), |last| last.to_string());
            let more = if complete.has_more { "+" } else { "" };
            format!("{}={last}{more}", complete.repository.as_deref().unwrap_or("*"))
        }
        ServerMessage::HistoryChanged { repository, epoch } => format!("{repository}!{epoch}"),
        other => panic!("{other:?}"),
    }
}
