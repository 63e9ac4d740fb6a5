//! A listening socket whose thread blocks in accepting.

use super::socket::ThreadSocket;
use crate::runtime::{Listener, Pending, Socket};
use async_channel::{Receiver, Sender};
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

/// How long the last connection, which ends the thread, may take.
const LAST_TIMEOUT: Duration = Duration::from_secs(1);

type Accepted = io::Result<(TcpStream, SocketAddr)>;

/// A listening socket whose thread blocks in accepting.
pub(super) struct ThreadListener {
    address: SocketAddr,
    accepted: Receiver<Accepted>,
    thread: Option<JoinHandle<()>>,
}

impl ThreadListener {
    pub(super) fn bind(address: SocketAddr) -> io::Result<Self> {
        let listener = TcpListener::bind(address)?;
        let address = listener.local_addr()?;
        // One that is accepted and not taken yet; the others wait with the operating system.
        let (sender, accepted) = async_channel::bounded(1);
        let thread = thread::Builder::new().name("driftless-accept".to_owned());
        let thread = Some(thread.spawn(move || accept(&listener, &sender))?);
        Ok(Self {
            address,
            accepted,
            thread,
        })
    }
}

fn accept(listener: &TcpListener, accepted: &Sender<Accepted>) {
    while !accepted.is_closed() {
        if accepted.send_blocking(listener.accept()).is_err() {
            return;
        }
    }
}

impl Listener for ThreadListener {
    fn address(&self) -> io::Result<SocketAddr> {
        Ok(self.address)
    }

    fn accept(&mut self) -> Pending<'_, io::Result<(Box<dyn Socket>, SocketAddr)>> {
        Box::pin(async {
            let gone = |_| io::Error::other("the accepting thread has ended");
            let (socket, peer) = self.accepted.recv().await.map_err(gone)??;
            socket.set_nodelay(true)?;
            Ok((Box::new(ThreadSocket::new(socket)?) as Box<dyn Socket>, peer))
        })
    }
}

/// The thread blocks in accepting until one more connection comes. The address is free when this returns.
impl Drop for ThreadListener {
    fn drop(&mut self) {
        self.accepted.close();
        let mut address = self.address;
        if address.ip().is_unspecified() {
            address.set_ip(match address.ip() {
                IpAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
                IpAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
            });
        }
        // If it fails, the thread ends with the next stranger.
        let last = TcpStream::connect_timeout(&address, LAST_TIMEOUT);
        if let (Ok(_), Some(thread)) = (last, self.thread.take()) {
            // Nothing in it panics, and who drops this could do nothing about it.
            let _ = thread.join();
        }
    }
}
