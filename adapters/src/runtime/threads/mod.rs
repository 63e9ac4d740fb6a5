//! The runtime of threads and blocking sockets.
//!
//! A task has a thread, which sleeps while its future waits. A socket has two more: one blocks in reading, the other in
//! writing, and each is joined to the task by a bounded pipe.

mod executor;
mod listener;
mod pipe;
mod socket;

pub use executor::block_on;

use super::{Listener, Pending, Runtime, Socket, Timer};
use executor::ThreadTimer;
use futures_channel::oneshot;
use listener::ThreadListener;
use socket::ThreadSocket;
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::thread;
use std::time::Duration;

/// How long the thread of an attempt to connect lives at most, also if nobody waits for it any more.
const CONNECT_TIMEOUT: Duration = Duration::from_mins(2);

/// Threads and blocking sockets.
#[derive(Clone, Copy, Debug, Default)]
pub struct Threads;

impl Runtime for Threads {
    fn spawn(&self, name: &'static str, task: Pending<'static, ()>) -> io::Result<()> {
        thread::Builder::new()
            .name(name.to_owned())
            .spawn(move || block_on(task))
            .map(drop)
    }

    fn timer(&self) -> Box<dyn Timer> {
        Box::new(ThreadTimer::default())
    }

    fn connect(&self, host: String, port: u16) -> Pending<'static, io::Result<Box<dyn Socket>>> {
        Box::pin(async move {
            let socket = on_thread("driftless-connect", move || connect(&host, port)).await?;
            Ok(Box::new(ThreadSocket::new(socket)?) as Box<dyn Socket>)
        })
    }

    fn listen(&self, address: SocketAddr) -> Pending<'static, io::Result<Box<dyn Listener>>> {
        Box::pin(async move {
            let listener = ThreadListener::bind(address)?;
            Ok(Box::new(listener) as Box<dyn Listener>)
        })
    }
}

fn connect(host: &str, port: u16) -> io::Result<TcpStream> {
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in (host, port).to_socket_addrs()? {
        match TcpStream::connect_timeout(&address, CONNECT_TIMEOUT) {
            Ok(socket) => {
                socket.set_nodelay(true)?;
                return Ok(socket);
            }
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// Does something that blocks on a thread of its own.
async fn on_thread<T: Send + 'static>(
    name: &'static str,
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    let (sender, receiver) = oneshot::channel();
    thread::Builder::new().name(name.to_owned()).spawn(move || {
        // Nobody waits any more if the attempt was given up.
        let _ = sender.send(work());
    })?;
    let gone = |_| io::Error::other("the thread has ended without an answer");
    receiver.await.map_err(gone)?
}
