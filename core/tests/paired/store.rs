//! A model of a server's store: logs in memory that survive the server.

use driftless_core::event::{EventBatch, EventBatchBuilder, EventId, NewEvent, Sequence};
use driftless_core::name::{LogName, Namespace, RepositoryName};
use driftless_core::server::{Append, AppendOutcome, Appended, Committed, Page, PageRequest};
use driftless_core::wire::Epoch;
use std::collections::BTreeMap;
use std::sync::Arc;

/// What survives a server's crash. A clone is a backup.
#[derive(Clone, Debug)]
pub(crate) struct Store {
    pub(crate) epoch: Epoch,
    logs: BTreeMap<LogName, Vec<Stored>>,
}

/// One event of a log.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) id: EventId,
    pub(crate) text: String,
    package_complete: bool,
}

impl Store {
    /// An empty store.
    pub(crate) fn new(epoch: &str) -> Self {
        Self {
            epoch: Epoch::new(epoch).expect("a short epoch"),
            logs: BTreeMap::new(),
        }
    }

    /// Commits a batch; gives the outcomes, and for each log that has grown what is new.
    pub(crate) fn append(&mut self, append: &Append) -> (Appended, Vec<Committed>) {
        let mut outcomes = Vec::new();
        let mut grown: BTreeMap<LogName, EventBatchBuilder> = BTreeMap::new();
        for run in &append.runs {
            let log = self.logs.entry(run.log.clone()).or_default();
            let next = Sequence::new(log.len() as u64 + 1);
            let batch = grown
                .entry(run.log.clone())
                .or_insert_with(|| EventBatchBuilder::new(next));
            outcomes.extend(run.events.iter().map(|event| append_one(log, event, batch)));
        }
        let committed = grown
            .into_iter()
            .filter(|(_, batch)| !batch.is_empty())
            .map(|(log, batch)| Committed {
                log,
                events: Arc::new(batch.build()),
            })
            .collect();
        (Appended { outcomes }, committed)
    }

    /// Reads a page.
    pub(crate) fn page(&self, request: &PageRequest) -> Page {
        let log = self.logs.get(&request.log).map_or(&[][..], Vec::as_slice);
        let after = usize::try_from(request.after.get()).unwrap_or(usize::MAX);
        let mut batch = EventBatchBuilder::new(request.after.next());
        for stored in log.iter().skip(after).take(request.max_events) {
            if !batch.is_empty() && batch.bytes() + stored.text.len() + 1 > request.max_bytes {
                break;
            }
            batch.append_stored(stored.text.as_bytes(), stored.package_complete);
        }
        Page {
            events: batch.build(),
            head: Sequence::new(log.len() as u64),
        }
    }

    /// The repositories of a namespace that hold events.
    pub(crate) fn repositories(&self, namespace: &Namespace) -> Vec<RepositoryName> {
        let of_namespace = self.logs.keys().filter(|log| log.namespace == *namespace);
        of_namespace.map(|log| log.repository.clone()).collect()
    }

    /// A log of the default namespace.
    pub(crate) fn log(&self, repository: &RepositoryName) -> &[Stored] {
        let log = LogName {
            namespace: Namespace::default(),
            repository: repository.clone(),
        };
        self.logs.get(&log).map_or(&[], Vec::as_slice)
    }
}

fn append_one(log: &mut Vec<Stored>, event: &NewEvent, batch: &mut EventBatchBuilder) -> AppendOutcome {
    if let Some(place) = log.iter().position(|stored| stored.id == event.id) {
        let sequence = Sequence::new(place as u64 + 1);
        return if EventBatch::same_body(log[place].text.as_bytes(), sequence, &event.body) {
            AppendOutcome::Duplicate(sequence)
        } else {
            AppendOutcome::Conflict(sequence)
        };
    }
    let (sequence, text) = batch.append(event);
    log.push(Stored {
        id: event.id.clone(),
        text: String::from_utf8(text.to_vec()).expect("an event is text"),
        package_complete: event.package_complete,
    });
    AppendOutcome::Stored(sequence)
}
