//! Encodes the frames that a hub gives: `events`, `sync_complete` and `history_changed`.
//!
//! The same bytes as [`ServerReply::encode`] makes, without a list of the events: their text is copied once, from the
//! batch into the frame.

use crate::event::{Json, Sequence};
use crate::name::RepositoryName;
use crate::wire::{Epoch, ServerMessage, ServerReply, SyncComplete};
use alloc::string::String;
use bytestring::ByteString;
use core::fmt::Write;

/// Bytes of an `events` frame beside its events, its repository's name and its `ref`, at most.
const FIXED_BYTES: usize = 160;

/// An `events` frame under construction.
pub(super) struct EventsFrame {
    text: String,
    is_empty: bool,
}

impl EventsFrame {
    /// Starts a frame with room for `capacity` bytes of events.
    pub(super) fn new(repository: &RepositoryName, capacity: usize) -> Self {
        let mut text = String::with_capacity(capacity + overhead(repository, None));
        text.push_str(r#"{"type":"events","repository":"#);
        push_json_string(&mut text, repository);
        text.push_str(r#","events":["#);
        Self { text, is_empty: true }
    }

    /// Bytes so far.
    pub(super) fn len(&self) -> usize {
        self.text.len()
    }

    /// Appends one or more events with commas between them.
    pub(super) fn push(&mut self, events: &str) {
        if !self.is_empty {
            self.text.push(',');
        }
        self.is_empty = false;
        self.text.push_str(events);
    }

    /// Ends the frame. `span`: what an extended peer is told of the frame's place.
    pub(super) fn finish(mut self, span: Option<(Sequence, Sequence)>, reference: Option<&Json>) -> ByteString {
        self.text.push(']');
        // Writing to a string cannot fail.
        if let Some((after, last)) = span {
            let _ = write!(self.text, r#","afterSequence":{after},"lastSequence":{last}"#);
        }
        if let Some(reference) = reference {
            let _ = write!(self.text, r#","ref":{reference}"#);
        }
        self.text.push('}');
        self.text.into()
    }
}

/// Bytes that an `events` frame has beside its events, at most.
pub(super) fn overhead(repository: &RepositoryName, reference: Option<&Json>) -> usize {
    // A byte of the name takes at most two in JSON: it has no control characters.
    FIXED_BYTES + 2 * repository.len() + reference.map_or(0, |reference| reference.len())
}

/// A `sync_complete`.
pub(super) fn sync_complete(
    repository: Option<&RepositoryName>,
    last: Option<Sequence>,
    has_more: bool,
    reference: Option<Json>,
) -> ByteString {
    let repository = repository.map(|name| ByteString::from(&**name));
    let message = ServerMessage::SyncComplete(SyncComplete {
        repository,
        last,
        has_more,
    });
    ServerReply { reference, message }.encode()
}

/// A `history_changed`.
pub(super) fn history_changed(repository: &RepositoryName, epoch: &Epoch, reference: Option<Json>) -> ByteString {
    let message = ServerMessage::HistoryChanged {
        repository: ByteString::from(&**repository),
        epoch: epoch.clone(),
    };
    ServerReply { reference, message }.encode()
}

/// Appends a text as a JSON string.
fn push_json_string(text: &mut String, value: &str) {
    text.push('"');
    for character in value.chars() {
        if matches!(character, '"' | '\\') {
            text.push('\\');
        }
        text.push(character);
    }
    text.push('"');
}
