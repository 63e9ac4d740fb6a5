//! The envelope: the fields of an event that the protocol knows, in two spellings (PROTOCOL.md section 3).

use super::members::{elements, members, string, unsigned, without};
use super::{EventId, Json, RecordId, Sequence, Timestamp};
use alloc::borrow::Cow;
use alloc::vec::Vec;
use bytestring::ByteString;

/// What an event does to its record.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Operation {
    /// Creates the record; an insert of an existing record is an update. What an absent operation means.
    #[default]
    Insert,
    /// Changes the record.
    Update,
    /// Deletes the record.
    Delete,
}

/// Which of the two spellings of the envelope's field names.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Spelling {
    /// `_event_id`, `_operation`, … as the published package writes them since its core 0.8.
    #[default]
    Package,
    /// `eventId`, `operation`, … as the seed documents write them.
    Seeds,
}

/// Why an object is not an event. Fields are named as the event spells them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EnvelopeError {
    /// Not a JSON object.
    #[error("an event is a JSON object")]
    NotAnObject,
    /// An envelope field occurs twice.
    #[error("the event has more than one `{0}`")]
    Duplicate(&'static str),
    /// No event id in either spelling.
    #[error("the event has no `_event_id` (or `eventId`)")]
    NoEventId,
    /// An event id that is not a string.
    #[error("the event's `{0}` is not a string")]
    EventIdType(&'static str),
    /// An event id that is the empty string.
    #[error("the event's `{0}` is empty")]
    EventIdEmpty(&'static str),
    /// An event id over [`EventId::MAX_BYTES`].
    #[error("the event's `{0}` is longer than {max} bytes", max = EventId::MAX_BYTES)]
    EventIdTooLong(&'static str),
    /// An operation that is none of the three.
    #[error("the event's `{0}` is not 0 (insert), 1 (update) or 2 (delete), nor one of these names")]
    Operation(&'static str),
    /// A record id that is neither a string nor a number.
    #[error("the event's `{0}` is not a string or a number")]
    RecordIdType(&'static str),
    /// A record id that is the empty string.
    #[error("the event's `{0}` is empty")]
    RecordIdEmpty(&'static str),
    /// A record id over [`RecordId::MAX_BYTES`].
    #[error("the event's `{0}` is longer than {max} bytes", max = RecordId::MAX_BYTES)]
    RecordIdTooLong(&'static str),
    /// A delete that does not say of what.
    #[error("the event is a delete and has no `_data_id` (or `dataId`)")]
    DeleteWithoutRecordId,
}

/// The envelope of one event, borrowed from the event's text.
#[derive(Clone, Debug)]
pub struct Envelope<'a> {
    /// The event id.
    pub id: Cow<'a, str>,
    /// What the event does.
    pub operation: Operation,
    /// When its author made it; `None` if absent or unreadable, which sorts before all.
    pub created_at: Option<Timestamp>,
    /// Which record it changes; the event id where no field says.
    pub record_id: Cow<'a, str>,
    /// The record's data after the event; for a flat document, its fields beside the envelope. `None` for a delete without data.
    pub data: Option<Cow<'a, str>>,
    /// The names of the fields that the event changes; `None` where it names none in a readable form.
    pub changed: Option<Vec<Cow<'a, str>>>,
    /// The server sequence that the event carries.
    pub sequence: Option<Sequence>,
    /// Whether the published package can read the event: every field that it needs is there in its spelling.
    pub package_complete: bool,
    /// Whether the event carries a field that only a server writes: `_id` or `serverSequence`.
    pub(super) server_written: bool,
}

impl<'a> Envelope<'a> {
    /// Reads the envelope of an event.
    pub fn read(text: &'a Json) -> Result<Self, EnvelopeError> {
        let fields = Fields::read(text)?;
        let (id_field, id) = fields.pick(Field::EventId).ok_or(EnvelopeError::NoEventId)?;
        let id = event_id_text(id_field, id)?;
        let operation = fields.operation()?;
        let record = fields.record_id()?;
        if operation == Operation::Delete && record.is_none() {
            return Err(EnvelopeError::DeleteWithoutRecordId);
        }
        let created_at = fields.pick(Field::CreatedAt).and_then(|(_, value)| moment(value));
        Ok(Self {
            package_complete: fields.package_complete(operation, created_at),
            record_id: record.unwrap_or_else(|| id.clone()),
            id,
            operation,
            created_at,
            data: fields.data(text, operation),
            changed: fields.pick(Field::Changed).and_then(|(_, value)| names(value)),
            sequence: fields.sequence.and_then(unsigned).map(Sequence::new),
            server_written: fields.sequence.is_some() || fields.database_id,
        })
    }

    /// The event id, sharing the buffer of `text`, from which the envelope was read.
    pub(super) fn event_id(&self, text: &Json) -> EventId {
        EventId::new(share(text, &self.id)).expect("`read` has checked the length")
    }

    /// The record id, sharing the buffer of `text`, from which the envelope was read.
    pub(super) fn record(&self, text: &Json) -> RecordId {
        RecordId::new(share(text, &self.record_id)).expect("`read` has checked the length")
    }
}

/// The event id of an object that need not be a valid event, for telling its author which one is not.
pub fn event_id(text: &Json) -> Option<EventId> {
    let mut ids = [None; 2];
    members(text, |key, value| match &*key {
        b"_event_id" => ids[0] = Some(value),
        b"eventId" => ids[1] = Some(value),
        _ => {}
    })?;
    EventId::new(share(text, &string(ids[0].or(ids[1])?)?)).ok()
}

/// The same text, as a slice of `text`'s buffer where it is one.
pub(super) fn share(text: &Json, part: &str) -> ByteString {
    let range = text.as_bytes().as_ptr_range();
    if range.contains(&part.as_ptr()) {
        text.text().slice_ref(part)
    } else {
        ByteString::from(part)
    }
}

/// The fields that have two spellings; the discriminant is the place in [`Fields::values`].
#[derive(Clone, Copy)]
enum Field {
    EventId,
    Operation,
    CreatedAt,
    Data,
    DataId,
    Changed,
}

/// Both spellings of each [`Field`], the package's first.
const SPELLINGS: [[&str; 2]; 6] = [
    ["_event_id", "eventId"],
    ["_operation", "operation"],
    ["_created_at", "createdAt"],
    ["_data", "data"],
    ["_data_id", "dataId"],
    ["_changed", "changed"],
];

/// Where a key of an event's belongs.
fn place(key: &[u8]) -> Option<(Field, usize)> {
    Some(match key {
        b"_event_id" => (Field::EventId, 0),
        b"eventId" => (Field::EventId, 1),
        b"_operation" => (Field::Operation, 0),
        b"operation" => (Field::Operation, 1),
        b"_created_at" => (Field::CreatedAt, 0),
        b"createdAt" => (Field::CreatedAt, 1),
        b"_data" => (Field::Data, 0),
        b"data" => (Field::Data, 1),
        b"_data_id" => (Field::DataId, 0),
        b"dataId" => (Field::DataId, 1),
        b"_changed" => (Field::Changed, 0),
        b"changed" => (Field::Changed, 1),
        _ => return None,
    })
}

/// The members of an event that the envelope is made of, as the text of their values.
#[derive(Default)]
struct Fields<'a> {
    values: [[Option<&'a str>; 2]; 6],
    repeated: [[bool; 2]; 6],
    id: Option<&'a str>,
    id_repeated: bool,
    sequence: Option<&'a str>,
    sequence_repeated: bool,
    database_id: bool,
}

impl<'a> Fields<'a> {
    fn read(text: &'a str) -> Result<Self, EnvelopeError> {
        let mut fields = Self::default();
        members(text, |key, value| fields.take(&key, value)).ok_or(EnvelopeError::NotAnObject)?;
        fields.check_repeats()?;
        Ok(fields)
    }

    fn take(&mut self, key: &[u8], value: &'a str) {
        if let Some((field, spelling)) = place(key) {
            let slot = &mut self.values[field as usize][spelling];
            self.repeated[field as usize][spelling] |= slot.replace(value).is_some();
            return;
        }
        match key {
            b"serverSequence" => self.sequence_repeated |= self.sequence.replace(value).is_some(),
            b"id" => self.id_repeated |= self.id.replace(value).is_some(),
            b"_id" => self.database_id = true,
            _ => {}
        }
    }

    /// A spelling that does not count is the application's data, which may repeat itself.
    fn check_repeats(&self) -> Result<(), EnvelopeError> {
        for (field, spellings) in SPELLINGS.iter().enumerate() {
            let counts = usize::from(self.values[field][0].is_none());
            if self.repeated[field][counts] {
                return Err(EnvelopeError::Duplicate(spellings[counts]));
            }
        }
        if self.sequence_repeated {
            return Err(EnvelopeError::Duplicate("serverSequence"));
        }
        Ok(())
    }

    /// The value that counts, and the key that it has.
    fn pick(&self, field: Field) -> Option<(&'static str, &'a str)> {
        let values = self.values[field as usize];
        let spelling = usize::from(values[0].is_none());
        values[spelling].map(|value| (SPELLINGS[field as usize][spelling], value))
    }

    fn operation(&self) -> Result<Operation, EnvelopeError> {
        let Some((field, value)) = self.pick(Field::Operation) else {
            return Ok(Operation::Insert);
        };
        Ok(match value {
            "0" | "null" => Operation::Insert,
            "1" => Operation::Update,
            "2" => Operation::Delete,
            _ => match string(value).as_deref() {
                Some("insert") => Operation::Insert,
                Some("update") => Operation::Update,
                Some("delete") => Operation::Delete,
                _ => return Err(EnvelopeError::Operation(field)),
            },
        })
    }

    /// The first that is there: `_data_id`, `_data.id`, `dataId`, `data.id`, `id`.
    fn record_id(&self) -> Result<Option<Cow<'a, str>>, EnvelopeError> {
        let [package_data, seeds_data] = self.values[Field::Data as usize];
        let [package_id, seeds_id] = self.values[Field::DataId as usize];
        if let Some(value) = present(package_id) {
            return named_id("_data_id", value).map(Some);
        }
        if let Some(id) = package_data.and_then(member_id) {
            return bounded("_data.id", id).map(Some);
        }
        if let Some(value) = present(seeds_id) {
            return named_id("dataId", value).map(Some);
        }
        // Beside `_data`, a field called `data` is the application's.
        if let Some(id) = seeds_data.filter(|_| package_data.is_none()).and_then(member_id) {
            return bounded("data.id", id).map(Some);
        }
        let id = present(self.id).and_then(id_text);
        if id.is_some() && self.id_repeated {
            return Err(EnvelopeError::Duplicate("id"));
        }
        id.map(|id| bounded("id", id)).transpose()
    }

    fn data(&self, text: &'a str, operation: Operation) -> Option<Cow<'a, str>> {
        if let Some((_, value)) = self.pick(Field::Data) {
            return Some(Cow::Borrowed(value));
        }
        if operation == Operation::Delete {
            return None;
        }
        Some(Cow::Owned(without(text, |key| match place(key) {
            Some((field, spelling)) => spelling == 0 || self.values[field as usize][0].is_none(),
            None => matches!(key, b"_id" | b"serverSequence"),
        })))
    }

    /// The published package drops the rest of a frame at the first event that it cannot read: it needs its own
    /// spelling, a readable date, data that is an object, and for a delete a record id that is a string.
    fn package_complete(&self, operation: Operation, created_at: Option<Timestamp>) -> bool {
        let package = |field: Field| present(self.values[field as usize][0]);
        let subject = match operation {
            Operation::Delete => package(Field::DataId).is_some_and(|value| value.starts_with('"')),
            Operation::Insert | Operation::Update => package(Field::Data).is_some_and(|value| value.starts_with('{')),
        };
        let dated = created_at.is_some() && package(Field::CreatedAt).is_some();
        package(Field::EventId).is_some() && package(Field::Operation).is_some() && dated && subject
    }
}

/// A value that is not null.
fn present(value: Option<&str>) -> Option<&str> {
    value.filter(|value| *value != "null")
}

fn event_id_text<'a>(field: &'static str, value: &'a str) -> Result<Cow<'a, str>, EnvelopeError> {
    let id = string(value).ok_or(EnvelopeError::EventIdType(field))?;
    match id.len() {
        0 => Err(EnvelopeError::EventIdEmpty(field)),
        length if length > EventId::MAX_BYTES => Err(EnvelopeError::EventIdTooLong(field)),
        _ => Ok(id),
    }
}

/// A record id from a field that is there for nothing else.
fn named_id<'a>(field: &'static str, value: &'a str) -> Result<Cow<'a, str>, EnvelopeError> {
    match id_text(value) {
        Some(id) => bounded(field, id),
        None if value == "\"\"" => Err(EnvelopeError::RecordIdEmpty(field)),
        None => Err(EnvelopeError::RecordIdType(field)),
    }
}

fn bounded<'a>(field: &'static str, id: Cow<'a, str>) -> Result<Cow<'a, str>, EnvelopeError> {
    if id.len() > RecordId::MAX_BYTES {
        return Err(EnvelopeError::RecordIdTooLong(field));
    }
    Ok(id)
}

/// A string that is not empty, or a number as its JSON text.
fn id_text(value: &str) -> Option<Cow<'_, str>> {
    match value.as_bytes().first()? {
        b'"' => string(value).filter(|id| !id.is_empty()),
        b'-' | b'0'..=b'9' => Some(Cow::Borrowed(value)),
        _ => None,
    }
}

/// The record id that an event's data names; as in JSON at large, the last of several counts.
fn member_id(data: &str) -> Option<Cow<'_, str>> {
    if !data.starts_with('{') {
        return None;
    }
    let mut id = None;
    members(data, |key, value| {
        if &*key == b"id" {
            id = Some(value);
        }
    })?;
    id.and_then(id_text)
}

/// ISO 8601 text or integer epoch milliseconds.
fn moment(value: &str) -> Option<Timestamp> {
    match string(value) {
        Some(text) => Timestamp::parse(&text),
        None => value.parse().ok().and_then(Timestamp::from_millis),
    }
}

/// A list of strings.
fn names(value: &str) -> Option<Vec<Cow<'_, str>>> {
    let mut names = Vec::new();
    elements(value, |name| {
        names.push(string(name)?);
        Some(())
    })?;
    Some(names)
}

#[cfg(test)]
mod tests;
