//! The top-level fields of a record's data, compared and merged as text.

use crate::event::Json;
use crate::event::members::members;
use crate::wire::push_string;
use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use bytestring::ByteString;

/// The top-level fields of an object, in order: decoded name and the text of the whole member's name and value.
struct Fields<'a>(Vec<(Cow<'a, [u8]>, &'a str)>);

impl<'a> Fields<'a> {
    /// `None` if `json` is not an object.
    fn read(json: &'a Json) -> Option<Self> {
        let mut fields = Vec::new();
        members(json, |name, value| fields.push((name, value)))?;
        Some(Self(fields))
    }

    /// The value of the last field with this name; that is the one that JSON readers agree on.
    fn value(&self, name: &[u8]) -> Option<&'a str> {
        let found = self.0.iter().rev().find(|(known, _)| &**known == name);
        found.map(|(_, value)| *value)
    }
}

/// `known` with the fields that `changed` names taken over from `new`, and removed where `new` has none. `None` if
/// one of the two is not an object.
pub(super) fn merge_fields(known: &Json, new: &Json, changed: &[ByteString]) -> Option<Json> {
    let (known, new) = (Fields::read(known)?, Fields::read(new)?);
    let is_changed = |name: &[u8]| changed.iter().any(|field| field.as_bytes() == name);
    let mut text = String::from("{");
    for (name, value) in &known.0 {
        match (is_changed(name), new.value(name)) {
            (false, _) => push_field(&mut text, name, value),
            (true, Some(value)) => push_field(&mut text, name, value),
            (true, None) => {}
        }
    }
    for (name, value) in &new.0 {
        if is_changed(name) && known.value(name).is_none() {
            push_field(&mut text, name, value);
        }
    }
    text.push('}');
    Json::parse(text).ok()
}

/// The names of the fields that differ in text between the two, those of `new` in its order first, then those that
/// only `known` has. `None` if one of the two is not an object.
pub(super) fn differing_fields(known: &Json, new: &Json) -> Option<Vec<String>> {
    let (known, new) = (Fields::read(known)?, Fields::read(new)?);
    let differs = new.0.iter().filter(|(name, value)| known.value(name) != Some(*value));
    let removed = known.0.iter().filter(|(name, _)| new.value(name).is_none());
    let names = differs.chain(removed);
    Some(
        names
            .map(|(name, _)| String::from_utf8_lossy(name).into_owned())
            .collect(),
    )
}

fn push_field(text: &mut String, name: &[u8], value: &str) {
    if text.len() > 1 {
        text.push(',');
    }
    push_string(text, &String::from_utf8_lossy(name));
    text.push(':');
    text.push_str(value);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn merge(known: &'static str, new: &'static str, changed: &[&'static str]) -> Option<String> {
        let changed: Vec<_> = changed.iter().map(|name| ByteString::from_static(name)).collect();
        let merged = merge_fields(&Json::parse(known).unwrap(), &Json::parse(new).unwrap(), &changed);
        merged.map(|json| String::from(&*json))
    }

    #[test]
    fn changed_fields_are_taken_over_and_the_text_of_others_stays() {
        let merged = merge(
            r#"{"big":12345678901234567890,"float":1.0,"huge":1e400,"name":"a"}"#,
            r#"{"name":"b","big":0,"new":[1, 2]}"#,
            &["name", "new"],
        );
        assert_eq!(
            merged.unwrap(),
            r#"{"big":12345678901234567890,"float":1.0,"huge":1e400,"name":"b","new":[1, 2]}"#
        );
    }

    #[test]
    fn a_changed_field_that_the_event_does_not_carry_is_removed() {
        assert_eq!(merge(r#"{"a":1,"b":2}"#, "{}", &["a"]).unwrap(), r#"{"b":2}"#);
        assert_eq!(merge(r#"{"a":1}"#, "{}", &["a"]).unwrap(), "{}");
    }

    #[test]
    fn names_are_compared_decoded_and_written_escaped() {
        let merged = merge(r#"{"\u0061":1,"q\"":2}"#, r#"{"a":3}"#, &["a"]);
        assert_eq!(merged.unwrap(), r#"{"a":3,"q\"":2}"#);
    }

    #[test]
    fn only_objects_merge() {
        assert_eq!(merge("[1]", "{}", &["a"]), None);
        assert_eq!(merge("{}", "3", &["a"]), None);
    }

    #[test]
    fn differing_fields_are_those_whose_text_differs_or_that_are_gone() {
        let known = Json::parse(r#"{"a":1,"b":1.0,"c":true,"d":null}"#).unwrap();
        let new = Json::parse(r#"{"e":5,"b":1,"a":1,"d":null}"#).unwrap();
        assert_eq!(differing_fields(&known, &new).unwrap(), ["e", "b", "c"]);
        assert_eq!(differing_fields(&known, &Json::parse("3").unwrap()), None);
    }
}
