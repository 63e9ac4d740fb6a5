//! Queries evaluated in this process.

use super::field::Field;
use super::{Comparison, Condition, Direction, Query};
use driftless_core::client::StoredRecord;
use driftless_core::event::Json;
use std::cmp::Ordering;

pub(super) fn matches(query: &Query, data: Option<&Json>) -> bool {
    query.check().is_ok() && meets(query, data)
}

/// Whether a record with this data is asked for by a query that was checked.
fn meets(query: &Query, data: Option<&Json>) -> bool {
    (data.is_some() || query.include_deleted) && query.conditions.iter().all(|condition| condition.holds(data))
}

/// Those of the records that are visible and meet the conditions of a checked query.
pub(in crate::storage) fn meeting<'a>(
    query: &Query,
    records: impl Iterator<Item = &'a StoredRecord>,
) -> impl Iterator<Item = &'a StoredRecord> {
    let shown = records.filter(|record| record.visible.is_some());
    shown.filter(|record| meets(query, data(record)))
}

/// Those of the records that a checked query asks for, in its order, all of them: limit and offset are not applied.
/// The records come in the order of their ids.
pub(in crate::storage) fn select<'a>(
    query: &Query,
    records: impl Iterator<Item = &'a StoredRecord>,
) -> Vec<&'a StoredRecord> {
    let mut found: Vec<_> = meeting(query, records).collect();
    if let Some(last) = query.order.last() {
        // Keys are read once a record, not once a comparison.
        let mut keyed: Vec<_> = found.into_iter().map(|record| (keys(query, record), record)).collect();
        keyed.sort_by(|left, right| {
            let ids = || directed(last.direction, left.1.key.record.cmp(&right.1.key.record));
            order(query, &left.0, &right.0).then_with(ids)
        });
        found = keyed.into_iter().map(|(_, record)| record).collect();
    }
    found
}

fn data(record: &StoredRecord) -> Option<&Json> {
    record.visible.as_ref().and_then(|state| state.data.as_ref())
}

fn keys<'a>(query: &Query, record: &'a StoredRecord) -> Vec<Field<'a>> {
    let of = |order: &super::Order| Field::of(data(record), &order.field);
    query.order.iter().map(of).collect()
}

fn order(query: &Query, left: &[Field<'_>], right: &[Field<'_>]) -> Ordering {
    let pairs = query.order.iter().zip(left.iter().zip(right));
    let mut orders = pairs.map(|(order, (left, right))| directed(order.direction, left.order(right)));
    orders.find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
}

fn directed(direction: Direction, ascending: Ordering) -> Ordering {
    match direction {
        Direction::Ascending => ascending,
        Direction::Descending => ascending.reverse(),
    }
}

impl Condition {
    fn holds(&self, data: Option<&Json>) -> bool {
        let field = Field::of(data, &self.field);
        let order = |value: &super::Value| field.compare(&value.as_field());
        match &self.comparison {
            Comparison::Equal(value) => order(value).is_some_and(Ordering::is_eq),
            Comparison::NotEqual(value) => order(value).is_some_and(Ordering::is_ne),
            Comparison::Less(value) => order(value).is_some_and(Ordering::is_lt),
            Comparison::LessOrEqual(value) => order(value).is_some_and(Ordering::is_le),
            Comparison::Greater(value) => order(value).is_some_and(Ordering::is_gt),
            Comparison::GreaterOrEqual(value) => order(value).is_some_and(Ordering::is_ge),
            Comparison::In(values) => values.iter().any(|value| order(value).is_some_and(Ordering::is_eq)),
            Comparison::NotIn(values) => {
                let differs = |value| order(value).is_some_and(Ordering::is_ne);
                field != Field::Null && values.iter().all(differs)
            }
            Comparison::IsNull => field == Field::Null,
            Comparison::IsNotNull => field != Field::Null,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn matches(field: &str, comparison: Comparison, data: &str) -> bool {
        let data = Json::parse(data.to_owned()).unwrap();
        Query::new().filter(field, comparison).matches(Some(&data))
    }

    #[test]
    fn null_is_compared_with_nothing() {
        for data in ["{}", r#"{"a":null}"#, "[]"] {
            assert!(matches("a", Comparison::IsNull, data));
            assert!(!matches("a", Comparison::IsNotNull, data));
            assert!(!matches("a", Comparison::equal(None::<i64>), data));
            assert!(!matches("a", Comparison::not_equal(1), data));
            assert!(!matches("a", Comparison::less("z"), data));
            assert!(!matches("a", Comparison::is_in([None::<i64>]), data));
            assert!(!matches("a", Comparison::NotIn(Vec::new()), data));
        }
        assert!(!matches("a", Comparison::not_in([Some(1), None]), r#"{"a":2}"#));
        assert!(matches("a", Comparison::NotIn(Vec::new()), r#"{"a":2}"#));
    }

    #[test]
    fn a_deleted_record_matches_where_deleted_ones_are_asked_for() {
        let query = Query::new().filter("a", Comparison::IsNull);
        assert!(!query.matches(None));
        assert!(query.clone().include_deleted().matches(None));
        assert!(
            !Query::new()
                .filter("a", Comparison::equal(1))
                .include_deleted()
                .matches(None)
        );
    }

    #[test]
    fn what_is_refused_matches_nothing() {
        assert!(!matches("\"", Comparison::IsNull, "{}"));
    }
}
