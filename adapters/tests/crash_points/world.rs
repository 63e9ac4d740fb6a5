//! A client's process between its disk and the server, in virtual time.

use crate::disk::{Disk, Kill, Kind};
use crate::server::{Said, Server};
use bytestring::ByteString;
use driftless::client::{Command, Driver, Status};
use driftless::core::Instant;
use driftless::core::client::{
    ClientAction, ClientConfig, ClientCredentials, ClientInput, ClientLimits, Notice, Policy, RepositoryConfig,
    SocketId, StorageId, StorageRequest, Strategy, Timing,
};
use driftless::core::event::{EventId, Spelling, Timestamp};
use driftless::core::name::RepositoryName;
use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

/// Most things that happen in one wait; more are a busy loop.
const MAX_STEPS: usize = 100_000;

/// The longest wait, in virtual time: far longer than any delay of a client.
const MAX_WAIT: Duration = Duration::from_mins(10);

/// The wall clock at the beginning: 2025-01-23T10:00:00Z.
const WALL_MS: i64 = 1_737_626_400_000;

/// What goes first when both can go on: this is what a kill finds half done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pace {
    /// The disk answers at once, frames are slow.
    FastDisk,
    /// Every frame arrives before the disk answers.
    FastNetwork,
    /// One after the other.
    Even,
}

/// The process was killed.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Killed;

pub(crate) struct World {
    pub(crate) server: Server,
    pub(crate) disk: Disk,
    pub(crate) notices: Vec<Notice>,
    /// Whether the server can be reached.
    pub(crate) online: bool,
    pub(crate) policy: Arc<dyn Policy>,
    pace: Pace,
    now: Instant,
    process: Option<Process>,
    lives: u8,
    turn: bool,
}

struct Process {
    driver: Driver,
    socket: Option<SocketId>,
    paused: bool,
    asked: Option<(StorageId, StorageRequest)>,
    sent: VecDeque<ByteString>,
}

impl World {
    pub(crate) fn new(server: Server, kind: Kind, policy: Arc<dyn Policy>, pace: Pace) -> Self {
        Self {
            server,
            disk: Disk::new(kind),
            notices: Vec::new(),
            online: false,
            policy,
            pace,
            now: Instant::ZERO,
            process: None,
            lives: 0,
            turn: false,
        }
    }

    /// Starts a process on what the disk holds.
    pub(crate) fn start(&mut self, repositories: &[RepositoryName], kill: Option<Kill>) {
        self.lives += 1;
        self.disk.arm(kill);
        let config = |name: &RepositoryName| RepositoryConfig {
            name: name.clone(),
            policy: self.policy.clone(),
            filtered: false,
        };
        let driver = Driver::new(ClientConfig {
            repositories: repositories.iter().map(config).collect(),
            credentials: ClientCredentials::default(),
            spelling: Spelling::Package,
            strategy: Strategy::default(),
            timing: Timing::default(),
            limits: ClientLimits {
                // Pages in several transactions, and an outbox in several windows.
                apply_events: 2,
                window_events: 3,
                push_events: 2,
                ..ClientLimits::default()
            },
            // Another one in every process, as from the operating system.
            seed: [self.lives; 32],
        });
        self.process = Some(Process {
            driver,
            socket: None,
            paused: false,
            asked: None,
            sent: VecDeque::new(),
        });
        let wall = self.wall();
        self.input(ClientInput::Start { wall });
    }

    /// Ends the process: the disk stays as it is, the connection breaks.
    pub(crate) fn end(&mut self) {
        self.process = None;
        self.server.hang_up(self.now);
        self.disk.reopen();
    }

    /// The connection breaks, and the server is not there any more.
    pub(crate) fn go_offline(&mut self) {
        self.online = false;
        self.server.hang_up(self.now);
        let Some(process) = &mut self.process else { return };
        process.sent.clear();
        if let Some(socket) = process.socket.take() {
            self.input(gone(socket));
        }
    }

    /// Somebody else changes records.
    pub(crate) fn others(&mut self, repository: &RepositoryName, texts: &[String]) -> Vec<EventId> {
        self.server.store_events(self.now, repository, texts)
    }

    pub(crate) fn command(&mut self, command: Command) {
        let (now, wall) = (self.now, self.wall());
        let process = self.process.as_mut().expect("a process runs");
        process.driver.command(now, wall, command);
        self.carry_out();
    }

    /// How the process says that it stands.
    pub(crate) fn status(&self) -> Status {
        self.process.as_ref().expect("a process runs").driver.status()
    }

    /// Goes on until something is so.
    pub(crate) fn run_until(&mut self, what: &str, mut so: impl FnMut(&Self) -> bool) -> Result<(), Killed> {
        let end = self.now + MAX_WAIT;
        for _ in 0..MAX_STEPS {
            if so(self) {
                return Ok(());
            }
            if self.step()? {
                continue;
            }
            let process = self.process.as_ref().expect("a process runs");
            let next = [process.driver.next_wake(), self.server.next_wake()];
            let next = next.into_iter().flatten().min();
            match next.filter(|at| *at <= end) {
                Some(next) => self.now = self.now.max(next),
                None => break,
            }
            self.server.tick(self.now);
            self.input(ClientInput::Tick);
        }
        let process = self.process.as_ref().map(|process| process.driver.status());
        panic!("{what}: not so at {:?}: {process:?}\n{:#?}", self.now, self.notices);
    }

    fn wall(&self) -> Timestamp {
        let millis = i64::try_from(self.now.as_micros() / 1_000).unwrap();
        Timestamp::from_millis(WALL_MS + millis).unwrap()
    }

    /// Does one thing that can be done now. Says whether there was one.
    fn step(&mut self) -> Result<bool, Killed> {
        self.turn = !self.turn;
        let disk_first = match self.pace {
            Pace::FastDisk => true,
            Pace::FastNetwork => false,
            Pace::Even => self.turn,
        };
        if disk_first {
            let stored = self.store()?;
            Ok(stored || self.carry())
        } else {
            let carried = self.carry();
            Ok(carried || self.store()?)
        }
    }

    fn store(&mut self) -> Result<bool, Killed> {
        let process = self.process.as_mut().expect("a process runs");
        let Some((storage, request)) = process.asked.take() else {
            return Ok(false);
        };
        let result = self.disk.request(request).ok_or(Killed)?;
        self.input(ClientInput::Stored { storage, result });
        Ok(true)
    }

    /// Carries one frame.
    fn carry(&mut self) -> bool {
        let process = self.process.as_mut().expect("a process runs");
        let Some(socket) = process.socket else {
            return false;
        };
        if let Some(frame) = process.sent.pop_front() {
            let bytes = frame.len();
            self.server.frame(self.now, frame);
            self.input(ClientInput::Flushed { socket, bytes });
            return true;
        }
        if process.paused {
            return false;
        }
        match self.server.said.pop_front() {
            Some(Said::Frame(frame)) => {
                self.server.flushed(self.now, frame.len());
                self.input(ClientInput::Frame { socket, frame });
            }
            Some(Said::Close(code, reason)) => {
                process.socket = None;
                let code = Some(code);
                self.input(ClientInput::Disconnected { socket, code, reason });
            }
            None => return false,
        }
        true
    }

    fn input(&mut self, input: ClientInput) {
        let process = self.process.as_mut().expect("a process runs");
        process.driver.input(self.now, input);
        self.carry_out();
    }

    fn carry_out(&mut self) {
        let process = self.process.as_mut().expect("a process runs");
        while let Some(action) = process.driver.next_action() {
            match action {
                ClientAction::Connect { socket, .. } if self.online => {
                    self.server.connect(self.now);
                    process.socket = Some(socket);
                    process.paused = false;
                    process.driver.input(self.now, ClientInput::Connected { socket });
                }
                ClientAction::Connect { socket, .. } => process.driver.input(self.now, gone(socket)),
                ClientAction::Send { frame, .. } => process.sent.push_back(frame),
                ClientAction::Close { .. } => {
                    process.socket = None;
                    process.sent.clear();
                    self.server.hang_up(self.now);
                }
                ClientAction::BuildFilter { .. } => unreachable!("no repository is filtered"),
                ClientAction::PauseReading { .. } => process.paused = true,
                ClientAction::ResumeReading { .. } => process.paused = false,
                ClientAction::Storage { storage, request } => {
                    assert!(process.asked.is_none(), "one request at a time");
                    process.asked = Some((storage, request));
                }
                ClientAction::Notify(notice) => self.notices.push(notice),
            }
        }
        process.driver.settle(true);
    }
}

fn gone(socket: SocketId) -> ClientInput {
    ClientInput::Disconnected {
        socket,
        code: None,
        reason: "there is no server".to_owned(),
    }
}
