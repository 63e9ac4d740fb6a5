//! The client machine, made of small ones that share its state.
//!
//! `handle` fires what is due, applies one input, and then does whatever has become possible: marks at the head of the
//! inbox, subscriptions or pulls, the most urgent storage job, flow control, the connection's state.

mod action;
mod answers;
mod apply;
mod beginning;
mod clear;
mod connection;
mod dismiss;
mod event_limits;
mod heartbeat;
mod ids;
mod inbox;
mod input;
mod jobs;
mod lane;
mod link;
mod ordered;
mod outbox;
mod part;
mod plain;
mod receive;
mod refold;
mod replica;
mod repository;
mod rounds;
mod stream;
mod write;

pub use action::{Blocked, ClientAction, ConnectionState, Notice, Origin, WriteError};
pub use input::{Change, ChangeKind, ClientInput, FilterId, RequestId, SocketId, SyncFilter, Write};

use self::clear::Local;
use self::ids::EventIds;
use self::inbox::Inbox;
use self::jobs::Jobs;
use self::link::{Link, Phase};
use self::repository::{Repository, Restart, find};
use self::rounds::Rounds;
use super::{ClientConfig, LocalSequence, Received};
use crate::event::{Sequence, Timestamp};
use crate::machine::{Actions, Instant, Machine, Wake};
use crate::name::RepositoryName;
use crate::timers::Timers;
use alloc::collections::VecDeque;
use alloc::string::String;
use core::time::Duration;

/// Where the parts of the machine put actions.
type Out = Actions<ClientAction>;

/// The shortest delay of a timer: one that is due at once would keep the host busy.
const DELAY_MIN: Duration = Duration::from_millis(1);

/// What a timer is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// The end of the connection's phase.
    Link,
    /// The connection has stayed up.
    Stable,
    /// A `ping` is due.
    Ping,
    /// Nothing was heard after a `ping`.
    Silence,
    /// Storage is asked again.
    Storage,
    /// A repository's events are sent again.
    Lane(usize),
    /// A repository is asked for again.
    Pull(usize),
}

/// The client.
#[derive(Clone, Debug)]
pub struct Client {
    config: ClientConfig,
    now: Instant,
    /// The wall clock at the start, in milliseconds since 1970, and when that was.
    wall: (i64, Instant),
    started: bool,
    stopped: bool,
    opened: bool,
    state: ConnectionState,
    timers: Timers<Timer>,
    link: Link,
    rounds: Rounds,
    repositories: alloc::vec::Vec<Repository>,
    jobs: Jobs,
    inbox: Inbox,
    writes: VecDeque<Local>,
    ids: EventIds,
    last_local: LocalSequence,
    /// The last `ref` that was minted.
    last_reference: u64,
    /// The last filter that the application was asked for.
    last_filter: u64,
    /// The lane that was served last.
    last_lane: usize,
    ignored: u64,
}

impl Client {
    /// A client that has not started.
    pub fn new(mut config: ClientConfig) -> Self {
        let repositories = repository::repositories(core::mem::take(&mut config.repositories));
        Self {
            now: Instant::ZERO,
            wall: (0, Instant::ZERO),
            started: false,
            stopped: false,
            opened: false,
            state: ConnectionState::Offline { retry_in: None },
            timers: Timers::new(),
            link: Link::new(config.credentials.clone(), config.seed),
            rounds: Rounds::new(),
            repositories,
            jobs: Jobs::default(),
            inbox: Inbox::default(),
            writes: VecDeque::new(),
            ids: EventIds::new(config.seed),
            last_local: LocalSequence::default(),
            last_reference: 0,
            last_filter: 0,
            last_lane: 0,
            ignored: 0,
            config,
        }
    }

    /// The connection's state.
    pub fn connection(&self) -> &ConnectionState {
        &self.state
    }

    /// How many own events are not acked, over all repositories.
    pub fn pending(&self) -> u64 {
        self.repositories.iter().map(|repository| repository.pending).sum()
    }

    /// Why the outbox does not move; `None` if it does or is empty.
    pub fn blocked(&self) -> Option<Blocked> {
        if self.pending() == 0 {
            return None;
        }
        if let Some(failure) = &self.jobs.failed {
            return Some(Blocked::Storage(failure.clone()));
        }
        match (&self.link.phase, &self.link.awaiting) {
            (Phase::Refused { message }, _) | (Phase::Online, Some(message)) => {
                return Some(Blocked::Credentials(message.clone()));
            }
            (Phase::Online, None) => {}
            _ => return Some(Blocked::Offline),
        }
        let waiting = || self.repositories.iter().filter(|repository| repository.pending > 0);
        let refused: Option<&String> = waiting().find_map(|repository| repository.lane.refused.as_ref());
        if let Some(message) = refused {
            return Some(Blocked::Refused(message.clone()));
        }
        waiting()
            .any(|repository| !repository.is_current())
            .then_some(Blocked::CatchingUp)
    }

    /// The durable cursor of a repository, zero from when it has to be folded again; `None` before storage is open or
    /// for one that is not registered.
    pub fn cursor(&self, repository: &RepositoryName) -> Option<Sequence> {
        let index = find(&self.repositories, repository).ok().filter(|_| self.opened)?;
        let repository = &self.repositories[index];
        let is_valid = repository.restart.is_none();
        Some(if is_valid {
            repository.cursor.after
        } else {
            Sequence::ZERO
        })
    }

    /// How many repositories are current: everything that was in their logs when they were asked for is applied.
    pub fn current_repositories(&self) -> usize {
        let current = self.repositories.iter().filter(|repository| repository.is_current());
        current.count()
    }

    /// How many inputs came too late or named nothing that is known: completions of storage, inputs of old sockets, acks
    /// of events that are not in flight. They change nothing.
    pub fn ignored(&self) -> u64 {
        self.ignored
    }

    fn on_start(&mut self, wall: Timestamp, out: &mut Out) {
        self.wall = (wall.as_millis(), self.now);
        self.stopped = false;
        self.started = true;
        if self.opened && self.link.phase == Phase::Stopped {
            self.begin(out);
        }
    }

    fn on_stop(&mut self, out: &mut Out) {
        self.stopped = true;
        self.stop(out);
        self.stop_rounds(out);
        self.drop_retry(out);
        self.refuse_writes(out);
    }

    /// The wall clock in milliseconds since 1970, as it runs on from the start.
    fn wall_ms(&self) -> i64 {
        let (start, at) = self.wall;
        start.saturating_add(jobs::millis(self.now.since(at)))
    }

    fn set_timer(&mut self, timer: Timer, delay: Duration) {
        self.timers.set(timer, self.now + delay.max(DELAY_MIN));
    }

    fn fire(&mut self, timer: Timer, out: &mut Out) {
        match timer {
            Timer::Link => self.on_link_timer(out),
            Timer::Stable => self.link.failures = 0,
            Timer::Ping => self.on_ping_timer(out),
            Timer::Silence => self.on_silence_timer(out),
            Timer::Storage => {}
            Timer::Lane(index) => self.on_lane_timer(index, out),
            Timer::Pull(index) => self.on_pull_timer(index),
        }
    }

    fn apply_input(&mut self, input: ClientInput, out: &mut Out) {
        match input {
            ClientInput::Start { wall } => self.on_start(wall, out),
            ClientInput::Stop => self.on_stop(out),
            ClientInput::Connected { socket } => self.on_connected(socket, out),
            ClientInput::Disconnected { socket, code, reason } => self.on_disconnected(socket, code, reason, out),
            ClientInput::Frame { socket, frame } => self.on_frame(socket, || Received::read(frame), out),
            ClientInput::Received { socket, frame } => self.on_frame(socket, || frame, out),
            ClientInput::Alive { socket } => {
                if self.link.is(socket) {
                    self.alive();
                }
            }
            ClientInput::Flushed { socket, bytes } => self.on_flushed(socket, bytes),
            ClientInput::Stored { storage, result } => self.on_stored(storage, result, out),
            ClientInput::Write(write) => self.on_write(write, out),
            ClientInput::Credentials(credentials) => self.on_credentials(credentials, out),
            ClientInput::Resync { repository } => {
                if let Ok(index) = find(&self.repositories, &repository) {
                    self.want_restart(index, Restart::Asked);
                }
            }
            ClientInput::FilterBuilt { filter, result } => self.on_filter_built(filter, result, out),
            ClientInput::Clear { repository } => self.on_clear(&repository),
            ClientInput::SyncNow => self.on_sync_now(out),
            ClientInput::Connectivity(is_there) => self.on_connectivity(is_there, out),
            ClientInput::Tick => {}
        }
    }

    /// Does what has become possible.
    fn go_on_with(&mut self, out: &mut Out) {
        self.restore_order(out);
        self.pass_marks(out);
        self.regulate_reading(out);
        self.ask_for_filters(out);
        self.subscribe(out);
        self.pull(out);
        self.start_job(out);
        self.update_state(out);
        self.end_round(out);
    }

    /// Reads no more while too much waits to be applied, until half of that is.
    fn regulate_reading(&mut self, out: &mut Out) {
        if !self.link.is_online() {
            return;
        }
        let (bytes, max) = (self.inbox.bytes(), self.config.limits.received_bytes);
        let socket = self.link.socket;
        if !self.link.paused && bytes > max {
            self.link.paused = true;
            out.push(ClientAction::PauseReading { socket });
        } else if self.link.paused && bytes <= max / 2 {
            self.link.paused = false;
            out.push(ClientAction::ResumeReading { socket });
        }
    }
}

impl Machine for Client {
    type Input = ClientInput;
    type Action = ClientAction;

    fn handle(&mut self, now: Instant, input: ClientInput, out: &mut Actions<ClientAction>) {
        self.now = self.now.max(now);
        while let Some(timer) = self.timers.pop_due(self.now) {
            self.fire(timer, out);
        }
        self.apply_input(input, out);
        self.go_on_with(out);
    }

    fn next_wake(&self) -> Option<Wake> {
        let (at, timer) = self.timers.next()?;
        let reason = match timer {
            Timer::Link => match self.link.phase {
                Phase::Waiting { .. } => "reconnect",
                Phase::Connecting => "connect timeout",
                _ => "auth timeout",
            },
            Timer::Stable => "connection stable",
            Timer::Ping => "ping",
            Timer::Silence => "silence after a ping",
            Timer::Storage => "storage retry",
            Timer::Lane(_) => "outbox retry",
            Timer::Pull(_) => "read retry",
        };
        Some(Wake { at, reason })
    }
}

#[cfg(test)]
mod tests;
