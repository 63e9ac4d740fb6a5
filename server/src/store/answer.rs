//! The promise that every request is answered.

use driftless::store::Done;
use driftless_core::server::StoreFailure;

/// A receiver of an answer that gets one in any case: if it is dropped, because the store is closed or one of its
/// threads has panicked, it is told so.
pub(super) struct Answer<T>(Option<Done<T>>);

impl<T> Answer<T> {
    pub(super) fn to(done: Done<T>) -> Self {
        Self(Some(done))
    }

    pub(super) fn give(mut self, result: Result<T, StoreFailure>) {
        if let Some(done) = self.0.take() {
            done(result);
        }
    }
}

impl<T> Drop for Answer<T> {
    fn drop(&mut self) {
        if let Some(done) = self.0.take() {
            done(Err(StoreFailure {
                detail: "the store is closed".into(),
            }));
        }
    }
}
