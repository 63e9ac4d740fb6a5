//! A server on a loopback socket, and clients of it, on one runtime.

use crate::journal::Lines;
use driftless::Client;
use driftless::client::ClientBuilder;
use driftless::core::client::{Change, ChangeKind, LastWriteWins, MergeFields, ServerOrder, Timing};
use driftless::core::event::{Json, RecordId};
use driftless::core::server::{Access, Credentials, Grant, Rights};
use driftless::runtime::Runtime;
use driftless::server::{Authenticator, Decision, Listening, Server, ServerConfig};
use driftless::store::Memory;
use futures_channel::oneshot;
use std::sync::Arc;
use std::time::Duration;

pub(crate) struct Setting {
    url: String,
    stop: oneshot::Sender<()>,
    stopped: oneshot::Receiver<()>,
}

/// Lets everybody write everything but `closed`.
struct NotClosed;

impl Authenticator for NotClosed {
    fn authenticate(&self, _: Credentials, decide: Decision) {
        decide(Ok(Grant {
            subject: "somebody".to_owned(),
            rights: Arc::new(Rights {
                scope: "all".to_owned(),
                read: Access::All,
                write: Access::Only(["tasks", "notes"].map(|name| name.parse().unwrap()).into()),
            }),
            valid_for: None,
        }));
    }
}

impl Setting {
    pub(crate) async fn open(runtime: impl Runtime + Clone) -> Self {
        let mut config = ServerConfig::new(Arc::new(Memory::new()));
        config.authenticator = Arc::new(NotClosed);
        let server = Server::start(config, runtime.clone()).unwrap();
        let listening = Listening::bind(server, ([127, 0, 0, 1], 0).into()).await.unwrap();
        let url = format!("ws://{}/sync", listening.address().unwrap());
        let ((stop, asked), (ended, stopped)) = (oneshot::channel(), oneshot::channel());
        let running = async move {
            // Told by dropping the other end.
            let stop = async { asked.await.unwrap_or_default() };
            listening.run(stop).await.unwrap();
            let _ = ended.send(());
        };
        runtime.spawn("server", Box::pin(running)).unwrap();
        Self { url, stop, stopped }
    }

    /// A client with a policy of each kind, which writes its journal to `lines`.
    pub(crate) fn client(&self, lines: &Lines) -> ClientBuilder {
        Client::builder(&self.url)
            .repository("tasks", MergeFields)
            .repository("notes", LastWriteWins)
            .repository("closed", ServerOrder)
            .timing(patient())
            .token("a token")
            .header("X-Device", "one")
            .journal(lines.writer())
    }

    /// Returns when every connection is gone.
    pub(crate) async fn close(self) {
        drop(self.stop);
        self.stopped.await.unwrap();
    }
}

/// Machines that build something else at the same time are slow; nothing here waits for a timeout to pass.
pub(crate) fn patient() -> Timing {
    Timing {
        connect_timeout: Duration::from_mins(1),
        auth_timeout: Duration::from_mins(1),
        timeout_max: Duration::from_mins(1),
        heartbeat_timeout: Duration::from_mins(1),
        ..Timing::default()
    }
}

pub(crate) fn tokio_runtime() -> tokio::runtime::Runtime {
    tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .unwrap()
}

pub(crate) fn json(text: &str) -> Json {
    Json::parse(text.to_owned()).unwrap()
}

pub(crate) fn change(repository: &str, record: &str, kind: ChangeKind) -> Change {
    Change {
        repository: repository.parse().unwrap(),
        record: RecordId::new(record.to_owned()).unwrap(),
        kind,
    }
}
