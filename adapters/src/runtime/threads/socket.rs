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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::block_on;
    use futures_util::{AsyncReadExt, AsyncWriteExt, FutureExt};
    use std::net::TcpListener;
    use std::sync::Weak;

    /// Far more than pipes and the operating system hold.
    const MANY: usize = 32 << 20;

    /// A socket and its peer.
    fn pair() -> (ThreadSocket, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let peer = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        (ThreadSocket::new(listener.accept().unwrap().0).unwrap(), peer)
    }

    fn until(mut is: impl FnMut() -> bool) {
        while !is() {
            thread::yield_now();
        }
    }

    fn pattern(at: usize) -> u8 {
        u8::try_from(at % 251).unwrap()
    }

    #[test]
    fn a_peer_that_is_not_read_cannot_send_for_ever() {
        let (mut socket, mut peer) = pair();
        let all: Vec<u8> = (0..MANY).map(pattern).collect();
        thread::scope(|scope| {
            let sending = scope.spawn(|| {
                peer.write_all(&all).unwrap();
                peer.shutdown(Shutdown::Write).unwrap();
            });
            until(|| socket.received.held().1);
            assert!(!sending.is_finished(), "the rest waits with the peer");
            let (mut got, mut buffer) = (0, vec![0; 100_000]);
            loop {
                assert!(socket.received.held().0 < (64 << 10) + READ_BYTES);
                let bytes = block_on(socket.read(&mut buffer)).unwrap();
                assert_eq!(buffer[..bytes], all[got..got + bytes]);
                got += bytes;
                if bytes == 0 {
                    break;
                }
            }
            assert_eq!(got, MANY);
        });
    }

    #[test]
    fn a_peer_that_does_not_read_holds_the_task() {
        let (mut socket, mut peer) = pair();
        let all: Vec<u8> = (0..MANY).map(pattern).collect();
        thread::scope(|scope| {
            let sending = scope.spawn(|| {
                block_on(socket.write_all(&all)).unwrap();
                block_on(socket.close()).unwrap();
                // Closing ends one direction only.
                let mut answer = String::new();
                block_on(socket.read_to_string(&mut answer)).unwrap();
                answer
            });
            let mut first = [0; 1];
            peer.read_exact(&mut first).unwrap();
            assert!(!sending.is_finished(), "the rest waits with the task");
            let mut rest = Vec::new();
            peer.read_to_end(&mut rest).unwrap();
            assert_eq!((first[0], &rest[..]), (all[0], &all[1..]));
            peer.write_all(b"thanks").unwrap();
            drop(peer);
            assert_eq!(sending.join().unwrap(), "thanks");
        });
    }

    #[test]
    fn what_is_flushed_is_with_the_operating_system() {
        let (mut socket, mut peer) = pair();
        peer.set_nonblocking(false).unwrap();
        block_on(async {
            socket.write_all(b"frame").await.unwrap();
            socket.flush().await.unwrap();
        });
        assert_eq!(socket.sent.held().0, 0);
        let mut got = [0; 5];
        peer.read_exact(&mut got).unwrap();
        assert_eq!(&got, b"frame");
    }

    #[test]
    fn the_end_and_a_broken_connection_are_told() {
        let (mut socket, peer) = pair();
        let mut buffer = [0; 10];
        assert!(socket.read(&mut buffer).now_or_never().is_none());
        drop(peer);
        assert_eq!(block_on(socket.read(&mut buffer)).unwrap(), 0);
        // The peer answers what nobody reads with a reset.
        let broken = loop {
            if let Err(error) = block_on(socket.write_all(&[0; 1_000])) {
                break error;
            }
        };
        let kinds = [io::ErrorKind::BrokenPipe, io::ErrorKind::ConnectionReset];
        assert!(kinds.contains(&broken.kind()), "{broken:?}");
        assert!(block_on(socket.flush()).is_err());
    }

    #[test]
    fn both_threads_end_with_the_socket_also_while_they_block() {
        for full in [false, true] {
            let (mut socket, mut peer) = pair();
            let much = vec![0; 100_000];
            if full {
                // One thread waits for the task to read, the other for the peer.
                peer.set_nonblocking(true).unwrap();
                until(|| peer.write(&much).is_err() && socket.received.held().1);
                while socket.write(&much).now_or_never().is_some() || !socket.sent.held().1 {
                    thread::yield_now();
                }
            }
            let pipes: [Weak<Pipe>; 2] = [Arc::downgrade(&socket.received), Arc::downgrade(&socket.sent)];
            assert!(pipes.iter().all(|pipe| pipe.strong_count() == 2), "one with the thread");
            drop(socket);
            until(|| pipes.iter().all(|pipe| pipe.strong_count() == 0));
        }
    }
}
