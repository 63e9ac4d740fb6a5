//! Writes the JSON of frames: members in the order in which they are added.

use crate::event::Json;
use alloc::string::String;
use bytestring::ByteString;
use core::fmt::Write as _;

/// An object that is being written.
pub(super) struct Object {
    text: String,
}

impl Object {
    /// Starts a message: its `type` and, for a reply, the request's `ref`.
    pub(super) fn message(kind: &str, reference: Option<&Json>, capacity: usize) -> Self {
        let mut text = String::with_capacity(capacity + kind.len() + reference.map_or(0, |json| json.len()) + 24);
        text.push('{');
        let object = Self { text }.string("type", kind);
        object.optional("ref", reference, |object, name, reference| object.raw(name, reference))
    }

    /// Adds a string.
    pub(super) fn string(mut self, name: &str, value: &str) -> Self {
        self.name(name);
        push_string(&mut self.text, value);
        self
    }

    /// Adds a number.
    pub(super) fn number(mut self, name: &str, value: u64) -> Self {
        self.name(name);
        push_number(&mut self.text, value);
        self
    }

    /// Adds a value that is JSON already.
    pub(super) fn raw(mut self, name: &str, json: &str) -> Self {
        self.name(name);
        self.text.push_str(json);
        self
    }

    /// Adds what `write` writes.
    pub(super) fn with(mut self, name: &str, write: impl FnOnce(&mut String)) -> Self {
        self.name(name);
        write(&mut self.text);
        self
    }

    /// Adds a member if there is a value for it.
    pub(super) fn optional<T>(self, name: &str, value: Option<T>, add: impl FnOnce(Self, &str, T) -> Self) -> Self {
        match value {
            Some(value) => add(self, name, value),
            None => self,
        }
    }

    /// The finished text.
    pub(super) fn finish(mut self) -> ByteString {
        self.text.push('}');
        self.text.into()
    }

    fn name(&mut self, name: &str) {
        if self.text.len() > 1 {
            self.text.push(',');
        }
        push_string(&mut self.text, name);
        self.text.push(':');
    }
}

/// Writes a list, each element by `write`.
pub(super) fn push_list<T>(
    text: &mut String,
    items: impl IntoIterator<Item = T>,
    mut write: impl FnMut(&mut String, T),
) {
    text.push('[');
    separated(text, items, &mut write);
    text.push(']');
}

/// Writes an object, each member by `write`, which gets the name done.
pub(super) fn push_object<'a, T>(
    text: &mut String,
    members: impl IntoIterator<Item = (&'a str, T)>,
    mut write: impl FnMut(&mut String, T),
) {
    text.push('{');
    separated(text, members, |text, (name, value)| {
        push_string(text, name);
        text.push(':');
        write(text, value);
    });
    text.push('}');
}

fn separated<T>(text: &mut String, items: impl IntoIterator<Item = T>, mut write: impl FnMut(&mut String, T)) {
    for (index, item) in items.into_iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        write(text, item);
    }
}

/// Writes a JSON string.
pub(crate) fn push_string(text: &mut String, value: &str) {
    let plain = |byte: u8| byte >= 0x20 && byte != b'"' && byte != b'\\';
    if value.bytes().all(plain) {
        text.push('"');
        text.push_str(value);
        text.push('"');
    } else {
        text.push_str(&serde_json::to_string(value).expect("a string is always JSON"));
    }
}

/// Writes a number.
pub(super) fn push_number(text: &mut String, value: u64) {
    // Writing to a string cannot fail.
    let _ = write!(text, "{value}");
}
