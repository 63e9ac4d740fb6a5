//! The value of one field, read out of a record's JSON without building a tree, as SQLite's `json_extract` gives it.

use super::number::number;
use driftless_core::event::Json;
use std::borrow::Cow;
use std::cmp::Ordering;

/// The value of a field.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Field<'a> {
    Null,
    Integer(i64),
    /// Never NaN.
    Real(f64),
    /// Bytes, because a JSON string may name half of a surrogate pair, which is no character.
    Text(Cow<'a, [u8]>),
}

impl<'a> Field<'a> {
    /// The value of a top-level field; null where there is none.
    pub(super) fn of(data: Option<&'a Json>, name: &str) -> Self {
        data.and_then(|data| find(data, name)).map_or(Self::Null, Self::read)
    }

    /// `text` is valid JSON without white space around it.
    fn read(text: &'a str) -> Self {
        match text.as_bytes().first() {
            Some(b'"') => Self::Text(unescaped(&text[1..text.len() - 1])),
            Some(b'{' | b'[') => Self::Text(Cow::Owned(compact(text))),
            Some(b't') => Self::Integer(1),
            Some(b'f') => Self::Integer(0),
            Some(b'-' | b'0'..=b'9') => number(text),
            _ => Self::Null,
        }
    }

    /// Two values, neither of which is null; `None` if one is.
    pub(super) fn compare(&self, other: &Field<'_>) -> Option<Ordering> {
        let is_null = *self == Self::Null || *other == Field::Null;
        (!is_null).then(|| self.order(other))
    }

    /// The order of all values: null, numbers, text.
    pub(super) fn order(&self, other: &Field<'_>) -> Ordering {
        match (self, other) {
            (Self::Integer(left), Field::Integer(right)) => left.cmp(right),
            (Self::Real(left), Field::Real(right)) => left.partial_cmp(right).unwrap_or(Ordering::Equal),
            (Self::Integer(left), Field::Real(right)) => compare_mixed(*left, *right),
            (Self::Real(left), Field::Integer(right)) => compare_mixed(*right, *left).reverse(),
            (Self::Text(left), Field::Text(right)) => left.cmp(right),
            _ => self.class().cmp(&other.class()),
        }
    }

    fn class(&self) -> u8 {
        match self {
            Self::Null => 0,
            Self::Integer(_) | Self::Real(_) => 1,
            Self::Text(_) => 2,
        }
    }
}

/// Exactly: not every integer is a real.
fn compare_mixed(integer: i64, real: f64) -> Ordering {
    /// 2 to the power of 63: the first real that is past every integer.
    const PAST: f64 = 9_223_372_036_854_775_808.0;
    if real < -PAST {
        return Ordering::Greater;
    }
    if real >= PAST {
        return Ordering::Less;
    }
    #[expect(
        clippy::cast_possible_truncation,
        reason = "the whole part fits, and the rest is looked at below"
    )]
    let whole = real as i64;
    let rest = || 0.0_f64.partial_cmp(&(real - real.trunc()));
    integer.cmp(&whole).then_with(|| rest().unwrap_or(Ordering::Equal))
}

/// The text of the first member of this name; `None` if there is none, or the data is no object.
fn find<'a>(data: &'a str, name: &str) -> Option<&'a str> {
    let mut scanner = Scanner { text: data, at: 0 };
    scanner.take(b'{')?;
    loop {
        scanner.space();
        let key = scanner.string()?;
        scanner.space();
        scanner.take(b':')?;
        scanner.space();
        let value = scanner.value()?;
        if is_named(key, name) {
            return Some(value);
        }
        scanner.space();
        scanner.take(b',')?;
    }
}

/// Whether a key, as it stands between its quotes, is this name. In a key with escapes a `\u0000` ends what is
/// compared, as it does in SQLite.
fn is_named(key: &str, name: &str) -> bool {
    match unescaped(key) {
        Cow::Borrowed(key) => key == name.as_bytes(),
        Cow::Owned(key) => key.split(|byte| *byte == 0).next() == Some(name.as_bytes()),
    }
}

/// Steps over valid JSON; looks at no more than brackets and quotes.
struct Scanner<'a> {
    text: &'a str,
    at: usize,
}

impl<'a> Scanner<'a> {
    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> Option<()> {
        (self.peek()? == byte).then(|| self.at += 1)
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// What stands between the quotes of the string that starts here; `None` if none does.
    fn string(&mut self) -> Option<&'a str> {
        self.take(b'"')?;
        let start = self.at;
        loop {
            match self.peek()? {
                b'"' => break,
                // What is escaped cannot end the string.
                b'\\' => self.at += 2,
                _ => self.at += 1,
            }
        }
        self.at += 1;
        self.text.get(start..self.at - 1)
    }

    /// The text of the value that starts here.
    fn value(&mut self) -> Option<&'a str> {
        let start = self.at;
        let mut depth = 0_usize;
        loop {
            match self.peek()? {
                b'"' => {
                    self.string()?;
                }
                b'{' | b'[' => {
                    depth += 1;
                    self.at += 1;
                }
                b'}' | b']' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                b',' | b':' => self.at += 1,
                byte if byte.is_ascii_whitespace() => self.at += 1,
                _ => self.word(),
            }
            if depth == 0 {
                return self.text.get(start..self.at);
            }
        }
    }

    /// A number, or one of the three words.
    fn word(&mut self) {
        let ends = |byte: u8| matches!(byte, b',' | b'}' | b']') || byte.is_ascii_whitespace();
        while self.peek().is_some_and(|byte| !ends(byte)) {
            self.at += 1;
        }
    }
}

/// An array or an object without the white space outside its strings.
fn compact(text: &str) -> Vec<u8> {
    let mut compact = Vec::with_capacity(text.len());
    let (mut in_string, mut escaped) = (false, false);
    for byte in text.bytes() {
        if in_string || !byte.is_ascii_whitespace() {
            compact.push(byte);
        }
        if !escaped && byte == b'"' {
            in_string = !in_string;
        }
        escaped = in_string && !escaped && byte == b'\\';
    }
    compact
}

/// The bytes that a JSON string means, of what stands between its quotes; owned only where something is escaped.
fn unescaped(inner: &str) -> Cow<'_, [u8]> {
    let mut rest = inner.as_bytes();
    if !rest.contains(&b'\\') {
        return Cow::Borrowed(rest);
    }
    let mut bytes = Vec::with_capacity(rest.len());
    while let Some((&byte, behind)) = rest.split_first() {
        rest = behind;
        if byte != b'\\' {
            bytes.push(byte);
            continue;
        }
        let Some((&escape, behind)) = rest.split_first() else {
            break;
        };
        rest = behind;
        match escape {
            b'u' => rest = unescape_unit(rest, &mut bytes),
            b'b' => bytes.push(0x08),
            b'f' => bytes.push(0x0c),
            b'n' => bytes.push(b'\n'),
            b'r' => bytes.push(b'\r'),
            b't' => bytes.push(b'\t'),
            other => bytes.push(other),
        }
    }
    Cow::Owned(bytes)
}

/// Reads what stands behind `\u`, with the second half of a surrogate pair if there is one; gives what is left. Half
/// a pair becomes the three bytes that its number would have.
fn unescape_unit<'a>(text: &'a [u8], bytes: &mut Vec<u8>) -> &'a [u8] {
    let Some((unit, rest)) = unit(text) else {
        return &[];
    };
    let low = rest.strip_prefix(b"\\u").and_then(self::unit);
    if let Some((low, rest)) = low
        && (0xd800..0xdc00).contains(&unit)
        && (0xdc00..0xe000).contains(&low)
        && let Some(pair) = char::from_u32(0x1_0000 + ((unit & 0x3ff) << 10) + (low & 0x3ff))
    {
        bytes.extend_from_slice(pair.encode_utf8(&mut [0; 4]).as_bytes());
        return rest;
    }
    match char::from_u32(unit) {
        Some(one) => bytes.extend_from_slice(one.encode_utf8(&mut [0; 4]).as_bytes()),
        None => bytes.extend([0xe0 | unit >> 12, 0x80 | unit >> 6 & 0x3f, 0x80 | unit & 0x3f].map(low_byte)),
    }
    rest
}

fn low_byte(number: u32) -> u8 {
    number.to_le_bytes()[0]
}

/// Four hexadecimal digits, and what is behind them.
fn unit(text: &[u8]) -> Option<(u32, &[u8])> {
    let (digits, rest) = text.split_at_checked(4)?;
    let unit = u32::from_str_radix(str::from_utf8(digits).ok()?, 16).ok()?;
    Some((unit, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(bytes: &[u8]) -> Field<'_> {
        Field::Text(Cow::Borrowed(bytes))
    }

    fn field(data: &str, name: &str) -> Field<'static> {
        let data = Json::parse(data.to_owned()).unwrap();
        match Field::of(Some(&data), name) {
            Field::Text(text) => Field::Text(Cow::Owned(text.into_owned())),
            Field::Integer(value) => Field::Integer(value),
            Field::Real(value) => Field::Real(value),
            Field::Null => Field::Null,
        }
    }

    #[test]
    fn a_field_is_found_wherever_it_stands() {
        let data = r#" { "a" : {"x":"}"} , "b":[1, {"x" : "\"]"}],"x":"ä\n" ,"x":2, "t":true,"f":false,"n":null } "#;
        assert_eq!(field(data, "x"), text("ä\n".as_bytes()));
        assert_eq!(field(data, "a"), text(br#"{"x":"}"}"#));
        assert_eq!(field(data, "b"), text(br#"[1,{"x":"\"]"}]"#));
        assert_eq!(
            (field(data, "t"), field(data, "f")),
            (Field::Integer(1), Field::Integer(0))
        );
        assert_eq!((field(data, "n"), field(data, "none")), (Field::Null, Field::Null));
        for other in ["{}", "[1]", "1", "\"x\"", "null"] {
            assert_eq!(field(other, "x"), Field::Null, "{other}");
        }
        assert_eq!(Field::of(None, "x"), Field::Null);
    }

    #[test]
    fn escapes_mean_what_they_mean_in_sqlite() {
        assert_eq!(
            field(r#"{"\u0078":"\ud83d\ude00\/"}"#, "x"),
            text("\u{1F600}/".as_bytes())
        );
        assert_eq!(
            field(r#"{"x":"\ud83d\u0041\udc00"}"#, "x"),
            text(b"\xed\xa0\xbdA\xed\xb0\x80")
        );
        assert_eq!(field(r#"{"x":"a\u0000b"}"#, "x"), text(b"a\0b"));
        assert_eq!(field(r#"{"x\u0000y":1}"#, "x"), Field::Integer(1));
    }

    #[test]
    fn integers_and_reals_compare_exactly() {
        let beyond = 9_007_199_254_740_993;
        let order = |left, right| Field::order(&Field::Integer(left), &Field::Real(right));
        assert_eq!(order(beyond, 9_007_199_254_740_992.0), Ordering::Greater);
        assert_eq!(order(i64::MAX, 9_223_372_036_854_775_808.0), Ordering::Less);
        assert_eq!(order(i64::MIN, -9_223_372_036_854_775_808.0), Ordering::Equal);
        assert_eq!(order(1, 1.5), Ordering::Less);
        assert_eq!(order(-1, -1.5), Ordering::Greater);
        assert_eq!(order(0, -0.0), Ordering::Equal);
        assert_eq!(order(0, f64::NEG_INFINITY), Ordering::Greater);
    }

    #[cfg(feature = "sqlite")]
    mod beside_sqlite {
        use super::*;
        use proptest::prelude::*;
        use rusqlite::Connection;
        use rusqlite::types::ValueRef;

        /// What stands between two quotes of JSON: any characters, and any escapes.
        fn inner() -> impl Strategy<Value = String> {
            let pieces = prop_oneof![
                "[^\"\\\\\\p{Cc}]{0,3}",
                r#"\\["\\/bfnrt]"#,
                r"\\u[0-9a-fA-F]{4}",
                r"\\u[dD][89a-fA-F][0-9a-fA-F]{2}",
                Just(r"\u0000".to_owned()),
            ];
            proptest::collection::vec(pieces, 0..5).prop_map(|pieces| pieces.concat())
        }

        fn value() -> impl Strategy<Value = String> {
            prop_oneof![
                4 => "-?(0|[1-9][0-9]{0,30})(\\.[0-9]{1,30})?([eE][-+]?[0-9]{1,4})?",
                2 => "-?[0-9]\\.[0-9]{16}e-?[0-9]{1,3}",
                1 => any::<f64>().prop_filter("JSON has no others", |real| real.is_finite()).prop_map(|real| format!("{real:?}")),
                1 => any::<i128>().prop_map(|integer| integer.to_string()),
                3 => inner().prop_map(|inner| format!("\"{inner}\"")),
                1 => inner().prop_map(|inner| format!("[ \"{inner}\" ,\n{{\"{inner}\": 1 }}]")),
            ]
        }

        proptest! {
            #![proptest_config(ProptestConfig::with_cases(4_000))]

            #[test]
            fn a_field_is_what_json_extract_makes_of_it(key in prop_oneof![Just("x".to_owned()), inner()], value in value()) {
                let text = format!(r#"{{"{key}":{value},"x":0}}"#);
                let data = Json::parse(text.clone()).unwrap();
                let sqlite = Connection::open_in_memory().unwrap();
                let mut select = sqlite.prepare("SELECT json_extract(?1, '$.\"x\"')").unwrap();
                let mut rows = select.query([&text]).unwrap();
                let row = rows.next().unwrap().unwrap();
                let expected = match row.get_ref(0).unwrap() {
                    ValueRef::Integer(value) => Field::Integer(value),
                    ValueRef::Real(value) => Field::Real(value),
                    ValueRef::Text(value) => Field::Text(Cow::Borrowed(value)),
                    ValueRef::Null | ValueRef::Blob(_) => Field::Null,
                };
                prop_assert_eq!(Field::of(Some(&data), "x"), expected, "{}", text);
            }
        }
    }
}
