//! A session: one connection as the server sees it.
//!
//! | module | what it does |
//! |---|---|
//! | [`auth`] | who the peer is: credentials, their expiry, other credentials |
//! | [`frames`] | what to do with a frame |
//! | [`push`], [`settle`] | events on their way to the hub, and the replies to them |
//! | [`read`] | requests and subscriptions on their way to the hub |
//! | [`output`], [`flow`] | what the socket has not taken, and when the peer is not read from |
//! | [`heartbeat`] | whether the peer is alive |
//! | [`close`] | how it ends |

mod auth;
mod close;
mod flow;
mod frames;
mod heartbeat;
mod input;
mod output;
mod push;
mod read;
mod reply;
mod settle;

#[cfg(test)]
mod tests;

pub use input::{AuthId, SessionAction, SessionInput};

use super::{ConnectionId, HubReply, HubRequest, Peer, PushId, ServerLimits};
use crate::machine::{Actions, Instant, Machine, Wake};
use crate::name::{Namespace, RepositoryName};
use crate::timers::Timers;
use crate::wire::Epoch;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::sync::Arc;
use auth::{Login, PendingAuth};
use flow::Backlog;
use heartbeat::Ping;
use output::Output;
use push::PendingPush;

/// What every session of a server shares.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SessionConfig {
    /// The epoch of the store.
    pub epoch: Epoch,
    /// The limits.
    pub limits: ServerLimits,
}

/// One connection as the server sees it.
///
/// ```text
///            auth                accepted
///   new ──────────▶ deciding ──────────────▶ attached ──┐ auth again: frames wait until it is decided
///    │                 │                      │    ▲    │
///    │ no auth in time │ refused              │    └────┘
///    ▼                 ▼                      │ credentials expire
///   closed 4401    closed 4401, 4403, 1011    ▼
///                                            expired ── no auth in time ──▶ closed 4401
///
///   shutdown, anywhere ──▶ stopping ── pushes under way are answered ──▶ closed 1012
///   silence, a stall   ──▶ closed 4408
/// ```
#[derive(Clone, Debug)]
pub struct Session {
    config: Arc<SessionConfig>,
    connection: ConnectionId,
    namespace: Namespace,
    handshake_token: Option<String>,
    phase: Phase,
    now: Instant,
    timers: Timers<Timer>,
    /// Who the peer is, once it has said so.
    login: Option<Box<Login>>,
    /// Credentials that are being decided about.
    pending_auth: Option<Box<PendingAuth>>,
    peer: Peer,
    /// Frames that came while credentials were being decided about.
    backlog: Backlog,
    output: Output,
    paused: bool,
    ping: Option<Ping>,
    pushes: BTreeMap<PushId, PendingPush>,
    /// Bytes of the events of `pushes`.
    push_bytes: usize,
    /// Read requests, and changes of subscriptions and rights, that the hub is not done with.
    requests: usize,
    /// Answers in a row that refuse with `rate_limited`.
    refusals: usize,
    /// Resets that the hub has not confirmed: what it gives until then is for the old subject, and the peer is not read
    /// from.
    resets: usize,
    /// The name that came last, because it comes again and again.
    last_repository: Option<RepositoryName>,
    last_push: u64,
    last_auth: u64,
    ignored: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// Waits for the pushes under way.
    Stopping,
    Closed,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Timer {
    /// The peer has not authenticated, or its credentials were not decided about.
    Auth,
    /// The credentials expire.
    Expiry,
    /// The time for new credentials is over.
    Grace,
    /// The next `ping`.
    Heartbeat,
    /// No sign of life after a `ping`.
    Silence,
    /// The socket may have stalled.
    Stall,
    /// Pushes under way have taken too long.
    Shutdown,
}

impl Session {
    /// A session for a connection that was just accepted. `handshake_token` is the bearer token of the HTTP request
    /// that opened it, if it had one.
    pub fn new(
        now: Instant,
        config: Arc<SessionConfig>,
        connection: ConnectionId,
        namespace: Namespace,
        handshake_token: Option<String>,
    ) -> Self {
        let mut timers = Timers::new();
        timers.set(Timer::Auth, later(now, config.limits.auth_timeout));
        Self {
            config,
            connection,
            namespace,
            handshake_token,
            phase: Phase::Open,
            now,
            timers,
            login: None,
            pending_auth: None,
            peer: Peer::Plain,
            backlog: Backlog::default(),
            output: Output::default(),
            paused: false,
            ping: None,
            pushes: BTreeMap::new(),
            push_bytes: 0,
            requests: 0,
            refusals: 0,
            resets: 0,
            last_repository: None,
            last_push: 0,
            last_auth: 0,
            ignored: 0,
        }
    }

    /// Which connection it is.
    pub fn connection(&self) -> ConnectionId {
        self.connection
    }

    /// Which kind of peer has authenticated; `None` before that.
    pub fn peer(&self) -> Option<Peer> {
        self.login.is_some().then_some(self.peer)
    }

    /// Whether it has said [`SessionAction::Close`] or was told that the connection is gone: nothing more comes of it.
    pub fn is_closed(&self) -> bool {
        self.phase == Phase::Closed
    }

    /// How many completions came that nothing waited for.
    pub fn ignored_completions(&self) -> u64 {
        self.ignored
    }

    fn apply(&mut self, input: SessionInput, out: &mut Actions<SessionAction>) {
        match input {
            SessionInput::Frame(frame) => self.frame_came(frame, out),
            SessionInput::Binary => self.binary_came(out),
            SessionInput::Alive => self.is_alive(),
            SessionInput::TooBig => self.too_big(out),
            SessionInput::Flushed { bytes } => self.flushed(bytes, out),
            SessionInput::Authenticated {
                auth,
                result,
                server_time,
            } => self.authenticated(auth, result, server_time, out),
            SessionInput::Hub(reply) => self.hub_replied(reply, out),
            SessionInput::Shutdown => self.shut_down(out),
            SessionInput::Closed => self.connection_lost(out),
            SessionInput::Tick => {}
        }
    }

    fn hub_replied(&mut self, reply: HubReply, out: &mut Actions<SessionAction>) {
        match reply {
            HubReply::Pushed { push, results } => self.pushed(push, &results, out),
            HubReply::Close { code, reason } => self.close(code, reason, out),
            HubReply::Reset => self.resets = self.resets.saturating_sub(1),
            // For the subject before: nobody waits for it any more, but the hub counts its bytes.
            HubReply::Frame(frame) if self.resets > 0 => {
                let bytes = frame.len();
                out.push(SessionAction::Hub(HubRequest::Flushed { bytes }));
            }
            HubReply::ReadDone | HubReply::Failed(_) if self.resets > 0 => {}
            HubReply::Frame(frame) => self.forward(frame, out),
            HubReply::ReadDone => self.requests = self.requests.saturating_sub(1),
            HubReply::Failed(failure) => self.read_failed(failure, out),
        }
    }

    fn fire(&mut self, timer: Timer, out: &mut Actions<SessionAction>) {
        match timer {
            Timer::Auth => self.auth_timed_out(out),
            Timer::Expiry => self.credentials_expired(out),
            Timer::Grace => self.grace_over(out),
            Timer::Heartbeat => self.send_ping(out),
            Timer::Silence => self.silence(out),
            Timer::Stall => self.check_stall(out),
            Timer::Shutdown => self.stop_now(out),
        }
    }
}

impl Machine for Session {
    type Input = SessionInput;
    type Action = SessionAction;

    fn handle(&mut self, now: Instant, input: SessionInput, out: &mut Actions<SessionAction>) {
        self.now = self.now.max(now);
        while let Some(timer) = self.timers.pop_due(self.now) {
            self.fire(timer, out);
        }
        if self.phase != Phase::Closed {
            self.apply(input, out);
        }
        self.update_reading(out);
    }

    fn next_wake(&self) -> Option<Wake> {
        self.timers.next().map(|(at, timer)| Wake {
            at,
            reason: match timer {
                Timer::Auth => "authentication timeout",
                Timer::Expiry => "expiry of the credentials",
                Timer::Grace => "end of the grace time for new credentials",
                Timer::Heartbeat => "heartbeat",
                Timer::Silence => "heartbeat timeout",
                Timer::Stall => "stalled socket",
                Timer::Shutdown => "shutdown timeout",
            },
        })
    }
}

/// A moment `delay` from now, and never now itself: a timer set to now would fire for ever.
fn later(now: Instant, delay: core::time::Duration) -> Instant {
    now + delay.max(core::time::Duration::from_micros(1))
}
