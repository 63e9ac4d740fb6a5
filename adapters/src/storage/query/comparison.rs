//! What a field is compared with.

use super::Value;
use std::slice;

/// What has to be true of a field's value. Of a null field only [`Self::IsNull`] is true.
#[derive(Clone, Debug, PartialEq)]
pub enum Comparison {
    /// It is this value.
    Equal(Value),
    /// It is another value, and not null.
    NotEqual(Value),
    /// It comes before this value.
    Less(Value),
    /// It comes before this value, or is it.
    LessOrEqual(Value),
    /// It comes behind this value.
    Greater(Value),
    /// It comes behind this value, or is it.
    GreaterOrEqual(Value),
    /// It is one of these values; of none, if the list is empty.
    In(Vec<Value>),
    /// It is none of these values, and not null. With a null among the values it is never true, as in SQL.
    NotIn(Vec<Value>),
    /// It is null: missing, or JSON's `null`.
    IsNull,
    /// It is not null.
    IsNotNull,
}

impl Comparison {
    /// It is this value.
    pub fn equal(value: impl Into<Value>) -> Self {
        Self::Equal(value.into())
    }

    /// It is another value, and not null.
    pub fn not_equal(value: impl Into<Value>) -> Self {
        Self::NotEqual(value.into())
    }

    /// It comes before this value.
    pub fn less(value: impl Into<Value>) -> Self {
        Self::Less(value.into())
    }

    /// It comes before this value, or is it.
    pub fn less_or_equal(value: impl Into<Value>) -> Self {
        Self::LessOrEqual(value.into())
    }

    /// It comes behind this value.
    pub fn greater(value: impl Into<Value>) -> Self {
        Self::Greater(value.into())
    }

    /// It comes behind this value, or is it.
    pub fn greater_or_equal(value: impl Into<Value>) -> Self {
        Self::GreaterOrEqual(value.into())
    }

    /// It is one of these values.
    pub fn is_in<V: Into<Value>>(values: impl IntoIterator<Item = V>) -> Self {
        Self::In(values.into_iter().map(Into::into).collect())
    }

    /// It is none of these values, and not null.
    pub fn not_in<V: Into<Value>>(values: impl IntoIterator<Item = V>) -> Self {
        Self::NotIn(values.into_iter().map(Into::into).collect())
    }

    /// The values that a field is compared with.
    pub(crate) fn values(&self) -> &[Value] {
        match self {
            Self::Equal(value)
            | Self::NotEqual(value)
            | Self::Less(value)
            | Self::LessOrEqual(value)
            | Self::Greater(value)
            | Self::GreaterOrEqual(value) => slice::from_ref(value),
            Self::In(values) | Self::NotIn(values) => values,
            Self::IsNull | Self::IsNotNull => &[],
        }
    }
}
