//! Waiting for conditions.

use std::thread;
use std::time::{Duration, Instant};

/// Far beyond what a loaded machine needs: a test that reaches it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(90);

const POLL: Duration = Duration::from_millis(5);

/// Asks again and again until the condition gives a value.
pub(crate) fn until<T>(what: &str, mut condition: impl FnMut() -> Option<T>) -> T {
    let deadline = Instant::now() + PATIENCE;
    loop {
        if let Some(value) = condition() {
            return value;
        }
        assert!(Instant::now() < deadline, "waited in vain for {what}");
        thread::park_timeout(POLL);
    }
}
