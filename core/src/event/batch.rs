//! Runs of stored events in the form in which they are sent.

use super::{NewEvent, Sequence};
use alloc::string::String;
use alloc::vec::Vec;
use bytestring::ByteString;
use core::fmt::Write as _;

/// What stands between an event's body, without its last brace, and its sequence.
const MEMBER: &str = ",\"serverSequence\":";

/// A run of stored events of one log, with consecutive sequences, encoded as they are sent: each with its
/// `serverSequence` as last field, with commas between them. One buffer, shared by every reader.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct EventBatch {
    first: Sequence,
    entries: Vec<Entry>,
    text: ByteString,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Entry {
    /// Where the event's text ends in the buffer; the next one starts behind the comma.
    end: usize,
    package_complete: bool,
}

/// One event of an [`EventBatch`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StoredEvent<'a> {
    /// Its place in the log.
    pub sequence: Sequence,
    /// Whether the published package can read it.
    pub package_complete: bool,
    /// The JSON object with `serverSequence`.
    pub text: &'a str,
}

/// Makes an [`EventBatch`].
#[derive(Debug)]
pub struct EventBatchBuilder {
    first: Sequence,
    entries: Vec<Entry>,
    text: String,
}

impl EventBatchBuilder {
    /// Starts a run whose first event will have the sequence `first`.
    pub fn new(first: Sequence) -> Self {
        Self {
            first,
            entries: Vec::new(),
            text: String::new(),
        }
    }

    /// Appends a new event, which gets the next sequence, and returns that sequence and the event's encoded form,
    /// the one that a store keeps.
    pub fn append(&mut self, event: &NewEvent) -> (Sequence, &[u8]) {
        let sequence = self.next();
        let start = self.start();
        let body = event.body.strip_suffix('}').unwrap_or(&event.body);
        self.text.reserve(body.len() + MEMBER.len() + 21);
        self.text.push_str(body);
        // Writing to a string cannot fail.
        let _ = write!(self.text, "{MEMBER}{sequence}}}");
        self.finish(event.package_complete);
        (sequence, &self.text.as_bytes()[start..])
    }

    /// Appends an event that a store kept, in the form that [`Self::append`] returned.
    pub fn append_stored(&mut self, text: &[u8], package_complete: bool) -> Sequence {
        let sequence = self.next();
        self.start();
        // A store gives back what `append` made; damaged bytes must not stop the log's readers all the same.
        self.text.push_str(&String::from_utf8_lossy(text));
        self.finish(package_complete);
        sequence
    }

    fn next(&self) -> Sequence {
        Sequence::new(self.first.get().saturating_add(self.entries.len() as u64))
    }

    /// Sets the comma and says where the next event starts.
    fn start(&mut self) -> usize {
        if !self.entries.is_empty() {
            self.text.push(',');
        }
        self.text.len()
    }

    fn finish(&mut self, package_complete: bool) {
        let end = self.text.len();
        self.entries.push(Entry { end, package_complete });
    }

    /// Bytes so far.
    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    /// Events so far.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is no event yet.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The finished run.
    pub fn build(self) -> EventBatch {
        EventBatch {
            first: self.first,
            entries: self.entries,
            text: self.text.into(),
        }
    }
}

impl EventBatch {
    /// Bytes of the events' text.
    pub fn bytes(&self) -> usize {
        self.text.len()
    }

    /// How many events.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The sequence of the first event (of the one that would be, if there is none).
    pub fn first(&self) -> Sequence {
        self.first
    }

    /// The sequence of the last event; the one before [`Self::first`] if there is none.
    pub fn last(&self) -> Sequence {
        Sequence::new(self.first.previous().get() + self.entries.len() as u64)
    }

    /// The event at `index`; `None` past the end.
    pub fn event(&self, index: usize) -> Option<StoredEvent<'_>> {
        let entry = self.entries.get(index)?;
        Some(StoredEvent {
            sequence: Sequence::new(self.first.get().saturating_add(index as u64)),
            package_complete: entry.package_complete,
            text: &self.text[self.start(index)..entry.end],
        })
    }

    /// All events, in order.
    pub fn iter(&self) -> impl Iterator<Item = StoredEvent<'_>> {
        (0..self.len()).map_while(|index| self.event(index))
    }

    /// The comma-separated text of the events `from..to` (indexes, clamped to the run); empty for none.
    pub fn text(&self, from: usize, to: usize) -> &str {
        let to = to.min(self.len());
        if from >= to {
            return "";
        }
        &self.text[self.start(from)..self.entries[to - 1].end]
    }

    /// Where the text of the event at `index` starts.
    fn start(&self, index: usize) -> usize {
        index.checked_sub(1).map_or(0, |before| self.entries[before].end + 1)
    }

    /// Compares an event's encoded form in a store with a pushed body: the same body means the same event.
    pub fn same_body(stored: &[u8], sequence: Sequence, body: &str) -> bool {
        let body = body.strip_suffix('}').unwrap_or(body);
        let Some(tail) = stored.strip_prefix(body.as_bytes()) else {
            return false;
        };
        let number = tail
            .strip_prefix(MEMBER.as_bytes())
            .and_then(|tail| tail.strip_suffix(b"}"));
        number.is_some_and(|number| core::str::from_utf8(number).is_ok_and(|text| text.parse() == Ok(sequence.get())))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::Json;

    fn event(text: &'static str) -> NewEvent {
        NewEvent::read(&Json::parse(text).unwrap()).unwrap()
    }

    #[test]
    fn a_run_is_sent_as_it_is_stored() {
        let mut builder = EventBatchBuilder::new(Sequence::new(8));
        let first = event(r#"{"eventId":"a","n":1.0 }"#);
        let (sequence, stored) = builder.append(&first);
        assert_eq!(sequence, Sequence::new(8));
        assert_eq!(stored, br#"{"eventId":"a","n":1.0 ,"serverSequence":8}"#);
        assert!(EventBatch::same_body(stored, sequence, &first.body));
        assert!(!EventBatch::same_body(stored, sequence, r#"{"eventId":"a","n":1.0}"#));
        assert!(!EventBatch::same_body(stored, Sequence::new(80), &first.body));
        assert_eq!(builder.append(&event(r#"{"eventId":"b"}"#)).0, Sequence::new(9));
        assert_eq!(builder.append_stored(b"{}", true), Sequence::new(10));

        let batch = builder.build();
        assert_eq!(
            (batch.first(), batch.last(), batch.len()),
            (Sequence::new(8), Sequence::new(10), 3)
        );
        assert_eq!(batch.text(1, 9), r#"{"eventId":"b","serverSequence":9},{}"#);
        assert_eq!(batch.text(0, 1), batch.event(0).unwrap().text);
        assert_eq!((batch.text(2, 2), batch.text(7, 9)), ("", ""));
        assert_eq!(batch.event(2).map(|event| event.package_complete), Some(true));
        assert_eq!(batch.event(3), None);
        assert_eq!(batch.iter().count(), 3);
    }

    #[test]
    fn an_empty_run_ends_before_it_starts() {
        let batch = EventBatchBuilder::new(Sequence::new(1)).build();
        assert_eq!((batch.last(), batch.text(0, 1)), (Sequence::ZERO, ""));
    }
}
