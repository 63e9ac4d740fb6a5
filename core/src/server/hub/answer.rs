//! The answer to a read request, for one repository.

use super::broadcast::index_behind;
use super::connection::Connection;
use super::frame::overhead;
use super::{HubAction, ServerLimits};
use crate::event::{Envelope, EventBatch, Json, Sequence, StoredEvent, Timestamp};
use crate::machine::Actions;
use crate::name::RepositoryName;
use crate::server::{ConnectionId, Peer};
use crate::wire::encode_events;
use alloc::string::String;

/// The answer to a read request, for one repository.
#[derive(Clone, Debug)]
pub(super) struct Answer {
    pub(super) repository: RepositoryName,
    /// Up to here it is answered.
    pub(super) position: Sequence,
    /// Up to here it has to be answered: the head when it was first read.
    pub(super) goal: Option<Sequence>,
    /// Whether a plain peer's reader waits for its end.
    pub(super) is_started: bool,
    since: Option<Timestamp>,
    /// How many events more the `limit` allows.
    left: Option<u64>,
}

/// How far an answer is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// More pages, or more credit, are needed.
    Unfinished,
    /// It is complete, or the `limit` has cut it.
    Finished {
        /// The `limit` has cut it.
        is_cut: bool,
    },
}

impl Answer {
    pub(super) fn new(
        repository: RepositoryName,
        after: Sequence,
        since: Option<Timestamp>,
        limit: Option<u64>,
    ) -> Self {
        Self {
            repository,
            position: after,
            goal: None,
            is_started: false,
            since,
            left: limit,
        }
    }

    /// How many events of the next page can be of use: one more than may be sent tells whether there is more.
    pub(super) fn page_events(&self, limits: &ServerLimits) -> usize {
        let wanted = self
            .left
            .filter(|_| self.since.is_none())
            .map(|left| left.saturating_add(1));
        let wanted = wanted.and_then(|wanted| usize::try_from(wanted).ok());
        wanted.map_or(limits.page_events, |wanted| wanted.min(limits.page_events))
    }

    /// Gives the peer the events of a page that it asked for, frame by frame, while there is credit.
    pub(super) fn give(
        &mut self,
        limits: &ServerLimits,
        (id, connection): (ConnectionId, &mut Connection),
        reference: Option<&Json>,
        events: &EventBatch,
        out: &mut Actions<HubAction>,
    ) -> Step {
        let mut frame = FrameInProgress::new(self.position, connection.peer, reference, limits.page_bytes);
        let mut is_cut = false;
        for index in index_behind(events, self.position)..events.len() {
            let Some(event) = events.event(index) else { break };
            if self.wants(event) {
                is_cut = self.left == Some(0);
                if !frame.fits(&self.repository, event) {
                    frame.give(&self.repository, self.position, (id, connection), out);
                }
                if is_cut || (frame.is_empty() && connection.unflushed >= limits.stream_bytes.max(1)) {
                    break;
                }
                frame.push(event);
                self.left = self.left.map(|left| left - 1);
            }
            self.position = event.sequence;
        }
        frame.give(&self.repository, self.position, (id, connection), out);
        if is_cut || self.goal.is_some_and(|goal| self.position >= goal) {
            return Step::Finished { is_cut };
        }
        Step::Unfinished
    }

    fn wants(&self, event: StoredEvent<'_>) -> bool {
        let Some(since) = self.since else { return true };
        let text = Json::parse(event.text).ok();
        let created_at = text.and_then(|text| Envelope::read(&text).ok().and_then(|envelope| envelope.created_at));
        created_at.is_none_or(|created_at| created_at >= since)
    }
}

/// A frame of an answer that still takes events.
struct FrameInProgress<'a> {
    /// Its events, with commas between them.
    events: String,
    /// Whether the published package can read them.
    is_complete: bool,
    after: Sequence,
    peer: Peer,
    reference: Option<&'a Json>,
    page_bytes: usize,
}

impl<'a> FrameInProgress<'a> {
    fn new(after: Sequence, peer: Peer, reference: Option<&'a Json>, page_bytes: usize) -> Self {
        Self {
            events: String::new(),
            is_complete: false,
            after,
            peer,
            reference,
            page_bytes,
        }
    }

    fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    fn fits(&self, repository: &RepositoryName, event: StoredEvent<'_>) -> bool {
        let bytes = overhead(repository, self.reference) + self.events.len() + event.text.len() + 1;
        let alike = self.peer == Peer::Extended || self.is_complete == event.package_complete;
        self.is_empty() || (alike && bytes <= self.page_bytes)
    }

    fn push(&mut self, event: StoredEvent<'_>) {
        self.is_complete = event.package_complete;
        if !self.is_empty() {
            self.events.push(',');
        }
        self.events.push_str(event.text);
    }

    /// Gives the frame, if it has events. `last`: up to where the log was looked at.
    fn give(
        &mut self,
        repository: &RepositoryName,
        last: Sequence,
        (id, connection): (ConnectionId, &mut Connection),
        out: &mut Actions<HubAction>,
    ) {
        let after = core::mem::replace(&mut self.after, last);
        if !self.is_empty() {
            let span = (self.peer == Peer::Extended).then_some((after, last));
            let frame = encode_events(repository, span, self.reference, &self.events);
            connection.give(id, frame, out);
            self.events.clear();
        }
    }
}
