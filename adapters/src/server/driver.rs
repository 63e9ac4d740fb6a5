//! Gives the hub and each connection their turns.

use super::connection::Connection;
use super::embedded::Served;
use super::host::{Host, HubMail};
use super::hub_host::HubHost;
use crate::runtime::{Alarm, Runtime, Socket, within};
use crate::watched::Watched;
use std::future::poll_fn;
use std::io::{self, IoSlice, Read, Write};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// How long a socket may take to shut down after its last byte.
const SHUTDOWN_TIMEOUT: Duration = Duration::from_secs(1);

/// Rounds of a connection that always has something to do before others get a turn.
const ROUNDS_A_TURN: usize = 32;

/// Gives the hub its turns until the server is dropped.
/// `failed` hears of a hub that panics: nobody would answer the connections any more.
pub(super) async fn run_hub(mut hub: HubHost, host: Arc<Host>, runtime: Arc<dyn Runtime>, failed: Arc<Watched<bool>>) {
    let _guard = Guard {
        host: host.clone(),
        failed,
    };
    let mut alarm = Alarm::new(&*runtime, host.clock);
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
        yield_now().await;
    }
}

/// Lets others have a turn.
async fn yield_now() {
    let mut yielded = false;
    poll_fn(|cx| {
        if std::mem::replace(&mut yielded, true) {
            return Poll::Ready(());
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
}

/// Gives a connection its turns until it is over, then shuts its socket down.
pub(super) async fn run_connection(
    mut connection: Box<Connection>,
    mut io: Box<dyn Socket>,
    runtime: Arc<dyn Runtime>,
    failed: Arc<Watched<bool>>,
    served: Served,
) {
    let mut alarm = Alarm::new(&*runtime, connection.clock());
    let mut half_closed = false;
    let mut failing = pin!(failed.wait_until(|failed| *failed));
    poll_fn(|cx| {
        // Without a hub nothing is answered: the peer finds another server, or this one once it runs again.
        if failing.as_mut().poll(cx).is_ready() {
            return Poll::Ready(());
        }
        for _ in 0..ROUNDS_A_TURN {
            let progress = round(&mut connection, &mut *io, &mut alarm, cx);
            if connection.is_gone() {
                return Poll::Ready(());
            }
            if connection.wants_half_close() && !half_closed {
                half_closed = Pin::new(&mut *io).poll_close(cx).is_ready();
            }
            if !progress {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    })
    .await;
    drop(connection);
    // What a socket that is gone says about being shut down is of no use to anybody.
    let _ = within(
        &*runtime,
        SHUTDOWN_TIMEOUT,
        poll_fn(|cx| Pin::new(&mut *io).poll_close(cx)),
    )
    .await;
    drop(served);
}

/// One round of everything that a connection may have to do. Says whether there was anything.
fn round(connection: &mut Connection, io: &mut dyn Socket, alarm: &mut Alarm, cx: &mut Context<'_>) -> bool {
    let vectored = io.is_vectored();
    let mut progress = connection.take_mail(cx);
    progress |= connection.read(&mut Turn { io, cx });
    if alarm.poll_due(cx, connection.next_wake()) {
        connection.tick();
        progress = true;
    }
    progress |= connection.write(&mut Turn { io, cx }, vectored);
    // What TLS still holds goes out as soon as the socket takes it; the next write tells of a failure.
    let _ = Pin::new(io).poll_flush(cx);
    progress
}

/// Tells of a panic of the hub.
struct Guard {
    host: Arc<Host>,
    failed: Arc<Watched<bool>>,
}

impl Drop for Guard {
    fn drop(&mut self) {
        if std::thread::panicking() {
            // Nobody reads it any more.
            self.host.hub.close();
            self.failed.update(|failed| *failed = true);
        }
    }
}

/// A socket within one poll of a task: what it cannot do now is `WouldBlock`, and the task is woken when it can.
struct Turn<'a, 'cx> {
    io: &'a mut dyn Socket,
    cx: &'a mut Context<'cx>,
}

impl Read for Turn<'_, '_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        or_would_block(Pin::new(&mut *self.io).poll_read(self.cx, buffer))
    }
}

impl Write for Turn<'_, '_> {
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
