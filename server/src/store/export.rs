//! Writing a store as lines of JSON.

use super::error::Fault;
use super::{OpenError, line, queries, schema};
use driftless_core::event::Sequence;
use driftless_core::name::{LogName, Namespace, RepositoryName};
use driftless_core::server::{PageRequest, StoreFailure};
use rusqlite::Connection;
use std::io::{self, Write};
use std::path::Path;

/// Events and bytes that are read at a time.
const PAGE_EVENTS: usize = 4096;
const PAGE_BYTES: usize = 1 << 20;

/// What to export.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ExportFilter {
    /// Only this namespace.
    pub namespace: Option<Namespace>,
    /// Only the repository of this name, in each of the namespaces.
    pub repository: Option<RepositoryName>,
}

/// What was exported.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Exported {
    /// How many repositories.
    pub repositories: u64,
    /// How many events.
    pub events: u64,
}

/// Why an export is incomplete.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The store cannot be opened.
    #[error(transparent)]
    Store(#[from] OpenError),
    /// The store cannot be read.
    #[error(transparent)]
    Read(#[from] StoreFailure),
    /// The output cannot be written.
    #[error("cannot write the export: {0}")]
    Write(#[from] io::Error),
}

/// Writes the events of a store, one JSON object a line: `{"namespace":…,"repository":…,"event":{…}}`, a repository
/// after the other, each in its order, every event byte for byte as it is sent. (One whose author put line breaks
/// between its tokens gets spaces instead.)
///
/// A server may be using the store. A repository is exported up to its head at the moment when its turn comes.
pub fn export(store: &Path, filter: &ExportFilter, out: &mut dyn Write) -> Result<Exported, ExportError> {
    let connection = schema::open_reader(store)?;
    let mut exported = Exported::default();
    for log in logs(&connection, filter).map_err(StoreFailure::from)? {
        let events = export_log(&connection, &log, out)?;
        if events > 0 {
            exported.repositories += 1;
            exported.events += events;
        }
    }
    out.flush()?;
    Ok(exported)
}

fn logs(connection: &Connection, filter: &ExportFilter) -> Result<Vec<LogName>, Fault> {
    let namespaces = match &filter.namespace {
        Some(namespace) => vec![namespace.clone()],
        None => queries::namespaces(connection)?,
    };
    let mut logs = Vec::new();
    for namespace in namespaces {
        for summary in queries::repositories(connection, &namespace)? {
            if filter.repository.as_ref().is_none_or(|name| *name == summary.name) {
                logs.push(LogName {
                    namespace: namespace.clone(),
                    repository: summary.name,
                });
            }
        }
    }
    Ok(logs)
}

fn export_log(connection: &Connection, log: &LogName, out: &mut dyn Write) -> Result<u64, ExportError> {
    let prefix = line::prefix(log).map_err(io::Error::from)?;
    let mut request = PageRequest {
        log: log.clone(),
        after: Sequence::ZERO,
        max_events: PAGE_EVENTS,
        max_bytes: PAGE_BYTES,
    };
    let mut until = None;
    loop {
        let page = queries::page(connection, &request).map_err(StoreFailure::from)?;
        let until = *until.get_or_insert(page.head);
        for event in page.events.iter().take_while(|event| event.sequence <= until) {
            line::write(out, &prefix, event.text)?;
        }
        request.after = page.events.last();
        if page.events.is_empty() || request.after >= until {
            return Ok(until.get());
        }
    }
}
