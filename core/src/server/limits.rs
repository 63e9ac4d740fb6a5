//! The limits of the server's machines, their defaults and the reasons for them.

use core::time::Duration;

/// Every limit of a [`super::Session`] and of a [`super::Hub`]. What happens at the limit stands at each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerLimits {
    /// Largest frame that is read, in bytes; a larger one closes the connection with 1009. Default 16 MiB: the
    /// published client flushes its whole queue as one frame.
    pub frame_bytes: usize,
    /// Largest event, in bytes; a larger one gets `event_too_large`. Default 15 MiB, so that one event of any legal
    /// size fits a frame of the peer's with its envelope.
    pub event_bytes: usize,
    /// Most events in a batch; a larger one gets `batch_too_large`. Default 10,000.
    pub batch_events: usize,
    /// Most events in one page of the store. Default 4,096.
    pub page_events: usize,
    /// Largest frame of several events that is sent, in bytes. Default 64 KiB: nothing waits long behind one on a
    /// slow link.
    pub page_bytes: usize,
    /// Most bytes of one connection's stream that the hub has handed over and the socket has not taken; past it the
    /// reader is resumed from the log. Default 256 KiB.
    pub stream_bytes: usize,
    /// Most bytes of replies (acks, errors, pongs) that a connection has not taken; past it the peer is not read
    /// from. Default 64 KiB.
    pub reply_bytes: usize,
    /// Most bytes of a connection's events that are on their way to the store; past it the peer is not read from.
    /// Default 256 KiB.
    pub push_bytes: usize,
    /// Most unanswered pushes of a connection; past it the peer is not read from. Default 1,024.
    pub pushes: usize,
    /// Most unanswered read requests, and subscriptions and other rights not taken up, of a connection; past it the peer is
    /// not read from. Default 64.
    pub requests: usize,
    /// Most answers in a row that refuse with `rate_limited`; past it the connection is closed with 4429. Default
    /// 4,096: more than a peer can have sent before it knows of the first.
    pub refusals: usize,
    /// Most bytes of frames that came while `auth` was being decided; past it the connection is closed with 4429.
    /// Only a host that does not stop reading gets there. Default 32 MiB, more than one largest frame.
    pub backlog_bytes: usize,
    /// Most repositories of one connection with a stream of their own, past which an extended peer's `subscribe` gets
    /// `rate_limited`, and a plain peer's requests are answered without a stream behind them: it is closed with 4429
    /// when another one that it may read gets an event. And most in which a connection has a refused event that must
    /// come again, past which it is closed with 4429. Default 10,000.
    pub streams: usize,
    /// Most bytes of all connections' events that wait for the store; past it a push gets `rate_limited`.
    /// Default 256 MiB.
    pub queued_bytes: usize,
    /// Most events in one commit. Default 4,096.
    pub commit_events: usize,
    /// Most bytes in one commit, unless one event is larger. Default 4 MiB.
    pub commit_bytes: usize,
    /// How long a connection may take to authenticate before it is closed with 4401. Default 10 s.
    pub auth_timeout: Duration,
    /// How long a connection whose credentials have expired stays open for new ones before it is closed with 4401.
    /// Default 30 s.
    pub expiry_grace: Duration,
    /// How often a `ping` is sent. Default 30 s.
    pub heartbeat_interval: Duration,
    /// How long after a `ping` the peer may be silent before the connection is closed with 4408. Default 10 s.
    pub heartbeat_timeout: Duration,
    /// How long a socket may refuse to take a single byte before the connection is closed with 4408. Default 40 s:
    /// an interval and a timeout of the heartbeat, whose `ping` waits behind what is not taken.
    pub stall_timeout: Duration,
    /// How long a plain peer hears nothing of a repository that it has not requested, or after an answer that its
    /// `limit` has cut. Default 1 s.
    pub plain_hold: Duration,
    /// How long a plain peer may keep a repository waiting for an event that was refused for now, before the connection
    /// is closed with 1013: the published client knows no refusal, and sends what is not acked when it connects again.
    /// Default 5 s, so that it does not come back at once to a server that has too much to do.
    pub plain_refusal: Duration,
    /// How long a connection's reads wait after the store failed one; doubles with each failure in a row. Default
    /// 100 ms.
    pub read_retry_min: Duration,
    /// Where the doubling ends. Default 5 s.
    pub read_retry_max: Duration,
    /// How long a stopping server waits for a connection's pushes under way before it closes it all the same.
    /// Default 10 s.
    pub shutdown_timeout: Duration,
}

impl Default for ServerLimits {
    fn default() -> Self {
        Self {
            frame_bytes: 16 << 20,
            event_bytes: 15 << 20,
            batch_events: 10_000,
            page_events: 4_096,
            page_bytes: 64 << 10,
            stream_bytes: 256 << 10,
            reply_bytes: 64 << 10,
            push_bytes: 256 << 10,
            pushes: 1_024,
            requests: 64,
            refusals: 4_096,
            backlog_bytes: 32 << 20,
            streams: 10_000,
            queued_bytes: 256 << 20,
            commit_events: 4_096,
            commit_bytes: 4 << 20,
            auth_timeout: Duration::from_secs(10),
            expiry_grace: Duration::from_secs(30),
            heartbeat_interval: Duration::from_secs(30),
            heartbeat_timeout: Duration::from_secs(10),
            stall_timeout: Duration::from_secs(40),
            plain_hold: Duration::from_secs(1),
            plain_refusal: Duration::from_secs(5),
            read_retry_min: Duration::from_millis(100),
            read_retry_max: Duration::from_secs(5),
            shutdown_timeout: Duration::from_secs(10),
        }
    }
}
