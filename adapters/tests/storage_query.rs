//! Queries are answered the same by every storage, and by a query itself.

#![allow(clippy::unwrap_used, reason = "these are tests")]

use driftless::core::client::{
    LocalSequence, OwnEvent, OwnState, RecordKey, State, StorageChange, StorageRequest, StoredRecord, Transaction,
};
use driftless::core::event::{EventId, Json, RecordId, Sequence};
use driftless::core::name::RepositoryName;
use driftless::storage::{
    Comparison, Condition, Direction, Index, MemoryStorage, Order, Query, SqliteStorage, Storage, Value,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;
use std::sync::Arc;
use tempfile::TempDir;

/// Fields that records have, and one that is written with quotes of SQL.
const FIELDS: [&str; 4] = ["a", "b", "ä.[0]", "it's"];

fn field() -> impl Strategy<Value = String> {
    proptest::sample::select(&FIELDS[..]).prop_map(str::to_owned)
}

/// A key as JSON writes it.
fn key() -> impl Strategy<Value = &'static str> {
    let keys = [
        "a",
        "b",
        "b",
        "ä.[0]",
        "it's",
        r"\u0061",
        r"\u0062\u0000",
        r"\ud800",
        r"it\u0027s",
        "",
        "c",
    ];
    proptest::sample::select(keys.to_vec())
}

fn number() -> impl Strategy<Value = String> {
    prop_oneof![
        2 => "-?[0-3]",
        1 => "-?[1-9][0-9]{0,24}",
        2 => "-?(0|[1-9][0-9]{0,20})\\.[0-9]{1,22}",
        2 => "-?[0-9](\\.[0-9]{1,18})?[eE][-+]?[0-9]{1,3}",
        1 => any::<i64>().prop_map(|integer| integer.to_string()),
        2 => any::<f64>().prop_filter("JSON has no others", |real| real.is_finite()).prop_map(|real| format!("{real:e}")),
        1 => proptest::sample::select(vec![
            "9007199254740993", "9007199254740992.0", "9223372036854775807", "9223372036854775808",
            "-9223372036854775808", "-9223372036854775809", "-0", "-0.0", "1.0", "0.1", "1e400", "-1e400", "1e-400",
            "4.9e-324", "2.4703282292062327e-324", "1.7976931348623157e308", "1.7976931348623159e308",
        ]).prop_map(str::to_owned),
    ]
}

fn string() -> impl Strategy<Value = String> {
    let pieces = [
        "a",
        "b",
        "1",
        "ä",
        "\u{1F600}",
        "\u{ffff}",
        " ",
        r#"\""#,
        r"\\",
        r"\/",
        r"\n",
        r"\b\f\r\t",
        r"\u0000",
        r"\u0041",
        r"\ud83d\ude00",
        r"\ud83d",
        r"\ude00",
        r"\uFFFF",
        r"\u00e4",
        "'",
    ];
    vec(proptest::sample::select(pieces.to_vec()), 0..4).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

fn word() -> impl Strategy<Value = String> {
    proptest::sample::select(vec!["true", "false", "null"]).prop_map(str::to_owned)
}

fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![3 => number(), 3 => string(), 2 => word()];
    leaf.prop_recursive(2, 6, 3, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..3).prop_map(|items| format!("[ {} ]", items.join(" ,\n"))),
            object(inner),
        ]
    })
}

fn object(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    vec((key(), value), 0..5).prop_map(|members| {
        let members: Vec<_> = members
            .into_iter()
            .map(|(key, value)| format!("\t\"{key}\" : {value}"))
            .collect();
        format!("{{{} }}", members.join(","))
    })
}

fn data() -> impl Strategy<Value = Json> {
    prop_oneof![8 => object(value()), 1 => value()].prop_map(|text| Json::parse(text).unwrap())
}

/// Values near those of the records: the decoded ones of the same numbers and strings among them.
fn asked() -> impl Strategy<Value = Value> {
    prop_oneof![
        1 => Just(Value::Null),
        1 => any::<bool>().prop_map(Value::Bool),
        2 => (-3..4_i64).prop_map(Value::Integer),
        1 => proptest::sample::select(vec![i64::MIN, i64::MAX, 9_007_199_254_740_993]).prop_map(Value::Integer),
        2 => number().prop_map(|text| Value::Real(text.parse().unwrap())),
        1 => Just(Value::Real(f64::NAN)),
        2 => string().prop_map(|text| Value::Text(serde_json::from_str(&text).unwrap_or_default())),
        1 => proptest::sample::select(vec!["[]", "{}", "[1]", "["]).prop_map(Value::from),
    ]
}

fn comparison() -> impl Strategy<Value = Comparison> {
    prop_oneof![
        3 => asked().prop_map(Comparison::Equal),
        1 => asked().prop_map(Comparison::NotEqual),
        1 => asked().prop_map(Comparison::Less),
        1 => asked().prop_map(Comparison::LessOrEqual),
        1 => asked().prop_map(Comparison::Greater),
        1 => asked().prop_map(Comparison::GreaterOrEqual),
        1 => vec(asked(), 0..4).prop_map(Comparison::In),
        1 => vec(asked(), 0..4).prop_map(Comparison::NotIn),
        1 => Just(Comparison::IsNull),
        1 => Just(Comparison::IsNotNull),
    ]
}

fn query() -> impl Strategy<Value = Query> {
    let condition = (field(), comparison()).prop_map(|(field, comparison)| Condition { field, comparison });
    let direction = prop_oneof![Just(Direction::Ascending), Just(Direction::Descending)];
    let order = (field(), direction).prop_map(|(field, direction)| Order { field, direction });
    (
        vec(condition, 0..3),
        vec(order, 0..3),
        option::of(0..9_usize),
        0..4_usize,
        any::<bool>(),
    )
        .prop_map(|(conditions, order, limit, offset, include_deleted)| Query {
            conditions,
            order,
            limit,
            offset,
            include_deleted,
        })
}

fn state(event: u64, data: Option<Json>) -> State {
    State {
        event: EventId::new(format!("event-{event}")).unwrap(),
        created_at: None,
        sequence: Some(Sequence::new(event + 1)),
        data,
    }
}

/// A record in any of its layers, and whether one of its events was rejected.
fn record() -> impl Strategy<Value = (StoredRecord, bool)> {
    let state = || {
        option::weighted(
            0.8,
            (0..9_u64, option::weighted(0.8, data())).prop_map(|(n, data)| state(n, data)),
        )
    };
    let layers = prop_oneof![state().prop_map(|both| (both.clone(), both)), (state(), state()),];
    ("[xyz]", "[a-c]{1,2}", layers, any::<bool>(), any::<bool>()).prop_map(
        |(repository, record, (confirmed, visible), pending, rejected)| {
            let key = RecordKey {
                repository: RepositoryName::new(&repository).unwrap(),
                record: RecordId::new(record).unwrap(),
            };
            let generation = 0;
            let record = StoredRecord {
                key,
                confirmed: confirmed.map(Arc::new),
                visible: visible.map(Arc::new),
                pending,
                generation,
            };
            (record, rejected)
        },
    )
}

fn changes(records: Vec<(StoredRecord, bool)>) -> Vec<StorageChange> {
    let mut changes = Vec::new();
    for (at, (record, rejected)) in (1..).zip(records) {
        let state = if rejected {
            OwnState::Rejected {
                code: None,
                message: "no".to_owned(),
            }
        } else {
            OwnState::Pending
        };
        changes.push(StorageChange::AddOwn(OwnEvent {
            local: LocalSequence(at),
            key: record.key.clone(),
            id: EventId::new(format!("own-{at}")).unwrap(),
            body: Json::parse("{}").unwrap(),
            state,
        }));
        changes.push(StorageChange::Record(record));
    }
    changes
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]

    #[test]
    fn every_storage_answers_a_query_the_same(
        before in vec(record(), 0..20),
        after in vec(record(), 0..20),
        indexes in vec(vec(field(), 1..4), 0..4),
        queries in vec(query(), 40),
    ) {
        let folder = TempDir::new().unwrap();
        let mut sqlite = SqliteStorage::open(folder.path().join("client.db")).unwrap();
        let mut memory = MemoryStorage::new();
        let repository = RepositoryName::new("x").unwrap();
        let indexes: Vec<_> = indexes.into_iter().map(|fields| Index::new(repository.clone(), fields)).collect();
        let mut changes = changes(before.iter().chain(&after).cloned().collect());
        // The records are there when an index is made, or written when it is there.
        let later = changes.split_off(2 * before.len());
        for changes in [changes, later] {
            let commit = StorageRequest::Commit(Transaction { changes });
            sqlite.request(commit.clone()).unwrap();
            memory.request(commit).unwrap();
            sqlite.declare_indexes(&indexes).unwrap();
            memory.declare_indexes(&indexes).unwrap();
        }
        let (mut left, mut right) = (sqlite.reader().unwrap(), memory.reader().unwrap());
        for (record, _) in before.iter().chain(&after) {
            prop_assert_eq!(left.row(&record.key), right.row(&record.key));
        }
        for query in queries {
            let found = left.query(&repository, &query).unwrap();
            prop_assert_eq!(&found, &right.query(&repository, &query).unwrap(), "{:?}", &query);
            let count = left.count(&repository, &query).unwrap();
            prop_assert_eq!(count, right.count(&repository, &query).unwrap(), "{:?}", &query);
            let everything = Query::new().include_deleted();
            let matched = right.query(&repository, &everything).unwrap();
            let matched = matched.iter().filter(|row| query.matches(row.visible.data.as_ref())).count();
            prop_assert_eq!(count, matched as u64, "{:?}", &query);
        }
    }
}
