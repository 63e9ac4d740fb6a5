//! A machine's clock and its timer.

use super::{Runtime, Timer};
use driftless_core::Instant;
use std::task::{Context, Poll};
use std::time::Duration;

/// A monotonic clock with its epoch at the start of a machine.
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
    fn std(self, at: Instant) -> std::time::Instant {
        // A deadline at the end of time must not overflow the platform's clock.
        const FAR: Duration = Duration::from_hours(24 * 365);
        self.epoch + at.since(Instant::ZERO).min(self.epoch.elapsed() + FAR)
    }
}

/// One timer for one machine. It is set anew only for an earlier deadline: waking a machine too early is harmless, and
/// most deadlines are pushed back long before they are due.
pub(crate) struct Alarm {
    clock: Clock,
    set_for: Instant,
    timer: Box<dyn Timer>,
}

impl Alarm {
    /// An alarm that is not set yet.
    pub(crate) fn new(runtime: &dyn Runtime, clock: Clock) -> Self {
        Self {
            clock,
            set_for: Instant::from_micros(u64::MAX),
            timer: runtime.timer(),
        }
    }

    /// Whether `wake` has come; otherwise the task is woken when it has.
    pub(crate) fn poll_due(&mut self, cx: &mut Context<'_>, wake: Option<Instant>) -> bool {
        let Some(wake) = wake else { return false };
        if wake <= self.clock.now() {
            return true;
        }
        if wake < self.set_for {
            self.set(wake);
        }
        while self.timer.poll(cx).is_ready() {
            if wake <= self.clock.now() {
                self.set_for = Instant::from_micros(u64::MAX);
                return true;
            }
            self.set(wake);
        }
        false
    }

    fn set(&mut self, at: Instant) {
        self.set_for = at;
        // A timer may run a little behind the clock; it is polled again until the clock agrees.
        self.timer.set(self.clock.std(at));
    }
}

/// Waits for something, but not longer than `limit`; `None` if it took longer.
pub(crate) async fn within<T>(runtime: &dyn Runtime, limit: Duration, future: impl Future<Output = T>) -> Option<T> {
    let mut timer = runtime.timer();
    timer.set(std::time::Instant::now() + limit);
    let mut future = std::pin::pin!(future);
    std::future::poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(value) => Poll::Ready(Some(value)),
        Poll::Pending => timer.poll(cx).map(|()| None),
    })
    .await
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
