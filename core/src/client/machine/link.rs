//! The state of the one connection that a client has or wants.

use super::SocketId;
use crate::client::ClientCredentials;
use crate::wire::Extended;
use alloc::collections::VecDeque;
use alloc::string::String;
use core::time::Duration;
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};

/// The connection.
#[derive(Clone, Debug)]
pub(super) struct Link {
    pub(super) phase: Phase,
    /// The last socket that was asked for.
    pub(super) socket: SocketId,
    /// Connections in a row that failed or did not stay up.
    pub(super) failures: u32,
    pub(super) credentials: ClientCredentials,
    /// What an extended server said of itself; `None` of a plain one.
    pub(super) server: Option<Extended>,
    /// The server's sentence, while a live connection waits for other credentials.
    pub(super) awaiting: Option<String>,
    /// Whether an `auth` on the live connection is not answered yet.
    pub(super) renewing: bool,
    /// Whether the host was asked to read no more.
    pub(super) paused: bool,
    /// Bytes sent and bytes that the socket has taken.
    pub(super) sent: u64,
    pub(super) flushed: u64,
    /// Frames with events that the socket has not taken: [`Self::sent`] behind each, and of which repository they are.
    pub(super) pushes: VecDeque<(u64, usize)>,
    pub(super) ping: Option<Ping>,
    /// An event has become pending again that is older than what was sent.
    pub(super) is_out_of_order: bool,
    jitter: ChaCha8Rng,
}

/// A `ping` that nothing was heard after.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ping {
    /// [`Link::sent`] behind it.
    pub(super) end: u64,
    /// [`Link::flushed`] when it was sent.
    pub(super) flushed: u64,
}

/// The phases of a [`Link`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Phase {
    /// Not started, or stopped.
    Stopped,
    /// Waits for a reason to connect.
    Idle,
    /// Waits for the next attempt.
    Waiting {
        /// For how long in all.
        delay: Duration,
    },
    Connecting,
    Authenticating,
    Online,
    /// The credentials were refused; waits for others.
    Refused {
        /// The server's sentence.
        message: String,
    },
}

/// The jitter's numbers are apart from those that become event ids.
const JITTER_STREAM: u64 = 1;

impl Link {
    pub(super) fn new(credentials: ClientCredentials, seed: [u8; 32]) -> Self {
        let mut jitter = ChaCha8Rng::from_seed(seed);
        jitter.set_stream(JITTER_STREAM);
        Self {
            phase: Phase::Stopped,
            socket: SocketId(0),
            failures: 0,
            credentials,
            server: None,
            awaiting: None,
            renewing: false,
            paused: false,
            sent: 0,
            flushed: 0,
            pushes: VecDeque::new(),
            ping: None,
            is_out_of_order: false,
            jitter,
        }
    }

    /// Whether there is a socket, or an attempt to open one.
    pub(super) fn has_socket(&self) -> bool {
        matches!(self.phase, Phase::Connecting | Phase::Authenticating | Phase::Online)
    }

    /// Whether `socket` is the one that counts.
    pub(super) fn is(&self, socket: SocketId) -> bool {
        self.has_socket() && self.socket == socket
    }

    pub(super) fn is_online(&self) -> bool {
        self.phase == Phase::Online
    }

    /// Whether the server is a plain one.
    pub(super) fn is_plain(&self) -> bool {
        self.is_online() && self.server.is_none()
    }

    /// Whether events can be pushed.
    pub(super) fn can_push(&self) -> bool {
        self.is_online() && self.awaiting.is_none() && !self.renewing
    }

    pub(super) fn unflushed(&self) -> u64 {
        self.sent.saturating_sub(self.flushed)
    }

    /// Forgets everything that belongs to a connection.
    pub(super) fn forget_connection(&mut self) {
        self.server = None;
        self.awaiting = None;
        self.renewing = false;
        self.paused = false;
        self.sent = 0;
        self.flushed = 0;
        self.pushes.clear();
        self.ping = None;
        self.is_out_of_order = false;
    }

    /// The delay before the next attempt: the base after the first failure, after later ones anything up to the
    /// doubled delay.
    pub(super) fn reconnect_delay(&mut self, base: Duration, max: Duration) -> Duration {
        let full = doubled(base, self.failures.saturating_sub(1), max);
        if self.failures <= 1 { full } else { self.up_to(full) }
    }

    fn up_to(&mut self, max: Duration) -> Duration {
        let micros = u128::from(u64::try_from(max.as_micros()).unwrap_or(u64::MAX));
        let scaled = (u128::from(self.jitter.next_u64()) * (micros + 1)) >> 64;
        Duration::from_micros(u64::try_from(scaled).unwrap_or(u64::MAX))
    }
}

/// `base` doubled `times` times, at most `max` (or `base`, if that is more).
pub(super) fn doubled(base: Duration, times: u32, max: Duration) -> Duration {
    let factor = 1_u32.checked_shl(times).unwrap_or(u32::MAX);
    base.saturating_mul(factor).min(max.max(base))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn delays_double_up_to_the_cap() {
        let delay = |times| doubled(Duration::from_secs(3), times, Duration::from_secs(20)).as_secs();
        assert_eq!([delay(0), delay(1), delay(2), delay(3), delay(40)], [3, 6, 12, 20, 20]);
    }

    #[test]
    fn the_first_delay_is_the_base_and_later_ones_are_spread() {
        let mut link = Link::new(ClientCredentials::default(), [3; 32]);
        let (base, max) = (Duration::from_secs(3), Duration::from_mins(1));
        link.failures = 1;
        assert_eq!(link.reconnect_delay(base, max), base);
        link.failures = 4;
        let delays: alloc::vec::Vec<_> = (0..100).map(|_| link.reconnect_delay(base, max)).collect();
        assert!(delays.iter().all(|delay| *delay <= Duration::from_secs(24)));
        assert!(delays.iter().any(|delay| *delay < Duration::from_secs(6)));
        assert!(delays.iter().any(|delay| *delay > Duration::from_secs(18)));
    }
}
