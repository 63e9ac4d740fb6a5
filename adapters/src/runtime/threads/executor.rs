//! Runs one future on one thread, with timers.

use crate::runtime::Timer;
use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::thread::{self, Thread};
use std::time::Instant;

thread_local! {
    /// The timers that this thread sleeps for: when each is due, and whom it wakes.
    static TIMERS: RefCell<BTreeMap<u64, (Instant, Waker)>> = const { RefCell::new(BTreeMap::new()) };
}

/// Runs a future to its end on this thread, which sleeps while it waits.
pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    let notice = Arc::new(Notice {
        thread: thread::current(),
        given: AtomicBool::new(false),
    });
    let waker = Waker::from(notice.clone());
    let mut cx = Context::from_waker(&waker);
    let mut future = pin!(future);
    loop {
        if let Poll::Ready(value) = future.as_mut().poll(&mut cx) {
            return value;
        }
        // Whoever else parks this thread, within the poll, may have taken the token that belongs to the notice.
        while !notice.given.swap(false, Ordering::Acquire) {
            match next_deadline() {
                Some(at) => thread::park_timeout(at.saturating_duration_since(Instant::now())),
                None => thread::park(),
            }
            wake_due();
        }
    }
}

/// That a future is to be polled again.
struct Notice {
    thread: Thread,
    given: AtomicBool,
}

impl Wake for Notice {
    fn wake(self: Arc<Self>) {
        self.wake_by_ref();
    }

    fn wake_by_ref(self: &Arc<Self>) {
        self.given.store(true, Ordering::Release);
        self.thread.unpark();
    }
}

fn next_deadline() -> Option<Instant> {
    TIMERS.with_borrow(|timers| timers.values().map(|(at, _)| *at).min())
}

/// Wakes those whose time has come. Few timers share a thread, so they are simply gone through.
fn wake_due() {
    let now = Instant::now();
    let due: Vec<Waker> = TIMERS.with_borrow_mut(|timers| {
        let due = timers.extract_if(.., |_, (at, _)| *at <= now);
        due.map(|(_, (_, waker))| waker).collect()
    });
    due.into_iter().for_each(Waker::wake);
}

/// A timer of the thread on which it is polled.
#[derive(Debug)]
pub(super) struct ThreadTimer {
    id: u64,
    at: Option<Instant>,
}

impl Default for ThreadTimer {
    fn default() -> Self {
        static IDS: AtomicU64 = AtomicU64::new(0);
        let id = IDS.fetch_add(1, Ordering::Relaxed);
        Self { id, at: None }
    }
}

impl Timer for ThreadTimer {
    fn set(&mut self, at: Instant) {
        self.at = Some(at);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        let Some(at) = self.at else { return Poll::Pending };
        if at <= Instant::now() {
            return Poll::Ready(());
        }
        TIMERS.with_borrow_mut(|timers| timers.insert(self.id, (at, cx.waker().clone())));
        Poll::Pending
    }
}

impl Drop for ThreadTimer {
    fn drop(&mut self) {
        // On another thread, or on one that ends, the entry goes with the thread or when it is due.
        let _ = TIMERS.try_with(|timers| timers.borrow_mut().remove(&self.id));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::future::poll_fn;
    use std::time::Duration;

    #[test]
    fn a_future_is_woken_by_another_thread_and_by_its_timer() {
        let (sender, receiver) = futures_channel::oneshot::channel();
        thread::spawn(move || sender.send(7));
        assert_eq!(block_on(receiver), Ok(7));
        let mut timer = ThreadTimer::default();
        let at = Instant::now() + Duration::from_millis(5);
        timer.set(at);
        block_on(poll_fn(|cx| timer.poll(cx)));
        assert!(Instant::now() >= at);
        drop(timer);
        assert_eq!(next_deadline(), None);
    }

    #[test]
    fn a_future_that_blocks_in_a_poll_takes_nobodys_notice() {
        let (sender, receiver) = futures_channel::oneshot::channel();
        let mut polls = 0;
        let outer = poll_fn(|cx| {
            polls += 1;
            if polls == 1 {
                // The notice comes while another future parks this thread.
                cx.waker().wake_by_ref();
                let mut timer = ThreadTimer::default();
                timer.set(Instant::now() + Duration::from_millis(5));
                block_on(poll_fn(|cx| timer.poll(cx)));
                return Poll::Pending;
            }
            Poll::Ready(())
        });
        thread::scope(|scope| {
            scope.spawn(|| {
                block_on(outer);
                sender.send(()).unwrap();
            });
            assert_eq!(block_on(receiver), Ok(()));
        });
    }
}
