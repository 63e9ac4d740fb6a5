//! What a query may ask.

use super::{Index, Query};
use crate::storage::StorageFailure;

/// Most conditions of a query; SQLite's expressions have a limited depth.
pub const MAX_CONDITIONS: usize = 64;

/// Most fields that a query is ordered by.
pub const MAX_ORDER: usize = 16;

/// Most values in all lists of a query together; SQLite's parameters are limited.
pub const MAX_VALUES: usize = 10_000;

/// Longest name of a field, in bytes.
pub const MAX_FIELD_BYTES: usize = 256;

/// Most fields of an index.
pub const MAX_INDEX_FIELDS: usize = 16;

/// Why a query, or an index, is refused.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum QueryError {
    /// A field's name is empty, too long, or holds what the path of a field cannot carry.
    #[error(
        "the field name {field:?} cannot be asked for: a name has 1 to {MAX_FIELD_BYTES} bytes, without quotation \
         marks (\"), backslashes and control characters"
    )]
    FieldName {
        /// The name.
        field: String,
    },
    /// The query has too much of something.
    #[error("a query has at most {max} {what}, this one has {found}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many it has.
        found: usize,
        /// How many it may have.
        max: usize,
    },
    /// An index is over no field, or over too many.
    #[error("an index is over 1 to {MAX_INDEX_FIELDS} fields, this one is over {found}")]
    IndexFields {
        /// Over how many it is.
        found: usize,
    },
}

impl From<QueryError> for StorageFailure {
    fn from(error: QueryError) -> Self {
        Self {
            detail: error.to_string(),
        }
    }
}

impl Query {
    /// Whether storages answer this query. Names of fields have 1 to [`MAX_FIELD_BYTES`] bytes and hold no quotation
    /// mark, backslash or control character; conditions, order and lists are limited.
    pub fn check(&self) -> Result<(), QueryError> {
        let values = self.conditions.iter().map(|one| one.comparison.values().len()).sum();
        at_most(MAX_CONDITIONS, "conditions", self.conditions.len())?;
        at_most(MAX_ORDER, "fields to order by", self.order.len())?;
        at_most(MAX_VALUES, "values", values)?;
        let fields = self.conditions.iter().map(|condition| &condition.field);
        fields
            .chain(self.order.iter().map(|order| &order.field))
            .try_for_each(|field| check_field(field))
    }
}

impl Index {
    /// Whether storages keep this index: 1 to [`MAX_INDEX_FIELDS`] fields, named as in [`Query::check`].
    pub fn check(&self) -> Result<(), QueryError> {
        let found = self.fields.len();
        if found == 0 || found > MAX_INDEX_FIELDS {
            return Err(QueryError::IndexFields { found });
        }
        self.fields.iter().try_for_each(|field| check_field(field))
    }
}

fn at_most(max: usize, what: &'static str, found: usize) -> Result<(), QueryError> {
    if found > max {
        return Err(QueryError::TooMany { what, found, max });
    }
    Ok(())
}

fn check_field(field: &str) -> Result<(), QueryError> {
    let refused = |c: char| c == '"' || c == '\\' || c.is_control();
    if field.is_empty() || field.len() > MAX_FIELD_BYTES || field.contains(refused) {
        let field = field.to_owned();
        return Err(QueryError::FieldName { field });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::storage::{Comparison, Direction};
    use driftless_core::name::RepositoryName;

    #[test]
    fn names_that_a_path_cannot_carry_are_refused() {
        let long = "x".repeat(MAX_FIELD_BYTES + 1);
        for name in ["", "a\"b", "a\\b", "a\u{0}", "a\n", "\u{7f}", "\u{85}", &long] {
            let expected = Err(QueryError::FieldName { field: name.to_owned() });
            assert_eq!(Query::new().filter(name, Comparison::IsNull).check(), expected);
            assert_eq!(Query::new().order_by(name, Direction::Ascending).check(), expected);
            let repository = RepositoryName::new("r").unwrap();
            assert_eq!(Index::new(repository, [name]).check(), expected);
        }
        for name in ["a", "a.b", "a[0]", "$", "'", "') --", "ä", " ", "\u{1F600}"] {
            assert_eq!(Query::new().filter(name, Comparison::IsNull).check(), Ok(()), "{name}");
        }
    }

    #[test]
    fn more_than_a_storage_takes_is_refused() {
        let one = || Query::new().filter("a", Comparison::is_in(0..10_000));
        assert_eq!(one().check(), Ok(()));
        let error = one().filter("b", Comparison::equal(1)).check().unwrap_err();
        assert_eq!(
            error.to_string(),
            "a query has at most 10000 values, this one has 10001"
        );
        let many = (0..65).fold(Query::new(), |query, _| query.filter("a", Comparison::IsNull));
        assert!(many.check().is_err());
        let many = (0..17).fold(Query::new(), |query, _| query.order_by("a", Direction::Ascending));
        assert!(many.check().is_err());
        let repository = || RepositoryName::new("r").unwrap();
        let none: [&str; 0] = [];
        assert!(Index::new(repository(), none).check().is_err());
        assert!(Index::new(repository(), ["a"; 17]).check().is_err());
    }
}
