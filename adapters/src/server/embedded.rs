//! A server to be embedded, on any runtime.

use super::authenticator::{Authenticator, Open};
use super::connection::{Connection, Opening};
use super::driver;
use super::host::{Host, HubMail};
use super::hub_host::HubHost;
use super::mailbox::Mailbox;
use super::metrics::Metrics;
use super::observer::{Observer, Unobserved};
use crate::runtime::{Pending, Runtime, Socket};
use crate::store::Store;
use crate::watched::Watched;
use driftless_core::event::{EventId, NewEvent};
use driftless_core::name::LogName;
use driftless_core::server::{
    AuthRefusal, ConnectionId, Credentials, Grant, HubInput, HubReply, HubRequest, PushId, PushResult, Refusal,
    ServerLimits, SessionConfig, SessionInput,
};
use driftless_core::wire::ErrorCode;
use futures_channel::oneshot;
use futures_util::future::{Either, select};
use std::fmt;
use std::future::poll_fn;
use std::io;
use std::pin::pin;
use std::sync::Arc;

/// What a server is made with.
#[derive(Clone)]
pub struct ServerConfig {
    /// Where the logs are kept.
    pub store: Arc<dyn Store>,
    /// Who may connect. By [`Self::new`] everyone who can reach it: [`Open`].
    pub authenticator: Arc<dyn Authenticator>,
    /// The limits of its machines, each with its unit and default. By [`Self::new`] the defaults.
    pub limits: ServerLimits,
    /// Who is told what happens. By [`Self::new`] nobody: [`Unobserved`].
    pub observer: Arc<dyn Observer>,
}

impl ServerConfig {
    /// A server over a store that lets everyone in, with the default limits, and tells nobody.
    pub fn new(store: Arc<dyn Store>) -> Self {
        Self {
            store,
            authenticator: Arc::new(Open),
            limits: ServerLimits::default(),
            observer: Arc::new(Unobserved),
        }
    }
}

/// A server: one hub, and the connections that are handed to it. Cheap to clone; ends when the last clone is dropped.
///
/// It speaks the protocol on sockets whose WebSocket handshake somebody else has done, because that is where servers
/// differ: see `driftless-server` for one on hyper.
#[derive(Clone)]
pub struct Server(Arc<Running>);

struct Running {
    host: Arc<Host>,
    store: Arc<dyn Store>,
    runtime: Arc<dyn Runtime>,
    /// How many connections are being served.
    sockets: Arc<Watched<usize>>,
    /// True once the hub has failed.
    failed: Arc<Watched<bool>>,
}

impl Server {
    /// Starts the hub.
    ///
    /// # Errors
    ///
    /// If the runtime cannot run it: there is no current one, or the system gives no thread.
    pub fn start(config: ServerConfig, runtime: impl Runtime) -> io::Result<Self> {
        let runtime: Arc<dyn Runtime> = Arc::new(runtime);
        let session = SessionConfig {
            epoch: config.store.epoch(),
            limits: config.limits,
        };
        let host = Arc::new(Host::new(config.authenticator, config.observer, session));
        let hub = HubHost::new(host.clone(), config.store.clone());
        let failed = Arc::new(Watched::new(false));
        let running = driver::run_hub(hub, host.clone(), runtime.clone(), failed.clone());
        runtime.spawn("driftless-hub", Box::pin(running))?;
        Ok(Self(Arc::new(Running {
            host,
            store: config.store,
            runtime,
            sockets: Arc::default(),
            failed,
        })))
    }

    /// The store.
    pub fn store(&self) -> &Arc<dyn Store> {
        &self.0.store
    }

    /// The limits of its machines.
    pub fn limits(&self) -> &ServerLimits {
        &self.0.host.session.limits
    }

    /// What it has counted.
    pub fn metrics(&self) -> &Metrics {
        &self.0.host.metrics
    }

    /// Serves one connection until it is over. The WebSocket handshake is done; `io` carries frames.
    pub fn serve_socket(&self, io: Box<dyn Socket>, opening: Opening) -> Pending<'static, ()> {
        let served = Served::new(self.0.sockets.clone());
        let connection = Connection::open(self.0.host.clone(), opening);
        let runtime = self.0.runtime.clone();
        let failed = self.0.failed.clone();
        Box::pin(driver::run_connection(connection, io, runtime, failed, served))
    }

    pub(super) fn runtime(&self) -> &Arc<dyn Runtime> {
        &self.0.runtime
    }

    /// Asks the authenticator about credentials that did not come on a connection.
    pub async fn authenticate(&self, credentials: Credentials) -> Result<Grant, AuthRefusal> {
        let (send, receive) = oneshot::channel();
        let decide = Box::new(move |result| {
            // Nobody waits any more if the request was dropped.
            let _ = send.send(result);
        });
        self.0.host.authenticator.authenticate(credentials, decide);
        let result = receive.await.unwrap_or(Err(AuthRefusal::Unavailable));
        let refused = u64::from(result.is_err());
        self.0.host.metrics.authentications_refused.add(refused);
        result
    }

    /// Appends events that did not come on a connection, in one commit or several; they are broadcast like any other.
    /// One result for each event, in order. The caller has checked names, sizes and rights.
    pub async fn push(&self, log: LogName, events: Vec<NewEvent>) -> Vec<PushResult> {
        if events.is_empty() {
            return Vec::new();
        }
        let caller = Caller::new(self.0.host.clone());
        let push = PushId(0);
        let ids: Vec<_> = events.iter().map(|event| event.id.detached()).collect();
        caller.ask(HubRequest::Push { push, log, events });
        let pushed = pin!(caller.pushed());
        let failed = pin!(self.failed());
        match select(pushed, failed).await {
            Either::Left((results, _)) => results,
            Either::Right(_) => ids.into_iter().map(unavailable).collect(),
        }
    }

    /// Returns if the hub fails, which only a fault in this program can cause. Nothing is stored or delivered any more:
    /// end the process and start it again. Everything that was acked is in the store.
    pub async fn failed(&self) {
        self.0.failed.wait_until(|failed| *failed).await;
    }

    /// Has every connection finish what is under way and close with 1012, and returns when all are gone. Those that
    /// are handed over from now on are closed the same way.
    pub async fn shutdown(&self) {
        self.0.host.hub.post(HubMail::Shutdown);
        // A hub that has failed tells nobody; its connections end by themselves.
        self.0.sockets.wait_until(|count| *count == 0).await;
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.host.hub.post(HubMail::Stop);
    }
}

impl fmt::Debug for Server {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Server").field(&self.0.host).finish()
    }
}

impl fmt::Debug for ServerConfig {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ServerConfig")
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// What an event is answered once the hub has failed.
fn unavailable(id: EventId) -> PushResult {
    let outcome = Err(Refusal::Retry(ErrorCode::StoreUnavailable));
    PushResult { id, outcome }
}

/// Counts a connection as long as it lives.
pub(super) struct Served(Arc<Watched<usize>>);

impl Served {
    fn new(sockets: Arc<Watched<usize>>) -> Self {
        sockets.update(|count| *count += 1);
        Self(sockets)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.0.update(|count| *count -= 1);
    }
}

/// Somebody without a socket who asks the hub for one thing.
struct Caller {
    host: Arc<Host>,
    id: ConnectionId,
    mailbox: Arc<Mailbox<SessionInput>>,
}

impl Caller {
    fn new(host: Arc<Host>) -> Self {
        let id = host.next_connection();
        let mailbox = Arc::new(Mailbox::new());
        host.hub.post(HubMail::Opened(id, mailbox.clone()));
        Self { host, id, mailbox }
    }

    fn ask(&self, request: HubRequest) {
        let connection = self.id;
        self.host
            .hub
            .post(HubMail::Input(HubInput::Session { connection, request }));
    }

    async fn pushed(&self) -> Vec<PushResult> {
        loop {
            let mut mail = Vec::new();
            poll_fn(|cx| self.mailbox.poll_take(cx, &mut mail)).await;
            for input in mail {
                if let SessionInput::Hub(HubReply::Pushed { results, .. }) = input {
                    return results;
                }
            }
        }
    }
}

impl Drop for Caller {
    fn drop(&mut self) {
        self.mailbox.close();
        self.host.hub.post(HubMail::Gone(self.id));
    }
}
