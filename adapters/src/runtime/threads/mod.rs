//! The runtime of threads and blocking sockets.
//!
//! A task has a thread, which sleeps while its future waits. A socket has two more: one blocks in reading, the other in
//! writing, and each is joined to the task by a bounded pipe.

mod executor;
mod listener;
mod pipe;
mod socket;

pub use executor::block_on;

use super::dial::known;
use super::{Listener, Pending, Runtime, Socket, Timer};
use executor::ThreadTimer;
use futures_channel::oneshot;
use listener::ThreadListener;
use socket::ThreadSocket;
use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::thread;
use std::time::Duration;

/// How long the thread of an attempt to connect lives at most, also if nobody waits for it any more: as long as a client
/// waits at most by default.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);

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

    fn resolve(&self, host: String, port: u16) -> Pending<'static, io::Result<Vec<SocketAddr>>> {
        let look_up = move || Ok(known((host, port).to_socket_addrs()?));
        Box::pin(on_thread("driftless-resolve", look_up))
    }

    fn connect(&self, address: SocketAddr) -> Pending<'static, io::Result<Box<dyn Socket>>> {
        Box::pin(async move {
            let connect = move || TcpStream::connect_timeout(&address, CONNECT_TIMEOUT);
            let socket = on_thread("driftless-connect", connect).await?;
            socket.set_nodelay(true)?;
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
