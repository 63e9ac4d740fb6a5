//! A server within the test's process, and clients that send exactly what a test says.

pub(crate) mod http;
pub(crate) mod process;
pub(crate) mod socket;

use driftless::server::{Authenticator, Open, ServerConfig, StaticToken};
use driftless::store::{Memory, Store};
use driftless_core::server::ServerLimits;
use driftless_server::http::{HttpLimits, Origins};
use driftless_server::serve::{Listening, ServeConfig};
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, mpsc};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;

/// How long a test waits for what has to come.
pub(crate) const PATIENCE: Duration = Duration::from_secs(30);

/// What a test's server is made with.
pub(crate) struct Setup {
    pub(crate) store: Arc<dyn Store>,
    pub(crate) token: Option<&'static str>,
    pub(crate) allow_origin: Vec<String>,
    pub(crate) limits: ServerLimits,
    pub(crate) http: HttpLimits,
    pub(crate) max_connections: usize,
}

impl Default for Setup {
    fn default() -> Self {
        Self {
            store: Arc::new(Memory::new()),
            token: None,
            allow_origin: Vec::new(),
            limits: ServerLimits::default(),
            http: HttpLimits::default(),
            max_connections: 100,
        }
    }
}

/// A server on a free port, until it is dropped.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Server {
    pub(crate) fn start() -> Self {
        Self::with(Setup::default())
    }

    pub(crate) fn with(setup: Setup) -> Self {
        let (stop, stopped) = oneshot::channel();
        let (send, address) = mpsc::channel();
        let thread = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_multi_thread()
                .worker_threads(1)
                .enable_all()
                .build()
                .unwrap();
            runtime.block_on(async {
                let any_port = (Ipv4Addr::LOCALHOST, 0).into();
                let listening = Listening::bind(any_port, setup.config()).await.unwrap();
                send.send(listening.address().unwrap()).unwrap();
                let stop = async {
                    let _ = stopped.await;
                };
                assert!(listening.run(stop).await, "the hub has failed");
            });
        });
        Self {
            address: address.recv_timeout(PATIENCE).unwrap(),
            stop: Some(stop),
            thread: Some(thread),
        }
    }

    /// Tells it to stop, without waiting.
    pub(crate) fn stop(&mut self) {
        drop(self.stop.take());
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
        let ended = self.thread.take().unwrap().join();
        if !thread::panicking() {
            ended.unwrap();
        }
    }
}

impl Setup {
    fn config(self) -> ServeConfig {
        let authenticator: Arc<dyn Authenticator> = match self.token {
            Some(token) => Arc::new(StaticToken::new(token).unwrap()),
            None => Arc::new(Open),
        };
        ServeConfig {
            server: ServerConfig {
                authenticator,
                limits: self.limits,
                ..ServerConfig::new(self.store)
            },
            origins: Origins::new(self.token.is_some(), true, &self.allow_origin).unwrap(),
            http: self.http,
            max_connections: self.max_connections,
        }
    }
}

/// Asks again and again until there is an answer.
pub(crate) fn until<T>(what: &str, mut answer: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(answer) = answer() {
            return answer;
        }
        assert!(start.elapsed() < PATIENCE, "waited in vain for {what}");
        thread::yield_now();
    }
}
