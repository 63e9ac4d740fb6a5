//! A blocking socket that a task can wait for.

use super::pipe::Pipe;
use crate::runtime::Socket;
use futures_io::{AsyncRead, AsyncWrite};
use std::io::{self, IoSlice, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::thread;

/// Bytes read at a time.
const READ_BYTES: usize = 16 << 10;

/// The stack of a thread that does nothing but read or write: a buffer of [`READ_BYTES`] and a few calls.
const STACK_BYTES: usize = 128 << 10;

/// A blocking socket whose two threads block in place of the task.
#[derive(Debug)]
pub(super) struct ThreadSocket {
    socket: Arc<TcpStream>,
    received: Arc<Pipe>,
    sent: Arc<Pipe>,
}

impl ThreadSocket {
    pub(super) fn new(socket: TcpStream) -> io::Result<Self> {
        let socket = Arc::new(socket);
        let (received, sent) = (Arc::<Pipe>::default(), Arc::<Pipe>::default());
        let made = Self {
            socket: socket.clone(),
            received: received.clone(),
            sent: sent.clone(),
        };
        let reader = socket.clone();
        // If the second thread cannot be made, dropping `made` ends the first.
        start("driftless-read", move || read(&reader, &received))?;
        start("driftless-write", move || write(&socket, &sent))?;
        Ok(made)
    }
}

fn start(name: &str, run: impl FnOnce() + Send + 'static) -> io::Result<()> {
    let thread = thread::Builder::new().name(name.to_owned()).stack_size(STACK_BYTES);
    thread.spawn(run).map(drop)
}

fn read(mut socket: &TcpStream, received: &Pipe) {
    let mut buffer = vec![0; READ_BYTES];
    let failure = loop {
        match socket.read(&mut buffer) {
            Ok(0) => break None,
            Ok(bytes) if received.give(&buffer[..bytes]) => {}
            Ok(_) => break None,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => break Some(error),
        }
    };
    received.finish(failure);
}

fn write(mut socket: &TcpStream, sent: &Pipe) {
    while let Some(bytes) = sent.take() {
        if let Err(error) = socket.write_all(&bytes) {
            return sent.finish(Some(error));
        }
    }
    // The peer may have hung up already.
    let _ = socket.shutdown(Shutdown::Write);
    sent.finish(None);
}

impl Socket for ThreadSocket {
    fn is_vectored(&self) -> bool {
        true
    }
}

impl AsyncRead for ThreadSocket {
    fn poll_read(self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        self.received.poll_read(cx, buffer)
    }
}

impl AsyncWrite for ThreadSocket {
    fn poll_write(self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.sent.poll_write(cx, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        self.sent.poll_write(cx, slices)
    }

    fn poll_flush(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.sent.poll_drained(cx, false)
    }

    fn poll_close(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        self.sent.poll_drained(cx, true)
    }
}

/// Both threads end: the socket that they block in is shut down.
impl Drop for ThreadSocket {
    fn drop(&mut self) {
        self.received.abandon();
        self.sent.abandon();
        // The peer may have hung up already.
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}
