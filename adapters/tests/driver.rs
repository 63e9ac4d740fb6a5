//! The driver without a runtime: a binding of a few lines, with a server that is a function.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use driftless::client::{Command, Driver, Status, WriteResult};
use driftless::core::Instant;
use driftless::core::client::{
    Change, ChangeKind, ClientAction, ClientConfig, ClientCredentials, ClientInput, ClientLimits, ConnectionState,
    RepositoryConfig, RequestId, SocketId, StorageId, StorageRequest, Strategy, Timing, WriteError,
};
use driftless::core::event::{Json, RecordId, Spelling};
use driftless::storage::{MemoryStorage, Storage};
use driftless::wall_clock;
use serde_json::{Value, json};
use std::collections::VecDeque;
use std::sync::mpsc::{Receiver, channel};

/// A binding that does everything at once, except what a test holds back.
struct Binding {
    driver: Driver,
    storage: MemoryStorage,
    /// Whether storage requests wait in `asked`.
    holding: bool,
    asked: VecDeque<(StorageId, StorageRequest)>,
    /// Whether there is a server.
    server: bool,
    /// Pushed events that are not acked yet.
    pushed: Vec<Value>,
    socket: Option<SocketId>,
}

impl Binding {
    fn new(server: bool) -> Self {
        let driver = Driver::new(ClientConfig {
            repositories: vec![RepositoryConfig::new("users".parse().unwrap())],
            credentials: ClientCredentials::default(),
            spelling: Spelling::Package,
            strategy: Strategy::default(),
            timing: Timing::default(),
            limits: ClientLimits::default(),
            seed: [7; 32],
        });
        Self {
            driver,
            storage: MemoryStorage::new(),
            holding: false,
            asked: VecDeque::new(),
            server,
            pushed: Vec::new(),
            socket: None,
        }
    }

    fn start(&mut self) {
        self.input(ClientInput::Start { wall: wall_clock() });
    }

    fn input(&mut self, input: ClientInput) {
        self.driver.input(Instant::ZERO, input);
        self.carry_out();
    }

    fn command(&mut self, command: Command) {
        self.driver.command(Instant::ZERO, wall_clock(), command);
        self.carry_out();
    }

    fn carry_out(&mut self) {
        while let Some(action) = self.driver.next_action() {
            match action {
                ClientAction::Connect { socket, .. } if self.server => {
                    self.socket = Some(socket);
                    self.driver.input(Instant::ZERO, ClientInput::Connected { socket });
                }
                ClientAction::Connect { socket, .. } => {
                    let (code, reason) = (None, "there is none".to_owned());
                    self.driver
                        .input(Instant::ZERO, ClientInput::Disconnected { socket, code, reason });
                }
                ClientAction::Send { frame, .. } => self.answer(&serde_json::from_str(&frame).unwrap()),
                ClientAction::Storage { storage, request } => self.asked.push_back((storage, request)),
                _ => {}
            }
            if !self.holding {
                self.store();
            }
        }
        self.driver.settle(true);
    }

    fn store(&mut self) {
        while let Some((storage, request)) = self.asked.pop_front() {
            let result = self.storage.request(request);
            self.driver
                .input(Instant::ZERO, ClientInput::Stored { storage, result });
        }
    }

    /// Storage answers again.
    fn release(&mut self) {
        self.holding = false;
        self.store();
        self.carry_out();
    }

    fn answer(&mut self, frame: &Value) {
        let reply = match frame["type"].as_str().unwrap() {
            "auth" => json!({
                "type": "auth_success", "protocol": 1, "epoch": "e", "scope": "s", "serverTime": "2025-01-23T10:00:00Z",
                "heartbeatMs": 30_000, "limits": {"frameBytes": 1 << 24, "eventBytes": 1 << 24, "batchEvents": 10_000},
            }),
            "subscribe" => {
                json!({"type": "sync_complete", "repository": "users", "lastSequence": 0, "ref": frame["ref"]})
            }
            "push_event" => return self.pushed.push(frame["event"].clone()),
            "push_events_batch" => return self.pushed.extend(frame["events"].as_array().unwrap().clone()),
            _ => return,
        };
        self.receive(&reply);
    }

    fn receive(&mut self, frame: &Value) {
        let socket = self.socket.unwrap();
        let frame = frame.to_string().into();
        self.driver.input(Instant::ZERO, ClientInput::Frame { socket, frame });
    }

    /// Acks everything that was pushed.
    fn ack(&mut self) {
        let ids: Vec<Value> = self.pushed.drain(..).map(|event| event["_event_id"].clone()).collect();
        self.receive(&json!({"type": "ack", "eventIds": ids, "repositories": {"users": ids}}));
        self.carry_out();
    }

    /// Writes a record; what is received is the answer.
    fn write(&mut self, request: u64) -> Receiver<WriteResult> {
        let change = Change {
            repository: "users".parse().unwrap(),
            record: RecordId::new("a").unwrap(),
            kind: ChangeKind::Upsert {
                data: Json::parse("1").unwrap(),
                changed: None,
            },
        };
        let (sender, receiver) = channel();
        let done = Box::new(move |result| sender.send(result).unwrap());
        let request = RequestId(request);
        let changes = vec![change];
        self.command(Command::Write {
            request,
            changes,
            dismiss: Vec::new(),
            done,
        });
        receiver
    }

    fn flush(&mut self) -> Receiver<()> {
        let (sender, receiver) = channel();
        let done = Box::new(move |()| sender.send(()).unwrap());
        self.command(Command::Flush { done });
        receiver
    }

    fn status(&mut self) -> Receiver<Status> {
        let (sender, receiver) = channel();
        let done = Box::new(move |status| sender.send(status).unwrap());
        self.command(Command::Status { done });
        receiver
    }
}

#[test]
fn a_write_is_answered_when_it_is_durable() {
    let mut binding = Binding::new(false);
    binding.start();
    binding.holding = true;
    let written = binding.write(1);
    assert!(written.try_recv().is_err());
    binding.release();
    assert_eq!(written.try_recv().unwrap().unwrap().events().len(), 1);
}

#[test]
fn a_flush_waits_for_writes_before_it_and_for_their_acks() {
    let mut binding = Binding::new(true);
    binding.start();
    assert!(binding.flush().try_recv().is_ok(), "nothing was written");
    binding.holding = true;
    let written = binding.write(1);
    let flushed = binding.flush();
    assert!(flushed.try_recv().is_err(), "the write is not durable");
    binding.release();
    assert!(written.try_recv().is_ok());
    assert!(flushed.try_recv().is_err(), "the event is not acked");
    binding.ack();
    assert!(flushed.try_recv().is_ok());
}

#[test]
fn status_waits_until_storage_is_open() {
    let mut binding = Binding::new(true);
    binding.holding = true;
    binding.start();
    let status = binding.status();
    assert!(status.try_recv().is_err());
    binding.release();
    let status = status.try_recv().unwrap();
    assert_eq!(status.cursors.len(), 1);
    assert_eq!((status.pending, status.blocked), (0, None));
}

#[test]
fn a_stop_waits_for_storage_and_drops_what_cannot_be_answered_any_more() {
    let mut binding = Binding::new(true);
    binding.start();
    let written = binding.write(1);
    let flushed = binding.flush();
    binding.holding = true;
    let late = binding.write(2);
    binding.command(Command::Stop);
    assert!(binding.driver.is_stopping() && !binding.driver.is_finished());
    binding.release();
    assert!(binding.driver.is_finished());
    assert_eq!(
        binding.driver.status().connection,
        ConnectionState::Offline { retry_in: None }
    );
    assert!(written.try_recv().unwrap().is_ok());
    assert_eq!(late.try_recv().unwrap().unwrap_err(), WriteError::Stopped);
    drop(binding);
    assert!(flushed.recv().is_err(), "nobody is left to answer");
}

#[test]
fn a_storage_that_is_gone_fails_what_it_was_asked() {
    let mut binding = Binding::new(false);
    binding.start();
    assert!(!binding.driver.storage_lost(Instant::ZERO), "nothing was asked");
    binding.holding = true;
    let written = binding.write(1);
    assert!(binding.driver.storage_lost(Instant::ZERO));
    binding.carry_out();
    assert!(matches!(written.try_recv().unwrap(), Err(WriteError::Storage(_))));
    assert!(binding.status().try_recv().is_ok());
}
