//! What was received and waits to be applied, in order.

use crate::event::{Event, Sequence};
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// Received events that wait for storage, and those being applied.
#[derive(Clone, Debug, Default)]
pub(super) struct Inbox {
    queue: VecDeque<Incoming>,
    queued_bytes: usize,
    /// Bytes of the page that is being applied.
    applying_bytes: usize,
}

/// One thing that was received.
#[derive(Clone, Debug)]
pub(super) enum Incoming {
    /// Events to apply.
    Run(Run),
    /// The repository's stream has reached the head behind all that came before.
    Complete {
        /// Which repository.
        repository: usize,
    },
}

/// Events of one repository.
#[derive(Clone, Debug)]
pub(super) struct Run {
    /// Which repository.
    pub(super) repository: usize,
    /// The events, ascending; each has a sequence.
    pub(super) events: Vec<Event>,
    /// Where the cursor moves once they are applied; `None` for late events, which do not move it.
    pub(super) last: Option<Sequence>,
    /// Bytes of the frame that they came in.
    pub(super) bytes: usize,
}

impl Inbox {
    pub(super) fn push(&mut self, incoming: Incoming) {
        if let Incoming::Run(run) = &incoming {
            self.queued_bytes += run.bytes;
        }
        self.queue.push_back(incoming);
    }

    /// Bytes of frames that are not applied yet.
    pub(super) fn bytes(&self) -> usize {
        self.queued_bytes + self.applying_bytes
    }

    /// Takes the mark at the head of the queue, if there is one.
    pub(super) fn pop_complete(&mut self) -> Option<usize> {
        let Some(Incoming::Complete { repository }) = self.queue.front() else {
            return None;
        };
        let repository = *repository;
        self.queue.pop_front();
        Some(repository)
    }

    /// Whether anything of a repository waits.
    pub(super) fn has(&self, repository: usize) -> bool {
        self.queue.iter().any(|incoming| incoming.repository() == repository)
    }

    /// Whether events stand at the head of the queue.
    pub(super) fn has_page(&self) -> bool {
        matches!(self.queue.front(), Some(Incoming::Run(_)))
    }

    /// Takes runs from the head, at most `max_events` events, up to the first mark. Their bytes count until
    /// [`Self::applied`].
    pub(super) fn take_page(&mut self, max_events: usize) -> Vec<Run> {
        let (mut page, mut room) = (Vec::new(), max_events.max(1));
        while room > 0 {
            let Some(Incoming::Run(run)) = self.queue.front_mut() else {
                break;
            };
            if run.events.len() > room {
                page.push(run.split(room));
                break;
            }
            room -= run.events.len();
            if let Some(Incoming::Run(run)) = self.queue.pop_front() {
                self.queued_bytes -= run.bytes;
                self.applying_bytes += run.bytes;
                page.push(run);
            }
        }
        page
    }

    /// The page that was taken is applied, but for so many bytes.
    pub(super) fn applied(&mut self, left: usize) {
        self.applying_bytes = left;
    }

    /// Drops what waits of a repository.
    pub(super) fn forget(&mut self, repository: usize) {
        self.queue.retain(|incoming| incoming.repository() != repository);
        self.queued_bytes = self.queue.iter().map(Incoming::bytes).sum();
    }

    /// Drops all that waits.
    pub(super) fn clear(&mut self) {
        self.queue.clear();
        self.queued_bytes = 0;
    }
}

impl Incoming {
    fn repository(&self) -> usize {
        match self {
            Self::Run(run) => run.repository,
            Self::Complete { repository } => *repository,
        }
    }

    fn bytes(&self) -> usize {
        match self {
            Self::Run(run) => run.bytes,
            Self::Complete { .. } => 0,
        }
    }
}

impl Run {
    /// Takes the first `count` events; the frame's bytes stay with the rest.
    pub(super) fn split(&mut self, count: usize) -> Self {
        let rest = self.events.split_off(count);
        let events = core::mem::replace(&mut self.events, rest);
        let last = events.last().and_then(|event| event.sequence);
        Self {
            repository: self.repository,
            last: self.last.and(last),
            events,
            bytes: 0,
        }
    }
}
