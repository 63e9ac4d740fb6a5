//! What a server counts.

use std::sync::atomic::{AtomicU64, Ordering};

/// A number that only grows, or (for a gauge) goes up and down; written by many threads.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// The number now.
    pub fn value(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Adds to it.
    pub fn add(&self, amount: u64) {
        self.0.fetch_add(amount, Ordering::Relaxed);
    }

    /// Adds a count of things in memory.
    pub(crate) fn add_count(&self, amount: usize) {
        self.add(amount as u64);
    }

    /// Takes one away; for gauges.
    pub(crate) fn decrement(&self) {
        self.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// What a server has counted since its start.
#[derive(Debug, Default)]
pub struct Metrics {
    /// WebSocket connections that are open now (a gauge).
    pub connections: Counter,
    /// WebSocket connections ever opened.
    pub connections_opened: Counter,
    /// Connections whose credentials were refused, one for each refusal.
    pub authentications_refused: Counter,
    /// Text and binary frames received.
    pub frames_received: Counter,
    /// Text frames queued for sending.
    pub frames_sent: Counter,
    /// Bytes received on WebSocket connections, with their framing.
    pub bytes_received: Counter,
    /// Bytes sent on WebSocket connections, with their framing.
    pub bytes_sent: Counter,
    /// Events stored by this process.
    pub events_appended: Counter,
    /// Repeated events that were acked without storing anything.
    pub events_duplicate: Counter,
    /// Events whose id was taken by another event.
    pub events_conflicting: Counter,
    /// Events that the store reported as committed, by this process or another.
    pub events_committed: Counter,
    /// Commits by this process.
    pub commits: Counter,
    /// Appends, reads and listings that the store failed.
    pub store_failures: Counter,
    /// Pages read from the store for connections.
    pub pages_read: Counter,
}
