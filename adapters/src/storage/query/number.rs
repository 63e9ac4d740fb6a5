//! Numbers as SQLite reads them out of JSON.

use super::field::Field;

/// Past it a further digit does not count any more: the mantissa has 64 bits.
const MANTISSA_FULL: u64 = (u64::MAX - 9) / 10;

/// Where an exponent ends to grow: far past every real.
const MAX_EXPONENT: i32 = 10_000;

/// The value of a number, which is valid JSON.
pub(super) fn number(text: &str) -> Field<'static> {
    let is_integer = text.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-');
    match text.parse() {
        Ok(integer) if is_integer => Field::Integer(integer),
        _ => Field::Real(real(text)),
    }
}

/// The real nearest to the first digits, as many as fit 64 bits.
fn real(text: &str) -> f64 {
    let (sign, text) = text.strip_prefix('-').map_or((1.0, text), |text| (-1.0, text));
    let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
    let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
    let (mut digits, mut shift) = (0_u64, 0_i32);
    let mut full = false;
    for byte in whole.bytes() {
        if full {
            shift = shift.saturating_add(1);
        } else {
            digits = digits * 10 + u64::from(byte - b'0');
            full = digits >= MANTISSA_FULL;
        }
    }
    for byte in fraction.bytes() {
        if digits < MANTISSA_FULL {
            digits = digits * 10 + u64::from(byte - b'0');
            shift = shift.saturating_sub(1);
        }
    }
    let shift = shift.saturating_add(exponent_of(exponent));
    let nearest: f64 = format!("{digits}e{shift}").parse().unwrap_or(f64::INFINITY);
    sign * nearest
}

fn exponent_of(text: &str) -> i32 {
    let (sign, digits) = match text.as_bytes().first() {
        Some(b'-') => (-1, &text[1..]),
        Some(b'+') => (1, &text[1..]),
        _ => (1, text),
    };
    let grow = |exponent: i32, byte: u8| {
        if exponent < MAX_EXPONENT {
            exponent * 10 + i32::from(byte - b'0')
        } else {
            MAX_EXPONENT
        }
    };
    sign * digits.bytes().fold(0, grow)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_that_fit_are_integers_and_all_else_is_real() {
        assert_eq!(number("-9223372036854775808"), Field::Integer(i64::MIN));
        assert_eq!(number("9223372036854775807"), Field::Integer(i64::MAX));
        assert_eq!(number("9223372036854775808"), Field::Real(9_223_372_036_854_775_808.0));
        assert_eq!(number("-0"), Field::Integer(0));
        assert_eq!(number("1.0"), Field::Real(1.0));
        assert_eq!(number("1E+2"), Field::Real(100.0));
        assert_eq!(number("25e-1"), Field::Real(2.5));
        assert_eq!(number("-1e400"), Field::Real(f64::NEG_INFINITY));
        assert_eq!(number("1e-400"), Field::Real(0.0));
        assert_eq!(number("1e99999999999"), Field::Real(f64::INFINITY));
        assert_eq!(number("0e99999999999"), Field::Real(0.0));
    }

    #[test]
    fn digits_past_the_nineteenth_do_not_count() {
        assert_eq!(number("3500000000000000.2500001"), Field::Real(3_500_000_000_000_000.0));
    }
}
