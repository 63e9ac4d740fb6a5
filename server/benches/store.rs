//! How fast the SQLite store appends and reads: `cargo bench -p driftless-server --bench store [-- EVENTS]`.
//!
//! Prints events a second and, where the system tells (Linux), processor seconds a million events. The first depends
//! on the disk's fsync, the second does not.

#![allow(clippy::unwrap_used, clippy::cast_precision_loss, clippy::print_stdout)]

use driftless::store::{Store, wait};
use driftless_core::event::{EventId, Json, NewEvent, RecordId, Sequence};
use driftless_core::name::{LogName, Namespace, RepositoryName};
use driftless_core::server::{Append, AppendRun, PageRequest};
use driftless_server::store::Sqlite;
use std::fs;
use std::time::Instant;
use tempfile::TempDir;

/// Records that the events change, in no order.
const RECORDS: u64 = 100_000;

/// Threads that append at once where the store has to group them.
const THREADS: usize = 8;

fn main() {
    let wanted = std::env::args().find_map(|argument| argument.parse().ok());
    let events: usize = wanted.unwrap_or(200_000);
    let directory = TempDir::new().unwrap();
    println!("events of 200 bytes, {RECORDS} records");
    for (commit, events) in [(1, events / 100), (64, events / 4), (512, events), (4096, events)] {
        let store = Sqlite::open(&directory.path().join(format!("{commit}.db"))).unwrap();
        let appends = appends(&log("users"), events, commit);
        measure(&format!("append, {commit} a commit"), events, || {
            for append in appends {
                wait(|done| store.append(append, done)).unwrap();
            }
        });
    }
    let store = Sqlite::open(&directory.path().join("grouped.db")).unwrap();
    grouped(&store, events);
    drop(store);
    let path = directory.path().join("512.db");
    let store = Sqlite::open(&path).unwrap();
    println!(
        "{} bytes an event in the file",
        fs::metadata(&path).unwrap().len() / events as u64
    );
    reads(&store, events);
}

/// Many threads with 64 events each at a time: what the group commit makes of them.
fn grouped(store: &Sqlite, events: usize) {
    let logs: Vec<_> = (0..THREADS).map(|thread| log(&format!("users-{thread}"))).collect();
    let appends: Vec<_> = logs.iter().map(|log| appends(log, events / THREADS, 64)).collect();
    measure(&format!("append, 64 from each of {THREADS} threads"), events, || {
        std::thread::scope(|scope| {
            for appends in appends {
                scope.spawn(move || {
                    for append in appends {
                        wait(|done| store.append(append, done)).unwrap();
                    }
                });
            }
        });
    });
}

fn reads(store: &Sqlite, events: usize) {
    let repeats = appends(&log("users"), events, 512);
    measure("append again (duplicates), 512 a commit", events, || {
        for append in repeats {
            wait(|done| store.append(append, done)).unwrap();
        }
    });
    measure("read, pages of 64 KiB", events, || {
        let mut after = Sequence::ZERO;
        loop {
            let page = PageRequest {
                log: log("users"),
                after,
                max_events: usize::MAX,
                max_bytes: 64 << 10,
            };
            let page = wait(|done| store.read(page, done)).unwrap();
            after = page.events.last();
            if after == page.head {
                break;
            }
        }
    });
    let count = 1000.min(events);
    measure("find by event id", count, || {
        for n in 0..count {
            let id = EventId::new(id(n * (events / count))).unwrap();
            wait(|done| store.event(log("users"), id, done)).unwrap().unwrap();
        }
    });
    measure("find the newest event of a record", count, || {
        for n in 0..count {
            let record = RecordId::new(record(n)).unwrap();
            wait(|done| store.newest(log("users"), record, done)).unwrap().unwrap();
        }
    });
    measure("find that a record has no event", count / 10, || {
        for n in 0..count / 10 {
            let record = RecordId::new(format!("no-{n}")).unwrap();
            assert!(wait(|done| store.newest(log("users"), record, done)).unwrap().is_none());
        }
    });
}

fn log(repository: &str) -> LogName {
    LogName {
        namespace: Namespace::default(),
        repository: RepositoryName::new(repository).unwrap(),
    }
}

fn appends(log: &LogName, events: usize, commit: usize) -> Vec<Append> {
    let events: Vec<_> = (0..events).map(event).collect();
    let append = |events: &[NewEvent]| Append {
        runs: vec![AppendRun {
            log: log.clone(),
            events: events.to_vec(),
        }],
    };
    events.chunks(commit).map(append).collect()
}

fn event(n: usize) -> NewEvent {
    let (id, record) = (id(n), record(n));
    let text = format!(r#"{{"_event_id":"{id}","_data_id":"{record}","_operation":1,"_data":{{"text":"{n:048}"}}}}"#);
    NewEvent::read(&Json::parse(text).unwrap()).unwrap()
}

/// Like a version 7 UUID: ascending, with a random end.
fn id(n: usize) -> String {
    let (n, random) = (n as u64, scramble(n as u64));
    format!(
        "{:08x}-{:04x}-7{:03x}-{:04x}-{:012x}",
        n >> 16,
        n & 0xffff,
        0,
        random >> 48,
        random & 0xffff_ffff_ffff
    )
}

fn record(n: usize) -> String {
    format!("{:032x}", scramble(scramble(n as u64) % RECORDS))
}

/// `SplitMix64`: numbers in no order, the same in every run.
fn scramble(n: u64) -> u64 {
    let n = n.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let n = (n ^ (n >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    n ^ (n >> 31)
}

fn measure(what: &str, count: usize, run: impl FnOnce()) {
    let (cpu, start) = (cpu_seconds(), Instant::now());
    run();
    let (cpu, seconds) = (cpu_seconds().zip(cpu), start.elapsed().as_secs_f64());
    let rate = count as f64 / seconds;
    let cpu = cpu.map(|(after, before)| (after - before) * 1e6 / count as f64);
    let cpu = cpu.map_or(String::new(), |cpu| format!(", {cpu:.2} processor seconds a million"));
    println!("{what}: {rate:.0} a second{cpu}");
}

/// What the process has used, in the hundredths of a second that Linux counts in.
fn cpu_seconds() -> Option<f64> {
    let stat = fs::read_to_string("/proc/self/stat").ok()?;
    let mut fields = stat.rsplit(')').next()?.split_whitespace().skip(11);
    let mut ticks = || fields.next()?.parse::<f64>().ok();
    Some((ticks()? + ticks()?) / 100.0)
}
