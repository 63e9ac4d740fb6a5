//! The hub: a shard of repositories.
//!
//! | module | what it does |
//! |---|---|
//! | [`appends`] | orders what is pushed and groups it into commits |
//! | [`holds`] | refuses what comes behind a refused event |
//! | [`log`] | the logs that somebody reads, and where each reader stands |
//! | [`attach`] | connections that come, change and go |
//! | [`fan_out`] | gives new events to the readers that are live |
//! | [`catch_up`] | gives the readers that are behind one page of the store after the other |
//! | [`subscribe`] | the streams of extended peers |
//! | [`request`], [`answer`] | one-off reads, and how they move the streams of plain peers |
//! | [`plain`] | when a plain peer hears of a repository at all |
//! | [`frame`], [`cut`], [`broadcast`] | frames: encoded, sized, shared |

mod answer;
mod appends;
mod attach;
mod broadcast;
mod catch_up;
mod connection;
mod cut;
mod fan_out;
mod frame;
mod holds;
mod input;
mod log;
mod plain;
mod request;
mod subscribe;

#[cfg(test)]
mod tests;

pub use input::{HubAction, HubInput};

use super::{ConnectionId, HubReply, HubRequest, ReadId, ServerLimits};
use crate::machine::{Actions, Instant, Machine, Wake};
use crate::timers::Timers;
use crate::wire::Epoch;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;
use appends::Appends;
use connection::Connection;
use core::time::Duration;
use log::Logs;

/// What a hub is made with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HubConfig {
    /// The epoch of the store.
    pub epoch: Epoch,
    /// The limits.
    pub limits: ServerLimits,
    /// How many commits may be under way at once; a log always uses the same lane. 1 for a store with one writer.
    pub lanes: usize,
}

/// A shard of repositories.
///
/// **Appends.** Every log belongs to a lane. A lane has one append at the store at a time; what is pushed meanwhile
/// collects and goes with the next one.
///
/// **Readers.** A reader is one connection in one log, with the position up to which it was given everything. That
/// position alone decides what it gets, so the order in which commits and pages arrive does not matter, nor does a
/// commit that is never reported:
///
/// ```text
///                subscribe; the end of a plain peer's hold
///                        │
///                        ▼
///   ┌── the page ── catching up ◀── no credit left, or a gap before a commit ── live ──┐
///   │   ends before      │                                                       ▲ ▲   │ a commit follows its
///   │   the head         │ its turn, and credit                                  │ └───┘ position: give it the
///   │                    ▼                                                       │       shared frame
///   └─────────────── reading ── the page, or a commit missed meanwhile, reaches ─┘
///                               the head
/// ```
///
/// A plain peer's reader may also be *held* (it hears nothing yet) or *answering* (a request moves it).
///
/// **Credit.** Of the frames given to a connection at most [`ServerLimits::stream_bytes`] and one frame are not yet
/// flushed. A connection has at most one read at the store; its readers and its request take turns.
#[derive(Clone, Debug)]
pub struct Hub {
    config: HubConfig,
    now: Instant,
    connections: BTreeMap<ConnectionId, Connection>,
    logs: Logs,
    appends: Appends,
    timers: Timers<Timer>,
    /// Whose reads are at the store.
    reads: BTreeMap<ReadId, ConnectionId>,
    last_read: u64,
    ignored: u64,
    /// Connections with something to read, collected while the readers of a log are walked; kept to be warm.
    behind: Vec<ConnectionId>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// Readers that a plain peer has held may be due.
    Release(ConnectionId),
    /// The connection may read the store again after a failure.
    Retry(ConnectionId),
    /// A plain peer has not sent a refused event again.
    Refused(ConnectionId),
}

impl Hub {
    /// A hub without connections.
    pub fn new(config: HubConfig) -> Self {
        Self {
            appends: Appends::new(config.lanes),
            config,
            now: Instant::ZERO,
            connections: BTreeMap::new(),
            logs: Logs::default(),
            timers: Timers::new(),
            reads: BTreeMap::new(),
            last_read: 0,
            ignored: 0,
            behind: Vec::new(),
        }
    }

    /// How many completions came that nothing waited for.
    pub fn ignored_completions(&self) -> u64 {
        self.ignored
    }

    /// Bytes of events that wait for the store or are at it.
    pub fn queued_bytes(&self) -> usize {
        self.appends.queued_bytes()
    }

    /// Connections that are attached.
    pub fn connections(&self) -> usize {
        self.connections.len()
    }

    /// Readers of all connections: pairs of a connection and a log that it is given.
    pub fn readers(&self) -> usize {
        self.logs.readers()
    }

    fn session(&mut self, id: ConnectionId, request: HubRequest, out: &mut Actions<HubAction>) {
        match request {
            HubRequest::Attach {
                namespace,
                peer,
                rights,
            } => {
                let is_attached = |connection: &Connection| connection.rights.is_some();
                let is_again = self.connections.get(&id).is_some_and(is_attached);
                self.attach(id, namespace, peer, rights, out);
                if is_again {
                    self.request_done(id, out);
                }
            }
            HubRequest::Reset => self.reset(id, out),
            HubRequest::Detach => self.detach(id),
            HubRequest::Push { push, log, events } => self.push(id, push, log, events, out),
            HubRequest::Hold { log, event } => self.hold(id, log, &event, out),
            HubRequest::Release { log, events } => self.release(id, &log, &events),
            HubRequest::Read(read) => self.read_requested(id, read, out),
            HubRequest::Subscribe(subscription) => {
                self.subscribe(id, subscription, out);
                self.request_done(id, out);
            }
            HubRequest::Unsubscribe { repositories } => {
                self.unsubscribe(id, &repositories);
                self.request_done(id, out);
            }
            HubRequest::Flushed { bytes } => self.flushed(id, bytes, out),
        }
    }

    /// Gives the session room for another request.
    fn request_done(&self, id: ConnectionId, out: &mut Actions<HubAction>) {
        if self.connections.contains_key(&id) {
            let reply = HubReply::ReadDone;
            out.push(HubAction::Reply { connection: id, reply });
        }
    }

    fn flushed(&mut self, id: ConnectionId, bytes: usize, out: &mut Actions<HubAction>) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.unflushed = connection.unflushed.saturating_sub(bytes);
            self.pump(id, out);
        }
    }

    fn fire(&mut self, timer: Timer, out: &mut Actions<HubAction>) {
        match timer {
            Timer::Release(id) => self.release_due(id, out),
            Timer::Retry(id) => self.retry_reads(id, out),
            Timer::Refused(id) => self.refused_too_long(id, out),
        }
    }

    /// A moment `delay` from now, and never now itself: a timer set to now would fire for ever.
    fn after(&self, delay: Duration) -> Instant {
        self.now + delay.max(Duration::from_micros(1))
    }
}

impl Machine for Hub {
    type Input = HubInput;
    type Action = HubAction;

    fn handle(&mut self, now: Instant, input: HubInput, out: &mut Actions<HubAction>) {
        self.now = self.now.max(now);
        while let Some(timer) = self.timers.pop_due(self.now) {
            self.fire(timer, out);
        }
        match input {
            HubInput::Session { connection, request } => self.session(connection, request, out),
            HubInput::Appended { append, result } => self.appended(append, result, out),
            HubInput::PageRead { read, result } => self.page_read(read, result, out),
            HubInput::Repositories { read, result } => self.repositories_listed(read, result, out),
            HubInput::Committed(committed) => self.committed(&committed, out),
            HubInput::Tick => {}
        }
    }

    fn next_wake(&self) -> Option<Wake> {
        self.timers.next().map(|(at, timer)| Wake {
            at,
            reason: match timer {
                Timer::Release(_) => "end of a plain peer's hold",
                Timer::Retry(_) => "read the store again",
                Timer::Refused(_) => "end of a plain peer's time to send a refused event again",
            },
        })
    }
}
