//! How the server is: health, readiness and metrics.

use super::answer::{Answer, ErrorBody, Refused, json, text, typed};
use super::service::Http;
use driftless::server::Counter;
use hyper::StatusCode;
use serde::Serialize;
use std::fmt::Write;
use std::time::Duration;
use tokio::time::timeout;

/// How long a health check waits for the store.
const CHECK_TIMEOUT: Duration = Duration::from_secs(2);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Health<'a> {
    status: &'static str,
    timestamp: String,
    store: &'static str,
    active_connections: u64,
    #[serde(flatten)]
    error: Option<ErrorBody<'a>>,
}

impl Http {
    /// `GET /api/health`.
    pub(super) async fn health(&self) -> Answer {
        let refused = self.check().await.err();
        let (status, store) = match refused {
            None => ("healthy", "connected"),
            Some(_) => ("unhealthy", "disconnected"),
        };
        let health = Health {
            status,
            timestamp: driftless::wall_clock().to_string(),
            store,
            active_connections: self.server.metrics().connections.value(),
            error: refused.as_ref().map(Refused::body),
        };
        json(
            refused.as_ref().map_or(StatusCode::OK, |refused| refused.status),
            &health,
        )
    }

    /// `GET /readyz`: whether a balancer may send requests here.
    pub(super) async fn ready(&self) -> Result<Answer, Refused> {
        self.check().await?;
        Ok(text(StatusCode::OK, "ready\n"))
    }

    async fn check(&self) -> Result<(), Refused> {
        let check = self.ask(|done| self.server.store().check(done));
        timeout(CHECK_TIMEOUT, check)
            .await
            .unwrap_or_else(|_| Err(Refused::no_store()))
    }

    /// `GET /metrics` in Prometheus's text format, version 0.0.4.
    pub(super) fn metrics(&self) -> Answer {
        let metrics = self.server.metrics();
        let mut page = Exposition::default();
        page.gauge("connections", "WebSocket connections open now", &metrics.connections);
        for (name, help, counter) in [
            (
                "connections_opened",
                "WebSocket connections opened",
                &metrics.connections_opened,
            ),
            (
                "authentications_refused",
                "Refused credentials",
                &metrics.authentications_refused,
            ),
            ("frames_received", "WebSocket frames received", &metrics.frames_received),
            ("frames_sent", "WebSocket frames sent", &metrics.frames_sent),
            (
                "bytes_received",
                "Bytes received on WebSockets",
                &metrics.bytes_received,
            ),
            ("bytes_sent", "Bytes sent on WebSockets", &metrics.bytes_sent),
            (
                "events_appended",
                "Events stored by this process",
                &metrics.events_appended,
            ),
            (
                "events_duplicate",
                "Repeated events that were acked again",
                &metrics.events_duplicate,
            ),
            (
                "events_conflicting",
                "Events whose id another event had",
                &metrics.events_conflicting,
            ),
            (
                "events_committed",
                "Events committed to the store, by any process",
                &metrics.events_committed,
            ),
            ("commits", "Commits by this process", &metrics.commits),
            (
                "store_failures",
                "Requests that the store failed",
                &metrics.store_failures,
            ),
            (
                "pages_read",
                "Pages read from the store for connections",
                &metrics.pages_read,
            ),
            ("http_requests", "HTTP requests", &self.requests),
        ] {
            page.counter(name, help, counter);
        }
        typed(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", page.0)
    }
}

#[derive(Default)]
struct Exposition(String);

impl Exposition {
    fn counter(&mut self, name: &str, help: &str, counter: &Counter) {
        self.metric(&format!("{name}_total"), "counter", help, counter);
    }

    fn gauge(&mut self, name: &str, help: &str, gauge: &Counter) {
        self.metric(name, "gauge", help, gauge);
    }

    fn metric(&mut self, name: &str, kind: &str, help: &str, counter: &Counter) {
        let value = counter.value();
        writeln!(
            self.0,
            "# HELP driftless_{name} {help}.\n# TYPE driftless_{name} {kind}\ndriftless_{name} {value}"
        )
        .expect("a string takes everything");
    }
}
