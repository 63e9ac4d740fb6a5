//! What every connection of a server shares, and what reaches the hub.

use super::authenticator::Authenticator;
use super::mailbox::Mailbox;
use super::metrics::Metrics;
use super::observer::Observer;
use crate::runtime::Clock;
use driftless_core::server::{ConnectionId, HubInput, SessionConfig, SessionInput};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// What every connection of a server shares.
pub(crate) struct Host {
    pub(crate) clock: Clock,
    pub(crate) metrics: Metrics,
    pub(crate) hub: Arc<Mailbox<HubMail>>,
    pub(crate) authenticator: Arc<dyn Authenticator>,
    pub(crate) observer: Arc<dyn Observer>,
    pub(crate) session: Arc<SessionConfig>,
    connections: AtomicU64,
}

/// Where a connection gets its inputs from others than its socket.
pub(crate) type Replies = Arc<Mailbox<SessionInput>>;

/// What reaches the hub's host. One queue keeps one order: a connection's requests come behind its opening and before
/// its end.
#[derive(Debug)]
pub(crate) enum HubMail {
    /// A connection whose requests follow.
    Opened(ConnectionId, Replies),
    /// A connection that is gone: nothing follows and nobody waits for its replies.
    Gone(ConnectionId),
    /// An input of the hub.
    Input(HubInput),
    /// Every connection, present and future, is to finish and close.
    Shutdown,
    /// The server is gone.
    Stop,
}

impl Host {
    pub(crate) fn new(
        authenticator: Arc<dyn Authenticator>,
        observer: Arc<dyn Observer>,
        session: SessionConfig,
    ) -> Self {
        Self {
            clock: Clock::start(),
            metrics: Metrics::default(),
            hub: Arc::new(Mailbox::new()),
            authenticator,
            observer,
            session: Arc::new(session),
            connections: AtomicU64::new(0),
        }
    }

    /// An id that no connection of this process has had.
    pub(crate) fn next_connection(&self) -> ConnectionId {
        ConnectionId(self.connections.fetch_add(1, Ordering::Relaxed))
    }
}

impl fmt::Debug for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Host")
            .field("session", &self.session)
            .finish_non_exhaustive()
    }
}
