//! The contract between a state machine and its host.
//!
//! A host owns the sockets, the disk and the clock. It calls [`Machine::handle`] with what happened and carries out,
//! in order, the actions that the machine appended. It keeps one timer, set to [`Machine::next_wake`], and calls
//! `handle` with the machine's tick when it fires. An early, late or repeated tick is harmless.
//!
//! ```
//! use core::time::Duration;
//! use driftless_core::{Actions, Instant, Machine, Wake};
//!
//! /// Says "hello" once a second.
//! struct Greeter { next: Instant }
//!
//! impl Machine for Greeter {
//!     type Input = ();
//!     type Action = &'static str;
//!     fn handle(&mut self, now: Instant, (): (), out: &mut Actions<&'static str>) {
//!         if now >= self.next {
//!             out.push("hello");
//!             self.next = now + Duration::from_secs(1);
//!         }
//!     }
//!     fn next_wake(&self) -> Option<Wake> {
//!         Some(Wake { at: self.next, reason: "greeting" })
//!     }
//! }
//!
//! let mut greeter = Greeter { next: Instant::ZERO };
//! let mut actions = Actions::new();
//! let mut now = Instant::ZERO;
//! for _ in 0..3 {
//!     greeter.handle(now, (), &mut actions);
//!     while let Some(action) = actions.pop() {
//!         assert_eq!(action, "hello"); // a real host would print it
//!     }
//!     now = greeter.next_wake().map_or(now, |wake| wake.at); // a real host would sleep
//! }
//! ```

use alloc::collections::VecDeque;
use core::ops::{Add, Sub};
use core::time::Duration;

/// A state machine that a host drives.
///
/// `handle` cannot fail and does not panic, whatever the peer or the host feeds it: a peer's fault becomes an error
/// frame or a close, a caller's fault comes back as an action, a host's fault is a failed completion.
pub trait Machine {
    /// What can happen to the machine. One variant does nothing but let time pass.
    type Input;
    /// What the machine asks its host to do.
    type Action;

    /// Advances to `now`, fires due timers in (deadline, sequence) order, then applies `input`, appending what the
    /// host must do, in the order in which it must be done.
    ///
    /// A `now` before an earlier one counts as the earlier one.
    fn handle(&mut self, now: Instant, input: Self::Input, out: &mut Actions<Self::Action>);

    /// When `handle` next needs to be called even if nothing happens, and why. `None`: never.
    ///
    /// Costs O(1). After `handle(now, ..)` it is always later than `now`.
    fn next_wake(&self) -> Option<Wake>;
}

/// A moment at which a machine wants to be called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Wake {
    /// The moment; never at or before the `now` of the last `handle`.
    pub at: Instant,
    /// What is due then, for logs and traces.
    pub reason: &'static str,
}

/// A point on the host's monotonic clock, in microseconds from an epoch that the host picks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Instant(u64);

impl Instant {
    /// The host's epoch.
    pub const ZERO: Self = Self(0);

    /// The point `micros` microseconds after the epoch.
    pub const fn from_micros(micros: u64) -> Self {
        Self(micros)
    }

    /// Microseconds since the epoch.
    pub const fn as_micros(self) -> u64 {
        self.0
    }

    /// The time from `earlier` to this point; zero if `earlier` is later.
    pub const fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(self.0.saturating_sub(earlier.0))
    }
}

/// Saturates at the end of time instead of overflowing.
impl Add<Duration> for Instant {
    type Output = Self;
    fn add(self, duration: Duration) -> Self {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_add(micros))
    }
}

/// Saturates at the epoch instead of underflowing.
impl Sub<Duration> for Instant {
    type Output = Self;
    fn sub(self, duration: Duration) -> Self {
        let micros = u64::try_from(duration.as_micros()).unwrap_or(u64::MAX);
        Self(self.0.saturating_sub(micros))
    }
}

/// The queue of actions that a host owns and a machine appends to.
///
/// One queue keeps one total order across sends, storage and notifications, and allocates nothing once it is warm.
/// A host that forgets to drain it delays work and corrupts nothing.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Actions<A>(VecDeque<A>);

impl<A> Actions<A> {
    /// An empty queue; allocates nothing yet.
    pub const fn new() -> Self {
        Self(VecDeque::new())
    }

    /// Appends an action.
    pub fn push(&mut self, action: A) {
        self.0.push_back(action);
    }

    /// Takes the oldest action.
    pub fn pop(&mut self) -> Option<A> {
        self.0.pop_front()
    }

    /// Takes all actions, oldest first.
    pub fn drain(&mut self) -> impl Iterator<Item = A> + '_ {
        self.0.drain(..)
    }

    /// How many actions wait.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether no action waits.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl<A> Default for Actions<A> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_saturates_at_both_ends() {
        assert_eq!(
            Instant::from_micros(u64::MAX) + Duration::from_secs(1),
            Instant::from_micros(u64::MAX)
        );
        assert_eq!(Instant::ZERO - Duration::from_secs(1), Instant::ZERO);
        assert_eq!(Instant::ZERO.since(Instant::from_micros(5)), Duration::ZERO);
    }

    #[test]
    fn actions_come_out_in_the_order_they_went_in() {
        let mut actions = Actions::new();
        actions.push(1);
        actions.push(2);
        assert_eq!(actions.pop(), Some(1));
        actions.push(3);
        assert_eq!(actions.drain().collect::<alloc::vec::Vec<_>>(), [2, 3]);
        assert!(actions.is_empty());
    }
}
