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
    /// Holds the socket, and with it the port, until it ends.
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

/// The thread blocks in accepting until one more connection comes. It is waited for, so that the port is free afterwards.
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
        if TcpStream::connect_timeout(&address, LAST_TIMEOUT).is_ok()
            && let Some(thread) = self.thread.take()
        {
            // A panic has been told already.
            let _ = thread.join();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::block_on;
    use futures_util::{AsyncReadExt, FutureExt};
    use std::io::Write;

    fn local() -> ThreadListener {
        ThreadListener::bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap()
    }

    #[test]
    fn connections_are_accepted_in_order_and_few_of_them_ahead() {
        let mut listener = local();
        assert!(listener.accept().now_or_never().is_none());
        let mut peers: Vec<TcpStream> = Vec::new();
        for number in 0..5 {
            let mut peer = TcpStream::connect(listener.address).unwrap();
            peer.write_all(&[number]).unwrap();
            peers.push(peer);
        }
        for (number, peer) in (0..).zip(&peers) {
            assert!(listener.accepted.len() <= 1);
            let (mut socket, from) = block_on(listener.accept()).unwrap();
            assert_eq!(from, peer.local_addr().unwrap());
            let mut first = [0; 1];
            block_on(socket.read_exact(&mut first)).unwrap();
            assert_eq!(first, [number]);
        }
    }

    #[test]
    fn an_address_that_is_taken_is_refused() {
        let listener = local();
        let second = ThreadListener::bind(listener.address);
        assert_eq!(second.err().unwrap().kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn a_listener_that_is_dropped_leaves_its_port_to_the_next() {
        for waiting in 0..50 {
            let any = if waiting % 2 == 0 {
                Ipv4Addr::LOCALHOST
            } else {
                Ipv4Addr::UNSPECIFIED
            };
            let listener = ThreadListener::bind((any, 0).into()).unwrap();
            let port = listener.address.port();
            // Accepted and not taken, or with the operating system.
            let peers: Vec<_> = (0..waiting % 5)
                .map(|_| TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap())
                .collect();
            let address = listener.address;
            drop(listener);
            drop(ThreadListener::bind(address).unwrap());
            drop(peers);
        }
    }
}
