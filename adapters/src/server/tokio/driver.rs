//! Gives the hub and each connection their turns on tokio.

use super::Served;
use crate::server::clock::Clock;
use crate::server::connection::Connection;
use crate::server::host::{Host, HubMail};
use crate::server::hub_host::HubHost;
use driftless_core::Instant;
use std::future::poll_fn;
use std::io::{self, IoSlice, Read, Write};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::sync::watch;
use tokio::time::{Sleep, sleep, timeout};

/// How long a socket may take to shut down after its last byte.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

/// Gives the hub its turns until the server is dropped.
/// `failure` hears of a hub that panics: nobody would answer the connections any more.
pub(super) async fn run_hub(mut hub: HubHost, host: Arc<Host>, failure: watch::Sender<bool>) {
    let _guard = Guard(failure);
    let sleep = pin!(sleep(Duration::ZERO));
    let mut alarm = Alarm::new(host.clock, sleep);
    let mut mail: Vec<HubMail> = Vec::new();
    loop {
        let due = poll_fn(|cx| {
            let due = alarm.poll_due(cx, hub.next_wake());
            match host.hub.poll_take(cx, &mut mail) {
                Poll::Pending if !due => Poll::Pending,
                _ => Poll::Ready(due),
            }
        })
        .await;
        if due {
            hub.tick();
        }
        if !hub.take(&mut mail) {
            // Connections that outlive the server close by themselves; nothing is kept for a hub that is gone.
            host.hub.close();
            return;
        }
        // A hub that always has mail must not keep its thread from the connections.
        tokio::task::yield_now().await;
    }
}

/// Gives a connection its turns until it is over, then shuts its socket down.
pub(super) async fn run_connection<T>(mut connection: Box<Connection>, mut io: T, served: Served)
where
    T: AsyncRead + AsyncWrite + Unpin,
{
    let sleep = pin!(sleep(Duration::ZERO));
    let mut alarm = Alarm::new(connection.clock(), sleep);
    let vectored = io.is_write_vectored();
    let mut half_closed = false;
    poll_fn(|cx| {
        loop {
            let mut progress = connection.take_mail(cx);
            progress |= connection.read(&mut Turn { io: &mut io, cx });
            if alarm.poll_due(cx, connection.next_wake()) {
                connection.tick();
                progress = true;
            }
            progress |= connection.write(&mut Turn { io: &mut io, cx }, vectored);
            if connection.is_gone() {
                return Poll::Ready(());
            }
            if connection.wants_half_close() && !half_closed {
                half_closed = Pin::new(&mut io).poll_shutdown(cx).is_ready();
            }
            if !progress {
                return Poll::Pending;
            }
        }
    })
    .await;
    drop((connection, served));
    // What a socket that is gone says about being shut down is of no use to anybody.
    let _ = timeout(SHUTDOWN_TIMEOUT, poll_fn(|cx| Pin::new(&mut io).poll_shutdown(cx))).await;
}

/// Tells of a panic on its thread.
struct Guard(watch::Sender<bool>);

impl Drop for Guard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.send_replace(true);
        }
    }
}

/// One timer for one machine. It is set anew only for an earlier deadline: waking a machine too early is harmless, and
/// most deadlines are pushed back long before they are due.
struct Alarm<'a> {
    clock: Clock,
    set_for: Instant,
    sleep: Pin<&'a mut Sleep>,
}

impl<'a> Alarm<'a> {
    /// An alarm on a timer that is not set yet.
    fn new(clock: Clock, sleep: Pin<&'a mut Sleep>) -> Self {
        let set_for = Instant::from_micros(u64::MAX);
        Self { clock, set_for, sleep }
    }

    /// Whether `wake` has come; otherwise the task is woken when it has.
    fn poll_due(&mut self, cx: &mut Context<'_>, wake: Option<Instant>) -> bool {
        let Some(wake) = wake else { return false };
        if wake <= self.clock.now() {
            return true;
        }
        if wake < self.set_for {
            self.set(wake);
        }
        while self.sleep.as_mut().poll(cx).is_ready() {
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
        // The timer's clock may run a little behind; a millisecond, its resolution, is added by itself.
        self.sleep.as_mut().reset(self.clock.std(at).into());
    }
}

/// A socket within one poll of a task: what it cannot do now is `WouldBlock`, and the task is woken when it can.
struct Turn<'a, 'cx, T> {
    io: &'a mut T,
    cx: &'a mut Context<'cx>,
}

impl<T: AsyncRead + Unpin> Read for Turn<'_, '_, T> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let mut buffer = ReadBuf::new(buffer);
        match Pin::new(&mut *self.io).poll_read(self.cx, &mut buffer) {
            Poll::Ready(result) => result.map(|()| buffer.filled().len()),
            Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
        }
    }
}

impl<T: AsyncWrite + Unpin> Write for Turn<'_, '_, T> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        or_would_block(Pin::new(&mut *self.io).poll_write(self.cx, bytes))
    }

    fn write_vectored(&mut self, slices: &[IoSlice<'_>]) -> io::Result<usize> {
        or_would_block(Pin::new(&mut *self.io).poll_write_vectored(self.cx, slices))
    }

    fn flush(&mut self) -> io::Result<()> {
        or_would_block(Pin::new(&mut *self.io).poll_flush(self.cx))
    }
}

fn or_would_block<T>(poll: Poll<io::Result<T>>) -> io::Result<T> {
    match poll {
        Poll::Ready(result) => result,
        Poll::Pending => Err(io::ErrorKind::WouldBlock.into()),
    }
}
