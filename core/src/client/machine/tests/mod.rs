//! A client in a world without time and sockets: its storage is a map, its server is the test.

mod answers;
mod beginning;
mod chaos;
mod clear;
mod connection;
mod credentials;
mod disk;
mod dismiss;
mod heartbeat;
mod laws;
mod outbox;
mod part;
mod plain;
mod refold;
mod rounds;
mod server;
mod stream;
mod trace;
mod write;

use self::disk::Disk;
use super::*;
use crate::client::{
    ClientCredentials, ClientLimits, OwnState, Policy, RecordKey, RepositoryConfig, StorageFailure, StorageId,
    StorageRequest, StoredRecord, Timing,
};
use crate::event::{EventId, Json, RecordId, Spelling};
use crate::wire::CloseCode;
use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

/// The wall clock of the tests: 2025-01-23T10:00:00Z.
const WALL: i64 = 1_737_626_400_000;

fn repository(name: &str) -> RepositoryName {
    RepositoryName::new(name).unwrap()
}

fn config(names: &[&str]) -> ClientConfig {
    ClientConfig {
        repositories: names
            .iter()
            .map(|name| RepositoryConfig::new(repository(name)))
            .collect(),
        credentials: ClientCredentials {
            token: Some("secret".into()),
            headers: Vec::new(),
        },
        spelling: Spelling::Package,
        strategy: crate::client::Strategy::default(),
        timing: Timing::default(),
        limits: ClientLimits::default(),
        seed: [7; 32],
    }
}

fn with_policy(policy: impl Policy + 'static) -> ClientConfig {
    let mut config = config(&["notes"]);
    config.repositories[0].policy = Arc::new(policy);
    config
}

/// A client and everything around it.
struct World {
    client: Client,
    now: Instant,
    disk: Disk,
    /// Whether storage answers at once.
    storing: bool,
    /// Whether the socket takes everything at once.
    flushing: bool,
    asked: VecDeque<(StorageId, StorageRequest)>,
    socket: SocketId,
    /// The filter that was asked for last.
    filter: FilterId,
    requests: u64,
    /// Frames that were sent and not looked at.
    sent: VecDeque<String>,
    notices: Vec<Notice>,
    /// One line for each action.
    trace: Vec<String>,
}

impl World {
    fn new(config: ClientConfig) -> Self {
        Self::on(Disk::default(), config)
    }

    /// A client that finds this storage.
    fn on(disk: Disk, config: ClientConfig) -> Self {
        Self {
            client: Client::new(config),
            now: Instant::ZERO,
            disk,
            storing: true,
            flushing: true,
            asked: VecDeque::new(),
            socket: SocketId(0),
            filter: FilterId(0),
            requests: 0,
            sent: VecDeque::new(),
            notices: Vec::new(),
            trace: Vec::new(),
        }
    }

    /// A client that is connected to an extended server and has subscribed.
    fn online(config: ClientConfig) -> Self {
        let mut world = Self::new(config);
        world.start();
        world.open();
        world.receive(AUTH_SUCCESS);
        world.forget();
        world
    }

    /// A client of `notes` that is current with an extended server whose log is empty.
    fn live(config: ClientConfig) -> Self {
        let mut world = Self::online(config);
        world.receive(r#"{"type":"sync_complete","repository":"notes","lastSequence":0}"#);
        world.forget();
        world
    }

    /// A client that has just been told `auth_success` by a plain server.
    fn plain(config: ClientConfig) -> Self {
        let mut world = Self::new(config);
        world.start();
        world.open();
        world.forget();
        world.receive(r#"{"type":"auth_success"}"#);
        world
    }

    fn start(&mut self) {
        let wall = Timestamp::from_millis(WALL).unwrap();
        self.give(ClientInput::Start { wall });
    }

    /// The connection that was asked for opens.
    fn open(&mut self) {
        let socket = self.socket;
        self.give(ClientInput::Connected { socket });
    }

    fn give(&mut self, input: ClientInput) {
        let mut out = Actions::new();
        self.client.handle(self.now, input, &mut out);
        if let Some(wake) = self.client.next_wake() {
            assert!(wake.at > self.now, "{wake:?} is not after {:?}", self.now);
        }
        for action in out.drain() {
            self.carry_out(action);
        }
        while self.storing && !self.asked.is_empty() {
            self.store();
        }
    }

    fn carry_out(&mut self, action: ClientAction) {
        self.trace.push(trace::line(&action));
        match action {
            ClientAction::Connect { socket, .. } => self.socket = socket,
            ClientAction::Send { socket, frame } => {
                assert_eq!(socket, self.socket);
                self.sent.push_back(frame.to_string());
                if self.flushing {
                    self.flush(frame.len());
                }
            }
            ClientAction::Storage { storage, request } => self.asked.push_back((storage, request)),
            ClientAction::Notify(notice) => self.notices.push(notice),
            ClientAction::BuildFilter { filter, .. } => self.filter = filter,
            ClientAction::Close { .. } | ClientAction::PauseReading { .. } | ClientAction::ResumeReading { .. } => {}
        }
    }

    /// Storage answers the oldest question.
    fn store(&mut self) {
        let (storage, request) = self.asked.pop_front().expect("storage was asked");
        assert!(self.asked.is_empty(), "one storage request at a time");
        let result = Ok(self.disk.answer(&request));
        self.give(ClientInput::Stored { storage, result });
    }

    /// Storage fails to answer the oldest question.
    fn fail_storage(&mut self) {
        let (storage, _) = self.asked.pop_front().expect("storage was asked");
        let detail = "disk full".to_string();
        self.give(ClientInput::Stored {
            storage,
            result: Err(StorageFailure { detail }),
        });
    }

    fn flush(&mut self, bytes: usize) {
        let socket = self.socket;
        self.give(ClientInput::Flushed { socket, bytes });
    }

    fn receive(&mut self, frame: &str) {
        let (socket, frame) = (self.socket, bytestring::ByteString::from(frame));
        self.give(ClientInput::Frame { socket, frame });
    }

    fn disconnect(&mut self, code: Option<CloseCode>) {
        let (socket, reason) = (self.socket, "gone".to_string());
        self.give(ClientInput::Disconnected { socket, code, reason });
    }

    /// Lets time pass, waking the client whenever it wants.
    fn pass(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while let Some(wake) = self.client.next_wake().filter(|wake| wake.at <= end) {
            self.now = wake.at;
            self.give(ClientInput::Tick);
        }
        self.now = end;
        self.give(ClientInput::Tick);
    }

    /// Lets time pass while the server answers every `ping`.
    fn pass_answered(&mut self, millis: u64) {
        let end = self.now + Duration::from_millis(millis);
        while self.now < end {
            self.pass(end.since(self.now).as_millis().min(1_000).try_into().unwrap());
            let socket = self.socket;
            self.give(ClientInput::Alive { socket });
        }
    }

    fn write(&mut self, changes: Vec<Change>) -> RequestId {
        self.write_at(WALL, changes)
    }

    fn write_at(&mut self, wall: i64, changes: Vec<Change>) -> RequestId {
        self.write_all(wall, changes, Vec::new())
    }

    fn write_all(&mut self, wall: i64, changes: Vec<Change>, dismiss: Vec<(RepositoryName, EventId)>) -> RequestId {
        self.requests += 1;
        let request = RequestId(self.requests);
        self.give(ClientInput::Write(Write {
            request,
            wall: Timestamp::from_millis(wall).unwrap(),
            changes,
            dismiss,
        }));
        request
    }

    /// Writes one record of `notes`; its event's id.
    fn put(&mut self, record: &str, data: &str) -> String {
        let request = self.write(vec![upsert(record, data)]);
        self.written(request)
            .expect("the write is done")
            .expect("the write is good")[0]
            .to_string()
    }

    /// Writes one record of `notes` without waiting for it.
    fn put_later(&mut self, record: &str, data: &str) -> RequestId {
        self.write(vec![upsert(record, data)])
    }

    fn written(&self, request: RequestId) -> Option<Result<Vec<EventId>, WriteError>> {
        self.notices.iter().find_map(|notice| match notice {
            Notice::Written { request: of, result } if *of == request => Some(result.clone()),
            _ => None,
        })
    }

    fn frame(&mut self) -> String {
        self.sent.pop_front().expect("a frame was sent")
    }

    fn frames(&mut self) -> Vec<String> {
        self.sent.drain(..).collect()
    }

    /// Forgets what was sent, told and traced.
    fn forget(&mut self) {
        self.sent.clear();
        self.notices.clear();
        self.trace.clear();
    }

    fn trace(&mut self) -> String {
        self.trace.drain(..).collect::<Vec<_>>().join("\n")
    }

    fn record(&self, record: &str) -> Option<&StoredRecord> {
        self.disk.records.get(&RecordKey {
            repository: repository("notes"),
            record: RecordId::new(record.to_string()).unwrap(),
        })
    }

    /// What the application sees of a record: its data, or `deleted`, or `none`.
    fn visible(&self, record: &str) -> String {
        match self.record(record).and_then(|record| record.visible.as_ref()) {
            Some(state) => state.data.as_ref().map_or("deleted".into(), ToString::to_string),
            None => "none".into(),
        }
    }

    fn own_states(&self) -> Vec<OwnState> {
        self.disk.own.values().map(|own| own.state.clone()).collect()
    }

    fn cursor(&self) -> u64 {
        self.client.cursor(&repository("notes")).unwrap().get()
    }

    fn state(&self) -> &ConnectionState {
        self.client.connection()
    }
}

const AUTH_SUCCESS: &str = r#"{"type":"auth_success","protocol":1,"epoch":"e1","scope":"s1","serverTime":"2025-01-23T10:00:00Z","heartbeatMs":30000,"limits":{"frameBytes":16777216,"eventBytes":15728640,"batchEvents":10000}}"#;

fn upsert(record: &str, data: &str) -> Change {
    Change {
        repository: repository("notes"),
        record: RecordId::new(record.to_string()).unwrap(),
        kind: ChangeKind::Upsert {
            data: Json::parse(data.to_string()).unwrap(),
            changed: None,
        },
    }
}

fn delete(record: &str) -> Change {
    Change {
        kind: ChangeKind::Delete,
        ..upsert(record, "0")
    }
}

/// An event of another client.
fn event(sequence: u64, record: &str, data: &str) -> String {
    format!(
        r#"{{"_event_id":"x{sequence}","_operation":1,"_created_at":"2025-01-23T10:00:00Z","_data_id":"{record}","_data":{data},"serverSequence":{sequence}}}"#
    )
}

/// A frame of the stream of `notes`.
fn stream(after: u64, last: u64, events: &[String]) -> String {
    format!(
        r#"{{"type":"events","repository":"notes","events":[{}],"afterSequence":{after},"lastSequence":{last}}}"#,
        events.join(",")
    )
}

/// A frame of `notes` from a plain server.
fn plain_events(events: &[String]) -> String {
    format!(
        r#"{{"type":"events","repository":"notes","events":[{}]}}"#,
        events.join(",")
    )
}

fn ack(id: &str, sequence: u64) -> String {
    format!(
        r#"{{"type":"ack","eventIds":["{id}"],"repositories":{{"notes":["{id}"]}},"sequences":{{"notes":{{"{id}":{sequence}}}}}}}"#
    )
}
