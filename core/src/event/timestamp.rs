//! The `createdAt` of events: moments as their authors' clocks saw them.

use core::fmt;

/// A moment on somebody's wall clock, with nanosecond precision. Compared as a time, whatever offset or precision it
/// was written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(jiff::Timestamp);

impl Timestamp {
    /// Reads ISO 8601 text with any offset and precision. A text without an offset counts as UTC; digits beyond the
    /// nanosecond are dropped. `None` if it is not a moment.
    pub fn parse(text: &str) -> Option<Self> {
        let _ = text;
        todo!()
    }

    /// The moment `millis` milliseconds after 1970-01-01T00:00:00Z; `None` outside the years -9999 to 9999.
    pub fn from_millis(millis: i64) -> Option<Self> {
        jiff::Timestamp::from_millisecond(millis).ok().map(Self)
    }

    /// Whole milliseconds since 1970-01-01T00:00:00Z, rounded towards the past.
    pub fn as_millis(self) -> i64 {
        // `as_millisecond` rounds towards zero.
        i64::try_from(self.0.as_nanosecond().div_euclid(1_000_000)).unwrap_or(i64::MIN)
    }
}

/// ISO 8601 in UTC with three, six or nine digits of fraction, as `2025-01-23T10:00:00.000Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let nanos = self.0.subsec_nanosecond();
        let digits = if nanos % 1_000_000 == 0 {
            3
        } else if nanos % 1_000 == 0 {
            6
        } else {
            9
        };
        write!(f, "{:.*}", digits, self.0)
    }
}
