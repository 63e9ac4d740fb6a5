//! A hand-made run: what machines would do is said step by step, so that a test can do one of them wrong.

use crate::check::{Checks, ClientEnd, Invariant, StoreView};
use crate::disk::ClientDisk;
use crate::model::Repository;
use crate::random::Delay;
use crate::scenario::{
    ClientKind, ClientPlan, ClockPlan, NetworkPlan, RepositoryPlan, Scenario, ServerKind, ServerPlan, StrategyPlan,
};
use bytestring::ByteString;
use driftless_core::Instant;
use driftless_core::client::{
    Change, ChangeKind, ClientConfig, ClientCredentials, ClientLimits, Cursor, LocalSequence, Notice, OwnEvent,
    OwnState, RecordKey, RequestId, ServerOrder, State, StorageChange, StorageRequest, StoredRecord, Strategy, Timing,
    Transaction, Write,
};
use driftless_core::event::{
    EventBatch, EventBatchBuilder, EventId, Json, NewEvent, RecordId, Sequence, Spelling, Timestamp,
};
use driftless_core::name::RepositoryName;
use driftless_core::server::ServerLimits;
use driftless_core::wire::Epoch;
use std::collections::BTreeSet;
use std::sync::Arc;

const MOMENT: &str = "2025-01-23T10:00:00.000Z";

/// Data as a client writes it.
fn data(id: &str) -> String {
    format!(r#"{{"of":"{id}"}}"#)
}

/// A body as a client writes it.
pub(in crate::check) fn body(id: &str, record: &str) -> String {
    let data = data(id);
    format!(r#"{{"_event_id":"{id}","_operation":1,"_created_at":"{MOMENT}","_data_id":"{record}","_data":{data}}}"#)
}

/// Stored events.
pub(in crate::check) fn batch(first: u64, events: &[(&str, &str)]) -> EventBatch {
    let mut builder = EventBatchBuilder::new(Sequence::new(first));
    for (id, record) in events {
        builder.append(&NewEvent::read(&Json::parse(body(id, record)).unwrap()).unwrap());
    }
    builder.build()
}

/// An empty repository.
pub(in crate::check) fn repository() -> Repository {
    Repository::for_tests()
}

/// Checks, with the disks of two clients.
pub(super) struct Bench {
    pub(super) checks: Checks,
    disks: Vec<ClientDisk>,
    now: Instant,
    locals: Vec<u64>,
    stored: u64,
}

/// The connection of a client.
pub(super) const fn link(client: usize) -> u64 {
    10 + client as u64
}

/// The name of the only repository.
pub(super) fn name() -> RepositoryName {
    RepositoryName::new("notes").unwrap()
}

fn scenario() -> Scenario {
    let client = ClientPlan {
        kind: ClientKind::Driftless,
        joins_at: Some(0),
        seed_spelling: false,
        tiny_limits: false,
        disk: Delay::Fixed(1),
        clock: ClockPlan::default(),
        strategy: StrategyPlan::RealTime,
    };
    Scenario {
        seed: 0,
        profile: "none".into(),
        faults: BTreeSet::new(),
        repositories: vec![RepositoryPlan {
            name: "notes".into(),
            policy: "server_order".into(),
        }],
        server: ServerPlan {
            kind: ServerKind::Driftless,
            tiny_limits: false,
            lanes: 1,
            commit: Delay::Fixed(1),
            read: Delay::Fixed(1),
            hop: Delay::Fixed(0),
            auth: Delay::Fixed(0),
            token_valid: None,
            clock: ClockPlan::default(),
        },
        clients: vec![client.clone(), client],
        network: NetworkPlan {
            latency: Delay::Fixed(1),
            connect: Delay::Fixed(1),
            bandwidth: None,
            socket_bytes: 1 << 16,
            lossy_percent: 0,
        },
        incidents: Vec::new(),
        heal_at: 0,
        settle_within: 0,
    }
}

pub(super) fn config(limits: ClientLimits) -> ClientConfig {
    ClientConfig {
        repositories: Vec::new(),
        credentials: ClientCredentials::default(),
        spelling: Spelling::Package,
        strategy: Strategy::default(),
        timing: Timing::default(),
        limits,
        seed: [0; 32],
    }
}

/// A store that was replaced.
pub(super) struct Restored(pub(super) Epoch, pub(super) u64);

impl StoreView for Restored {
    fn epoch(&self) -> &Epoch {
        &self.0
    }

    fn head(&self, _: &RepositoryName) -> Sequence {
        Sequence::new(self.1)
    }
}

impl Bench {
    /// Two clients, started and connected, whose streams are live from 0.
    pub(super) fn new() -> Self {
        let mut bench = Self {
            checks: Checks::new(&scenario(), &|_| Arc::new(ServerOrder)),
            disks: vec![ClientDisk::new(), ClientDisk::new()],
            now: Instant::from_micros(1),
            locals: vec![0; 2],
            stored: 0,
        };
        bench.checks.server_started(bench.now, &ServerLimits::default());
        for client in 0..2 {
            bench.start(client);
            bench.connect(client);
            bench.subscribe(client, 1, 0, None);
            bench.down(
                client,
                r#"{"type":"sync_complete","ref":1,"repository":"notes","lastSequence":0}"#,
            );
        }
        bench
    }

    /// With the limits of a server.
    pub(super) fn limited(mut self, limits: &ServerLimits) -> Self {
        self.checks.server_started(self.now, limits);
        self
    }

    pub(super) fn start(&mut self, client: usize) {
        let config = config(ClientLimits::default());
        self.checks
            .client_started(self.now, client, &config, &self.disks[client]);
    }

    pub(super) fn stop(&mut self, client: usize) {
        self.checks.client_stopped(self.now, client, true);
        self.checks.session_closed(self.now, link(client));
    }

    pub(super) fn connect(&mut self, client: usize) {
        self.checks.client_connects(self.now, client, link(client));
        self.checks.session_opened(self.now, link(client), client);
        self.up(client, r#"{"type":"auth","protocol":1}"#);
        self.down(client, r#"{"type":"auth_success","protocol":1,"epoch":"e"}"#);
    }

    pub(super) fn subscribe(&mut self, client: usize, reference: u64, after: u64, seen: Option<&str>) {
        let seen = seen.map_or(String::new(), |id| format!(r#","seen":[{after},"{id}"]"#));
        let text = format!(
            r#"{{"type":"subscribe","ref":{reference},"epoch":"e","repositories":{{"notes":{{"afterSequence":{after}{seen}}}}}}}"#
        );
        self.up(client, &text);
    }

    /// A frame that a client sends and the server gets.
    pub(super) fn up(&mut self, client: usize, text: &str) {
        let frame = ByteString::from(text);
        self.checks.client_sent(self.now, client, link(client), &frame);
        self.checks.server_got(self.now, link(client), &frame);
    }

    /// A frame that the server sends and a client gets.
    pub(super) fn down(&mut self, client: usize, text: &str) {
        let frame = ByteString::from(text);
        self.sent(client, &frame);
        self.checks.server_flushed(self.now, link(client), frame.len());
        self.checks.client_got(self.now, client, link(client), &frame);
    }

    /// A frame that the server sends and nobody gets.
    pub(super) fn sent(&mut self, client: usize, frame: &ByteString) {
        self.checks.server_sent(self.now, link(client), frame);
    }

    /// The application asks for a write, which the client makes durable and tells.
    pub(super) fn write(&mut self, client: usize, id: &str, record: &str) {
        self.ask(client, id, record);
        self.make(client, id, record);
        self.tell_written(client, id);
    }

    pub(super) fn ask(&mut self, client: usize, id: &str, record: &str) {
        let write = Write {
            request: request(id),
            wall: Timestamp::parse(MOMENT).unwrap(),
            changes: vec![Change {
                repository: name(),
                record: RecordId::new(record.to_owned()).unwrap(),
                kind: ChangeKind::Upsert {
                    data: Json::parse(data(id)).unwrap(),
                    changed: None,
                },
            }],
            dismiss: Vec::new(),
        };
        self.checks.write_asked(self.now, client, &write);
    }

    pub(super) fn make(&mut self, client: usize, id: &str, record: &str) {
        self.locals[client] += 1;
        let own = OwnEvent {
            local: LocalSequence(self.locals[client]),
            key: key(record),
            id: EventId::new(id.to_owned()).unwrap(),
            body: Json::parse(body(id, record)).unwrap(),
            state: OwnState::Pending,
        };
        let mut stored = self.record(client, record);
        stored.visible = Some(Arc::new(state(id, None)));
        stored.pending = true;
        let changes = vec![StorageChange::AddOwn(own), StorageChange::Record(stored)];
        self.commit(client, changes);
    }

    fn record(&self, client: usize, record: &str) -> StoredRecord {
        self.disks[client]
            .record(&key(record))
            .cloned()
            .unwrap_or(StoredRecord {
                key: key(record),
                confirmed: None,
                visible: None,
                pending: false,
                generation: 0,
            })
    }

    pub(super) fn tell_written(&mut self, client: usize, id: &str) {
        let notice = Notice::Written {
            request: request(id),
            result: Ok(vec![EventId::new(id.to_owned()).unwrap()]),
        };
        self.checks.noticed(self.now, client, &notice);
    }

    pub(super) fn push(&mut self, client: usize, id: &str, record: &str) {
        let body = body(id, record);
        self.up(
            client,
            &format!(r#"{{"type":"push_event","repository":"notes","event":{body}}}"#),
        );
    }

    /// Events become durable in the store.
    pub(super) fn store(&mut self, events: &[(&str, &str)]) {
        let batch = batch(self.stored + 1, events);
        self.stored += events.len() as u64;
        self.checks.committed(self.now, &name(), &batch);
    }

    pub(super) fn ack(&mut self, client: usize, id: &str, sequence: u64) {
        let text = format!(
            r#"{{"type":"ack","eventIds":["{id}"],"repositories":{{"notes":["{id}"]}},"sequences":{{"notes":{{"{id}":{sequence}}}}}}}"#
        );
        self.down(client, &text);
    }

    /// The frame of a stream that holds these events behind `after`.
    pub(super) fn events(after: u64, events: &[(&str, &str)]) -> ByteString {
        let batch = batch(after + 1, events);
        let (last, text) = (after + events.len() as u64, batch.text(0, events.len()));
        format!(
            r#"{{"type":"events","repository":"notes","afterSequence":{after},"lastSequence":{last},"events":[{text}]}}"#
        )
        .into()
    }

    /// A client makes an event durable: its record, the cursor and, if it is its own, where it stands.
    pub(super) fn apply(&mut self, client: usize, sequence: u64, id: &str, record: &str, is_own: bool) {
        let changes = Self::applied(sequence, id, record, is_own);
        self.commit(client, changes);
    }

    pub(super) fn applied(sequence: u64, id: &str, record: &str, is_own: bool) -> Vec<StorageChange> {
        let stored = StoredRecord {
            key: key(record),
            confirmed: Some(Arc::new(state(id, Some(sequence)))),
            visible: Some(Arc::new(state(id, Some(sequence)))),
            pending: false,
            generation: 0,
        };
        let mut changes = vec![StorageChange::Record(stored)];
        if is_own {
            changes.push(settle(id));
        }
        changes.push(StorageChange::Cursor {
            repository: name(),
            cursor: cursor(sequence, id),
        });
        changes
    }

    pub(super) fn commit(&mut self, client: usize, changes: Vec<StorageChange>) {
        let made = Transaction { changes };
        self.disks[client].begin(StorageRequest::Commit(made.clone()));
        self.disks[client].finish().unwrap();
        self.checks
            .client_committed(self.now, client, &made, &self.disks[client]);
    }

    /// The store is replaced by a backup, while no server runs.
    pub(super) fn restore(&mut self, epoch: &str, head: u64) {
        self.checks.server_stopped(self.now);
        for client in 0..2 {
            self.checks.client_disconnected(self.now, client, link(client));
        }
        self.stored = head;
        self.checks
            .restored(self.now, &Restored(Epoch::new(epoch).unwrap(), head));
        self.checks.server_started(self.now, &ServerLimits::default());
    }

    /// How the clients stand at the end.
    pub(super) fn end(&mut self) {
        let ends: Vec<_> = (0..2).map(|client| end(client, &self.disks[client])).collect();
        self.checks.settled(self.now, &ends);
    }

    pub(super) fn is_settled(&self) -> bool {
        let ends: Vec<_> = (0..2).map(|client| end(client, &self.disks[client])).collect();
        self.checks.is_settled(&ends, true)
    }

    pub(super) fn time_is_over(&mut self) {
        let ends: Vec<_> = (0..2).map(|client| end(client, &self.disks[client])).collect();
        self.checks.not_settled(self.now, &ends, true);
    }

    /// Which guarantee was found broken.
    pub(super) fn broken(&self) -> Option<Invariant> {
        self.checks.failure().map(|failure| failure.invariant)
    }
}

fn end(client: usize, disk: &ClientDisk) -> ClientEnd<'_> {
    ClientEnd {
        client,
        live: true,
        pending: 0,
        blocked: None,
        disk: Some(disk),
    }
}

fn request(id: &str) -> RequestId {
    RequestId(id.bytes().fold(0, |sum, byte| sum * 256 + u64::from(byte)))
}

fn key(record: &str) -> RecordKey {
    RecordKey {
        repository: name(),
        record: RecordId::new(record.to_owned()).unwrap(),
    }
}

pub(super) fn state(id: &str, sequence: Option<u64>) -> State {
    State {
        event: EventId::new(id.to_owned()).unwrap(),
        created_at: Timestamp::parse(MOMENT),
        sequence: sequence.map(Sequence::new),
        data: Some(Json::parse(data(id)).unwrap()),
    }
}

pub(super) fn settle(id: &str) -> StorageChange {
    StorageChange::SetOwn {
        repository: name(),
        event: EventId::new(id.to_owned()).unwrap(),
        state: OwnState::Settled { at_ms: 0 },
    }
}

pub(super) fn cursor(after: u64, id: &str) -> Cursor {
    Cursor {
        after: Sequence::new(after),
        seen: Some((Sequence::new(after), EventId::new(id.to_owned()).unwrap())),
        epoch: Epoch::new("e"),
        ..Cursor::default()
    }
}
