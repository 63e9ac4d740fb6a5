//! Messages between a session and the hub: one queue for each connection and direction.

use driftless_core::Instant;
use std::collections::VecDeque;

/// A queue whose messages arrive in order, each some time after it was sent.
#[derive(Debug)]
pub(super) struct Lane<T> {
    waiting: VecDeque<T>,
    last: Instant,
}

impl<T> Lane<T> {
    pub(super) const fn new() -> Self {
        Self {
            waiting: VecDeque::new(),
            last: Instant::ZERO,
        }
    }

    /// Takes a message that could arrive at `at`, and says when it does: never before one that was sent earlier.
    pub(super) fn send(&mut self, at: Instant, message: T) -> Instant {
        self.waiting.push_back(message);
        self.last = self.last.max(at);
        self.last
    }

    /// The message that arrives next.
    pub(super) fn arrive(&mut self) -> Option<T> {
        self.waiting.pop_front()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fast_message_does_not_overtake_a_slow_one() {
        let at = Instant::from_micros;
        let mut lane = Lane::new();
        assert_eq!(lane.send(at(9), 'a'), at(9));
        assert_eq!(lane.send(at(3), 'b'), at(9));
        assert_eq!(
            (lane.arrive(), lane.arrive(), lane.is_empty()),
            (Some('a'), Some('b'), true)
        );
    }
}
