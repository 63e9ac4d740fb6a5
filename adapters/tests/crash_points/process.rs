//! A real process that writes is killed at any time: every write whose receipt it printed is there.

use driftless::core::client::{Change, LocalSequence, ServerOrder};
use driftless::storage::{SqliteStorage, Storage};
use driftless::{Client, Tokio};
use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use tempfile::TempDir;

/// Names the file to a process that is to be killed, and which of them it is.
const FILE: &str = "DRIFTLESS_CRASH_FILE";
const ROUND: &str = "DRIFTLESS_CRASH_ROUND";

/// How often a process is killed.
const ROUNDS: u64 = 20;

/// Changes of a write that has several.
const BATCH: usize = 3;

/// Writes that wait for storage at the same time, so that some share a transaction.
const WRITERS: usize = 4;

#[test]
#[ignore = "the process that another test starts and kills"]
fn writes_until_it_is_killed() {
    let (Ok(file), Ok(round)) = (env::var(FILE), env::var(ROUND)) else {
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(async {
        // Nobody listens there.
        let builder = Client::builder("ws://127.0.0.1:1/").repository("tasks", ServerOrder);
        let client = builder.sqlite(file).open(Tokio).await.unwrap();
        let writers: Vec<_> = (0..WRITERS)
            .map(|writer| tokio::spawn(write(client.clone(), format!("{round}-{writer}"))))
            .collect();
        for writer in writers {
            writer.await.unwrap();
        }
    });
}

async fn write(client: Client, writer: String) {
    for number in 0.. {
        let count = changes_of(number);
        let record = |index| format!("{writer}-{number}-{index}");
        let changes: Vec<Change> = (0..count)
            .map(|index| crate::application::upsert("tasks", &record(index), &data(number)))
            .collect();
        let receipt = client.write(changes).await.unwrap();
        for (index, event) in receipt.events().iter().enumerate() {
            println!("receipt {} {number} {event}", record(index));
        }
    }
}

/// How many changes a writer's write has.
fn changes_of(number: usize) -> usize {
    if number.is_multiple_of(2) { 1 } else { BATCH }
}

fn data(number: usize) -> String {
    format!(r#"{{"n":{number},"filling":"{number:0200}"}}"#)
}

#[test]
fn a_killed_process_has_kept_every_write_that_it_had_a_receipt_of() {
    let folder = TempDir::new().unwrap();
    let file = folder.path().join("client.db");
    // The events and data of all the receipts that were printed.
    let mut receipts = BTreeMap::new();
    for round in 0..ROUNDS {
        let mut child = start(&file, round);
        let mut lines = BufReader::new(child.stdout.take().unwrap());
        // At another point of the writing in every round, and while it goes on.
        let enough = receipts.len() + 1 + usize::try_from(round * round * 37 % 101).unwrap();
        while receipts.len() < enough {
            assert!(read(&mut lines, &mut receipts), "the process has ended by itself");
        }
        child.kill().unwrap();
        while read(&mut lines, &mut receipts) {}
        child.wait().unwrap();
        check(&file, &receipts);
    }
    println!("{} receipts of {ROUNDS} killed processes are there", receipts.len());
}

fn start(file: &Path, round: u64) -> Child {
    let name = "process::writes_until_it_is_killed";
    Command::new(env::current_exe().unwrap())
        .args(["--exact", name, "--ignored", "--nocapture"])
        .env(FILE, file)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

/// Reads a line that the process has printed; false at the end.
fn read(lines: &mut impl BufRead, receipts: &mut BTreeMap<String, (String, String)>) -> bool {
    let mut line = String::new();
    lines.read_line(&mut line).unwrap();
    let words: Vec<&str> = line.split_whitespace().collect();
    if let ["receipt", record, number, event] = words[..]
        && line.ends_with('\n')
    {
        let data = data(number.parse().unwrap());
        receipts.insert(record.to_owned(), (event.to_owned(), data));
    }
    !line.is_empty()
}

fn check(file: &Path, receipts: &BTreeMap<String, (String, String)>) {
    let storage = SqliteStorage::open(file).unwrap();
    let mut reader = storage.reader().unwrap();
    let pending = reader.pending(LocalSequence(0), usize::MAX).unwrap();
    let records = reader.records(&"tasks".parse().unwrap(), None, usize::MAX).unwrap();
    let outbox: BTreeSet<(String, String)> = pending
        .iter()
        .map(|event| (event.key.record.to_string(), event.id.to_string()))
        .collect();
    let shown: BTreeMap<String, (String, String)> = records
        .iter()
        .map(|record| {
            let state = record.visible.clone().unwrap();
            let shown = (state.event.to_string(), state.data.as_ref().unwrap().to_string());
            (record.key.record.to_string(), shown)
        })
        .collect();
    for (record, (event, data)) in receipts {
        assert_eq!(shown.get(record), Some(&(event.clone(), data.clone())), "{record}");
    }
    // Every record has one event, so records and outbox agree if they name the same.
    let of_records: BTreeSet<(String, String)> = shown
        .iter()
        .map(|(record, (event, _))| (record.clone(), event.clone()))
        .collect();
    assert_eq!(outbox, of_records);
    assert_eq!(pending.len(), records.len());
    // Writes are there as a whole.
    let mut writes: BTreeMap<&str, usize> = BTreeMap::new();
    for record in shown.keys() {
        *writes.entry(record.rsplit_once('-').unwrap().0).or_default() += 1;
    }
    for (write, records) in writes {
        let number: usize = write.rsplit_once('-').unwrap().1.parse().unwrap();
        assert_eq!(records, changes_of(number), "{write}");
    }
}
