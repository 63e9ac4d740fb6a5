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
    /// How many bytes it holds, and whether that is all that it can.
    #[cfg(test)]
    pub(super) fn held(&self) -> (usize, bool) {
        let state = self.lock();
        (state.bytes.len() + state.taken, state.is_full())
    }

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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::block_on;
    use futures_util::FutureExt;
    use std::future::poll_fn;
    use std::io::{ErrorKind, IoSlice};
    use std::sync::Arc;
    use std::thread;

    /// What a thread gives at a time.
    const CHUNK: usize = 10_000;

    async fn read(pipe: &Pipe, buffer: &mut [u8]) -> io::Result<usize> {
        poll_fn(|cx| pipe.poll_read(cx, buffer)).await
    }

    async fn write(pipe: &Pipe, bytes: &[u8]) -> io::Result<usize> {
        // In two slices, as frames come.
        let (first, second) = bytes.split_at(bytes.len() / 2);
        poll_fn(|cx| pipe.poll_write(cx, &[IoSlice::new(first), IoSlice::new(second)])).await
    }

    async fn drained(pipe: &Pipe, end: bool) -> io::Result<()> {
        poll_fn(|cx| pipe.poll_drained(cx, end)).await
    }

    fn pattern(bytes: usize) -> Vec<u8> {
        (0..bytes).map(|at| u8::try_from(at % 251).unwrap()).collect()
    }

    /// Waits for another thread; the test's own deadline is the harness's.
    fn until(is: impl Fn() -> bool) {
        while !is() {
            thread::yield_now();
        }
    }

    #[test]
    fn a_thread_that_gives_waits_until_the_task_has_read() {
        let pipe = Arc::<Pipe>::default();
        let (all, theirs) = (pattern(40 * CHUNK), pipe.clone());
        let copy = all.clone();
        let thread = thread::spawn(move || {
            assert!(copy.chunks(CHUNK).all(|chunk| theirs.give(chunk)));
            theirs.finish(None);
        });
        let (mut got, mut buffer): (Vec<u8>, _) = (Vec::new(), vec![0; 7_777]);
        while got.len() < all.len() {
            until(|| {
                let state = pipe.lock();
                state.is_full() || state.ended
            });
            // Full, and not by more than what was given last.
            assert!(pipe.lock().bytes.len() < CAPACITY + CHUNK);
            let bytes = block_on(read(&pipe, &mut buffer)).unwrap();
            got.extend(&buffer[..bytes]);
        }
        assert_eq!(got, all);
        assert_eq!(block_on(read(&pipe, &mut buffer)).unwrap(), 0, "the end");
        thread.join().unwrap();
    }

    #[test]
    fn a_task_that_writes_waits_until_the_thread_has_dealt_with_it() {
        let pipe = Pipe::default();
        let all = pattern(CAPACITY + 1);
        assert_eq!(write(&pipe, &all).now_or_never().unwrap().unwrap(), CAPACITY);
        assert!(write(&pipe, &all[CAPACITY..]).now_or_never().is_none(), "it is full");
        assert_eq!(pipe.take().unwrap(), &all[..CAPACITY]);
        // Taken, and for all that is known not on its way.
        assert!(write(&pipe, &all[CAPACITY..]).now_or_never().is_none());
        assert!(drained(&pipe, false).now_or_never().is_none());
        thread::scope(|scope| {
            let writing = scope.spawn(|| block_on(write(&pipe, &all[CAPACITY..])));
            let taken = pipe.take().expect("who comes for more has dealt with the last");
            assert_eq!((&taken[..], writing.join().unwrap().unwrap()), (&all[CAPACITY..], 1));
            let closing = scope.spawn(|| {
                block_on(drained(&pipe, false)).unwrap();
                block_on(drained(&pipe, true)).unwrap();
            });
            assert_eq!(pipe.take(), None, "nothing follows");
            pipe.finish(None);
            closing.join().unwrap();
        });
        let error = write(&pipe, b"late").now_or_never().unwrap().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::BrokenPipe);
    }

    #[test]
    fn a_failure_is_told_behind_what_came_before_it() {
        let pipe = Pipe::default();
        assert!(pipe.give(b"last words"));
        pipe.finish(Some(io::Error::new(ErrorKind::ConnectionReset, "the peer has crashed")));
        let mut buffer = [0; 100];
        assert_eq!(read(&pipe, &mut buffer).now_or_never().unwrap().unwrap(), 10);
        let first = read(&pipe, &mut buffer).now_or_never().unwrap().unwrap_err();
        assert_eq!(first.to_string(), "the peer has crashed");
        let later = [
            read(&pipe, &mut buffer).now_or_never().unwrap().unwrap_err(),
            write(&pipe, b"more").now_or_never().unwrap().unwrap_err(),
            drained(&pipe, false).now_or_never().unwrap().unwrap_err(),
            drained(&pipe, true).now_or_never().unwrap().unwrap_err(),
        ];
        assert!(later.iter().all(|error| error.kind() == ErrorKind::ConnectionReset));
    }

    #[test]
    fn a_task_that_waits_is_woken_by_the_end() {
        for failure in [None, Some(ErrorKind::TimedOut.into())] {
            let fails = failure.is_some();
            let (reading, writing) = (Pipe::default(), Pipe::default());
            block_on(write(&writing, &pattern(CAPACITY))).unwrap();
            thread::scope(|scope| {
                let reader = scope.spawn(|| block_on(read(&reading, &mut [0; 1])));
                let writer = scope.spawn(|| block_on(write(&writing, b"more")));
                until(|| reading.lock().waker.is_some() && writing.lock().waker.is_some());
                writing.finish(Some(ErrorKind::ConnectionReset.into()));
                reading.finish(failure);
                assert_eq!(reader.join().unwrap().is_err(), fails);
                assert_eq!(writer.join().unwrap().unwrap_err().kind(), ErrorKind::ConnectionReset);
            });
        }
    }

    #[test]
    fn a_thread_that_waits_ends_when_the_task_is_gone() {
        let (full, empty) = (Pipe::default(), Pipe::default());
        while !full.lock().is_full() {
            assert!(full.give(&[0; CHUNK]));
        }
        thread::scope(|scope| {
            let reader = scope.spawn(|| full.give(b"more"));
            let writer = scope.spawn(|| empty.take().is_some());
            full.abandon();
            empty.abandon();
            assert!(!reader.join().unwrap() && !writer.join().unwrap());
        });
    }
}
