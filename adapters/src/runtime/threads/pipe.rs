//! A bounded pipe of bytes between a thread that blocks and a task that does not.

use bytes::{Buf, BytesMut};
use std::io;
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};

/// Bytes that a pipe holds.
const CAPACITY: usize = 64 << 10;

/// A bounded pipe of bytes between a thread that blocks and a task that does not. Either writes, the other reads.
#[derive(Debug, Default)]
pub(super) struct Pipe {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    bytes: BytesMut,
    /// Bytes that the thread has taken and not dealt with yet.
    taken: usize,
    /// Whether the writing side has ended.
    ended: bool,
    /// Why the thread has given up.
    failure: Option<io::Error>,
    /// Whether the task is gone.
    dropped: bool,
    /// Whether the thread is done.
    finished: bool,
    waker: Option<Waker>,
}

impl State {
    fn is_full(&self) -> bool {
        self.bytes.len() + self.taken >= CAPACITY
    }

    fn fail(&mut self) -> Option<io::Error> {
        let kind = self.failure.as_ref()?.kind();
        // The first to ask hears everything, later ones what kind it was.
        self.failure.replace(kind.into())
    }
}

impl Pipe {
    // Nothing in here panics between two states that belong together.
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait<'a>(&self, state: MutexGuard<'a, State>) -> MutexGuard<'a, State> {
        self.changed.wait(state).unwrap_or_else(PoisonError::into_inner)
    }

    fn wake(mut state: MutexGuard<'_, State>) {
        let waker = state.waker.take();
        drop(state);
        if let Some(waker) = waker {
            waker.wake();
        }
    }

    /// The thread gives bytes to the task, once there is room. False: the task is gone.
    pub(super) fn give(&self, bytes: &[u8]) -> bool {
        let mut state = self.lock();
        while state.is_full() && !state.dropped {
            state = self.wait(state);
        }
        let goes_on = !state.dropped;
        state.bytes.extend_from_slice(bytes);
        Self::wake(state);
        goes_on
    }

    /// The thread takes what the task has written, once there is something, and reports the last as dealt with. `None`:
    /// nothing follows.
    pub(super) fn take(&self) -> Option<BytesMut> {
        let mut state = self.lock();
        if std::mem::take(&mut state.taken) > 0 {
            Self::wake(state);
            state = self.lock();
        }
        while state.bytes.is_empty() && !state.ended && !state.dropped {
            state = self.wait(state);
        }
        let taken = state.bytes.split();
        state.taken = taken.len();
        (!taken.is_empty()).then_some(taken)
    }

    /// The thread ends.
    pub(super) fn finish(&self, failure: Option<io::Error>) {
        let mut state = self.lock();
        state.failure = failure;
        state.ended = true;
        state.finished = true;
        state.taken = 0;
        Self::wake(state);
    }

    /// The task reads. Zero bytes: nothing follows.
    pub(super) fn poll_read(&self, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut state = self.lock();
        if state.bytes.is_empty() {
            if let Some(failure) = state.fail() {
                return Poll::Ready(Err(failure));
            }
            if state.ended {
                return Poll::Ready(Ok(0));
            }
            state.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let read = buffer.len().min(state.bytes.len());
        state.bytes.copy_to_slice(&mut buffer[..read]);
        drop(state);
        self.changed.notify_one();
        Poll::Ready(Ok(read))
    }

    /// The task writes, as much as there is room for.
    pub(super) fn poll_write(&self, cx: &mut Context<'_>, slices: &[io::IoSlice<'_>]) -> Poll<io::Result<usize>> {
        let mut state = self.lock();
        if let Some(failure) = state.fail() {
            return Poll::Ready(Err(failure));
        }
        if state.ended {
            return Poll::Ready(Err(io::ErrorKind::BrokenPipe.into()));
        }
        if state.is_full() {
            state.waker = Some(cx.waker().clone());
            return Poll::Pending;
        }
        let mut written = 0;
        for slice in slices {
            let room = CAPACITY.saturating_sub(state.bytes.len() + state.taken);
            let part = &slice[..slice.len().min(room)];
            state.bytes.extend_from_slice(part);
            written += part.len();
        }
        drop(state);
        self.changed.notify_one();
        Poll::Ready(Ok(written))
    }

    /// Ready once the thread has dealt with everything; with `end`, once it is done as well.
    pub(super) fn poll_drained(&self, cx: &mut Context<'_>, end: bool) -> Poll<io::Result<()>> {
        let mut state = self.lock();
        if let Some(failure) = state.fail() {
            return Poll::Ready(Err(failure));
        }
        if end && !state.ended {
            state.ended = true;
            self.changed.notify_one();
        }
        let drained = state.bytes.is_empty() && state.taken == 0;
        if state.finished || (drained && !end) {
            return Poll::Ready(Ok(()));
        }
        state.waker = Some(cx.waker().clone());
        Poll::Pending
    }

    /// The task is gone: the thread is to end.
    pub(super) fn abandon(&self) {
        let mut state = self.lock();
        state.dropped = true;
        state.bytes.clear();
        state.waker = None;
        drop(state);
        self.changed.notify_one();
    }
}
