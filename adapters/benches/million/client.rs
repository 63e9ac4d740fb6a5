//! A process with a client and nothing else.

use crate::{LIMIT, TIMES, data, due, index_of, indexes, key, memory, repository, scramble};
use driftless::blocking::Client;
use driftless::client::{Item, Results, Watch};
use driftless::core::client::{
    Change, ChangeKind, LocalSequence, OwnEvent, RecordKey, ServerOrder, StorageFailure, StorageReply, StorageRequest,
    StoredRecord,
};
use driftless::core::event::RecordId;
use driftless::core::name::RepositoryName;
use driftless::runtime::block_on;
use driftless::storage::{Comparison, Direction, Index, Query, QueryRow, Reader, SqliteStorage, Storage};
use futures_util::FutureExt;
use serde_json::Value;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// The longest that an application may wait for its client to open.
const OPENING: Duration = Duration::from_secs(1);

/// The most memory of a process with a client.
const MEMORY_KIB: u64 = 64 << 10;

/// Changes that a watched query must not be asked again for.
const UNCONCERNED: u64 = 100;

/// Has a process of its own measure a client on this file; what things take, and what they are.
pub(crate) fn measured(path: &Path, records: u64) -> Vec<(String, Duration)> {
    let mut child = Command::new(std::env::current_exe().unwrap());
    let output = child
        .arg("--client")
        .arg(path)
        .arg(records.to_string())
        .output()
        .unwrap();
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{errors}");
    let text = String::from_utf8(output.stdout).unwrap();
    let line = |line: &str| {
        if let Some((what, nanos)) = line.split_once('\t') {
            return Some((what.to_owned(), Duration::from_nanos(nanos.parse().unwrap())));
        }
        // Not to be compared.
        println!("{line}");
        None
    };
    text.lines().filter_map(line).collect()
}

/// What that process does.
pub(crate) fn measure(path: &Path, records: u64) {
    let queries = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let client = open(path, queries.clone());
    client.status().unwrap();
    let opening = start.elapsed();
    assert!(opening < OPENING, "opening took {opening:.1?}");
    tell("client: open, until its status is there", opening);

    let start = Instant::now();
    for n in 0..u64::from(TIMES) {
        upsert(&client, scramble(n) % records, n);
    }
    tell("client: upsert, durable when it returns", start.elapsed() / TIMES);

    let mut watch = watch(&client);
    let shown = next(&mut watch);
    assert_eq!(shown.len(), LIMIT);
    let last_due = shown.iter().map(due_of).min().unwrap();
    let ids: Vec<u64> = shown.iter().map(|item| index_of(&item.id)).collect();
    let start = Instant::now();
    for (n, id) in (0..u64::from(TIMES)).zip(ids.iter().cycle()) {
        upsert(&client, *id, u64::from(TIMES) + n);
        next(&mut watch);
    }
    tell(
        "client: upsert until a watched query of 20 has told",
        start.elapsed() / TIMES,
    );

    let before = queries.load(Ordering::Relaxed);
    let others = (0..records)
        .filter(|n| due(*n) < last_due)
        .take(UNCONCERNED.try_into().unwrap());
    let mut look = || {
        assert!(
            watch.next().now_or_never().is_none(),
            "told of what does not concern it"
        );
    };
    for n in others {
        upsert(&client, n, n);
        look();
    }
    // Behind the notice of the last change.
    client.status().unwrap();
    look();
    // Behind every query that may have been asked for.
    block_on(client.inner().get(&repository(), &key(0).record)).unwrap();
    let asked = queries.load(Ordering::Relaxed) - before;
    assert_eq!(asked, 0, "queries asked again without a reason");
    drop(watch);
    client.stop();
    let (peak, line) = memory();
    println!(
        "client with {records} records: {line}; {UNCONCERNED} changes beside a watched query asked it {asked} times"
    );
    assert!(peak.is_none_or(|kib| kib < MEMORY_KIB), "{line}");
}

fn tell(what: &str, time: Duration) {
    println!("{what}\t{}", time.as_nanos());
}

/// A client without a server.
fn open(path: &Path, queries: Arc<AtomicU64>) -> Client {
    let storage = Counting {
        storage: SqliteStorage::open(path).unwrap(),
        queries,
    };
    let builder = Client::builder("ws://127.0.0.1:1/").repository(&repository(), ServerOrder);
    let indexed = indexes()
        .into_iter()
        .fold(builder, |builder, index| builder.index(&index.repository, index.fields));
    Client::open(indexed.storage(storage)).unwrap()
}

fn upsert(client: &Client, n: u64, version: u64) {
    let RecordKey { repository, record } = key(n);
    let data = data(n, version);
    let kind = ChangeKind::Upsert { data, changed: None };
    client
        .write(vec![Change {
            repository,
            record,
            kind,
        }])
        .unwrap();
}

fn watch(client: &Client) -> Watch<Value> {
    let tasks = client.inner().repository::<Value>(&repository()).unwrap();
    let top = |from: u64| {
        let query = tasks.query().filter("due", Comparison::greater_or_equal(from));
        query.order_by("due", Direction::Descending).limit(LIMIT)
    };
    let shown = block_on(top(0).all()).unwrap();
    top(shown.iter().map(due_of).min().unwrap()).watch()
}

fn due_of(item: &Item<Value>) -> u64 {
    item.value["due"].as_u64().unwrap()
}

fn next(watch: &mut Watch<Value>) -> Results<Value> {
    block_on(watch.next()).unwrap().unwrap()
}

/// A storage whose queries are counted.
struct Counting<S> {
    storage: S,
    queries: Arc<AtomicU64>,
}

impl Storage for Counting<SqliteStorage> {
    fn request(&mut self, request: StorageRequest) -> Result<StorageReply, StorageFailure> {
        self.storage.request(request)
    }

    fn declare_indexes(&mut self, indexes: &[Index]) -> Result<(), StorageFailure> {
        self.storage.declare_indexes(indexes)
    }

    fn reader(&self) -> Result<Box<dyn Reader>, StorageFailure> {
        Ok(Box::new(Counting {
            storage: self.storage.reader()?,
            queries: self.queries.clone(),
        }))
    }
}

impl Reader for Counting<Box<dyn Reader>> {
    fn record(&mut self, key: &RecordKey) -> Result<Option<StoredRecord>, StorageFailure> {
        self.storage.record(key)
    }

    fn records(
        &mut self,
        repository: &RepositoryName,
        after: Option<&RecordId>,
        max: usize,
    ) -> Result<Vec<StoredRecord>, StorageFailure> {
        self.storage.records(repository, after, max)
    }

    fn row(&mut self, key: &RecordKey) -> Result<Option<QueryRow>, StorageFailure> {
        self.storage.row(key)
    }

    fn query(&mut self, repository: &RepositoryName, query: &Query) -> Result<Vec<QueryRow>, StorageFailure> {
        self.queries.fetch_add(1, Ordering::Relaxed);
        self.storage.query(repository, query)
    }

    fn count(&mut self, repository: &RepositoryName, query: &Query) -> Result<u64, StorageFailure> {
        self.storage.count(repository, query)
    }

    fn pending(&mut self, after: LocalSequence, max: usize) -> Result<Vec<OwnEvent>, StorageFailure> {
        self.storage.pending(after, max)
    }

    fn rejected(&mut self, after: LocalSequence, max: usize) -> Result<Vec<OwnEvent>, StorageFailure> {
        self.storage.rejected(after, max)
    }
}
