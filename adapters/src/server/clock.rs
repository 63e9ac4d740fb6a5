//! Where the server's machines get their time from.

use driftless_core::Instant;
use driftless_core::event::Timestamp;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A monotonic clock with its epoch at the start of the server, and the wall clock beside it.
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

/// The wall clock as ISO 8601 text in UTC, to the millisecond.
pub(crate) fn wall_time() -> String {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since.as_millis())
        .ok()
        .and_then(Timestamp::from_millis)
        .map(|time| time.to_string())
        .unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_deadline_at_the_end_of_time_is_a_far_one() {
        let clock = Clock::start();
        assert!(clock.std(Instant::from_micros(u64::MAX)) > std::time::Instant::now());
    }

    #[test]
    fn wall_time_is_utc_with_milliseconds() {
        let text = wall_time();
        assert!(
            text.ends_with('Z') && text.len() == "2025-01-23T10:00:00.000Z".len(),
            "{text}"
        );
    }
}
