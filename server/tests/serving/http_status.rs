//! Health, readiness and metrics, also when the store is down.

use crate::support::http::{get, post};
use crate::support::{Server, Setup, socket, until};
use driftless::store::{CommitSink, Done, Memory, RepositorySummary, Store};
use driftless_core::event::{EventBatch, EventId, RecordId};
use driftless_core::name::{LogName, Namespace};
use driftless_core::server::{Append, Appended, Page, PageRequest, StoreFailure};
use driftless_core::wire::Epoch;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A store that is up or down.
struct Switched {
    store: Memory,
    down: Arc<AtomicBool>,
}

impl Switched {
    fn pass<T>(&self, done: Done<T>, request: impl FnOnce(&Memory, Done<T>)) {
        if self.down.load(Ordering::Relaxed) {
            let detail = "SECRET detail of the failure".into();
            done(Err(StoreFailure { detail }));
        } else {
            request(&self.store, done);
        }
    }
}

impl Store for Switched {
    fn epoch(&self) -> Epoch {
        self.store.epoch()
    }
    fn append(&self, events: Append, done: Done<Appended>) {
        self.pass(done, |store, done| store.append(events, done));
    }
    fn read(&self, page: PageRequest, done: Done<Page>) {
        self.pass(done, |store, done| store.read(page, done));
    }
    fn repositories(&self, namespace: Namespace, done: Done<Vec<RepositorySummary>>) {
        self.pass(done, |store, done| store.repositories(namespace, done));
    }
    fn event(&self, log: LogName, id: EventId, done: Done<Option<EventBatch>>) {
        self.pass(done, |store, done| store.event(log, id, done));
    }
    fn newest(&self, log: LogName, record: RecordId, done: Done<Option<EventBatch>>) {
        self.pass(done, |store, done| store.newest(log, record, done));
    }
    fn check(&self, done: Done<()>) {
        self.pass(done, Store::check);
    }
    fn watch(&self, sink: CommitSink) {
        self.store.watch(sink);
    }
}

#[test]
fn a_store_that_is_down_shows_everywhere_and_comes_back() {
    let down = Arc::new(AtomicBool::new(true));
    let server = Server::with(Setup {
        store: Arc::new(Switched {
            store: Memory::new(),
            down: down.clone(),
        }),
        ..Setup::default()
    });
    let health = get(server.address, "/api/health");
    health.assert_error(503, "store_unavailable", "Database not connected");
    assert_eq!(health.json()["status"], "unhealthy");
    assert_eq!(health.json()["store"], "disconnected");
    for target in [
        "/api/repositories",
        "/api/events/users",
        "/api/events/users/e",
        "/readyz",
    ] {
        let refused = get(server.address, target);
        refused.assert_error(503, "store_unavailable", "Database not connected");
        assert!(!refused.body.contains("SECRET"));
    }
    let event = r#"{"eventId":"e"}"#;
    post(server.address, "/api/events/users", event).assert_error(503, "store_unavailable", "Database not connected");
    assert_eq!(get(server.address, "/healthz").status, 200);
    down.store(false, Ordering::Relaxed);
    assert_eq!(get(server.address, "/api/health").status, 200);
    assert_eq!(get(server.address, "/readyz").status, 200);
    assert_eq!(post(server.address, "/api/events/users", event).status, 201);
}

#[test]
fn health_counts_the_connections() {
    let server = Server::start();
    let active = || {
        get(server.address, "/api/health").json()["activeConnections"]
            .as_u64()
            .unwrap()
    };
    assert_eq!(active(), 0);
    let mut sockets: Vec<_> = (0..3).map(|_| socket::plain(server.address, "/sync")).collect();
    assert_eq!(active(), 3);
    sockets.truncate(1);
    until("two connections to be gone", || (active() == 1).then_some(()));
    let health = get(server.address, "/api/health").json();
    assert_eq!(
        (&health["status"], &health["store"]),
        (&"healthy".into(), &"connected".into())
    );
    let timestamp = health["timestamp"].as_str().unwrap();
    assert!(timestamp.starts_with("20") && timestamp.ends_with('Z'), "{timestamp}");
}

#[test]
fn metrics_are_prometheus_text() {
    let server = Server::start();
    let _socket = socket::plain(server.address, "/sync");
    post(server.address, "/api/events/users", r#"{"eventId":"e"}"#);
    let page = get(server.address, "/metrics");
    assert_eq!(
        page.header("Content-Type"),
        Some("text/plain; version=0.0.4; charset=utf-8")
    );
    let mut lines = page.body.lines();
    while let Some(help) = lines.next() {
        let name = help.strip_prefix("# HELP ").unwrap().split(' ').next().unwrap();
        let kind = lines.next().unwrap().strip_prefix(&format!("# TYPE {name} ")).unwrap();
        let value = lines.next().unwrap().strip_prefix(&format!("{name} ")).unwrap();
        assert!(value.parse::<u64>().is_ok());
        assert_eq!(kind == "counter", name.ends_with("_total"), "{name}");
    }
    for line in [
        "driftless_connections 1",
        "driftless_events_appended_total 1",
        "driftless_commits_total 1",
    ] {
        assert!(page.body.contains(&format!("\n{line}\n")), "{}", page.body);
    }
}
