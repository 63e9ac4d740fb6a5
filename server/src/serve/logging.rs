//! Structured logs on stderr.

use driftless::server::Observer;
use driftless_core::name::Namespace;
use driftless_core::server::{ConnectionId, StoreFailure};
use driftless_core::wire::CloseCode;
use std::io::{self, IsTerminal};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::filter::ParseError;

/// How a line of the log looks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// Sends the process's logs to stderr. `level` is a level (`info`) or a filter (`info,driftless_server=debug`).
pub fn start_logging(format: LogFormat, level: &str) -> Result<(), ParseError> {
    let filter = EnvFilter::builder().parse(level)?;
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(io::stderr)
        .with_ansi(io::stderr().is_terminal());
    // A process that has a log already keeps it.
    let _ = match format {
        LogFormat::Text => subscriber.try_init(),
        LogFormat::Json => subscriber.json().flatten_event(true).try_init(),
    };
    Ok(())
}

/// Writes what happens on connections (debug) and in the store (warn) to the log.
#[derive(Clone, Copy, Debug, Default)]
pub struct LogObserver;

impl Observer for LogObserver {
    fn opened(&self, connection: ConnectionId, namespace: &Namespace) {
        tracing::debug!(connection = connection.0, %namespace, "connection opened");
    }

    fn closing(&self, connection: ConnectionId, code: CloseCode, reason: &str) {
        tracing::debug!(connection = connection.0, code = code.0, reason, "closing a connection");
    }

    fn closed(&self, connection: ConnectionId) {
        tracing::debug!(connection = connection.0, "connection closed");
    }

    fn store_failed(&self, failure: &StoreFailure) {
        tracing::warn!(%failure, "a request to the store failed");
    }
}
