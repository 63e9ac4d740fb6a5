//! A value that tasks can wait for, on any runtime.

use event_listener::Event;
use std::sync::{Mutex, MutexGuard, PoisonError};

/// A value that tasks can wait for.
#[derive(Debug, Default)]
pub(crate) struct Watched<T> {
    value: Mutex<T>,
    changed: Event,
}

impl<T> Watched<T> {
    pub(crate) fn new(value: T) -> Self {
        Self {
            value: Mutex::new(value),
            changed: Event::new(),
        }
    }

    // A value is replaced or counted, which leaves it whole also if somebody panics.
    pub(crate) fn lock(&self) -> MutexGuard<'_, T> {
        self.value.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn update(&self, change: impl FnOnce(&mut T)) {
        change(&mut self.lock());
        self.changed.notify(usize::MAX);
    }

    /// Waits until the value is as `is` wants it.
    pub(crate) async fn wait_until(&self, is: impl Fn(&T) -> bool) {
        loop {
            let listener = self.changed.listen();
            if is(&self.lock()) {
                return;
            }
            listener.await;
        }
    }
}
