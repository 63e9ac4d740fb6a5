//! The values that fields are compared with.

use super::field::Field;
use std::borrow::Cow;

/// A value that a field is compared with. See the [module](super) for how values compare.
#[derive(Clone, Debug, Default, PartialEq)]
pub enum Value {
    /// No value; no comparison with it is true.
    #[default]
    Null,
    /// The same as the integers 0 and 1.
    Bool(bool),
    /// A whole number.
    Integer(i64),
    /// Any number. One that is not a number is null.
    Real(f64),
    /// Text.
    Text(String),
}

impl Value {
    /// The value as that of a field.
    pub(super) fn as_field(&self) -> Field<'_> {
        match self {
            Self::Null => Field::Null,
            Self::Bool(value) => Field::Integer(i64::from(*value)),
            Self::Integer(value) => Field::Integer(*value),
            Self::Real(value) if value.is_nan() => Field::Null,
            Self::Real(value) => Field::Real(*value),
            Self::Text(value) => Field::Text(Cow::Borrowed(value.as_bytes())),
        }
    }
}

macro_rules! from {
    ($($type:ty => $value:expr),+ $(,)?) => {
        $(impl From<$type> for Value {
            fn from(value: $type) -> Self {
                let make: fn($type) -> Self = $value;
                make(value)
            }
        })+
    };
}

from! {
    bool => Self::Bool,
    i8 => |value| Self::Integer(value.into()),
    i16 => |value| Self::Integer(value.into()),
    i32 => |value| Self::Integer(value.into()),
    i64 => Self::Integer,
    u8 => |value| Self::Integer(value.into()),
    u16 => |value| Self::Integer(value.into()),
    u32 => |value| Self::Integer(value.into()),
    f32 => |value| Self::Real(value.into()),
    f64 => Self::Real,
    String => Self::Text,
    &str => |value| Self::Text(value.to_owned()),
    &String => |value| Self::Text(value.clone()),
    Cow<'_, str> => |value| Self::Text(value.into_owned()),
}

/// One that is past `i64` is the nearest real, as such a number in JSON is.
impl From<u64> for Value {
    fn from(value: u64) -> Self {
        #[expect(
            clippy::cast_precision_loss,
            reason = "that is what JSON's numbers of this size lose too"
        )]
        i64::try_from(value).map_or(Self::Real(value as f64), Self::Integer)
    }
}

/// One that is past `i64` is the nearest real, as such a number in JSON is.
impl From<usize> for Value {
    fn from(value: usize) -> Self {
        Self::from(value as u64)
    }
}

impl<V: Into<Self>> From<Option<V>> for Value {
    fn from(value: Option<V>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rust_values_become_the_values_that_json_has() {
        assert_eq!(Value::from(true), Value::Bool(true));
        assert_eq!(Value::from(7_u8), Value::Integer(7));
        assert_eq!(Value::from(1.5_f32), Value::Real(1.5));
        assert_eq!(Value::from("a"), Value::Text("a".to_owned()));
        assert_eq!(Value::from(None::<&str>), Value::Null);
        assert_eq!(Value::from(Some(3)), Value::Integer(3));
        assert_eq!(Value::from(u64::MAX), Value::Real(18_446_744_073_709_551_616.0));
        assert_eq!(Value::Real(f64::NAN).as_field(), Field::Null);
    }
}
