//! The `createdAt` of events: moments as their authors' clocks saw them.

use core::fmt;
use jiff::civil::{Date, DateTime, Time};
use jiff::tz::Offset;

/// A moment on somebody's wall clock, with nanosecond precision. Compared as a time, whatever offset or precision it
/// was written in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(jiff::Timestamp);

impl Timestamp {
    /// Reads ISO 8601 text with any offset and precision, in every form that Dart's `DateTime.parse` takes. A text
    /// without an offset counts as UTC; digits beyond the nanosecond are dropped; a leap second counts as the one
    /// before it. `None` if it is not a moment in the years -9999 to 9999.
    pub fn parse(text: &str) -> Option<Self> {
        let mut text = Cursor(text.as_bytes());
        let date = date(&mut text)?;
        let (time, offset) = if text.take(b"Tt ") {
            (time(&mut text)?, offset(&mut text)?)
        } else {
            (Time::midnight(), Offset::UTC)
        };
        if !text.0.is_empty() {
            return None;
        }
        offset.to_timestamp(DateTime::from_parts(date, time)).ok().map(Self)
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

/// `[+-]YYYY[YY]-MM-DD`, the dashes optional.
fn date(text: &mut Cursor<'_>) -> Option<Date> {
    let negative = text.sign().unwrap_or(false);
    let run = text.digits_ahead();
    let year_digits = if text.0.get(run) == Some(&b'-') {
        run
    } else {
        run.checked_sub(4)?
    };
    if !(4..=6).contains(&year_digits) {
        return None;
    }
    let year = i16::try_from(text.number(year_digits)?).ok()?;
    text.take(b"-");
    let month = text.two_digits()?;
    text.take(b"-");
    let day = text.two_digits()?;
    Date::new(if negative { -year } else { year }, month, day).ok()
}

/// `HH[:MM[:SS[.fraction]]]`, the colons optional.
fn time(text: &mut Cursor<'_>) -> Option<Time> {
    let hour = text.two_digits()?;
    let (mut minute, mut second, mut nanos) = (0, 0, 0);
    if text.more_after(b":") {
        minute = text.two_digits()?;
        if text.more_after(b":") {
            second = text.two_digits()?;
            if text.take(b".,") {
                nanos = text.fraction()?;
            }
        }
    }
    Time::new(hour, minute, if second == 60 { 59 } else { second }, nanos).ok()
}

/// Nothing, `Z` or `±HH[[:]MM]`, a space before it allowed.
fn offset(text: &mut Cursor<'_>) -> Option<Offset> {
    text.take(b" ");
    if text.0.is_empty() || text.take(b"Zz") {
        return Some(Offset::UTC);
    }
    let negative = text.sign()?;
    let hours = i32::from(text.two_digits()?);
    let minutes = if text.more_after(b":") {
        i32::from(text.two_digits()?)
    } else {
        0
    };
    if minutes > 59 {
        return None;
    }
    let seconds = hours * 3_600 + minutes * 60;
    Offset::from_seconds(if negative { -seconds } else { seconds }).ok()
}

/// What is left to read.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    /// Takes one byte if it is one of these.
    fn take(&mut self, any_of: &[u8]) -> bool {
        match self.0.split_first() {
            Some((byte, rest)) if any_of.contains(byte) => {
                self.0 = rest;
                true
            }
            _ => false,
        }
    }

    /// Takes a separator, and says whether a digit follows, or one followed at once.
    fn more_after(&mut self, separator: &[u8]) -> bool {
        self.take(separator) || self.digits_ahead() > 0
    }

    /// Takes a sign and says whether it is a minus.
    fn sign(&mut self) -> Option<bool> {
        if self.take(b"-") {
            return Some(true);
        }
        self.take(b"+").then_some(false)
    }

    fn digits_ahead(&self) -> usize {
        self.0.iter().take_while(|byte| byte.is_ascii_digit()).count()
    }

    /// Takes that many digits; at most nine.
    fn number(&mut self, digits: usize) -> Option<i32> {
        if digits > 9 || self.digits_ahead() < digits {
            return None;
        }
        let (number, rest) = self.0.split_at(digits);
        self.0 = rest;
        Some(number.iter().fold(0, |sum, digit| sum * 10 + i32::from(digit - b'0')))
    }

    fn two_digits(&mut self) -> Option<i8> {
        self.number(2).and_then(|number| i8::try_from(number).ok())
    }

    /// Takes all digits as a fraction of a second, in nanoseconds.
    fn fraction(&mut self) -> Option<i32> {
        let digits = self.digits_ahead();
        let read = digits.min(9);
        let mut nanos = self.number(read)?;
        if read == 0 {
            return None;
        }
        for _ in read..9 {
            nanos *= 10;
        }
        self.0 = &self.0[digits - read..];
        Some(nanos)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString;

    fn utc(text: &str) -> alloc::string::String {
        Timestamp::parse(text)
            .unwrap_or_else(|| panic!("{text} is a moment"))
            .to_string()
    }

    #[test]
    fn any_offset_and_precision_is_read() {
        let ten = "2025-01-23T10:00:00.000Z";
        for text in [
            "2025-01-23T10:00:00Z",
            "2025-01-23t10:00:00z",
            "2025-01-23T10:00:00",
            "2025-01-23 10:00:00",
            "2025-01-23T10:00",
            "2025-01-23T10",
            "2025-01-23T10:00:00+00:00",
            "2025-01-23T12:00:00+02:00",
            "2025-01-23 12:00:00.000 +02",
            "2025-01-23T04:30:00-0530",
            "20250123T100000Z",
            "20250123 10",
            "+002025-01-23T10:00:00Z",
        ] {
            assert_eq!(utc(text), ten, "{text}");
        }
        assert_eq!(utc("2025-01-23"), "2025-01-23T00:00:00.000Z");
        assert_eq!(utc("2025-01-23T10:00:00.1Z"), "2025-01-23T10:00:00.100Z");
        assert_eq!(utc("2025-01-23T10:00:00,123456Z"), "2025-01-23T10:00:00.123456Z");
        assert_eq!(
            utc("2025-01-23T10:00:00.123456789999Z"),
            "2025-01-23T10:00:00.123456789Z"
        );
        assert_eq!(utc("2016-12-31T23:59:60Z"), "2016-12-31T23:59:59.000Z");
    }

    #[test]
    fn what_is_not_a_moment_is_none() {
        for text in [
            "",
            "now",
            "2025",
            "2025-01",
            "2025-13-01",
            "2025-02-30T00:00:00Z",
            "2025-01-23T",
            "2025-01-23T25:00Z",
            "2025-01-23T10:00:00.Z",
            "2025-01-23T10:00:00Q",
            "2025-01-23T10:00:00Z ",
            "2025-01-23T10:00:00+02:60",
            "2025-01-23T10:00:00+2",
            "+012025-01-23T10:00:00Z",
            "99999999999999",
            "2025-01-23T10:00:00+99:00",
            "ä",
            "2025-01-23T10:00:00+",
            "9999-12-31T23:59:59-12:00",
        ] {
            assert_eq!(Timestamp::parse(text), None, "{text:?}");
        }
    }

    #[test]
    fn moments_compare_as_times_and_print_as_they_are_read() {
        assert!(Timestamp::parse("2025-01-23T10:00:00.0001Z") > Timestamp::parse("2025-01-23T12:00:00+02:00"));
        let moment = Timestamp::from_millis(-1).unwrap();
        assert_eq!(moment.as_millis(), -1);
        assert_eq!(moment.to_string(), "1969-12-31T23:59:59.999Z");
        assert_eq!(Timestamp::parse(&moment.to_string()), Some(moment));
        assert_eq!(Timestamp::from_millis(i64::MAX), None);
        let ancient = Timestamp::parse("-0044-03-15").unwrap();
        assert_eq!(Timestamp::parse(&ancient.to_string()), Some(ancient));
    }
}
