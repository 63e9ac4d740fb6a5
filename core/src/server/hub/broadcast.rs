//! The frames of one commit, encoded once for each kind of peer and shared by all readers that are live.

use super::connection::Connection;
use super::cut::frame_end;
use super::frame::overhead;
use super::log::Reader;
use super::{HubAction, ServerLimits};
use crate::event::{EventBatch, Sequence};
use crate::machine::Actions;
use crate::name::RepositoryName;
use crate::server::{ConnectionId, Peer};
use crate::wire::encode_events;
use alloc::vec::Vec;
use bytestring::ByteString;

/// The frames of one run of events.
pub(super) struct Broadcast<'a> {
    repository: &'a RepositoryName,
    batch: &'a EventBatch,
    limits: &'a ServerLimits,
    extended: Vec<Frame>,
    plain: Vec<Frame>,
}

/// An encoded frame: the events in (after, last].
#[derive(Clone, Debug, PartialEq, Eq)]
struct Frame {
    after: Sequence,
    last: Sequence,
    text: ByteString,
}

impl<'a> Broadcast<'a> {
    /// Encodes nothing yet.
    pub(super) fn new(repository: &'a RepositoryName, batch: &'a EventBatch, limits: &'a ServerLimits) -> Self {
        Self {
            repository,
            batch,
            limits,
            extended: Vec::new(),
            plain: Vec::new(),
        }
    }

    /// Gives a reader every event of the run that it does not have, while there is credit. Returns whether it has them
    /// all then; it has not, either, if events before the run are missing.
    pub(super) fn deliver(
        &mut self,
        id: ConnectionId,
        connection: &mut Connection,
        reader: &mut Reader,
        out: &mut Actions<HubAction>,
    ) -> bool {
        if reader.position >= self.batch.last() {
            return true;
        }
        if reader.position.next() < self.batch.first() {
            return false;
        }
        let credit = self.limits.stream_bytes;
        let frames = self.frames(connection.peer);
        let Ok(start) = frames.binary_search_by_key(&reader.position, |frame| frame.after) else {
            return self.deliver_tail(id, connection, reader, out);
        };
        for frame in &frames[start..] {
            if connection.unflushed >= credit {
                return false;
            }
            connection.give(id, frame.text.clone(), out);
            reader.position = frame.last;
        }
        true
    }

    /// The same for a reader whose position is inside one of the shared frames.
    fn deliver_tail(
        &self,
        id: ConnectionId,
        connection: &mut Connection,
        reader: &mut Reader,
        out: &mut Actions<HubAction>,
    ) -> bool {
        let mut from = index_behind(self.batch, reader.position);
        while from < self.batch.len() {
            if connection.unflushed >= self.limits.stream_bytes {
                return false;
            }
            let (frame, to) = self.encode(from, connection.peer);
            connection.give(id, frame.text, out);
            reader.position = frame.last;
            from = to;
        }
        true
    }

    /// The shared frames for a kind of peer, encoded at the first call.
    fn frames(&mut self, peer: Peer) -> &[Frame] {
        let is_new = match peer {
            Peer::Extended => self.extended.is_empty(),
            Peer::Plain => self.plain.is_empty(),
        };
        if is_new {
            let mut frames = Vec::new();
            let mut from = 0;
            while from < self.batch.len() {
                let (frame, to) = self.encode(from, peer);
                frames.push(frame);
                from = to;
            }
            match peer {
                Peer::Extended => self.extended = frames,
                Peer::Plain => self.plain = frames,
            }
        }
        match peer {
            Peer::Extended => &self.extended,
            Peer::Plain => &self.plain,
        }
    }

    /// Encodes the frame that starts with the event at `from`, and says which event the next one starts with.
    fn encode(&self, from: usize, peer: Peer) -> (Frame, usize) {
        let budget = self.limits.page_bytes.saturating_sub(overhead(self.repository, None));
        let to = frame_end(self.batch, from, budget, peer == Peer::Plain);
        let events = self.batch.text(from, to);
        let first = self.batch.first().previous().get();
        let after = Sequence::new(first.saturating_add(from as u64));
        let last = Sequence::new(first.saturating_add(to as u64));
        let span = (peer == Peer::Extended).then_some((after, last));
        let text = encode_events(self.repository, span, None, events);
        (Frame { after, last, text }, to)
    }
}

/// The index of the first event behind a position that is not before the run.
pub(super) fn index_behind(batch: &EventBatch, position: Sequence) -> usize {
    let behind = position.next().get().saturating_sub(batch.first().get());
    usize::try_from(behind).unwrap_or(usize::MAX)
}
