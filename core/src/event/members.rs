//! The members of a JSON object, read and cut without building a tree.
//!
//! Every event is read this way on its way in and out, so it is a scanner of its own: its texts are known to be valid
//! JSON, and need not be checked a second time.

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use serde::de::{DeserializeSeed, Error, Visitor};

/// Calls `visit` with the decoded key and the value's text of every member of the object `text`, in order. `None` if
/// `text` is not an object.
///
/// `text` is valid JSON; of anything else some members are visited, or none. Keys are bytes, because a JSON string may
/// name half of a surrogate pair, which is no character.
pub(crate) fn members<'a>(text: &'a str, mut visit: impl FnMut(Cow<'a, [u8]>, &'a str)) -> Option<()> {
    let mut scanner = Scanner { text, at: 0 };
    scanner.space();
    scanner.take(b'{')?;
    scanner.space();
    if scanner.take(b'}').is_some() {
        return Some(());
    }
    loop {
        let key = scanner.key()?;
        scanner.space();
        scanner.take(b':')?;
        scanner.space();
        let value = scanner.value()?;
        visit(key, value);
        scanner.space();
        if scanner.take(b',').is_none() {
            return scanner.take(b'}');
        }
        scanner.space();
    }
}

/// Calls `visit` with the text of every element of the list `text`, in order. `None` if `text` is not a list, or as soon
/// as `visit` says so. `text` is valid JSON.
pub(crate) fn elements<'a>(text: &'a str, mut visit: impl FnMut(&'a str) -> Option<()>) -> Option<()> {
    let mut scanner = Scanner { text, at: 0 };
    scanner.space();
    scanner.take(b'[')?;
    scanner.space();
    if scanner.take(b']').is_some() {
        return Some(());
    }
    loop {
        visit(scanner.value()?)?;
        scanner.space();
        if scanner.take(b',').is_none() {
            return scanner.take(b']');
        }
        scanner.space();
    }
}

/// Steps over values without looking at more than brackets and quotes.
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

    /// The bytes that the key means which starts here; `None` if it is not a string.
    fn key(&mut self) -> Option<Cow<'a, [u8]>> {
        let start = self.at;
        self.peek().filter(|byte| *byte == b'"')?;
        let escaped = self.string()?;
        let text = self.text.get(start..self.at)?;
        if escaped {
            let mut deserializer = serde_json::Deserializer::from_str(text);
            let key: Vec<u8> = Key.deserialize(&mut deserializer).ok()?.into_owned();
            return Some(Cow::Owned(key));
        }
        Some(Cow::Borrowed(&text.as_bytes()[1..text.len() - 1]))
    }

    /// The text of the value that starts here.
    fn value(&mut self) -> Option<&'a str> {
        let start = self.at;
        match self.peek()? {
            b'"' => {
                self.string()?;
            }
            b'{' | b'[' => self.container()?,
            _ => self.scalar(),
        }
        self.text.get(start..self.at)
    }

    /// Steps over a string, and says whether anything in it is escaped.
    fn string(&mut self) -> Option<bool> {
        self.at += 1;
        let mut escaped = false;
        loop {
            let rest = self.text.as_bytes().get(self.at..)?;
            let length = rest.iter().position(|byte| matches!(byte, b'"' | b'\\'))?;
            self.at += length + 1;
            if rest[length] == b'"' {
                return Some(escaped);
            }
            // What is escaped cannot end the string.
            self.at += 1;
            escaped = true;
        }
    }

    fn container(&mut self) -> Option<()> {
        let mut depth = 0usize;
        loop {
            let rest = self.text.as_bytes().get(self.at..)?;
            let plain = rest
                .iter()
                .position(|byte| matches!(byte, b'"' | b'{' | b'[' | b'}' | b']'))?;
            self.at += plain;
            match rest[plain] {
                b'"' => {
                    self.string()?;
                    continue;
                }
                b'{' | b'[' => depth += 1,
                _ => depth -= 1,
            }
            self.at += 1;
            if depth == 0 {
                return Some(());
            }
        }
    }

    /// A number or a word.
    fn scalar(&mut self) {
        let ends = |byte: u8| matches!(byte, b',' | b'}' | b']' | b':') || byte.is_ascii_whitespace();
        while self.peek().is_some_and(|byte| !ends(byte)) {
            self.at += 1;
        }
    }
}

/// What stands between the quotes of a string; `None` for anything else.
fn unquoted(text: &str) -> Option<&str> {
    match text.as_bytes() {
        [b'"', .., b'"'] => text.get(1..text.len() - 1),
        _ => None,
    }
}

/// The object `text` without the members whose key `drop` names; every other byte stays as it is.
///
/// `text` is a valid JSON object without white space around it; anything else comes back unchanged.
pub(crate) fn without(text: &str, mut drop: impl FnMut(&[u8]) -> bool) -> String {
    let mut kept = String::with_capacity(text.len());
    kept.push('{');
    // Each member reaches from behind the brace or comma before it to the comma or brace behind it.
    let mut start = 1;
    let read = members(text, |key, value| {
        let end = member_end(text, value);
        if !drop(&key) {
            if kept.len() > 1 {
                kept.push(',');
            }
            kept.push_str(text.get(start..end).unwrap_or_default());
        }
        start = end + 1;
    });
    kept.push('}');
    if read.is_some() { kept } else { text.into() }
}

/// Where the comma or brace behind `value`, a slice of `text`, stands.
fn member_end(text: &str, value: &str) -> usize {
    let end = value.as_ptr() as usize - text.as_ptr() as usize + value.len();
    let space = text.as_bytes()[end..]
        .iter()
        .take_while(|byte| byte.is_ascii_whitespace());
    end + space.count()
}

/// The text of a JSON string; `None` for any other value and for a string that is not Unicode.
pub(crate) fn string(value: &str) -> Option<Cow<'_, str>> {
    let inner = unquoted(value)?;
    if inner.as_bytes().contains(&b'\\') {
        return serde_json::from_str(value).ok().map(Cow::Owned);
    }
    Some(Cow::Borrowed(inner))
}

/// The value of a JSON integer from 0 on, written as one; `None` for anything else.
pub(crate) fn unsigned(value: &str) -> Option<u64> {
    if value.bytes().all(|byte| byte.is_ascii_digit()) {
        value.parse().ok()
    } else {
        None
    }
}

/// A decoded key; borrowed unless it was written with escapes.
pub(crate) struct Key;

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Cow<'de, [u8]>;
    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Self::Value, D::Error> {
        deserializer.deserialize_bytes(self)
    }
}

impl<'de> Visitor<'de> for Key {
    type Value = Cow<'de, [u8]>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }
    fn visit_borrowed_bytes<E: Error>(self, key: &'de [u8]) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(key))
    }
    fn visit_bytes<E: Error>(self, key: &[u8]) -> Result<Self::Value, E> {
        Ok(Cow::Owned(key.into()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cutting_leaves_every_other_byte() {
        let cut = |text: &str| without(text, |key| key == b"x");
        assert_eq!(cut(r#"{"x":1}"#), "{}");
        assert_eq!(cut(r#"{"x":1,"a":2}"#), r#"{"a":2}"#);
        assert_eq!(cut(r#"{"a":2,"x":{"x":[1,"}"]}}"#), r#"{"a":2}"#);
        assert_eq!(
            cut("{ \"a\" : 2 , \"x\":1 ,\t\"b\":{\"x\":1}\n}"),
            "{ \"a\" : 2 ,\t\"b\":{\"x\":1}\n}"
        );
        assert_eq!(cut(r#"{"\u0078":1,"a":"x"}"#), r#"{"a":"x"}"#);
        assert_eq!(cut(r#"{"x":1,"a":1e400,"x":2,"b":1.0}"#), r#"{"a":1e400,"b":1.0}"#);
        assert_eq!(cut("{}"), "{}");
        assert_eq!(cut("[1]"), "[1]");
    }

    #[test]
    fn members_are_what_stands_between_the_commas() {
        let read = |text: &'static str| {
            let mut all = Vec::new();
            members(text, |key, value| {
                all.push((String::from_utf8(key.into_owned()).unwrap(), value));
            })
            .map(|()| all)
        };
        let pairs = read(" {\"a\\n\" : [1,{\"b\":\"]}\"}] ,\r\n\t\"ä\":-1.5e3,\"\":\"\\\\\",\"c\":null } ").unwrap();
        let pairs: Vec<_> = pairs.iter().map(|(key, value)| (key.as_str(), *value)).collect();
        assert_eq!(
            pairs,
            [
                ("a\n", "[1,{\"b\":\"]}\"}]"),
                ("ä", "-1.5e3"),
                ("", "\"\\\\\""),
                ("c", "null")
            ]
        );
        assert_eq!(read("{ }").unwrap().len(), 0);
        for other in [
            "",
            "[]",
            "1",
            "\"{\"",
            "{",
            "{\"a",
            "{\"a\":[",
            "{\"a\":1",
            "{1:2}",
            "{\"a\" 1}",
            "{\"a\":}}",
        ] {
            assert!(read(other).is_none() || other == "{\"a\":}}", "{other}");
        }
    }

    #[test]
    fn elements_are_what_stands_between_the_commas() {
        let read = |text: &'static str| {
            let mut all = Vec::new();
            elements(text, |element| {
                all.push(element);
                (element != "0").then_some(())
            })
            .map(|()| all)
        };
        assert_eq!(
            read(" [ \"a,]\" ,[1, 2],{\"b\":[]} , -1.5]").unwrap(),
            ["\"a,]\"", "[1, 2]", "{\"b\":[]}", "-1.5"]
        );
        assert_eq!(read("[ ]").unwrap().len(), 0);
        for other in ["", "{}", "1", "[", "[1", "[1,0,2]"] {
            assert!(read(other).is_none(), "{other}");
        }
    }

    #[test]
    fn a_key_may_be_half_a_surrogate_pair() {
        let mut keys = Vec::new();
        members(r#"{"\ud800":1,"a":2}"#, |key, _| keys.push(key.into_owned())).unwrap();
        assert_eq!(keys.len(), 2);
        assert_eq!(keys[1], b"a");
    }

    #[test]
    fn strings_are_borrowed_unless_they_are_escaped() {
        assert!(matches!(string(r#""ä""#), Some(Cow::Borrowed("ä"))));
        assert_eq!(string(r#""\u00e4\n""#).unwrap(), "ä\n");
        assert_eq!(string(r#""\ud800""#), None);
        assert_eq!(string("1"), None);
    }

    #[test]
    fn only_plain_integers_are_unsigned() {
        assert_eq!(unsigned("0"), Some(0));
        assert_eq!(unsigned("18446744073709551615"), Some(u64::MAX));
        for other in ["18446744073709551616", "-1", "1.0", "1e3", "null", "\"1\"", "true"] {
            assert_eq!(unsigned(other), None, "{other}");
        }
    }
}
