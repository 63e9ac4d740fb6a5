//! The listening socket and the connections on it.

use crate::http::{Http, HttpLimits, Origins};
use driftless::Tokio;
use driftless::server::{Server, ServerConfig};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore, watch};
use tokio::time::{sleep, timeout};

/// How long the listening socket rests when the system has no resources for another connection.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// How long a stop waits for connections and requests under way.
const STOP_TIMEOUT: Duration = Duration::from_secs(20);

/// What a connection over the limit is told.
const FULL: &[u8] = b"HTTP/1.1 503 Service Unavailable\r\nContent-Type: application/json\r\nConnection: close\r\n\
Retry-After: 5\r\nContent-Length: 91\r\n\r\n\
{\"error\":\"The server has too many connections\",\"code\":\"rate_limited\",\"statusCode\":503}    \n";

/// What a server is run with.
#[derive(Debug)]
pub struct ServeConfig {
    /// Store, authentication and the limits of the protocol.
    pub server: ServerConfig,
    /// Which web pages may call.
    pub origins: Origins,
    /// The limits of HTTP.
    pub http: HttpLimits,
    /// Most connections at once, HTTP and WebSocket together; one more gets 503 and is closed.
    pub max_connections: usize,
}

/// A server that listens.
#[derive(Debug)]
pub struct Listening {
    listener: TcpListener,
    server: Server,
    http: Arc<Http>,
    connections: Arc<Semaphore>,
    max_connections: u32,
}

impl Listening {
    /// Listens and starts the hub; connections wait until [`Self::run`].
    pub async fn bind(address: SocketAddr, config: ServeConfig) -> io::Result<Self> {
        let listener = TcpListener::bind(address).await?;
        let server = Server::start(config.server, Tokio)?;
        let max_connections = u32::try_from(config.max_connections).unwrap_or(u32::MAX >> 4);
        Ok(Self {
            listener,
            http: Arc::new(Http::new(server.clone(), config.origins, config.http)),
            server,
            connections: Arc::new(Semaphore::new(max_connections as usize)),
            max_connections,
        })
    }

    /// The address that it listens on, with the real port.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// Serves connections until `stop` ends; then accepts no more, lets those that there are finish, and closes them.
    ///
    /// False: the server has failed and did not stop in order.
    #[must_use]
    pub async fn run(self, stop: impl Future<Output = ()>) -> bool {
        let (stopping, stopped) = watch::channel(false);
        tokio::select! {
            () = self.accept(&stopped) => {}
            () = self.server.failed() => return false,
            () = stop => {}
        }
        let Self {
            listener,
            server,
            connections,
            max_connections,
            ..
        } = self;
        drop(listener);
        // An error means that no connection is left to hear it.
        let _ = stopping.send(true);
        let all_gone = async {
            server.shutdown().await;
            // Closed sockets, and requests that are answered, give their permits back.
            let _ = connections.acquire_many(max_connections).await;
        };
        if timeout(STOP_TIMEOUT, all_gone).await.is_err() {
            tracing::warn!("some connections did not finish in time and are cut");
        }
        true
    }

    async fn accept(&self, stopped: &watch::Receiver<bool>) {
        loop {
            match self.listener.accept().await {
                Ok((stream, peer)) => self.take(stream, peer, stopped.clone()),
                Err(error) if is_of_the_peer(&error) => {}
                Err(error) => {
                    tracing::warn!(%error, "cannot accept a connection");
                    sleep(ACCEPT_PAUSE).await;
                }
            }
        }
    }

    fn take(&self, stream: TcpStream, peer: SocketAddr, stopped: watch::Receiver<bool>) {
        let Ok(permit) = self.connections.clone().try_acquire_owned() else {
            tracing::warn!(%peer, max = self.max_connections, "too many connections");
            // A few bytes fit the socket's empty buffer; a peer that is gone needs none.
            let _ = stream.try_write(FULL);
            return;
        };
        // Frames are gathered before they are written: waiting for more would only delay them.
        let _ = stream.set_nodelay(true);
        tokio::spawn(serve_one(self.http.clone(), stream, permit, stopped));
    }
}

async fn serve_one(
    http: Arc<Http>,
    stream: TcpStream,
    permit: OwnedSemaphorePermit,
    mut stopped: watch::Receiver<bool>,
) {
    let stop = async move {
        // An error means that the server is gone, which ends the connection as well.
        let _ = stopped.wait_for(|stopped| *stopped).await;
    };
    http.serve(stream, Arc::new(permit), stop).await;
}

/// Errors of a connection that was lost before it was accepted (accept(2)); the next one may be fine.
fn is_of_the_peer(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ConnectionAborted | io::ErrorKind::ConnectionReset | io::ErrorKind::ConnectionRefused
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_refusal_over_the_limit_is_well_formed() {
        let text = std::str::from_utf8(FULL).unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(
            head.contains(&format!("Content-Length: {}", body.len())),
            "{}",
            body.len()
        );
        assert!(serde_json::from_str::<serde_json::Value>(body).is_ok());
    }
}
