//! A queue with many writers and one reader that is emptied in one go.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// A queue with many writers, on any thread, and one reader, on any runtime.
///
/// It has no limit of its own: what can be in it is bounded by the credit that the machines on both sides keep.
/// An empty one holds no memory beyond itself, because a server has one for each idle connection.
#[derive(Debug)]
pub(crate) struct Mailbox<T>(Mutex<Inner<T>>);

#[derive(Debug)]
struct Inner<T> {
    items: Vec<T>,
    waker: Option<Waker>,
    closed: bool,
}

/// Capacity that a buffer may keep between two rounds: enough for the usual trickle, next to nothing for an idle one.
const KEPT_CAPACITY: usize = 4;

impl<T> Mailbox<T> {
    /// An empty queue.
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Inner {
            items: Vec::new(),
            waker: None,
            closed: false,
        }))
    }

    /// Appends an item and wakes the reader. Dropped if the reader is gone.
    pub(crate) fn post(&self, item: T) {
        let mut inner = self.lock();
        if inner.closed {
            return;
        }
        inner.items.push(item);
        let waker = inner.waker.take();
        drop(inner);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// Moves everything that waits into `into`, which must be empty; pending if nothing does.
    pub(crate) fn poll_take(&self, cx: &mut Context<'_>, into: &mut Vec<T>) -> Poll<()> {
        debug_assert!(into.is_empty());
        into.shrink_to(KEPT_CAPACITY);
        let mut inner = self.lock();
        if inner.items.is_empty() {
            if !inner.waker.as_ref().is_some_and(|waker| waker.will_wake(cx.waker())) {
                inner.waker = Some(cx.waker().clone());
            }
            return Poll::Pending;
        }
        std::mem::swap(&mut inner.items, into);
        Poll::Ready(())
    }

    /// Drops what waits and everything that is posted later: the reader is gone.
    pub(crate) fn close(&self) {
        let mut inner = self.lock();
        inner.closed = true;
        inner.waker = None;
        let items = std::mem::take(&mut inner.items);
        drop(inner);
        drop(items);
    }

    fn lock(&self) -> MutexGuard<'_, Inner<T>> {
        // Every critical section here leaves the queue whole, also if an allocation panics.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    #[derive(Default)]
    struct Count(AtomicUsize);

    impl Wake for Count {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    #[test]
    fn items_come_out_in_order_and_the_reader_is_woken_once() {
        let (mailbox, count) = (Mailbox::new(), Arc::new(Count::default()));
        let waker = Waker::from(count.clone());
        let mut cx = Context::from_waker(&waker);
        let mut items = Vec::new();
        assert!(mailbox.poll_take(&mut cx, &mut items).is_pending());
        for item in 0..3 {
            mailbox.post(item);
        }
        assert_eq!(count.0.load(Ordering::Relaxed), 1);
        assert!(mailbox.poll_take(&mut cx, &mut items).is_ready());
        assert_eq!(items, [0, 1, 2]);
    }

    #[test]
    fn a_closed_mailbox_keeps_nothing() {
        let mailbox = Mailbox::new();
        let item = Arc::new(());
        mailbox.post(item.clone());
        mailbox.close();
        mailbox.post(item.clone());
        assert_eq!(Arc::strong_count(&item), 1);
    }
}
