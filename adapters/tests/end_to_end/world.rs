//! A server and its clients, each on the runtime that a test has chosen.

use driftless::blocking::{Threads, block_on};
use driftless::client::{ClientBuilder, Connection};
use driftless::core::client::{ServerOrder, Timing};
use driftless::runtime::Runtime;
use driftless::server::{Authenticator, Listening, Open, Server, ServerConfig};
use driftless::store::Memory;
use driftless::tls::{Identity, Roots};
use driftless::{Client, Smol, Tokio};
use futures_channel::oneshot;
use futures_util::future::{Either, select};
use serde::{Deserialize, Serialize};
use std::future::poll_fn;
use std::net::SocketAddr;
use std::pin::pin;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// Far longer than any of these steps takes: what is not there by then will not come.
const DEADLINE: Duration = Duration::from_mins(1);

/// What a whole scenario may take, so that a step that hangs is told by its own name.
const SCENARIO_DEADLINE: Duration = Duration::from_secs(90);

/// A runtime.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Kind {
    Tokio,
    Smol,
    Threads,
}

impl Kind {
    fn runtime(self) -> Arc<dyn Runtime> {
        match self {
            Self::Tokio => Arc::new(Tokio),
            Self::Smol => Arc::new(Smol),
            Self::Threads => Arc::new(Threads),
        }
    }
}

/// What the tests keep.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Todo {
    pub(crate) id: String,
    pub(crate) title: String,
    pub(crate) done: bool,
    pub(crate) rank: i64,
}

pub(crate) fn todo(id: &str, rank: i64) -> Todo {
    Todo {
        id: id.to_owned(),
        title: format!("Todo {id}"),
        done: false,
        rank,
    }
}

/// A server and where its clients find it.
pub(crate) struct World {
    client: Kind,
    server: Kind,
    secure: Option<Secure>,
    store: Arc<Memory>,
    authenticator: Arc<dyn Authenticator>,
    address: Option<SocketAddr>,
    running: Mutex<Option<Running>>,
}

/// A certificate of this test alone.
struct Secure {
    identity: Identity,
    roots: Roots,
}

struct Running {
    stop: oneshot::Sender<()>,
    stopped: oneshot::Receiver<()>,
}

impl World {
    /// Runs a scenario against a server that lets everybody in.
    pub(crate) fn run(client: Kind, server: Kind, secure: bool, scenario: impl AsyncFnOnce(&mut Self)) {
        // For whatever is on tokio; the scenario itself is on this thread.
        let tokio = tokio::runtime::Builder::new_multi_thread()
            .worker_threads(2)
            .enable_all()
            .build()
            .unwrap();
        let _entered = tokio.enter();
        let mut world = Self {
            client,
            server,
            secure: secure.then(certificate),
            store: Arc::new(Memory::new()),
            authenticator: Arc::new(Open),
            address: None,
            running: Mutex::new(None),
        };
        block_on(within(SCENARIO_DEADLINE, "the scenario", async {
            world.start().await;
            scenario(&mut world).await;
            world.stop().await;
        }));
    }

    /// Starts the server anew, with who decides about credentials.
    pub(crate) async fn restart_with(&mut self, authenticator: impl Authenticator) {
        self.stop().await;
        self.authenticator = Arc::new(authenticator);
        self.start().await;
    }

    /// Starts the server, on the address that it had before.
    pub(crate) async fn start(&mut self) {
        let config = ServerConfig {
            authenticator: self.authenticator.clone(),
            ..ServerConfig::new(self.store.clone())
        };
        let runtime = self.server.runtime();
        let server = Server::start(config, runtime.clone()).unwrap();
        let address = self.address.unwrap_or_else(|| "127.0.0.1:0".parse().unwrap());
        let mut listening = Listening::bind(server, address).await.unwrap();
        if let Some(secure) = &self.secure {
            listening = listening.tls(secure.identity.clone());
        }
        self.address = Some(listening.address().unwrap());
        let (stop, asked) = oneshot::channel::<()>();
        let (told, stopped) = oneshot::channel();
        let run = async move {
            // The sender is dropped when the server is to stop.
            listening.run(async { asked.await.unwrap_or(()) }).await.unwrap();
            let _ = told.send(());
        };
        runtime.spawn("server", Box::pin(run)).unwrap();
        *self.running.lock().unwrap() = Some(Running { stop, stopped });
    }

    /// Stops the server in order.
    pub(crate) async fn stop(&self) {
        let running = self.running.lock().unwrap().take();
        if let Some(running) = running {
            drop(running.stop);
            soon("the server's stop", running.stopped).await.unwrap();
        }
    }

    /// A client of this server that keeps todos in memory.
    pub(crate) fn builder(&self) -> ClientBuilder {
        self.builder_of(&self.url())
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address.unwrap()
    }

    pub(crate) fn url(&self) -> String {
        let scheme = if self.secure.is_some() { "wss" } else { "ws" };
        format!("{scheme}://localhost:{}/sync", self.address().port())
    }

    /// A client of another server.
    pub(crate) fn builder_of(&self, url: &str) -> ClientBuilder {
        let timing = Timing {
            reconnect_delay: Duration::from_millis(20),
            reconnect_delay_max: Duration::from_millis(100),
            retry_delay: Duration::from_millis(10),
            // Machines that build something else at the same time are slow.
            connect_timeout: Duration::from_secs(10),
            auth_timeout: Duration::from_secs(10),
            heartbeat_timeout: Duration::from_secs(20),
            ..Timing::default()
        };
        let builder = Client::builder(url).repository("todos", ServerOrder).timing(timing);
        match &self.secure {
            Some(secure) => builder.roots(secure.roots.clone()),
            None => builder,
        }
    }

    pub(crate) async fn open(&self, builder: ClientBuilder) -> Client {
        builder.open(self.client.runtime()).await.unwrap()
    }

    pub(crate) async fn client(&self) -> Client {
        self.open(self.builder()).await
    }
}

fn certificate() -> Secure {
    let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
    let certificate = made.cert.pem();
    Secure {
        identity: Identity::pem(certificate.as_bytes(), made.signing_key.serialize_pem().as_bytes()).unwrap(),
        roots: Roots::pem(certificate.as_bytes()).unwrap(),
    }
}

/// Waits for something that has to happen.
pub(crate) async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    within(DEADLINE, what, future).await
}

async fn within<T>(deadline: Duration, what: &str, future: impl Future<Output = T>) -> T {
    let mut timer = Threads.timer();
    timer.set(Instant::now() + deadline);
    let late = poll_fn(|cx| timer.poll(cx));
    match select(pin!(future), pin!(late)).await {
        Either::Left((value, _)) => value,
        Either::Right(_) => panic!("{what}: not within {deadline:?}"),
    }
}

/// Waits until the connection is as `is` wants it.
pub(crate) async fn state(client: &Client, what: &str, is: impl Fn(&Connection) -> bool) -> Connection {
    let mut states = client.connection();
    soon(what, async {
        loop {
            let state = states.next().await.expect("the client has ended");
            if is(&state) {
                return state;
            }
        }
    })
    .await
}

pub(crate) async fn live(client: &Client) {
    state(client, "live", |state| *state == Connection::Live).await;
}

/// Waits until a client sees these todos.
pub(crate) async fn sees(client: &Client, what: &str, expected: &[Todo]) {
    let mut watch = client.repository::<Todo>("todos").unwrap().query().watch();
    soon(what, async {
        loop {
            let answer = watch.next().await.expect("the client has ended").unwrap();
            if answer.iter().map(|item| &item.value).eq(expected) {
                return;
            }
        }
    })
    .await;
}
