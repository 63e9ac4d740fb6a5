//! A listening socket in front of a server.

use super::embedded::Server;
use super::handshake::handshake;
use crate::runtime::{Listener, Runtime, Socket, within};
#[cfg(feature = "tls")]
use crate::tls::Identity;
use crate::watched::Watched;
use futures_util::future::{Either, select};
use std::io;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

/// How long a peer may take for its handshakes, TLS and WebSocket, unless the owner says otherwise.
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
    handshake_timeout: Duration,
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
    handshake_timeout: Duration,
    stopping: Arc<Watched<bool>>,
    _counted: Counted,
}

/// The connections of a listening socket.
#[derive(Default)]
struct Connections {
    count: Arc<Watched<usize>>,
    /// Whether those that have not shaken hands are to give up.
    stopping: Arc<Watched<bool>>,
}

/// The server has failed, which only a fault in this program or its store can cause: nothing is stored or delivered any
/// more. Everything that was acked is in the store; end the process and start it again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server has failed: end the process and start it again")]
pub struct ServerFailed;

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
            handshake_timeout: HANDSHAKE_TIMEOUT,
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

    /// Gives a peer this long for its handshakes, TLS and WebSocket. Default 10 s.
    pub fn handshake_timeout(mut self, timeout: Duration) -> Self {
        self.handshake_timeout = timeout;
        self
    }

    /// Serves at most this many connections at once; more wait to be accepted. Default 10,000: on threads, of which each
    /// connection takes three, fewer are wise.
    pub fn max_connections(mut self, connections: usize) -> Self {
        self.max_connections = connections.max(1);
        self
    }

    /// Lets web pages of any origin connect, those of this machine included. Right where connections have to authenticate; without authentication any
    /// page that somebody on this network looks at could read and write everything. Default: no page may.
    pub fn allow_web_pages(mut self) -> Self {
        self.pages = true;
        self
    }

    /// The address that it listens on, with the real port.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.address()
    }

    /// Serves connections until `stop` ends; then shuts the server down: accepts no more, has the connections finish what
    /// is under way and close with 1012, and returns when all are gone. Other sockets that listen for the same [`Server`]
    /// get no more out of it either.
    pub async fn run(mut self, stop: impl Future<Output = ()>) -> Result<(), ServerFailed> {
        let connections = Connections::default();
        let server = self.server.clone();
        {
            let accepting = pin!(self.accept(&connections));
            let (stop, failed) = (pin!(stop), pin!(server.failed()));
            if let Either::Right((Either::Right(_), _)) = select(accepting, select(stop, failed)).await {
                return Err(ServerFailed);
            }
        }
        drop(self.listener);
        // Who has not shaken hands yet is not waited for.
        connections.stopping.update(|stopping| *stopping = true);
        server.shutdown().await;
        connections.count.wait_until(|count| *count == 0).await;
        Ok(())
    }

    async fn accept(&mut self, connections: &Connections) {
        loop {
            connections
                .count
                .wait_until(|count| *count < self.max_connections)
                .await;
            match self.listener.accept().await {
                Ok((socket, _)) => self.take(socket, connections),
                // Such an error is of one connection that was lost before it was accepted (accept(2)).
                Err(error) if is_of_the_peer(&error) => {}
                Err(_) => pause(&**self.server.runtime()).await,
            }
        }
    }

    fn take(&self, socket: Box<dyn Socket>, connections: &Connections) {
        connections.count.update(|count| *count += 1);
        let arrival = Arrival {
            server: self.server.clone(),
            pages: self.pages,
            #[cfg(feature = "tls")]
            identity: self.identity.clone(),
            handshake_timeout: self.handshake_timeout,
            stopping: connections.stopping.clone(),
            _counted: Counted(connections.count.clone()),
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
        let shaken = {
            let shaking = pin!(within(&*runtime, self.handshake_timeout, self.shake_hands(socket)));
            let stopping = pin!(self.stopping.wait_until(|stopping| *stopping));
            match select(shaking, stopping).await {
                Either::Left((shaken, _)) => shaken.flatten(),
                Either::Right(_) => None,
            }
        };
        let Some((socket, opening)) = shaken else { return };
        let serving = self.server.serve_socket(socket, opening);
        // A connection does not keep a server running that nobody else has.
        let Self { server, _counted, .. } = self;
        drop(server);
        serving.await;
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
