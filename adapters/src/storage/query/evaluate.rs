//! Queries evaluated in this process.

use super::field::Field;
use super::{Comparison, Condition, Query};
use driftless_core::event::Json;
use std::cmp::Ordering;

pub(super) fn matches(query: &Query, data: Option<&Json>) -> bool {
    query.check().is_ok() && meets(query, data)
}

/// Whether a record with this data is asked for by a query that was checked.
fn meets(query: &Query, data: Option<&Json>) -> bool {
    (data.is_some() || query.include_deleted) && query.conditions.iter().all(|condition| condition.holds(data))
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
