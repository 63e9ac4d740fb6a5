use super::{SqliteStorage, query, repositories};
use crate::storage::{Comparison, Direction, Index, Query, Storage};
use driftless_core::client::{RecordKey, State, StorageChange, StorageRequest, StoredRecord, Transaction};
use driftless_core::event::{EventId, Json, RecordId};
use driftless_core::name::RepositoryName;
use rusqlite::StatementStatus;
use std::sync::Arc;
use tempfile::TempDir;

fn repository(name: &str) -> RepositoryName {
    RepositoryName::new(name).unwrap()
}

/// So many records in two repositories: every second is done, every seventh is of one owner, none is due twice.
fn storage(records: usize) -> (TempDir, SqliteStorage) {
    let folder = TempDir::new().unwrap();
    let mut storage = SqliteStorage::open(folder.path().join("client.db")).unwrap();
    let record = |name: &str, n: usize| {
        let data = format!(
            r#"{{"done":{},"owner":"{}","due":{n},"Due":1}}"#,
            n.is_multiple_of(2),
            n % 7
        );
        let state = State {
            event: EventId::new("event").unwrap(),
            created_at: None,
            sequence: None,
            data: Some(Json::parse(data).unwrap()),
        };
        StorageChange::Record(StoredRecord {
            key: RecordKey {
                repository: repository(name),
                record: RecordId::new(format!("{:08x}", n.wrapping_mul(2_654_435_761) & 0xffff_ffff)).unwrap(),
            },
            confirmed: Some(Arc::new(state.clone())),
            visible: Some(Arc::new(state)),
            pending: false,
            generation: 0,
        })
    };
    let changes = (0..records).flat_map(|n| [record("other", n), record("tasks", n)]);
    let changes = changes.collect();
    storage
        .request(StorageRequest::Commit(Transaction { changes }))
        .unwrap();
    (folder, storage)
}

fn declare(storage: &mut SqliteStorage, indexes: &[&[&str]]) {
    let index = |fields: &&[&str]| Index::new(repository("tasks"), fields.iter().copied());
    let indexes: Vec<Index> = indexes.iter().map(index).collect();
    storage.declare_indexes(&indexes).unwrap();
}

fn sql(storage: &SqliteStorage, query: &Query) -> String {
    let id = repositories::find(&storage.connection, &repository("tasks")).unwrap();
    query::sql(id.unwrap(), query)
}

fn plan(storage: &SqliteStorage, query: &Query) -> String {
    let explain = format!("EXPLAIN QUERY PLAN {}", sql(storage, query));
    let mut explain = storage.connection.prepare(&explain).unwrap();
    let mut rows = explain.raw_query();
    let mut plan = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        plan.push(row.get::<_, String>(3).unwrap());
    }
    plan.join("; ")
}

/// Queries, the fields that an index is declared over for them, and how many of its columns they search by.
fn served() -> Vec<(Query, &'static [&'static str], &'static str)> {
    let (up, down) = (Direction::Ascending, Direction::Descending);
    let open = || Query::new().filter("done", Comparison::equal(false)).limit(5);
    let of = || open().filter("owner", Comparison::equal("3"));
    vec![
        (Query::new().order_by("due", up).limit(5), &["due"], "repository=?"),
        (Query::new().order_by("due", down).limit(5), &["due"], "repository=?"),
        (open(), &["done"], "<expr>=?"),
        (open().order_by("due", up), &["done", "due"], "<expr>=?"),
        (open().order_by("due", down), &["done", "due"], "<expr>=?"),
        (
            of().order_by("due", down),
            &["owner", "done", "due"],
            "<expr>=? AND <expr>=?",
        ),
        (
            of().order_by("due", up),
            &["done", "owner", "due"],
            "<expr>=? AND <expr>=?",
        ),
        (
            open().order_by("owner", up).order_by("due", up),
            &["done", "owner", "due"],
            "<expr>=?",
        ),
        (
            open().filter("due", Comparison::greater(9)).order_by("due", up),
            &["done", "due"],
            "<expr>=? AND <expr>>?",
        ),
        (
            Query::new()
                .filter("due", Comparison::less(9))
                .order_by("due", down)
                .limit(5),
            &["due"],
            "<expr><?",
        ),
        (Query::new().filter("it's", Comparison::equal(1)), &["it's"], "<expr>=?"),
    ]
}

#[test]
fn a_declared_index_gives_conditions_and_order() {
    let (_folder, mut storage) = storage(10);
    for (query, fields, searched) in served() {
        declare(&mut storage, &[fields]);
        let plan = plan(&storage, &query);
        assert!(plan.contains("SEARCH records USING INDEX query_"), "{query:?}: {plan}");
        assert!(plan.contains("own_rejected_record"), "{query:?}: {plan}");
        assert!(plan.contains(searched), "{query:?}: {plan}");
        assert!(
            !plan.contains("TEMP B-TREE") && !plan.contains("SCAN"),
            "{query:?}: {plan}"
        );
    }
}

#[test]
fn the_best_of_all_indexes_is_taken() {
    let (_folder, mut storage) = storage(10);
    let mut all: Vec<&[&str]> = served().iter().map(|(_, fields, _)| *fields).collect();
    all.push(&["Due"]);
    declare(&mut storage, &all);
    for (query, _, searched) in served() {
        let plan = plan(&storage, &query);
        assert!(plan.contains(searched), "{query:?}: {plan}");
        assert!(
            !plan.contains("TEMP B-TREE") && !plan.contains("SCAN"),
            "{query:?}: {plan}"
        );
    }
    // What no index gives: in the order of the ids, or over all records of the repository.
    let by_id = plan(&storage, &Query::new().limit(5));
    assert!(by_id.contains("sqlite_autoindex_records_1 (repository=?)"), "{by_id}");
    assert!(!by_id.contains("TEMP B-TREE"), "{by_id}");
    let deleted_too = plan(
        &storage,
        &Query::new().order_by("due", Direction::Ascending).include_deleted(),
    );
    assert!(!deleted_too.contains("query_"), "{deleted_too}");
}

#[test]
fn a_limited_query_on_an_index_costs_what_it_returns() {
    let steps = |records: usize| {
        let (_folder, mut storage) = storage(records);
        served()
            .into_iter()
            .filter(|(query, ..)| query.limit.is_some())
            .map(move |(query, fields, _)| {
                declare(&mut storage, &[fields]);
                let mut select = storage.connection.prepare(&sql(&storage, &query)).unwrap();
                let values = query
                    .conditions
                    .iter()
                    .flat_map(|condition| condition.comparison.values());
                let mut at = 0;
                for value in values {
                    at += 1;
                    select.raw_bind_parameter(at, value).unwrap();
                }
                select.raw_bind_parameter(at + 1, 5).unwrap();
                select.raw_bind_parameter(at + 2, 0).unwrap();
                let mut rows = select.raw_query();
                let mut found = 0;
                while rows.next().unwrap().is_some() {
                    found += 1;
                }
                drop(rows);
                assert_eq!(found, 5, "{query:?}");
                assert_eq!(select.get_status(StatementStatus::Sort), 0, "{query:?}");
                select.get_status(StatementStatus::VmStep)
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(steps(200), steps(4_000));
}

#[test]
fn indexes_follow_what_is_declared() {
    let (_folder, mut storage) = storage(10);
    let names = |storage: &SqliteStorage| -> Vec<String> {
        let mut select = storage
            .connection
            .prepare("SELECT sql FROM sqlite_schema WHERE name GLOB 'query_*' ORDER BY sql")
            .unwrap();
        let rows = select.query_map([], |row| row.get(0)).unwrap();
        rows.collect::<rusqlite::Result<_>>().unwrap()
    };
    // Two fields that differ in case alone, and the same index twice.
    declare(&mut storage, &[&["due"], &["Due"], &["due"], &["a", "b"]]);
    let first = names(&storage);
    assert_eq!(first.len(), 3, "{first:?}");
    let version = |storage: &SqliteStorage| -> i64 {
        let pragma = storage
            .connection
            .pragma_query_value(None, "schema_version", |row| row.get(0));
        pragma.unwrap()
    };
    let before = version(&storage);
    declare(&mut storage, &[&["a", "b"], &["Due"], &["due"]]);
    assert_eq!(
        (names(&storage), version(&storage)),
        (first, before),
        "nothing is done again"
    );
    declare(&mut storage, &[&["Due"], &["a"]]);
    let second = names(&storage);
    assert_eq!(second.len(), 2, "{second:?}");
    assert!(
        second
            .iter()
            .all(|sql| !sql.contains("$.\"due\"") && !sql.contains("$.\"b\"")),
        "{second:?}"
    );
    declare(&mut storage, &[]);
    assert!(names(&storage).is_empty());
}

#[test]
fn an_index_follows_what_is_written() {
    let (_folder, mut storage) = storage(40);
    declare(&mut storage, &[&["due"], &["owner", "done"]]);
    let ids: Vec<RecordId> = {
        let rows = storage
            .reader()
            .unwrap()
            .query(&repository("tasks"), &Query::new())
            .unwrap();
        rows.into_iter().map(|row| row.record).collect()
    };
    let state = |data: Option<&str>| {
        Some(State {
            event: EventId::new("later").unwrap(),
            created_at: None,
            sequence: None,
            data: data.map(|data| Json::parse(data.to_owned()).unwrap()),
        })
    };
    let layers = [
        (state(Some(r#"{"due":"late"}"#)), None),
        (state(None), state(Some(r#"{"owner":"1"}"#))),
        (state(Some("[1]")), state(None)),
        (None, state(Some(r#"{"due":7}"#))),
        (None, None),
    ];
    let written = ids.into_iter().zip(layers.into_iter().cycle());
    let changes = written.map(|(record, (confirmed, visible))| {
        let repository = repository("tasks");
        let (key, pending, generation) = (RecordKey { repository, record }, false, 1);
        StorageChange::Record(StoredRecord {
            key,
            confirmed: confirmed.map(Arc::new),
            visible: visible.map(Arc::new),
            pending,
            generation,
        })
    });
    let changes = changes.collect();
    storage
        .request(StorageRequest::Commit(Transaction { changes }))
        .unwrap();
    let check = storage
        .connection
        .pragma_query_value(None, "integrity_check", |row| row.get::<_, String>(0));
    assert_eq!(check.unwrap(), "ok");
}

#[test]
fn a_reader_uses_an_index_that_was_declared_after_it_opened() {
    let (_folder, mut storage) = storage(10);
    let mut reader = storage.reader().unwrap();
    let query = Query::new().order_by("due", Direction::Descending).limit(3);
    let before = reader.query(&repository("tasks"), &query).unwrap();
    declare(&mut storage, &[&["due"]]);
    assert_eq!(reader.query(&repository("tasks"), &query).unwrap(), before);
    assert_eq!(before.len(), 3);
}
