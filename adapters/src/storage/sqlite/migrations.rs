use super::{SqliteStorage, schema};
use crate::storage::{Comparison, Query, Reader, Storage};
use driftless_core::client::{LocalSequence, RecordKey, StorageReply, StorageRequest};
use driftless_core::event::{RecordId, Sequence};
use driftless_core::name::RepositoryName;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// What a client of version 1 wrote: a record in each state, a deleted one among them, and an event in two states.
const OF_VERSION_1: &str = r#"
    INSERT INTO repositories (id, name, after, generation) VALUES (1, 'tasks', 41, 2);
    INSERT INTO records (repository, record, generation, pending, shown,
        confirmed_event, confirmed_sequence, confirmed_data, visible_event, visible_data) VALUES
        (1, 'confirmed', 2, 0, 1, 'e1', 1, '{"n":1}', NULL, NULL),
        (1, 'deleted', 2, 0, 1, 'e2', 2, NULL, NULL, NULL),
        (1, 'hidden', 2, 0, 0, 'e3', 3, '{"n":1}', NULL, NULL),
        (1, 'local', 2, 1, 2, 'e4', 4, '{"n":2}', 'e5', '{"n":1}');
    INSERT INTO own (local, repository, record, event, state, message, body) VALUES
        (7, 1, 'local', 'e5', 0, NULL, '{}'),
        (8, 1, 'confirmed', 'e6', 4, 'no', '{}');
    UPDATE client SET last_local = 8;
"#;

fn place() -> (TempDir, PathBuf) {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("client.db");
    (folder, path)
}

fn write_version_1(path: &Path) -> Connection {
    let old = Connection::open(path).unwrap();
    old.pragma_update(None, "journal_mode", "wal").unwrap();
    old.execute_batch(schema::VERSION_1).unwrap();
    old.execute_batch(OF_VERSION_1).unwrap();
    old.pragma_update(None, "application_id", schema::APPLICATION_ID)
        .unwrap();
    old.pragma_update(None, "user_version", 1).unwrap();
    old
}

fn ids(reader: &mut dyn Reader, query: &Query) -> Vec<(String, bool, bool)> {
    let tasks = RepositoryName::new("tasks").unwrap();
    let rows = reader.query(&tasks, query).unwrap();
    rows.iter()
        .map(|row| (row.record.to_string(), row.pending, row.rejected))
        .collect()
}

#[test]
fn a_file_of_version_1_is_brought_up_to_date_with_all_that_is_in_it() {
    let (_folder, path) = place();
    drop(write_version_1(&path));
    // The second opening finds nothing to do.
    for _ in 0..2 {
        let mut storage = SqliteStorage::open(&path).unwrap();
        assert_eq!(schema::header(&storage.connection).unwrap().version, schema::VERSION);
        let tasks = RepositoryName::new("tasks").unwrap();
        let open = StorageRequest::Open {
            repositories: vec![tasks.clone()],
        };
        let StorageReply::Opened(opened) = storage.request(open).unwrap() else {
            panic!("Open was answered with something else");
        };
        assert_eq!(opened.last_local, LocalSequence(8));
        assert_eq!(opened.repositories[0].cursor.after, Sequence::new(41));
        assert_eq!(opened.repositories[0].pending, 1);
        let mut reader = storage.reader().unwrap();
        let one = Query::new().filter("n", Comparison::equal(1));
        let (confirmed, local) = (("confirmed".to_owned(), false, true), ("local".to_owned(), true, false));
        assert_eq!(ids(&mut *reader, &one), [confirmed.clone(), local.clone()]);
        let deleted = ("deleted".to_owned(), false, false);
        assert_eq!(
            ids(&mut *reader, &Query::new().include_deleted()),
            [confirmed, deleted, local]
        );
        let record = RecordId::new("local").unwrap();
        let row = reader
            .row(&RecordKey {
                repository: tasks,
                record,
            })
            .unwrap()
            .unwrap();
        assert_eq!(row.visible.data.as_deref(), Some(r#"{"n":1}"#));
    }
}

#[test]
fn a_migration_that_fails_leaves_the_file_as_it_was() {
    let (_folder, path) = place();
    let old = write_version_1(&path);
    // The last step of version 2 finds its name taken.
    old.execute_batch("CREATE INDEX own_rejected_record ON own (local)")
        .unwrap();
    drop(old);
    SqliteStorage::open(&path).unwrap_err();
    let old = Connection::open(&path).unwrap();
    assert_eq!(schema::header(&old).unwrap().version, 1);
    old.prepare("SELECT data FROM records").unwrap_err();
    old.execute_batch("DROP INDEX own_rejected_record").unwrap();
    drop(old);
    SqliteStorage::open(&path).unwrap();
}
