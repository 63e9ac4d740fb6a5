//! A listening socket in front of a server.

use super::embedded::Server;
use super::handshake::handshake;
use crate::runtime::{Listener, Runtime, Socket, within};
#[cfg(feature = "tls")]
use crate::tls::Identity;
use crate::watched::Watched;
use std::future::poll_fn;
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

/// How long a peer may take for its handshakes, TLS and WebSocket.
const HANDSHAKE_TIMEOUT: Duration = Duration::from_secs(10);

/// How long the listening socket rests when the system has no resources for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Most connections at once unless the owner says otherwise.
const CONNECTIONS: usize = 10_000;

/// A server that listens for WebSocket connections on `/sync`, `/sync/NAMESPACE` and `/`.
#[derive(Debug)]
#[must_use = "connections wait until `run`"]
pub struct Listening {
    server: Server,
    listener: Box<dyn Listener>,
    max_connections: usize,
    pages: bool,
    #[cfg(feature = "tls")]
    identity: Option<Identity>,
}

/// What a connection takes with it.
struct Arrival {
    server: Server,
    pages: bool,
    #[cfg(feature = "tls")]
    identity: Option<Identity>,
    _counted: Counted,
}

/// Counts a connection as long as it lives.
struct Counted(Arc<Watched<usize>>);

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.update(|count| *count -= 1);
    }
}

impl Listening {
    /// Listens; connections wait until [`Self::run`]. Port 0 is any free one.
    pub async fn bind(server: Server, address: SocketAddr) -> io::Result<Self> {
        let listener = server.runtime().listen(address).await?;
        Ok(Self {
            server,
            listener,
            max_connections: CONNECTIONS,
            pages: false,
            #[cfg(feature = "tls")]
            identity: None,
        })
    }

    /// Speaks TLS: clients connect with `wss://`.
    #[cfg(feature = "tls")]
    pub fn tls(mut self, identity: Identity) -> Self {
        self.identity = Some(identity);
        self
    }

    /// Serves at most this many connections at once; more wait to be accepted. Default 10,000.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections.max(1);
        self
    }

    /// Lets web pages of any origin connect. Right where connections have to authenticate; without authentication any
    /// page that somebody on this network looks at could read and write everything. Default: no page may.
    pub fn allow_web_pages(mut self) -> Self {
        self.pages = true;
        self
    }

    /// The address that it listens on, with the real port.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.address()
    }

    /// Serves connections until `stop` ends; then accepts no more, has those that there are finish what is under way
    /// and close with 1012, and returns when all are gone.
    pub async fn run(mut self, stop: impl Future<Output = ()>) {
        let connections = Arc::new(Watched::new(0));
        {
            let mut accepting = pin!(self.accept(&connections));
            let mut stop = pin!(stop);
            poll_fn(|cx| {
                if stop.as_mut().poll(cx).is_ready() {
                    return Poll::Ready(());
                }
                accepting.as_mut().poll(cx)
            })
            .await;
        }
        let Self { server, listener, .. } = self;
        drop(listener);
        server.shutdown().await;
        connections.wait_until(|count| *count == 0).await;
    }

    async fn accept(&mut self, connections: &Arc<Watched<usize>>) {
        loop {
            connections.wait_until(|count| *count < self.max_connections).await;
            match self.listener.accept().await {
                Ok((socket, _)) => self.take(socket, connections),
                // Such an error is of one connection that was lost before it was accepted (accept(2)).
                Err(error) if is_of_the_peer(&error) => {}
                Err(_) => pause(&**self.server.runtime()).await,
            }
        }
    }

    fn take(&self, socket: Box<dyn Socket>, connections: &Arc<Watched<usize>>) {
        connections.update(|count| *count += 1);
        let arrival = Arrival {
            server: self.server.clone(),
            pages: self.pages,
            #[cfg(feature = "tls")]
            identity: self.identity.clone(),
            _counted: Counted(connections.clone()),
        };
        // A system without a thread for it drops the connection, and with it its place.
        let _ = self
            .server
            .runtime()
            .spawn("driftless-connection", Box::pin(arrival.serve(socket)));
    }
}

impl Arrival {
    async fn serve(self, socket: Box<dyn Socket>) {
        let runtime = self.server.runtime().clone();
        let shaken = within(&*runtime, HANDSHAKE_TIMEOUT, self.shake_hands(socket)).await;
        if let Some(Some((socket, opening))) = shaken {
            self.server.serve_socket(socket, opening).await;
        }
    }

    async fn shake_hands(&self, socket: Box<dyn Socket>) -> Option<(Box<dyn Socket>, super::Opening)> {
        #[cfg(feature = "tls")]
        let socket = match &self.identity {
            Some(identity) => identity.accept(socket).await.ok()?,
            None => socket,
        };
        let mut socket = socket;
        let opening = handshake(&mut *socket, self.pages).await?;
        Some((socket, opening))
    }
}

async fn pause(runtime: &dyn Runtime) {
    within(runtime, ACCEPT_PAUSE, std::future::pending::<()>()).await;
}

fn is_of_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

impl std::fmt::Debug for dyn Listener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Listener")
    }
}
