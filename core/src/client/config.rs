//! What a client is made with: every setting with its unit and default.

use super::{Policy, ServerOrder};
use crate::event::Spelling;
use crate::name::RepositoryName;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

/// What a [`super::Client`] is made with.
#[derive(Clone, Debug)]
pub struct ClientConfig {
    /// The repositories that it keeps. Events for others are refused; their local data is left alone.
    pub repositories: Vec<RepositoryConfig>,
    /// What it shows to the server.
    pub credentials: ClientCredentials,
    /// In which spelling it writes events. Default: the package's.
    pub spelling: Spelling,
    /// When it connects, and for how long.
    pub strategy: Strategy,
    /// Timeouts and delays.
    pub timing: Timing,
    /// Bounds on memory.
    pub limits: ClientLimits,
    /// Seeds event ids and jitter. Must come from the operating system's random source at every start: two runs with
    /// one seed would make the same event ids.
    pub seed: [u8; 32],
}

/// A repository and how its conflicts are decided.
#[derive(Clone, Debug)]
pub struct RepositoryConfig {
    /// Which repository.
    pub name: RepositoryName,
    /// How its conflicts are decided.
    pub policy: Arc<dyn Policy>,
    /// Whether the application says where its history begins, and what else it tells the server: asked with
    /// [`ClientAction::BuildFilter`](super::ClientAction::BuildFilter) on each connection before the repository is read.
    /// Default false.
    pub filtered: bool,
}

impl RepositoryConfig {
    /// A repository under [`ServerOrder`].
    pub fn new(name: RepositoryName) -> Self {
        Self {
            name,
            policy: Arc::new(ServerOrder),
            filtered: false,
        }
    }
}

/// What a client shows to the server, in `auth` (and, by its host, in the handshake).
#[derive(Clone, Default, PartialEq, Eq, Hash)]
pub struct ClientCredentials {
    /// The token.
    pub token: Option<String>,
    /// Custom headers. In `auth` they stand beside the protocol's own fields and can never overwrite one.
    pub headers: Vec<(String, String)>,
}

/// Without the secrets: they must not reach a log.
impl fmt::Debug for ClientCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.headers.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("ClientCredentials")
            .field("token", &self.token.as_ref().map(|_| ".."))
            .field("headers", &names)
            .finish()
    }
}

/// When a client connects. Its parts combine; without any, it connects only for
/// [`ClientInput::SyncNow`](super::ClientInput::SyncNow), which works whatever the strategy.
///
/// Outside real time a client connects for *rounds*: it reads everything, pushes everything, and closes the connection. A
/// write does not begin one. A round that meets a failure goes on, after the usual delays, until it is done.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Strategy {
    /// It stays connected, and connects again whenever the connection is lost. Then the rest changes nothing. Default
    /// true.
    pub real_time: bool,
    /// A round begins so often, the first at the start; while one lasts longer, the next begins at its end. At least 1
    /// ms. Default `None`.
    pub every: Option<Duration>,
    /// A round begins whenever the network comes, as
    /// [`ClientInput::Connectivity`](super::ClientInput::Connectivity) tells, and at a start with one. Default false.
    pub on_connectivity: bool,
}

impl Default for Strategy {
    fn default() -> Self {
        Self {
            real_time: true,
            every: None,
            on_connectivity: false,
        }
    }
}

impl Strategy {
    /// Connects only when it is told to.
    pub const fn manual() -> Self {
        Self {
            real_time: false,
            every: None,
            on_connectivity: false,
        }
    }
}

/// Timeouts and delays of a client. Defaults as PROTOCOL.md section 7.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timing {
    /// How long a connection may take to open; doubles with the backoff. Default 1.5 s.
    pub connect_timeout: Duration,
    /// How long `auth` may take to be answered; doubles with the backoff. Default 1.5 s.
    pub auth_timeout: Duration,
    /// The longest that the two doubled timeouts become. Default 30 s.
    pub timeout_max: Duration,
    /// The delay before the first reconnect; doubles with each failure, with full jitter from the second on. Default 3 s.
    pub reconnect_delay: Duration,
    /// The longest reconnect delay. Default 60 s.
    pub reconnect_delay_max: Duration,
    /// How long a connection has to stay up for the delay to start from the base again. Default 10 s.
    pub stable_after: Duration,
    /// How often a `ping` is sent. Default 30 s.
    pub heartbeat_interval: Duration,
    /// How long after a `ping` the server may be silent. Default 2 s.
    pub heartbeat_timeout: Duration,
    /// How long after a retryable refusal the outbox is sent again; doubles up to [`Self::reconnect_delay_max`]. Default 1 s.
    pub retry_delay: Duration,
    /// How long the oldest event in flight of a repository may stay unanswered, from when the socket has taken it or the
    /// one before it was answered, before everything in flight is sent again on the same connection; doubles up to
    /// [`Self::reconnect_delay_max`]. Default 30 s.
    pub ack_timeout: Duration,
    /// How long own acked events are kept for a server that lost them. Default 7 days.
    pub keep_acked: Duration,
    /// How long a connection that is being closed may take to send its close frame and to hear the server's. For hosts.
    /// Default 1 s.
    pub close_timeout: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            connect_timeout: Duration::from_millis(1_500),
            auth_timeout: Duration::from_millis(1_500),
            timeout_max: Duration::from_secs(30),
            reconnect_delay: Duration::from_secs(3),
            reconnect_delay_max: Duration::from_mins(1),
            stable_after: Duration::from_secs(10),
            heartbeat_interval: Duration::from_secs(30),
            heartbeat_timeout: Duration::from_secs(2),
            retry_delay: Duration::from_secs(1),
            ack_timeout: Duration::from_secs(30),
            keep_acked: Duration::from_hours(7 * 24),
            close_timeout: Duration::from_secs(1),
        }
    }
}

/// Bounds on a client's memory. What happens at each stands with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientLimits {
    /// Most bytes of received frames that wait to be applied; past it the socket is not read. Default 1 MiB.
    pub received_bytes: usize,
    /// Most events that one storage transaction applies. Default 1,000.
    pub apply_events: usize,
    /// Most bytes of records with their local layers, and as many of other own events, that are read from storage at a
    /// time; more are read in several turns. One record, one event and the records of one write always come together.
    /// Default 4 MiB.
    pub storage_bytes: usize,
    /// Most un-acked events in flight, for each repository. Default 1,000.
    pub window_events: usize,
    /// Most bytes of them, unless one event is larger. Default 256 KiB.
    pub window_bytes: usize,
    /// Most events in one pushed frame. Default 500.
    pub push_events: usize,
    /// Most bytes of events in one pushed frame, unless one event is larger. Default 64 KiB.
    pub push_bytes: usize,
    /// Most local writes that wait for storage; one more is refused with [`super::WriteError::Busy`]. Default 10,000.
    pub writes: usize,
    /// Most own acked events kept for each repository, for a server that lost them. Default 10,000.
    pub kept_events: usize,
    /// Most live events kept while a plain server is still being pulled, for each repository; past it they are pulled again. Default 1,000.
    pub plain_live_events: usize,
    /// Largest event that is accepted from the application, in bytes. Default 15 MiB, the server's own default.
    pub event_bytes: usize,
    /// Largest frame that is read, in bytes; a larger one ends the connection. For hosts. A plain server answers with
    /// everything it has in one frame; ours never sends more than the largest event. Default 64 MiB.
    pub frame_bytes: usize,
}

impl Default for ClientLimits {
    fn default() -> Self {
        Self {
            received_bytes: 1 << 20,
            apply_events: 1_000,
            storage_bytes: 4 << 20,
            window_events: 1_000,
            window_bytes: 256 << 10,
            push_events: 500,
            push_bytes: 64 << 10,
            writes: 10_000,
            kept_events: 10_000,
            plain_live_events: 1_000,
            event_bytes: 15 << 20,
            frame_bytes: 64 << 20,
        }
    }
}
