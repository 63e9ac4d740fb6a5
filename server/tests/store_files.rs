//! What the SQLite store does with its files, and with files that are not its own.

#![allow(clippy::unwrap_used)]

mod store_common;

use driftless::store::Store;
use driftless_core::event::Sequence;
use driftless_core::server::{Append, AppendOutcome, AppendRun};
use driftless_server::store::{OpenError, Sqlite};
use rusqlite::Connection;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use store_common::{append, check, event, find, log, newest, padded, page, whole};
use tempfile::TempDir;

fn refusal(path: &Path) -> String {
    Sqlite::open(path).unwrap_err().to_string()
}

/// A closed store of 2,000 events.
fn filled(directory: &TempDir) -> PathBuf {
    let path = directory.path().join("store.db");
    let store = Sqlite::open(&path).unwrap();
    let events = (0..2000).map(|n| padded(&format!("e{n:05}"), 200)).collect();
    append(&store, &log("users"), events).unwrap();
    path
}

#[test]
fn a_store_makes_its_directory() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("a/b/store.db");
    let store = Sqlite::open(&path).unwrap();
    assert!(check(&store).is_ok());
    assert!(path.exists());
}

#[test]
fn a_second_process_is_told_who_has_the_store() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("store.db");
    let first = Sqlite::open(&path).unwrap();
    let message = refusal(&path);
    let holder = format!("in use by another driftless process (process {})", std::process::id());
    assert!(message.contains(&holder), "{message}");
    let around = directory
        .path()
        .join("../")
        .join(directory.path().file_name().unwrap())
        .join("store.db");
    assert!(matches!(Sqlite::open(&around), Err(OpenError::InUse { .. })));
    drop(first);
    Sqlite::open(&path).unwrap();
}

#[cfg(unix)]
#[test]
fn a_link_to_a_store_in_use_is_in_use() {
    let directory = TempDir::new().unwrap();
    let (path, link) = (directory.path().join("store.db"), directory.path().join("link.db"));
    let _first = Sqlite::open(&path).unwrap();
    std::os::unix::fs::symlink(&path, &link).unwrap();
    assert!(matches!(Sqlite::open(&link), Err(OpenError::InUse { .. })));
}

#[test]
fn a_closed_store_is_one_file_and_answers_no_more() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("store.db");
    let store = Sqlite::open(&path).unwrap();
    append(&store, &log("users"), vec![padded("a", 10)]).unwrap();
    assert!(directory.path().join("store.db-wal").exists());
    store.close();
    store.close();
    for rest in ["store.db-wal", "store.db-shm"] {
        assert!(!directory.path().join(rest).exists(), "{rest}");
    }
    let closed = "the store is unavailable: the store is closed";
    assert_eq!(append(&store, &log("users"), vec![]).unwrap_err().to_string(), closed);
    assert_eq!(page(&store, &log("users"), 0, 1).unwrap_err().to_string(), closed);
    assert_eq!(check(&store).unwrap_err().to_string(), closed);
    assert_eq!(whole(&Sqlite::open(&path).unwrap(), &log("users")).len(), 1);
}

#[test]
fn closing_finishes_what_was_asked() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("store.db");
    let store = Sqlite::open(&path).unwrap();
    let (sender, answers) = std::sync::mpsc::channel();
    for n in 0..200 {
        let sender = sender.clone();
        let append = Append {
            runs: vec![AppendRun {
                log: log("users"),
                events: vec![padded(&format!("e{n}"), 100)],
            }],
        };
        store.append(append, Box::new(move |result| sender.send(result).unwrap()));
    }
    store.close();
    drop(sender);
    assert_eq!(answers.iter().flatten().count(), 200);
    assert_eq!(whole(&Sqlite::open(&path).unwrap(), &log("users")).len(), 200);
}

#[test]
fn a_person_can_read_the_file_with_any_sqlite() {
    let directory = TempDir::new().unwrap();
    let path = filled(&directory);
    let connection = Connection::open(&path).unwrap();
    let select = "SELECT namespace || ' ' || repository || ' ' || sequence || ' ' || (body ->> 'eventId') FROM log
                  WHERE record_id = 'r' ORDER BY sequence DESC LIMIT 1";
    let last: String = connection.query_row(select, [], |row| row.get(0)).unwrap();
    assert_eq!(last, "default users 2000 e01999");
}

#[test]
fn the_last_handle_may_go_in_a_callback() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("store.db");
    let store: Arc<dyn Store> = Arc::new(Sqlite::open(&path).unwrap());
    let (sender, receiver) = std::sync::mpsc::channel();
    let (go, wait) = std::sync::mpsc::channel::<()>();
    let last = Arc::clone(&store);
    store.check(Box::new(move |result| {
        wait.recv().unwrap();
        drop(last);
        sender.send(result).unwrap();
    }));
    drop(store);
    go.send(()).unwrap();
    receiver.recv().unwrap().unwrap();
}

#[test]
fn a_callback_that_panics_leaves_no_request_without_an_answer() {
    let directory = TempDir::new().unwrap();
    let store = Sqlite::open(&directory.path().join("store.db")).unwrap();
    store.watch(Arc::new(|_| panic!("a fault of the watcher's")));
    assert!(append(&store, &log("users"), vec![padded("a", 10)]).is_err());
    assert!(append(&store, &log("users"), vec![padded("a", 10)]).is_err());
    assert!(check(&store).is_err());
    assert_eq!(whole(&store, &log("users")).len(), 1);
}

#[test]
fn files_of_others_are_left_alone() {
    let directory = TempDir::new().unwrap();
    let text = directory.path().join("notes.txt");
    fs::write(&text, "not a database at all").unwrap();
    assert!(
        refusal(&text).contains("is not a driftless store: it is not an SQLite file"),
        "{}",
        refusal(&text)
    );
    assert_eq!(fs::read(&text).unwrap(), b"not a database at all");

    let other = directory.path().join("other.db");
    let connection = Connection::open(&other).unwrap();
    connection
        .execute_batch("CREATE TABLE t (x); PRAGMA application_id = 1")
        .unwrap();
    drop(connection);
    let before = fs::read(&other).unwrap();
    assert!(
        refusal(&other).contains("the SQLite file of another program"),
        "{}",
        refusal(&other)
    );
    assert_eq!(fs::read(&other).unwrap(), before);
}

#[test]
fn a_newer_layout_is_refused_and_kept() {
    let directory = TempDir::new().unwrap();
    let path = filled(&directory);
    Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 1000)
        .unwrap();
    let message = refusal(&path);
    assert!(
        message.contains("has layout 1000") && message.contains("knows layouts up to 1"),
        "{message}"
    );
    Connection::open(&path)
        .unwrap()
        .pragma_update(None, "user_version", 1)
        .unwrap();
    assert_eq!(whole(&Sqlite::open(&path).unwrap(), &log("users")).len(), 2000);
}

#[test]
fn a_damaged_file_is_refused_with_a_clear_message() {
    let directory = TempDir::new().unwrap();
    let path = filled(&directory);
    let sound = fs::read(&path).unwrap();
    let mut damaged = sound.clone();
    damaged[16..4096].fill(0xa5);
    fs::write(&path, &damaged).unwrap();
    let message = refusal(&path);
    assert!(
        message.contains("is damaged") && message.contains("restore a backup"),
        "{message}"
    );
    // Cut off in the middle.
    fs::write(&path, &sound[..4096]).unwrap();
    let message = refusal(&path);
    assert!(message.contains("is damaged"), "{message}");
}

#[test]
fn a_damaged_page_fails_its_readers_and_nobody_else() {
    let directory = TempDir::new().unwrap();
    let path = filled(&directory);
    let mut bytes = fs::read(&path).unwrap();
    // The pages of the log; their place is not ours to know, their content is.
    let marks: Vec<_> = (0..bytes.len() / 4096)
        .filter(|page| {
            bytes[page * 4096..][..4096]
                .windows(14)
                .any(|window| window == b"serverSequence")
        })
        .collect();
    bytes[marks[marks.len() / 2] * 4096..][..4096].fill(0xa5);
    fs::write(&path, bytes).unwrap();
    let store = Sqlite::open(&path).unwrap();
    let failure = page(&store, &log("users"), 0, usize::MAX).unwrap_err().to_string();
    assert!(
        failure.contains("malformed") || failure.contains("damaged"),
        "{failure}"
    );
    assert_eq!(page(&store, &log("users"), 0, 10).unwrap().events.len(), 10);
    assert!(check(&store).is_ok());
    assert_eq!(
        append(&store, &log("orders"), vec![padded("a", 10)]).unwrap(),
        [AppendOutcome::Stored(Sequence::new(1))]
    );
}

#[test]
fn the_newest_event_of_a_record_is_found_however_far_back() {
    let directory = TempDir::new().unwrap();
    let store = Sqlite::open(&directory.path().join("store.db")).unwrap();
    let users = log("users");
    let event = |n: u64| event(&format!(r#"{{"eventId":"e{n}","dataId":"r{}"}}"#, n % 1500));
    let mut made = 0;
    // Commits that end before, at and behind the ends of blocks, and one that has several.
    for head in [1, 511, 512, 513, 1024, 1535, 1537, 3000, 3001, 5000] {
        append(&store, &users, (made + 1..=head).map(event).collect()).unwrap();
        made = head;
        for record in [0, 1, 2, 511, 512, 513, 1023, 1024, 1499] {
            let wanted = (1..=made).rev().find(|n| n % 1500 == record).map(Sequence::new);
            assert_eq!(
                newest(&store, &users, &format!("r{record}")),
                wanted,
                "record {record} at {made}"
            );
        }
    }
    assert_eq!(newest(&store, &users, "r1500"), None);
    assert_eq!(newest(&store, &log("orders"), "r1"), None);
}

#[test]
fn the_write_ahead_log_stays_small_beside_readers_that_never_pause() {
    let directory = TempDir::new().unwrap();
    let store = Sqlite::open(&directory.path().join("store.db")).unwrap();
    let users = log("users");
    append(
        &store,
        &users,
        (0..100).map(|n| padded(&format!("first-{n}"), 1000)).collect(),
    )
    .unwrap();
    let written = AtomicBool::new(false);
    let largest = std::thread::scope(|scope| {
        for _ in 0..3 {
            scope.spawn(|| {
                while !written.load(Ordering::Relaxed) {
                    page(&store, &users, 0, 100).unwrap();
                }
            });
        }
        let wal = directory.path().join("store.db-wal");
        let mut largest = 0;
        for commit in 0..40 {
            let events = (0..100).map(|n| padded(&format!("e{commit}-{n}"), 30_000)).collect();
            append(&store, &users, events).unwrap();
            largest = largest.max(fs::metadata(&wal).unwrap().len());
        }
        written.store(true, Ordering::Relaxed);
        largest
    });
    assert!(
        largest < 100 << 20,
        "180 MB were written and the log grew to {largest} bytes"
    );
    assert!(find(&store, &users, "e39-99").is_some());
}
