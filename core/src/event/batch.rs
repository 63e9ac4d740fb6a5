//! Runs of stored events in the form in which they are sent.

use super::{NewEvent, Sequence};
use alloc::vec::Vec;
use bytes::Bytes;

/// A run of stored events of one log, with consecutive sequences, encoded as they are sent: each with its
/// `serverSequence` as last field, with commas between them. One buffer, shared by every reader.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EventBatch {
    first: Sequence,
    entries: Vec<Entry>,
    text: Bytes,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Entry {
    /// Where the event's text ends in the buffer; the next one starts behind the comma.
    end: u32,
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
    text: Vec<u8>,
}

impl EventBatchBuilder {
    /// Starts a run whose first event will have the sequence `first`.
    pub fn new(first: Sequence) -> Self {
        Self {
            first,
            entries: Vec::new(),
            text: Vec::new(),
        }
    }

    /// Appends a new event, which gets the next sequence, and returns that sequence and the event's encoded form,
    /// the one that a store keeps.
    pub fn append(&mut self, event: &NewEvent) -> (Sequence, &[u8]) {
        let _ = event;
        todo!()
    }

    /// Appends an event that a store kept, in the form that [`Self::append`] returned.
    pub fn append_stored(&mut self, text: &[u8], package_complete: bool) -> Sequence {
        let _ = (text, package_complete);
        todo!()
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
        let _ = index;
        todo!()
    }

    /// The comma-separated text of the events `from..to` (indexes, clamped to the run); empty for none.
    pub fn text(&self, from: usize, to: usize) -> &[u8] {
        let _ = (from, to, &self.text);
        todo!()
    }

    /// Compares an event's encoded form in a store with a pushed body: the same body means the same event.
    pub fn same_body(stored: &[u8], sequence: Sequence, body: &str) -> bool {
        let _ = (stored, sequence, body);
        todo!()
    }
}
