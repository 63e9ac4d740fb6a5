use super::open::SqliteOpenError;
use super::{SqliteStorage, own, records, schema};
use rusqlite::Connection;
use std::fs;
use std::path::PathBuf;
use tempfile::TempDir;

fn place() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("client.db");
    (folder, path)
}

#[test]
fn no_request_scans_or_sorts_a_table() {
    let (_folder, path) = place();
    let storage = SqliteStorage::open(path).unwrap();
    for sql in records::READS.iter().chain(own::READS) {
        let mut explain = storage
            .connection
            .prepare(&format!("EXPLAIN QUERY PLAN {sql}"))
            .unwrap();
        let mut rows = explain.raw_query();
        while let Some(row) = rows.next().unwrap() {
            let step: String = row.get(3).unwrap();
            assert!(
                !step.starts_with("SCAN") && !step.contains("TEMP B-TREE"),
                "{sql}: {step}"
            );
        }
    }
}

#[test]
fn a_second_client_of_a_file_is_refused_until_the_first_is_gone() {
    let (folder, path) = place();
    let first = SqliteStorage::open(&path).unwrap();
    let error = SqliteStorage::open(&path).unwrap_err();
    assert!(matches!(error, SqliteOpenError::InUse { .. }), "{error}");
    assert!(error.to_string().contains("in use by another client"), "{error}");
    #[cfg(unix)]
    {
        let link = folder.path().join("link.db");
        std::os::unix::fs::symlink(&path, &link).unwrap();
        let error = SqliteStorage::open(&link).unwrap_err();
        assert!(matches!(error, SqliteOpenError::InUse { .. }), "{error}");
    }
    drop(first);
    SqliteStorage::open(&path).unwrap();
    drop(folder);
}

#[test]
fn a_file_of_another_kind_is_refused_and_left_as_it_is() {
    let (_folder, path) = place();
    let text = "not a database, but long enough to have the header of one. ".repeat(20);
    fs::write(&path, &text).unwrap();
    let error = SqliteStorage::open(&path).unwrap_err();
    assert!(matches!(error, SqliteOpenError::Foreign { .. }), "{error}");
    assert_eq!(fs::read_to_string(&path).unwrap(), text);
}

#[test]
fn another_programs_database_is_refused() {
    let (_folder, path) = place();
    let other = Connection::open(&path).unwrap();
    other.execute_batch("CREATE TABLE notes (text TEXT)").unwrap();
    drop(other);
    let error = SqliteStorage::open(&path).unwrap_err();
    assert!(matches!(error, SqliteOpenError::Foreign { .. }), "{error}");
}

#[test]
fn a_later_versions_file_is_refused_with_both_versions() {
    let (_folder, path) = place();
    drop(SqliteStorage::open(&path).unwrap());
    let later = Connection::open(&path).unwrap();
    later.pragma_update(None, "user_version", schema::VERSION + 1).unwrap();
    drop(later);
    let error = SqliteStorage::open(&path).unwrap_err();
    let expected = (schema::VERSION + 1, schema::VERSION);
    assert!(
        matches!(error, SqliteOpenError::NewerSchema { found, known, .. } if (found, known) == expected),
        "{error}"
    );
}

#[test]
fn a_missing_folder_is_named() {
    let (folder, _) = place();
    let path = folder.path().join("missing").join("client.db");
    let error = SqliteStorage::open(&path).unwrap_err();
    assert!(matches!(error, SqliteOpenError::Io { .. }), "{error}");
    assert!(error.to_string().contains("missing"), "{error}");
}

#[test]
fn commits_are_synced_and_logged_ahead() {
    let (_folder, path) = place();
    let storage = SqliteStorage::open(path).unwrap();
    let pragma = |name: &str| -> String {
        let value = storage
            .connection
            .pragma_query_value(None, name, |row| row.get::<_, rusqlite::types::Value>(0));
        format!("{:?}", value.unwrap())
    };
    assert_eq!(pragma("journal_mode"), "Text(\"wal\")");
    assert_eq!(pragma("synchronous"), "Integer(2)");
}
