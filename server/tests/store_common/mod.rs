//! Events and questions in few words, for the tests of the durable stores.

#![allow(clippy::unwrap_used, dead_code)]

use driftless::store::{Store, wait};
use driftless_core::event::{EventId, Json, NewEvent, RecordId, Sequence};
use driftless_core::name::{LogName, Namespace, RepositoryName};
use driftless_core::server::{Append, AppendOutcome, AppendRun, Page, PageRequest, StoreFailure};
use driftless_server::store::Sqlite;

pub(crate) fn log(repository: &str) -> LogName {
    log_of("default", repository)
}

pub(crate) fn log_of(namespace: &str, repository: &str) -> LogName {
    LogName {
        namespace: Namespace::new(namespace).unwrap(),
        repository: RepositoryName::new(repository).unwrap(),
    }
}

/// An event as a client sends it.
pub(crate) fn event(text: &str) -> NewEvent {
    NewEvent::read(&Json::parse(text.to_owned()).unwrap()).unwrap()
}

/// An event with an id, of the record `r`, padded to about `bytes`.
pub(crate) fn padded(id: &str, bytes: usize) -> NewEvent {
    event(&format!(
        r#"{{"eventId":"{id}","dataId":"r","text":"{}"}}"#,
        "x".repeat(bytes)
    ))
}

pub(crate) fn append(store: &Sqlite, log: &LogName, events: Vec<NewEvent>) -> Result<Vec<AppendOutcome>, StoreFailure> {
    let log = log.clone();
    let append = Append {
        runs: vec![AppendRun { log, events }],
    };
    wait(|done| store.append(append, done)).map(|appended| appended.outcomes)
}

pub(crate) fn page(store: &Sqlite, log: &LogName, after: u64, max_events: usize) -> Result<Page, StoreFailure> {
    let page = PageRequest {
        log: log.clone(),
        after: Sequence::new(after),
        max_events,
        max_bytes: usize::MAX,
    };
    wait(|done| store.read(page, done))
}

/// The texts of a whole log.
pub(crate) fn whole(store: &Sqlite, log: &LogName) -> Vec<String> {
    let page = page(store, log, 0, usize::MAX).unwrap();
    assert_eq!(page.events.last(), page.head);
    page.events.iter().map(|event| event.text.to_owned()).collect()
}

pub(crate) fn find(store: &Sqlite, log: &LogName, id: &str) -> Option<String> {
    let id = EventId::new(id.to_owned()).unwrap();
    let found = wait(|done| store.event(log.clone(), id, done)).unwrap();
    found.map(|batch| batch.text(0, 1).to_owned())
}

pub(crate) fn newest(store: &Sqlite, log: &LogName, record: &str) -> Option<Sequence> {
    let record = RecordId::new(record.to_owned()).unwrap();
    let found = wait(|done| store.newest(log.clone(), record, done)).unwrap();
    found.map(|batch| batch.first())
}

pub(crate) fn check(store: &Sqlite) -> Result<(), StoreFailure> {
    wait(|done| store.check(done))
}
