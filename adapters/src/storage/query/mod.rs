//! What an application asks of its records: plain data, answered by every storage alike.
//!
//! A [`Query`] looks at the top-level fields of a record's visible data. It means what SQLite's `json_extract` and
//! comparisons mean, in every storage and in [`Query::matches`]:
//!
//! - A field that is missing, a field of data that is no object, and JSON's `null` are all **null**.
//! - Booleans are the numbers 0 and 1.
//! - Numbers written as integers that fit 64 bits are integers, all others are the nearest real; both compare by their
//!   value, exactly. Of a real's digits the first 19 count.
//! - Text compares by its bytes, without any language's rules.
//! - Arrays and objects are text: their JSON without white space.
//! - Every number is less than every text.
//! - A comparison with null is never true, on either side and in lists. [`Comparison::IsNull`] and
//!   [`Comparison::IsNotNull`] ask for it.
//! - Of a field that stands twice in an object the first counts.
//! - Data may nest 1000 levels deep, far deeper than clients and servers let through; what is deeper SQLite cannot
//!   read, and no query may meet it.
//! - In an ascending order null comes first, then numbers, then text.

mod check;
mod comparison;
mod evaluate;
mod field;
mod number;
mod value;

pub use check::{MAX_CONDITIONS, MAX_FIELD_BYTES, MAX_INDEX_FIELDS, MAX_ORDER, MAX_VALUES, QueryError};
pub use comparison::Comparison;
pub(super) use evaluate::{meeting, select};
pub use value::Value;

use driftless_core::client::State;
use driftless_core::event::{Json, RecordId};
use driftless_core::name::RepositoryName;
use std::sync::Arc;

/// Which records of a repository, in which order. See the [module](self) for how values compare.
///
/// ```
/// use driftless::storage::{Comparison, Direction, Query};
///
/// let overdue = Query::new()
///     .filter("done", Comparison::equal(false))
///     .filter("due", Comparison::less("2025-06-01"))
///     .order_by("due", Direction::Ascending)
///     .limit(20);
/// # assert_eq!(overdue.check(), Ok(()));
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Query {
    /// What has to be true of a record, all of it. At most [`MAX_CONDITIONS`].
    pub conditions: Vec<Condition>,
    /// By what the records are ordered, the first first; at most [`MAX_ORDER`]. Records that are equal in all of it
    /// come in the order of their ids (byte for byte), in the direction of the last order, ascending if there is none:
    /// the order of an answer is always whole.
    pub order: Vec<Order>,
    /// At most this many records; `None` for all.
    pub limit: Option<usize>,
    /// So many of the first records are left out. They are still gone through: a condition on the last record seen is
    /// cheaper where there are many.
    pub offset: usize,
    /// Whether deleted records are asked for too. All their fields are null.
    pub include_deleted: bool,
}

/// What has to be true of one field.
#[derive(Clone, Debug, PartialEq)]
pub struct Condition {
    /// The name of a top-level field of the data; see [`Query::check`] for which names there are.
    pub field: String,
    /// What its value is compared with.
    pub comparison: Comparison,
}

/// One field by which records are ordered.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Order {
    /// The name of a top-level field of the data.
    pub field: String,
    /// Which end comes first.
    pub direction: Direction,
}

/// Which end of an order comes first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Direction {
    /// Null first, then numbers, then text, the least first.
    #[default]
    Ascending,
    /// The other way round.
    Descending,
}

impl Query {
    /// All records that are not deleted, in the order of their ids.
    pub fn new() -> Self {
        Self::default()
    }

    /// Asks for one condition more.
    #[must_use]
    pub fn filter(mut self, field: impl Into<String>, comparison: Comparison) -> Self {
        self.conditions.push(Condition {
            field: field.into(),
            comparison,
        });
        self
    }

    /// Orders by one field more, among those that are equal by the fields before it.
    #[must_use]
    pub fn order_by(mut self, field: impl Into<String>, direction: Direction) -> Self {
        self.order.push(Order {
            field: field.into(),
            direction,
        });
        self
    }

    /// Asks for at most this many records.
    #[must_use]
    pub fn limit(mut self, records: usize) -> Self {
        self.limit = Some(records);
        self
    }

    /// Leaves out so many of the first records.
    #[must_use]
    pub fn offset(mut self, records: usize) -> Self {
        self.offset = records;
        self
    }

    /// Asks for deleted records too.
    #[must_use]
    pub fn include_deleted(mut self) -> Self {
        self.include_deleted = true;
        self
    }

    /// Whether a record with this visible data meets the conditions, as the storages see it; `None` is a deleted
    /// record. Order, limit and offset play no part. A query that [`Self::check`] refuses matches nothing.
    pub fn matches(&self, data: Option<&Json>) -> bool {
        evaluate::matches(self, data)
    }
}

/// A record as the application sees it, and what of it still has to be settled with the server.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct QueryRow {
    /// Which record.
    pub record: RecordId,
    /// What the application sees. Without data the record is deleted.
    pub visible: Arc<State>,
    /// Whether an event of the record's local layer is not acked yet.
    pub pending: bool,
    /// Whether the storage keeps an own event of this record that was rejected for good.
    pub rejected: bool,
}

/// An index that an application declares for its queries. It serves queries of one repository that compare the first
/// of its fields for equality (with one value or a list), and are ordered by the fields behind them, all in one
/// direction, or compare the next field with less and greater: such a query goes through the records that it returns
/// and no others.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Index {
    /// Which repository's records.
    pub repository: RepositoryName,
    /// The names of top-level fields of the data: 1 to [`MAX_INDEX_FIELDS`].
    pub fields: Vec<String>,
}

impl Index {
    /// An index over these fields.
    pub fn new<F: Into<String>>(repository: RepositoryName, fields: impl IntoIterator<Item = F>) -> Self {
        Self {
            repository,
            fields: fields.into_iter().map(Into::into).collect(),
        }
    }
}
