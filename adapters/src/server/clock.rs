//! Where the server's machines get their time from.

use driftless_core::Instant;
use std::time::Duration;

/// A monotonic clock with its epoch at the start of the server.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Clock {
    epoch: std::time::Instant,
}

impl Clock {
    /// A clock that starts now.
    pub(crate) fn start() -> Self {
        Self {
            epoch: std::time::Instant::now(),
        }
    }

    /// The time since the start.
    pub(crate) fn now(self) -> Instant {
        Instant::ZERO + self.epoch.elapsed()
    }

    /// The same moment on the standard library's clock.
    pub(crate) fn std(self, at: Instant) -> std::time::Instant {
        // A deadline at the end of time must not overflow the platform's clock.
        const FAR: Duration = Duration::from_hours(24 * 365);
        self.epoch + at.since(Instant::ZERO).min(self.epoch.elapsed() + FAR)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_at_the_end_of_time_is_a_far_one() {
        let clock = Clock::start();
        assert!(clock.std(Instant::from_micros(u64::MAX)) > std::time::Instant::now());
    }
}
