//! Backups, exports and imports.

#![allow(clippy::unwrap_used)]

mod store_common;

use driftless::store::Store;
use driftless_core::event::Sequence;
use driftless_core::name::{Namespace, RepositoryName};
use driftless_core::server::AppendOutcome;
use driftless_server::store::{
    BackupError, ExportError, ExportFilter, ImportError, Imported, OpenError, Sqlite, backup, export, import,
};
use rusqlite::Connection;
use std::fs;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use store_common::{append, event, log, log_of, padded, whole};
use tempfile::TempDir;

const BODIES: [&str; 5] = [
    r#"{"eventId":"0","n":123456789012345678901234567890,"f":1.0,"e":1e400,"z":-0}"#,
    r#"{"_event_id":"1","_operation":0,"_created_at":"2025-01-23T10:00:00.000Z","_data_id":"a","_data":{"z":1,"a":2}}"#,
    r#"{ "eventId" : "2" , "data" : [ 1 , 2 ] }"#,
    r#"{"eventId":"3","text":"\u0000\ud83d\ude00\/\r\n\"\\","u":"ü日本😀"}"#,
    r#"{"eventId":"4","serverSequences":7,"data":{"serverSequence":9,"_id":1}}"#,
];

fn fill(store: &Sqlite) {
    for log in [log("users"), log("straße \"1\" / \\"), log_of("tenant-2", "users")] {
        append(store, &log, BODIES.iter().map(|body| event(body)).collect()).unwrap();
    }
    append(
        store,
        &log("long"),
        (0..10_000).map(|n| padded(&format!("e{n:05}"), 100)).collect(),
    )
    .unwrap();
}

fn exported(path: &Path, filter: &ExportFilter) -> String {
    let mut out = Vec::new();
    export(path, filter, &mut out).unwrap();
    String::from_utf8(out).unwrap()
}

fn import_text(path: &Path, text: &str) -> Result<Imported, ImportError> {
    import(path, &Namespace::default(), text.as_bytes(), |_| {})
}

#[test]
fn a_backup_of_a_store_in_use_is_the_store_as_it_was() {
    let directory = TempDir::new().unwrap();
    let (path, copy) = (directory.path().join("store.db"), directory.path().join("copy.db"));
    let store = Sqlite::open(&path).unwrap();
    fill(&store);
    let mut reports = Vec::new();
    backup(&path, &copy, |progress| reports.push(progress)).unwrap();
    append(&store, &log("users"), vec![padded("later", 10)]).unwrap();
    let last = reports.last().unwrap();
    assert!(last.pages > 100 && last.copied == last.pages, "{last:?}");

    let names: Vec<_> = fs::read_dir(directory.path())
        .unwrap()
        .map(|entry| entry.unwrap().file_name())
        .collect();
    assert!(
        names.iter().all(|name| !name.to_string_lossy().contains("partial")),
        "{names:?}"
    );
    let restored = Sqlite::open(&copy).unwrap();
    assert_eq!(restored.epoch(), store.epoch());
    for log in [log("straße \"1\" / \\"), log_of("tenant-2", "users"), log("long")] {
        assert_eq!(whole(&restored, &log), whole(&store, &log));
    }
    assert_eq!(whole(&restored, &log("users")), whole(&store, &log("users"))[..5]);
    let again = append(&restored, &log("users"), vec![event(BODIES[3]), padded("other", 10)]).unwrap();
    let wanted = [
        AppendOutcome::Duplicate(Sequence::new(4)),
        AppendOutcome::Stored(Sequence::new(6)),
    ];
    assert_eq!(again, wanted);
}

#[test]
fn a_backup_beside_writers_ends_and_has_no_gap() {
    let directory = TempDir::new().unwrap();
    let (path, copy) = (directory.path().join("store.db"), directory.path().join("copy.db"));
    let store = Sqlite::open(&path).unwrap();
    fill(&store);
    let done = AtomicBool::new(false);
    let written = std::thread::scope(|scope| {
        let writer = scope.spawn(|| {
            let mut written = 0;
            while !done.load(Ordering::Relaxed) {
                append(&store, &log("users"), vec![padded(&format!("w{written}"), 1000)]).unwrap();
                written += 1;
            }
            written
        });
        // A commit between any two steps.
        let result = backup(&path, &copy, |_| {
            append(
                &store,
                &log("steps"),
                vec![padded(&format!("s{}", whole(&store, &log("steps")).len()), 10)],
            )
            .unwrap();
        });
        done.store(true, Ordering::Relaxed);
        result.unwrap();
        writer.join().unwrap()
    });
    let restored = Sqlite::open(&copy).unwrap();
    let copied = whole(&restored, &log("users"));
    assert!(copied.len() <= 5 + written);
    assert_eq!(copied, whole(&store, &log("users"))[..copied.len()]);
    let integrity: String = Connection::open(&copy)
        .unwrap()
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .unwrap();
    assert_eq!(integrity, "ok");
}

#[test]
fn a_backup_overwrites_nothing_and_needs_a_store() {
    let directory = TempDir::new().unwrap();
    let (path, copy) = (directory.path().join("store.db"), directory.path().join("copy.db"));
    let missing = backup(&path, &copy, |_| {}).unwrap_err();
    assert!(
        matches!(missing, BackupError::Source(OpenError::Missing { .. })),
        "{missing}"
    );
    assert!(!path.exists() && !copy.exists());
    Sqlite::open(&path).unwrap();
    fs::write(&copy, "precious").unwrap();
    let exists = backup(&path, &copy, |_| {}).unwrap_err();
    assert!(
        exists.to_string().ends_with("exists; a backup overwrites nothing"),
        "{exists}"
    );
    assert_eq!(fs::read(&copy).unwrap(), b"precious");
    let nowhere = backup(&path, &directory.path().join("no/copy.db"), |_| {}).unwrap_err();
    assert!(matches!(nowhere, BackupError::Io { .. }), "{nowhere}");
    let other = backup(&copy, &directory.path().join("other.db"), |_| {}).unwrap_err();
    assert!(
        matches!(other, BackupError::Source(OpenError::NotAStore { .. })),
        "{other}"
    );
}

#[test]
fn an_export_comes_back_byte_for_byte() {
    let directory = TempDir::new().unwrap();
    let (path, second) = (directory.path().join("store.db"), directory.path().join("second.db"));
    let store = Sqlite::open(&path).unwrap();
    fill(&store);
    // While it is in use.
    let text = exported(&path, &ExportFilter::default());
    assert_eq!(text.lines().count(), 10_015);
    let imported = import_text(&second, &text).unwrap();
    assert_eq!(
        (imported.stored, imported.renumbered, imported.conflicts),
        (10_015, 0, 0)
    );
    assert_eq!(exported(&second, &ExportFilter::default()), text);
    let copy = Sqlite::open(&second).unwrap();
    assert_ne!(copy.epoch(), store.epoch());
    for log in [
        log("users"),
        log("straße \"1\" / \\"),
        log_of("tenant-2", "users"),
        log("long"),
    ] {
        assert_eq!(whole(&copy, &log), whole(&store, &log));
    }
    let again = append(&copy, &log("users"), BODIES.iter().map(|body| event(body)).collect()).unwrap();
    assert_eq!(
        again,
        [1, 2, 3, 4, 5].map(|n| AppendOutcome::Duplicate(Sequence::new(n)))
    );
}

#[test]
fn an_export_can_be_of_a_part() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("store.db");
    fill(&Sqlite::open(&path).unwrap());
    let filter = |namespace: Option<&str>, repository: Option<&str>| ExportFilter {
        namespace: namespace.map(|name| Namespace::new(name).unwrap()),
        repository: repository.map(|name| RepositoryName::new(name).unwrap()),
    };
    let lines = |filter: ExportFilter| exported(&path, &filter).lines().count();
    assert_eq!(lines(filter(None, Some("users"))), 10);
    assert_eq!(lines(filter(Some("tenant-2"), None)), 5);
    assert_eq!(lines(filter(Some("default"), Some("users"))), 5);
    assert_eq!(lines(filter(Some("nobody"), None)), 0);
    let missing = export(&directory.path().join("none.db"), &filter(None, None), &mut Vec::new()).unwrap_err();
    assert!(
        matches!(missing, ExportError::Store(OpenError::Missing { .. })),
        "{missing}"
    );
}

#[test]
fn importing_again_stores_nothing_and_importing_into_more_renumbers() {
    let directory = TempDir::new().unwrap();
    let (path, other) = (directory.path().join("store.db"), directory.path().join("other.db"));
    fill(&Sqlite::open(&path).unwrap());
    let text = exported(&path, &ExportFilter::default());
    let again = import_text(&path, &text).unwrap();
    assert_eq!((again.stored, again.duplicates), (0, 10_015));
    assert_eq!(exported(&path, &ExportFilter::default()), text);

    let store = Sqlite::open(&other).unwrap();
    let own = event(r#"{"eventId":"own"}"#);
    let conflicting = event(r#"{"eventId":"1","n":"another"}"#);
    append(&store, &log("users"), vec![own, conflicting]).unwrap();
    drop(store);
    let users = ExportFilter {
        namespace: Some(Namespace::default()),
        repository: Some(RepositoryName::new("users").unwrap()),
    };
    let more = import_text(&other, &exported(&path, &users)).unwrap();
    let wanted = Imported {
        stored: 4,
        duplicates: 0,
        conflicts: 1,
        first_conflict: Some(2),
        // Event 1 is the third now, 3 the fourth, and so on.
        renumbered: 4,
    };
    assert_eq!(more, wanted);
    let texts = whole(&Sqlite::open(&other).unwrap(), &log("users"));
    assert_eq!(texts[1], r#"{"eventId":"1","n":"another","serverSequence":2}"#);
    assert_eq!(texts[2], BODIES[0].replace('}', r#","serverSequence":3}"#));
}

#[test]
fn an_import_says_which_line_is_wrong() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("store.db");
    let text = "{\"repository\":\"users\",\"event\":{\"eventId\":\"a\"}}\n\n  \r\n{\"repository\":\"users\"}\n";
    let error = import_text(&path, text).unwrap_err().to_string();
    assert!(
        error.starts_with("line 4: not a line of an export: missing field `event`"),
        "{error}"
    );
    let mut not_text = text.lines().next().unwrap().as_bytes().to_vec();
    not_text.extend(b"\n\xff");
    let error = import(&path, &Namespace::default(), &*not_text, |_| {})
        .unwrap_err()
        .to_string();
    assert_eq!(error, "line 2: the line is not UTF-8");
    let _in_use = Sqlite::open(&path).unwrap();
    let error = import_text(&path, "").unwrap_err();
    assert!(matches!(error, ImportError::Store(OpenError::InUse { .. })), "{error}");
}

#[test]
fn an_import_takes_lines_without_a_namespace_and_without_an_end() {
    let directory = TempDir::new().unwrap();
    let path = directory.path().join("store.db");
    let text = "{\"repository\":\"users\",\"event\":{\"eventId\":\"a\"}}\r\n{\"event\":{\"eventId\":\"b\"},\"repository\":\"users\",\"namespace\":\"default\"}";
    let namespace = Namespace::new("tenant-2").unwrap();
    let imported = import(&path, &namespace, text.as_bytes(), |_| {}).unwrap();
    assert_eq!((imported.stored, imported.renumbered), (2, 0));
    let store = Sqlite::open(&path).unwrap();
    assert_eq!(
        whole(&store, &log_of("tenant-2", "users")),
        [r#"{"eventId":"a","serverSequence":1}"#]
    );
    assert_eq!(whole(&store, &log("users")), [r#"{"eventId":"b","serverSequence":1}"#]);
}
