//! What the decoders of both directions share: a frame is one flat object, whose fields are read before their meaning
//! is known, because `type` may come last.

use crate::event::members::{Key, members, string, unsigned};
use crate::event::{Json, depth_exceeds};
use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use bytestring::ByteString;
use core::fmt;
use serde::de::{DeserializeSeed, Error, MapAccess, SeqAccess, Visitor};
use serde::{Deserializer as _, de::IgnoredAny};
use serde_json::value::RawValue;

/// Most events that are read from one frame. An event has at least 15 bytes; more than this many are in no frame of
/// 16 MiB that could be stored.
pub const MAX_FRAME_EVENTS: usize = 1 << 20;

macro_rules! fields {
    ($($variant:ident = $name:literal,)*) => {
        /// A field of any message.
        #[derive(Clone, Copy)]
        pub(super) enum Field { $($variant,)* }

        impl Field {
            const COUNT: usize = [$($name),*].len();

            pub(super) const fn name(self) -> &'static str {
                match self { $(Self::$variant => $name,)* }
            }

            fn parse(key: &[u8]) -> Option<Self> {
                const NAMES: &[(&[u8], Field)] = &[$(($name.as_bytes(), Field::$variant)),*];
                NAMES.iter().find(|(name, _)| *name == key).map(|(_, field)| *field)
            }
        }
    };
}

fields! {
    Type = "type",
    Repository = "repository",
    Events = "events",
    Event = "event",
    Ref = "ref",
    AfterSequence = "afterSequence",
    LastSequence = "lastSequence",
    EventIds = "eventIds",
    Repositories = "repositories",
    Sequences = "sequences",
    Since = "since",
    Limit = "limit",
    Count = "count",
    Epoch = "epoch",
    Token = "token",
    Protocol = "protocol",
    Client = "client",
    Scope = "scope",
    ServerTime = "serverTime",
    HeartbeatMs = "heartbeatMs",
    Limits = "limits",
    HasMore = "hasMore",
    Message = "message",
    Code = "code",
    Retryable = "retryable",
    Indexes = "indexes",
}

/// Why a frame, or a field of it, cannot be read: one sentence.
pub(super) type Sentence = String;

/// The fields of one frame, as the text of their values.
pub(super) struct Frame<'a> {
    text: &'a ByteString,
    values: [Option<&'a str>; Field::COUNT],
    /// The elements of `events`, where they were read together with the frame.
    events: Option<Vec<Json>>,
}

impl<'a> Frame<'a> {
    /// Reads all fields. The elements of `events` are read on the way; where that fails, everything is read once more
    /// without a look into it, so that the error can be told with its field and the frame's `ref`.
    pub(super) fn read(text: &'a ByteString) -> Result<Self, Sentence> {
        Self::parse(text, true)
            .or_else(|_| Self::parse(text, false))
            .map_err(|error| {
                if error.is_data() {
                    "a message is a JSON object".into()
                } else {
                    format!("the frame is not valid JSON: {error}")
                }
            })
    }

    fn parse(text: &'a ByteString, look_into_events: bool) -> Result<Self, serde_json::Error> {
        let mut frame = Self {
            text,
            values: [None; Field::COUNT],
            events: None,
        };
        let mut deserializer = serde_json::Deserializer::from_str(text);
        deserializer.deserialize_map(Fill {
            frame: &mut frame,
            look_into_events,
        })?;
        deserializer.end()?;
        Ok(frame)
    }

    /// Whether the frame nests deeper than `limit`.
    ///
    /// Events that were read on the way are looked at one by one: most have so few brackets that counting them
    /// is enough, which costs a fraction of following them.
    pub(super) fn nests_deeper(&self, limit: usize) -> bool {
        let Some([first, .., last]) = self.events.as_deref() else {
            return depth_exceeds(self.text, limit);
        };
        let start = first.as_ptr() as usize - self.text.as_ptr() as usize;
        let end = last.as_ptr() as usize - self.text.as_ptr() as usize + last.len();
        let (before, after) = (&self.text[..start], &self.text[end..]);
        // The frame and its list are two levels around each event, the frame one around what follows the list.
        let events = self.events.iter().flatten();
        depth_exceeds(before, limit)
            || depth_exceeds(after, limit.saturating_sub(1))
            || events
                .into_iter()
                .any(|event| depth_exceeds(event, limit.saturating_sub(2)))
    }

    /// The text of a field's value; `None` for a field that is absent or null.
    pub(super) fn raw(&self, field: Field) -> Option<&'a str> {
        self.values[field as usize].filter(|value| *value != "null")
    }

    /// Any value, null included.
    pub(super) fn any(&self, field: Field) -> Option<Json> {
        self.values[field as usize].map(|value| self.json(value))
    }

    /// A slice of the frame that is a value.
    pub(super) fn json(&self, value: &str) -> Json {
        Json::trusted(self.text.slice_ref(value))
    }

    /// Text that shares the frame's buffer, unless it was written with escapes.
    pub(super) fn share(&self, text: Cow<'a, str>) -> ByteString {
        match text {
            Cow::Borrowed(text) => self.text.slice_ref(text),
            Cow::Owned(text) => text.into(),
        }
    }

    /// A string.
    pub(super) fn text(&self, field: Field) -> Result<Option<Cow<'a, str>>, Sentence> {
        let Some(value) = self.raw(field) else {
            return Ok(None);
        };
        string(value).map(Some).ok_or_else(|| wrong(field, "a string"))
    }

    /// A non-negative integer.
    pub(super) fn number(&self, field: Field) -> Result<Option<u64>, Sentence> {
        let Some(value) = self.raw(field) else {
            return Ok(None);
        };
        unsigned(value)
            .map(Some)
            .ok_or_else(|| wrong(field, "a non-negative integer"))
    }

    /// `true` or `false`.
    pub(super) fn boolean(&self, field: Field) -> Result<Option<bool>, Sentence> {
        match self.raw(field) {
            None => Ok(None),
            Some("true") => Ok(Some(true)),
            Some("false") => Ok(Some(false)),
            Some(_) => Err(wrong(field, "true or false")),
        }
    }

    /// The elements of `events`.
    pub(super) fn events(&mut self) -> Result<Vec<Json>, Sentence> {
        if let Some(events) = self.events.take() {
            return Ok(events);
        }
        let value = self.raw(Field::Events).ok_or_else(|| missing(Field::Events))?;
        let mut deserializer = serde_json::Deserializer::from_str(value);
        EventList(self.text).deserialize(&mut deserializer).map_err(|_| {
            if value.starts_with('[') {
                format!("`events` has more than {MAX_FRAME_EVENTS} elements")
            } else {
                wrong(Field::Events, "a list")
            }
        })
    }
}

/// "`field` is missing".
pub(super) fn missing(field: Field) -> Sentence {
    format!("`{}` is missing", field.name())
}

/// "`field` is not what it should be".
pub(super) fn wrong(field: Field, expected: &str) -> Sentence {
    format!("`{}` is not {expected}", field.name())
}

/// The members of an object, with decoded keys; `None` if it is not an object, a key is not Unicode or `visit` says so.
pub(super) fn entries<'a>(object: &'a str, mut visit: impl FnMut(Cow<'a, str>, &'a str) -> Option<()>) -> Option<()> {
    let mut read = Some(());
    members(object, |key, value| {
        if read.is_some() {
            read = key_text(key).and_then(|key| visit(key, value));
        }
    })?;
    read
}

/// A key as text; `None` for one that is not Unicode.
fn key_text(key: Cow<'_, [u8]>) -> Option<Cow<'_, str>> {
    match key {
        Cow::Borrowed(key) => core::str::from_utf8(key).ok().map(Cow::Borrowed),
        Cow::Owned(key) => String::from_utf8(key).ok().map(Cow::Owned),
    }
}

struct Fill<'f, 'a> {
    frame: &'f mut Frame<'a>,
    look_into_events: bool,
}

impl<'de> Visitor<'de> for Fill<'_, 'de> {
    type Value = ();
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }
    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key_seed(Key)? {
            match Field::parse(&key) {
                Some(Field::Events) if self.look_into_events => {
                    self.frame.events = Some(map.next_value_seed(EventList(self.frame.text))?);
                }
                // Of several fields with one name the last counts.
                Some(field) => self.frame.values[field as usize] = Some(map.next_value::<&'de RawValue>()?.get()),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(())
    }
}

/// Reads a list of events as slices of this frame.
struct EventList<'f>(&'f ByteString);

impl<'de> DeserializeSeed<'de> for EventList<'_> {
    type Value = Vec<Json>;
    fn deserialize<D: serde::Deserializer<'de>>(self, deserializer: D) -> Result<Vec<Json>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for EventList<'_> {
    type Value = Vec<Json>;
    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }
    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Vec<Json>, A::Error> {
        let mut events = Vec::new();
        while let Some(event) = list.next_element::<&'de RawValue>()? {
            if events.len() == MAX_FRAME_EVENTS {
                return Err(A::Error::custom("too many events"));
            }
            events.push(Json::trusted(self.0.slice_ref(event.get())));
        }
        Ok(events)
    }
}
