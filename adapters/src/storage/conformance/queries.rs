//! Rules on queries and indexes.

use super::{
    Place, add_all, commit, event_id, key, own, reader, record, record_id, rejected, repository, settled, state,
    write_all,
};
use crate::storage::{Comparison, Direction, Index, Query, QueryError, QueryRow, Reader, Storage, Value};
use driftless_core::client::{OwnState, StorageChange, StoredRecord};
use std::sync::Arc;

/// The ids of what a query finds in repository `r`.
fn found(reader: &mut dyn Reader, query: &Query) -> String {
    let rows = reader
        .query(&repository("r"), query)
        .expect("a storage answers a query that is checked");
    let ids: Vec<&str> = rows.iter().map(|row| &*row.record).collect();
    ids.join(" ")
}

fn write_data(storage: &mut dyn Storage, data: &[(&str, &str)]) {
    let records = data.iter().map(|(id, data)| record("r", id, Some(data)));
    write_all(storage, records.collect());
}

/// Values of every kind, in their ascending order; the first two are null.
const KINDS: &[(&str, &str)] = &[
    ("null", r#"{"v":null}"#),
    ("none", "[1]"),
    ("below", r#"{"v":-1e400}"#),
    ("false", r#"{"v":false}"#),
    ("half", r#"{"v":0.5}"#),
    ("true", r#"{"v":true,"v":"the second does not count"}"#),
    ("two", r#"{"v":2.0}"#),
    ("odd", r#"{"v":9007199254740993}"#),
    ("big", r#"{"v":123456789012345678901234567890}"#),
    ("text-", r#"{"v":""}"#),
    ("text-2", r#"{"v":"2"}"#),
    ("list", r#"{"v":[ 1, "a b" ]}"#),
    ("text-a", r#"{"\u0076":"a\u0000"}"#),
    ("text-ä", r#"{"v":"\u00e4"}"#),
    ("text-😀", r#"{"v":"\ud83d\ude00"}"#),
];

/// Every comparison means the same in every storage.
pub fn a_query_finds_what_meets_all_its_conditions(place: &mut dyn Place) {
    let mut storage = place.open();
    write_data(&mut *storage, KINDS);
    let mut reader = reader(&*storage);
    let mut check = |comparison: Comparison, expected: &str| {
        let query = Query::new().filter("v", comparison).order_by("v", Direction::Ascending);
        assert_eq!(found(&mut *reader, &query), expected, "{query:?}");
    };
    check(Comparison::equal(1), "true");
    check(Comparison::equal(true), "true");
    check(Comparison::equal(2), "two");
    check(Comparison::equal("2"), "text-2");
    check(Comparison::equal(9_007_199_254_740_992.0), "");
    check(Comparison::equal(1.234_567_890_123_456_8e29), "big");
    check(Comparison::equal(f64::NAN), "");
    check(Comparison::equal(r#"[1,"a b"]"#), "list");
    check(Comparison::equal("a\0"), "text-a");
    check(Comparison::equal(None::<bool>), "");
    check(Comparison::less(0), "below");
    check(Comparison::less_or_equal(0.5), "below false half");
    check(Comparison::greater("[2"), "text-a text-ä text-😀");
    check(Comparison::greater_or_equal("ä"), "text-ä text-😀");
    check(
        Comparison::is_in([Value::from(true), "2".into(), Value::Null]),
        "true text-2",
    );
    check(Comparison::In(Vec::new()), "");
    check(Comparison::not_in([Some(true), None]), "");
    check(Comparison::IsNull, "none null");
    let text = "text- text-2 list text-a text-ä text-😀";
    check(
        Comparison::not_equal(2),
        &format!("below false half true odd big {text}"),
    );
    check(Comparison::not_in([0, 1, 2]), &format!("below half odd big {text}"));
    check(Comparison::greater(2), &format!("odd big {text}"));
    let all = format!("below false half true two odd big {text}");
    check(Comparison::NotIn(Vec::new()), &all);
    check(Comparison::IsNotNull, &all);
    let between = Query::new()
        .filter("v", Comparison::greater(0))
        .filter("v", Comparison::less(2));
    assert_eq!(found(&mut *reader, &between), "half true");
}

/// Null, numbers, text; what is equal comes in the order of the ids, which take the direction of the last order.
pub fn a_query_is_ordered_to_the_last_record(place: &mut dyn Place) {
    let mut storage = place.open();
    let (up, down) = (Direction::Ascending, Direction::Descending);
    let data = [
        ("a", r#"{"n":1,"m":"x"}"#),
        ("b", r#"{"n":"1","m":"x"}"#),
        ("c", r#"{"m":"x"}"#),
        ("d", r#"{"n":1.0,"m":"y"}"#),
        ("e", r#"{"n":null,"m":"x"}"#),
    ];
    write_data(&mut *storage, &data);
    let mut reader = reader(&*storage);
    let mut check = |query: Query, expected: &str| assert_eq!(found(&mut *reader, &query), expected, "{query:?}");
    check(Query::new(), "a b c d e");
    check(Query::new().order_by("n", up), "c e a d b");
    check(Query::new().order_by("n", down), "b d a e c");
    check(Query::new().order_by("m", down).order_by("n", up), "d c e a b");
    check(Query::new().order_by("n", up).order_by("m", down), "e c d a b");
    check(Query::new().order_by("none", down), "e d c b a");
}

/// Limit and offset count in the order of the query; a count knows neither.
pub fn a_query_is_cut_by_limit_and_offset_and_a_count_is_not(place: &mut dyn Place) {
    let mut storage = place.open();
    write_data(&mut *storage, &["a", "b", "c", "d"].map(|id| (id, r#"{"n":1}"#)));
    let mut reader = reader(&*storage);
    let down = || Query::new().order_by("n", Direction::Descending);
    for (query, expected) in [
        (Query::new().limit(2), "a b"),
        (Query::new().offset(3), "d"),
        (down().limit(2).offset(1), "c b"),
        (Query::new().limit(0), ""),
        (Query::new().limit(usize::MAX).offset(1), "b c d"),
        (Query::new().offset(usize::MAX), ""),
    ] {
        assert_eq!(found(&mut *reader, &query), expected, "{query:?}");
        assert_eq!(reader.count(&repository("r"), &query), Ok(4), "{query:?}");
    }
    let none = Query::new().filter("n", Comparison::equal(2));
    assert_eq!(reader.count(&repository("r"), &none), Ok(0));
    assert_eq!(reader.count(&repository("unknown"), &Query::new()), Ok(0));
    assert_eq!(reader.query(&repository("unknown"), &Query::new()), Ok(Vec::new()));
}

/// Queries look at the visible state, whichever layer it is of; what is not visible is not there.
pub fn a_query_sees_what_the_application_sees(place: &mut dyn Place) {
    let mut storage = place.open();
    let of = |id: &str, confirmed: Option<&str>, visible: Option<Option<&str>>| StoredRecord {
        confirmed: confirmed.map(|data| Arc::new(state("confirmed", Some(data)))),
        visible: visible.map(|data| Arc::new(state("local", data))),
        ..record("r", id, None)
    };
    write_all(
        &mut *storage,
        vec![
            record("r", "confirmed", Some(r#"{"n":1}"#)),
            of("changed", Some(r#"{"n":2}"#), Some(Some(r#"{"n":1}"#))),
            of("changed away", Some(r#"{"n":1}"#), Some(Some(r#"{"n":2}"#))),
            of("made", None, Some(Some(r#"{"n":1}"#))),
            of("hidden", Some(r#"{"n":1}"#), None),
            of("deleted locally", Some(r#"{"n":1}"#), Some(None)),
            record("r", "deleted", None),
            record("s", "elsewhere", Some(r#"{"n":1}"#)),
        ],
    );
    let mut reader = reader(&*storage);
    let one = Query::new().filter("n", Comparison::equal(1));
    assert_eq!(found(&mut *reader, &one), "changed confirmed made");
    assert_eq!(found(&mut *reader, &one.include_deleted()), "changed confirmed made");
    assert_eq!(
        found(&mut *reader, &Query::new()),
        "changed changed away confirmed made"
    );
    let null = Query::new().filter("n", Comparison::IsNull);
    assert_eq!(found(&mut *reader, &null), "");
    assert_eq!(
        found(&mut *reader, &null.clone().include_deleted()),
        "deleted deleted locally"
    );
    assert_eq!(reader.count(&repository("r"), &null.include_deleted()), Ok(2));
    assert_eq!(reader.row(&key("r", "hidden")), Ok(None));
    assert_eq!(reader.row(&key("r", "unknown")), Ok(None));
    assert_eq!(reader.row(&key("unknown", "made")), Ok(None));
}

/// A row is the visible state, whether an event of it is on its way, and whether one was rejected and is still kept.
pub fn a_row_tells_what_is_pending_and_what_was_rejected(place: &mut dyn Place) {
    let mut storage = place.open();
    let pending = StoredRecord {
        visible: Some(Arc::new(state("local", Some("2")))),
        pending: true,
        ..record("r", "b", Some("1"))
    };
    write_all(
        &mut *storage,
        vec![
            record("r", "a", Some("1")),
            pending,
            record("r", "c", None),
            record("s", "b", Some("1")),
        ],
    );
    add_all(
        &mut *storage,
        vec![
            own(1, "r", "b", OwnState::Pending),
            own(2, "r", "a", rejected()),
            own(3, "r", "a", settled(1)),
            own(4, "r", "c", rejected()),
            own(5, "r", "c", rejected()),
            own(6, "s", "a", rejected()),
        ],
    );
    let row = |id: &str, visible, pending, rejected| QueryRow {
        record: record_id(id),
        visible: Arc::new(visible),
        pending,
        rejected,
    };
    let expected = [
        row("a", state("event", Some("1")), false, true),
        row("b", state("local", Some("2")), true, false),
        row("c", state("event", None), false, true),
    ];
    let mut reader = reader(&*storage);
    let all = Query::new().include_deleted();
    assert_eq!(reader.query(&repository("r"), &all), Ok(expected.to_vec()));
    for row in expected {
        let found = reader.row(&key("r", &row.record));
        assert_eq!(found, Ok(Some(row)));
    }
    let elsewhere = reader.row(&key("s", "b")).expect("a reader reads");
    assert_eq!(elsewhere.map(|row| row.rejected), Some(false));
    // One of two rejected events does no longer count.
    let doubted = StorageChange::SetOwn {
        repository: repository("r"),
        event: event_id("event-4"),
        state: OwnState::Doubted,
    };
    commit(&mut *storage, vec![doubted]);
    let still = reader.row(&key("r", "c")).expect("a reader reads");
    assert_eq!(still.map(|row| row.rejected), Some(true));
}

/// A field's name is text and no more than that; one that no path can carry is refused, and nothing is done.
pub fn a_name_of_a_field_is_only_a_name(place: &mut dyn Place) {
    let mut storage = place.open();
    let odd = ["'", "') OR 1=1 --", "a.b", "a[0]", "$.a", "?1", "ä", " ", "A"];
    let records = odd.iter().enumerate().map(|(at, name)| {
        let id = format!("id-{at}");
        record("r", &id, Some(&format!(r#"{{"{name}":{at}}}"#)))
    });
    write_all(&mut *storage, records.collect());
    let declared: Vec<Index> = odd.iter().map(|name| Index::new(repository("r"), [*name])).collect();
    for indexes in [Vec::new(), declared] {
        assert_eq!(storage.declare_indexes(&indexes), Ok(()));
        let mut reader = reader(&*storage);
        for (at, name) in odd.iter().enumerate() {
            let query = Query::new()
                .filter(*name, Comparison::equal(at))
                .order_by(*name, Direction::Ascending);
            assert_eq!(found(&mut *reader, &query), format!("id-{at}"), "{name}");
        }
    }
    for name in ["", "\"", "\\", "a\u{0}", "\n"] {
        let error = QueryError::FieldName { field: name.to_owned() };
        let query = Query::new().filter(name, Comparison::IsNull);
        let mut reader = reader(&*storage);
        assert_eq!(reader.query(&repository("r"), &query), Err(error.clone().into()));
        assert_eq!(reader.count(&repository("unknown"), &query), Err(error.clone().into()));
        let refused = storage.declare_indexes(&[Index::new(repository("r"), [name])]);
        assert_eq!(refused, Err(error.into()));
    }
}

/// Indexes may be declared at any time, and again after opening; no answer depends on them.
pub fn declared_indexes_change_no_answer(place: &mut dyn Place) {
    let mut storage = place.open();
    let index = |fields: &[&str]| Index::new(repository("r"), fields.iter().copied());
    let new = Index::new(repository("new"), ["v"]);
    let declarations = [
        vec![index(&["v"])],
        vec![index(&["v"]), index(&["V"]), index(&["v", "w"]), index(&["v"]), new],
        vec![index(&["w", "v"])],
        Vec::new(),
    ];
    let query = Query::new()
        .filter("v", Comparison::greater_or_equal(1))
        .order_by("v", Direction::Descending);
    let mut reader = reader(&*storage);
    for indexes in declarations {
        write_data(
            &mut *storage,
            &[("a", r#"{"v":1}"#), ("b", r#"{"v":2}"#), ("c", r#"{"v":3}"#)],
        );
        write_all(&mut *storage, vec![record("r", "d", None)]);
        assert_eq!(storage.declare_indexes(&indexes), Ok(()));
        assert_eq!(found(&mut *reader, &query), "c b a");
        write_data(&mut *storage, &[("a", r#"{"v":4}"#), ("b", r#"{"v":0}"#)]);
        write_all(
            &mut *storage,
            vec![record("r", "c", None), record("r", "d", Some(r#"{"v":"1"}"#))],
        );
        assert_eq!(found(&mut *reader, &query), "d a");
    }
    assert_eq!(storage.declare_indexes(&[index(&["v"])]), Ok(()));
    drop((reader, storage));
    let mut storage = place.open();
    assert_eq!(storage.declare_indexes(&[index(&["v"])]), Ok(()));
    assert_eq!(found(&mut *super::reader(&*storage), &query), "d a");
    assert!(storage.declare_indexes(&[index(&[])]).is_err());
}
