//! What a million records cost a client: `cargo bench -p driftless --features blocking --bench million [-- RECORDS]`.
//!
//! Builds a file with a thousand records and one with a million, of about 200 bytes each, through the storage's own
//! interface, with two indexes, and compares them: first the storage alone, then a client on threads, without a server. A
//! commit waits for the disk's fsync, so its processor time is told too (Linux); the memory is that of a process of its own
//! that opens the file, writes and queries.

#![allow(clippy::unwrap_used, clippy::cast_precision_loss, clippy::print_stdout)]

mod client;

use driftless::core::client::{
    LocalSequence, OwnEvent, OwnState, RecordKey, State, StorageChange, StorageReply, StorageRequest, StoredRecord,
    Transaction,
};
use driftless::core::event::{EventId, Json, RecordId, Sequence};
use driftless::core::name::RepositoryName;
use driftless::storage::{Comparison, Direction, Index, Query, Reader, SqliteStorage, Storage};
use std::fs;
use std::path::Path;
use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};
use tempfile::TempDir;

/// The records of the file that the large one is compared with.
const FEW: u64 = 1_000;

/// Records that a file is filled with in a transaction.
const IN_A_TRANSACTION: u64 = 10_000;

/// How often each thing is measured.
const TIMES: u32 = 1_000;

/// How many records a query returns.
const LIMIT: usize = 20;

/// Owners of records: few enough that each has more than a query returns, also of the few.
const OWNERS: u64 = 10;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, mode, path, records] = &arguments[..] {
        let (path, records) = (Path::new(path), records.parse().unwrap());
        match &**mode {
            "--child" => return child(path, records),
            "--client" => return client::measure(path, records),
            _ => {}
        }
    }
    let many = arguments.iter().find_map(|argument| argument.parse().ok());
    let many: u64 = many.unwrap_or(1_000_000);
    let folder = TempDir::new().unwrap();
    let (few_path, many_path) = (folder.path().join("few.db"), folder.path().join("many.db"));
    build(&few_path, FEW);
    build(&many_path, many);
    compare(&measure(&few_path, FEW), &measure(&many_path, many), many);
    add_index(&many_path, many);
    for (path, records) in [(&few_path, FEW), (&many_path, many)] {
        let mut child = Command::new(std::env::current_exe().unwrap());
        let status = child.arg("--child").arg(path).arg(records.to_string()).status();
        assert!(status.unwrap().success());
    }
    let small = client::measured(&few_path, FEW);
    compare(&small, &client::measured(&many_path, many), many);
}

fn compare<What: std::fmt::Display>(small: &[(What, Duration)], large: &[(What, Duration)], many: u64) {
    for ((what, small), (_, large)) in small.iter().zip(large) {
        let ratio = large.as_secs_f64() / small.as_secs_f64();
        println!("{what}: {small:.1?} with {FEW} records, {large:.1?} with {many}: {ratio:.2} times");
    }
}

/// What things take with this file, and what they are.
fn measure(path: &Path, records: u64) -> Vec<(&'static str, Duration)> {
    let start = Instant::now();
    let mut storage = opened(path);
    let mut reader = storage.reader().unwrap();
    let mut each = vec![("open", start.elapsed())];
    let (cpu, start) = (cpu_seconds(), Instant::now());
    upserts(&mut storage, records);
    each.push(("upsert, a commit each", start.elapsed() / TIMES));
    if let Some((before, after)) = cpu.zip(cpu_seconds()) {
        let used = Duration::from_secs_f64(after - before);
        each.push(("upsert, processor time", used / TIMES));
    }
    let mut timed = |what, run: &mut dyn FnMut(u64)| {
        let start = Instant::now();
        (0..TIMES.into()).for_each(run);
        each.push((what, start.elapsed() / TIMES));
    };
    timed("query by id", &mut |n| {
        let key = key(scramble(n) % records);
        assert!(reader.row(&key).unwrap().is_some());
    });
    timed("query of 20 at the end of an index", &mut |_| {
        let last = Query::new().order_by("due", Direction::Descending).limit(LIMIT);
        assert_eq!(ask(&mut *reader, &last), LIMIT);
    });
    timed("query of 20 somewhere in an index", &mut |n| {
        ask(&mut *reader, &somewhere(n));
    });
    timed("query of 20 of one owner, in order", &mut |n| {
        assert_eq!(ask(&mut *reader, &of_owner(n)), LIMIT);
    });
    each
}

fn somewhere(n: u64) -> Query {
    Query::new()
        .filter("due", Comparison::less_or_equal(due(n)))
        .order_by("due", Direction::Descending)
        .limit(LIMIT)
}

fn of_owner(n: u64) -> Query {
    Query::new()
        .filter("owner", Comparison::equal(n % OWNERS))
        .order_by("due", Direction::Ascending)
        .limit(LIMIT)
}

fn ask(reader: &mut dyn Reader, query: &Query) -> usize {
    reader.query(&repository(), query).unwrap().len()
}

fn add_index(path: &Path, records: u64) {
    let mut storage = opened(path);
    let mut all = indexes();
    all.push(Index::new(repository(), ["text"]));
    let start = Instant::now();
    storage.declare_indexes(&all).unwrap();
    println!("one more index over {records} records: {:.1?}", start.elapsed());
    storage.declare_indexes(&indexes()).unwrap();
}

/// What a process that does this and nothing else needs of memory.
fn child(path: &Path, records: u64) {
    let mut storage = opened(path);
    let mut reader = storage.reader().unwrap();
    upserts(&mut storage, records);
    for n in 0..TIMES.into() {
        ask(&mut *reader, &somewhere(n));
    }
    println!(
        "memory with {records} records, after {TIMES} upserts and {TIMES} queries: {}",
        memory().1
    );
}

/// The most memory that this process had, in KiB, and a line about it; nothing where the system is not Linux.
fn memory() -> (Option<u64>, String) {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let memory = status
        .lines()
        .filter(|line| line.starts_with("VmHWM") || line.starts_with("VmRSS"));
    let memory: Vec<String> = memory
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    let peak = memory.iter().find_map(|line| line.strip_prefix("VmHWM: "));
    let peak = peak.and_then(|peak| peak.strip_suffix(" kB")?.parse().ok());
    (peak, memory.join(", "))
}

/// Opens a file as a client does, with its indexes declared.
fn opened(path: &Path) -> SqliteStorage {
    let mut storage = SqliteStorage::open(path).unwrap();
    storage.declare_indexes(&indexes()).unwrap();
    let repositories = vec![repository()];
    storage.request(StorageRequest::Open { repositories }).unwrap();
    storage
}

fn build(path: &Path, records: u64) {
    let start = Instant::now();
    let mut storage = opened(path);
    let mut from = 0;
    while from < records {
        let to = records.min(from + IN_A_TRANSACTION);
        let changes = (from..to).map(|n| StorageChange::Record(record(n, n, false))).collect();
        commit(&mut storage, changes);
        from = to;
    }
    drop(storage);
    let (seconds, bytes) = (start.elapsed().as_secs_f64(), fs::metadata(path).unwrap().len());
    let each = bytes / records;
    println!("{records} records written in {seconds:.1} s, {each} bytes each in the file");
}

/// Changes records in no order, each with an own event in a commit of its own, as the machine does.
fn upserts(storage: &mut SqliteStorage, records: u64) {
    let repositories = Vec::new();
    let reply = storage.request(StorageRequest::Open { repositories }).unwrap();
    let StorageReply::Opened(opened) = reply else {
        panic!("Open was answered with {reply:?}");
    };
    for n in 1..=u64::from(TIMES) {
        let (local, changed) = (opened.last_local.0 + n, scramble(n) % records);
        let event = OwnEvent {
            local: LocalSequence(local),
            key: key(changed),
            id: EventId::new(format!("own-{local}")).unwrap(),
            body: data(changed, local),
            state: OwnState::Pending,
        };
        let record = record(changed, local, true);
        commit(
            storage,
            vec![StorageChange::Record(record), StorageChange::AddOwn(event)],
        );
    }
}

fn commit(storage: &mut SqliteStorage, changes: Vec<StorageChange>) {
    let commit = StorageRequest::Commit(Transaction { changes });
    storage.request(commit).unwrap();
}

fn repository() -> RepositoryName {
    RepositoryName::new("tasks").unwrap()
}

fn indexes() -> Vec<Index> {
    vec![
        Index::new(repository(), ["due"]),
        Index::new(repository(), ["owner", "due"]),
    ]
}

/// Ids in no order, as random ones are.
fn key(n: u64) -> RecordKey {
    let record = format!("{:016x}{n:016x}", scramble(n));
    RecordKey {
        repository: repository(),
        record: RecordId::new(record).unwrap(),
    }
}

/// Which key has this id.
fn index_of(record: &RecordId) -> u64 {
    u64::from_str_radix(&record[16..], 16).unwrap()
}

fn record(n: u64, version: u64, local: bool) -> StoredRecord {
    let state = State {
        event: EventId::new(format!("{:016x}-{version:016x}", scramble(n))).unwrap(),
        created_at: None,
        sequence: Some(Sequence::new(n + 1)),
        data: Some(data(n, version)),
    };
    StoredRecord {
        key: key(n),
        confirmed: (!local).then(|| Arc::new(state.clone())),
        visible: Some(Arc::new(state)),
        pending: local,
        generation: 0,
    }
}

/// About 200 bytes.
fn data(n: u64, version: u64) -> Json {
    let (due, owner, text) = (due(n), n % OWNERS, scramble(version));
    let text = format!(
        r#"{{"title":"what there is to do, number {n:08}","due":{due},"owner":{owner},"done":false,"text":"{text:016x}{version:080}"}}"#
    );
    Json::parse(text).unwrap()
}

/// About a million different values, in no order.
fn due(n: u64) -> u64 {
    scramble(n) >> 44
}

/// `SplitMix64`: numbers in no order, the same in every run.
fn scramble(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

/// What the process has used, in the hundredths of a second that Linux counts in.
fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit(')').next()?.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / 100.0)
}
