//! Events, appends and questions in few words.

use crate::store::{RepositorySummary, Store, wait};
use driftless_core::event::{EventBatch, EventId, NewEvent, RecordId, Sequence};
use driftless_core::name::{LogName, Namespace, RepositoryName};
use driftless_core::server::{Append, AppendOutcome, AppendRun, Committed, Page, PageRequest};
use std::sync::{Arc, Mutex, PoisonError};

pub(super) use AppendOutcome::{Conflict, Duplicate, Stored};

/// A log of the default namespace.
pub(super) fn log(repository: &str) -> LogName {
    log_of("default", repository)
}

pub(super) fn log_of(namespace: &str, repository: &str) -> LogName {
    LogName {
        namespace: Namespace::new(namespace).expect("a namespace of the suite"),
        repository: RepositoryName::new(repository).expect("a repository name of the suite"),
    }
}

/// An event that changes the record named like itself.
pub(super) fn event(id: &str) -> NewEvent {
    event_of(id, id)
}

pub(super) fn event_of(id: &str, record: &str) -> NewEvent {
    let body = format!(r#"{{"eventId":{},"dataId":{}}}"#, quoted(id), quoted(record));
    with_body(id, record, &body)
}

/// A JSON string; all but the plainest characters are escaped.
fn quoted(text: &str) -> String {
    let unit = |unit: u16| match u8::try_from(unit) {
        Ok(byte) if byte.is_ascii_alphanumeric() || byte == b'-' => char::from(byte).to_string(),
        _ => format!("\\u{unit:04x}"),
    };
    let units: String = text.encode_utf16().map(unit).collect();
    format!("\"{units}\"")
}

pub(super) fn with_body(id: &str, record: &str, body: &str) -> NewEvent {
    NewEvent {
        id: EventId::new(id.to_owned()).expect("an event id of the suite"),
        record_id: RecordId::new(record.to_owned()).expect("a record id of the suite"),
        package_complete: false,
        body: body.into(),
    }
}

/// `count` events with ids of the same length in ascending order.
pub(super) fn events(prefix: &str, count: usize) -> Vec<NewEvent> {
    (0..count).map(|index| event(&format!("{prefix}-{index:06}"))).collect()
}

pub(super) fn run(log: &LogName, events: Vec<NewEvent>) -> AppendRun {
    AppendRun {
        log: log.clone(),
        events,
    }
}

pub(super) fn at(number: u64) -> Sequence {
    Sequence::new(number)
}

/// What a store has to keep and to send of an event.
pub(super) fn sent(event: &NewEvent, sequence: u64) -> String {
    let open = event.body.strip_suffix('}').expect("an event is an object");
    format!(r#"{open},"serverSequence":{sequence}}}"#)
}

/// The texts of a batch.
pub(super) fn texts(batch: &EventBatch) -> Vec<String> {
    let event = |index| batch.event(index).expect("an index below the length");
    (0..batch.len()).map(|index| event(index).text.to_owned()).collect()
}

/// Questions that have to succeed.
pub(super) trait Ask {
    fn append_runs(&self, runs: Vec<AppendRun>) -> Vec<AppendOutcome>;
    fn append_to(&self, log: &LogName, events: Vec<NewEvent>) -> Vec<AppendOutcome>;
    fn page(&self, log: &LogName, after: u64, max_events: usize, max_bytes: usize) -> Page;
    /// The whole log in one page.
    fn whole(&self, log: &LogName) -> Page;
    fn find(&self, log: &LogName, id: &str) -> Option<String>;
    fn newest_of(&self, log: &LogName, record: &str) -> Option<String>;
    fn list(&self, namespace: &str) -> Vec<RepositorySummary>;
}

impl Ask for Arc<dyn Store> {
    fn append_runs(&self, runs: Vec<AppendRun>) -> Vec<AppendOutcome> {
        let count: usize = runs.iter().map(|run| run.events.len()).sum();
        let appended = wait(|done| self.append(Append { runs }, done)).expect("an append succeeds");
        assert_eq!(appended.outcomes.len(), count, "one outcome an event");
        appended.outcomes
    }

    fn append_to(&self, log: &LogName, events: Vec<NewEvent>) -> Vec<AppendOutcome> {
        self.append_runs(vec![run(log, events)])
    }

    fn page(&self, log: &LogName, after: u64, max_events: usize, max_bytes: usize) -> Page {
        let request = PageRequest {
            log: log.clone(),
            after: at(after),
            max_events,
            max_bytes,
        };
        wait(|done| self.read(request, done)).expect("a read succeeds")
    }

    fn whole(&self, log: &LogName) -> Page {
        let page = self.page(log, 0, usize::MAX, usize::MAX);
        assert_eq!(page.events.last(), page.head, "a page without limits reaches the head");
        page
    }

    fn find(&self, log: &LogName, id: &str) -> Option<String> {
        let id = EventId::new(id.to_owned()).expect("an event id of the suite");
        let found = wait(|done| self.event(log.clone(), id, done)).expect("a look-up succeeds");
        found.as_ref().map(only)
    }

    fn newest_of(&self, log: &LogName, record: &str) -> Option<String> {
        let record = RecordId::new(record.to_owned()).expect("a record id of the suite");
        let found = wait(|done| self.newest(log.clone(), record, done)).expect("a look-up succeeds");
        found.as_ref().map(only)
    }

    fn list(&self, namespace: &str) -> Vec<RepositorySummary> {
        let namespace = Namespace::new(namespace).expect("a namespace of the suite");
        wait(|done| self.repositories(namespace, done)).expect("a listing succeeds")
    }
}

fn only(batch: &EventBatch) -> String {
    assert_eq!(batch.len(), 1, "a look-up finds one event");
    let event = batch.event(0).expect("a batch of one has a first");
    assert_eq!(event.sequence, batch.first());
    event.text.to_owned()
}

/// A watcher that keeps what it is told.
#[derive(Clone, Default)]
pub(super) struct Told(Arc<Mutex<Vec<Committed>>>);

impl Told {
    pub(super) fn watching(store: &Arc<dyn Store>) -> Self {
        let told = Self::default();
        let list = Arc::clone(&told.0);
        store.watch(Arc::new(move |committed| {
            list.lock().unwrap_or_else(PoisonError::into_inner).push(committed);
        }));
        told
    }

    pub(super) fn all(&self) -> Vec<Committed> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// The texts of a log's events in the order in which they were told; their sequences have to be dense.
    pub(super) fn of(&self, log: &LogName) -> Vec<String> {
        let mut all = Vec::new();
        let mut next = None;
        for committed in self.all().iter().filter(|committed| committed.log == *log) {
            assert!(!committed.events.is_empty(), "no commit without an event is told");
            assert_eq!(committed.events.first(), next.unwrap_or(committed.events.first()));
            next = Some(committed.events.last().next());
            all.extend(texts(&committed.events));
        }
        all
    }
}
