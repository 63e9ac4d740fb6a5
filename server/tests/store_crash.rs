//! The SQLite store after a process that was killed, and after a log whose end was lost.

#![allow(clippy::unwrap_used)]

mod store_common;

use driftless_core::server::AppendOutcome;
use driftless_server::store::{OpenError, Sqlite};
use std::collections::HashMap;
use std::fmt::Write as _;
use std::fs::{self, OpenOptions};
use std::io::{BufRead, BufReader, Write as _};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};
use store_common::{append, log, padded, page, whole};
use tempfile::TempDir;

/// Tells the test binary, started once more, to append to this file until it is killed.
const STORE: &str = "DRIFTLESS_TEST_CRASH_STORE";
const ROUND: &str = "DRIFTLESS_TEST_CRASH_ROUND";

/// Not a test of its own: what the killed process runs.
#[test]
fn append_until_killed() {
    let Ok(path) = std::env::var(STORE) else { return };
    let round = std::env::var(ROUND).unwrap();
    let store = Sqlite::open(Path::new(&path)).unwrap();
    std::thread::scope(|scope| {
        for writer in 0..4 {
            let (store, round) = (&store, &round);
            scope.spawn(move || append_for_ever(store, &format!("{round}-{writer}")));
        }
    });
}

fn append_for_ever(store: &Sqlite, prefix: &str) {
    let users = log("users");
    for n in 0_u64.. {
        let ids: Vec<_> = (0..=n % 7).map(|part| format!("{prefix}-{n}-{part}")).collect();
        let events = ids.iter().map(|id| padded(id, 500)).collect();
        let outcomes = append(store, &users, events).unwrap();
        let mut reports = String::new();
        for (id, outcome) in ids.iter().zip(outcomes) {
            writeln!(reports, "stored {id} {}", outcome.sequence()).unwrap();
        }
        // One write, short enough for a pipe to take it whole: a report is there or not, and mixes with no other.
        std::io::stdout().lock().write_all(reports.as_bytes()).unwrap();
    }
}

/// Starts the process; its lock is gone when `kill` returns.
fn start(path: &Path, round: usize) -> (Child, BufReader<ChildStdout>) {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "append_until_killed", "--nocapture", "--test-threads=1"])
        .env(STORE, path)
        .env(ROUND, round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let reports = BufReader::new(child.stdout.take().unwrap());
    (child, reports)
}

/// Lets the process report about `count` events, kills it, and gives all that it reported.
fn run_and_kill(path: &Path, round: usize, count: usize) -> HashMap<String, u64> {
    let (mut child, reports) = start(path, round);
    let mut stored = HashMap::new();
    let mut killed = false;
    for line in reports.lines().map_while(Result::ok) {
        // Beside the reports there are the lines of the test harness.
        if let ["stored", id, sequence] = line.split(' ').collect::<Vec<_>>()[..] {
            stored.insert(id.to_owned(), sequence.parse().unwrap());
        }
        if !killed && stored.len() >= count {
            child.kill().unwrap();
            killed = true;
        }
    }
    assert!(killed, "the process ended by itself after {} events", stored.len());
    child.wait().unwrap();
    stored
}

#[test]
fn what_was_reported_stored_is_there_after_a_kill() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("store.db");
    let mut reported = HashMap::new();
    for (round, count) in [1, 7, 50, 200, 500, 3, 120, 1000].into_iter().enumerate() {
        reported.extend(run_and_kill(&path, round, count));
        let store = Sqlite::open(&path).unwrap();
        let users = log("users");
        let page = page(&store, &users, 0, usize::MAX).unwrap();
        assert_eq!(page.events.len() as u64, page.head.get(), "1..n without a gap");
        let places: HashMap<_, _> = page
            .events
            .iter()
            .map(|event| (id_of(event.text), event.sequence.get()))
            .collect();
        assert_eq!(places.len(), page.events.len(), "no event is there twice");
        for (id, sequence) in &reported {
            assert_eq!(places.get(id.as_str()), Some(sequence), "{id}");
        }
        // What the process did not hear of any more is a duplicate or new, never twice.
        let repeat = reported.keys().take(20).map(|id| padded(id, 500)).collect();
        let outcomes = append(&store, &users, repeat).unwrap();
        assert!(
            outcomes
                .iter()
                .all(|outcome| matches!(outcome, AppendOutcome::Duplicate(_)))
        );
    }
}

fn id_of(text: &str) -> &str {
    let rest = text.strip_prefix(r#"{"eventId":""#).unwrap();
    rest.split('"').next().unwrap()
}

#[test]
fn a_killed_process_holds_the_store_no_longer_than_it_lives() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("store.db");
    let (mut child, mut reports) = start(&path, 0);
    let mut line = String::new();
    while !line.starts_with("stored") {
        line.clear();
        assert!(reports.read_line(&mut line).unwrap() > 0);
    }
    let refused = Sqlite::open(&path).unwrap_err();
    assert!(matches!(refused, OpenError::InUse { .. }), "{refused}");
    assert!(
        refused.to_string().contains(&format!("(process {})", child.id())),
        "{refused}"
    );
    child.kill().unwrap();
    child.wait().unwrap();
    Sqlite::open(&path).unwrap();
}

#[test]
fn a_log_whose_end_was_lost_opens_with_what_is_left() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("store.db");
    run_and_kill(&path, 0, 300);
    let (file, wal) = (
        fs::read(&path).unwrap(),
        fs::read(directory.path().join("store.db-wal")).unwrap(),
    );
    let mut before = usize::MAX;
    let lengths = [
        wal.len(),
        wal.len() - 1,
        wal.len() - 5000,
        wal.len() / 2,
        wal.len() / 3 + 17,
        40_000,
        31,
        0,
    ];
    for (attempt, length) in lengths.into_iter().enumerate() {
        let torn = directory.path().join(format!("torn-{attempt}.db"));
        fs::write(&torn, &file).unwrap();
        fs::write(directory.path().join(format!("torn-{attempt}.db-wal")), &wal[..length]).unwrap();
        // Whatever is left is a whole number of commits from the first one on, and the store goes on from there.
        let store = Sqlite::open(&torn).unwrap();
        let events = whole(&store, &log("users"));
        assert!(
            events.len() <= before,
            "{length} of {} bytes gave {} events",
            wal.len(),
            events.len()
        );
        before = events.len();
        let next = append(&store, &log("users"), vec![padded("next", 10)]).unwrap();
        assert_eq!(next[0].sequence().get(), events.len() as u64 + 1);
    }
}

#[test]
fn a_log_that_was_overwritten_at_its_end_opens_with_what_is_left() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("store.db");
    let stored = run_and_kill(&path, 0, 300);
    let wal = directory.path().join("store.db-wal");
    let length = fs::metadata(&wal).unwrap().len();
    let mut file = OpenOptions::new().append(true).open(&wal).unwrap();
    file.write_all(&[0xa5; 10_000]).unwrap();
    drop(file);
    assert_eq!(fs::metadata(&wal).unwrap().len(), length + 10_000);
    let store = Sqlite::open(&path).unwrap();
    assert!(whole(&store, &log("users")).len() >= stored.len());
}
