//! The server of the demonstration: a real one, on its file, in this process.

use crate::http::{HttpLimits, Origins};
use crate::serve::{Listening, ServeConfig, StoreUrl};
use driftless::server::ServerConfig;
use driftless::store::Store;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

/// More connections than the demonstration ever has at once.
const CONNECTIONS: usize = 64;

/// How often it is looked whether the last user of the store is gone.
const POLL: Duration = Duration::from_millis(5);

/// How long the store may be in use after the server has stopped.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(5);

/// Why the server did not start.
type StartError = Box<dyn std::error::Error>;

/// A running server.
pub(super) struct DemoServer {
    pub(super) address: SocketAddr,
    store: Arc<dyn Store>,
    stop: oneshot::Sender<()>,
    serving: JoinHandle<bool>,
}

impl DemoServer {
    /// Starts a server on a file. Port 0 is any free one.
    pub(super) async fn start(address: SocketAddr, file: PathBuf) -> Result<Self, StartError> {
        let store = StoreUrl::Sqlite(file).open()?;
        let config = ServeConfig {
            server: ServerConfig::new(store.clone()),
            origins: Origins::new(false, true, &[])?,
            http: HttpLimits::default(),
            max_connections: CONNECTIONS,
        };
        let listening = Listening::bind(address, config).await?;
        let address = listening.address()?;
        let (stop, stopped) = oneshot::channel();
        let serving = tokio::spawn(listening.run(async {
            // An error means that the demonstration is over.
            let _ = stopped.await;
        }));
        Ok(Self {
            address,
            store,
            stop,
            serving,
        })
    }

    /// Stops it as SIGTERM would, and returns when its file is closed.
    pub(super) async fn stop(self) {
        // An error means that it has stopped by itself.
        let _ = self.stop.send(());
        let _ = self.serving.await;
        let deadline = Instant::now() + CLOSE_TIMEOUT;
        while Arc::strong_count(&self.store) > 1 && Instant::now() < deadline {
            tokio::time::sleep(POLL).await;
        }
    }
}
