//! The events of a repository that are on their way to the server.

use super::event_limits::EventLimits;
use super::outbox::Window;
use crate::client::{LocalSequence, OwnEvent, OwnState, RecordKey};
use crate::event::{EventId, Json, Sequence};
use crate::name::RepositoryName;
use crate::wire::ErrorCode;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

/// A repository's events in flight; those behind them stay in storage.
///
/// An event stays in flight until every time that it was sent is answered, even if it is settled by then: a server that
/// refuses it for now takes no later event before this one comes again, stored or not. Nor does an answer to an earlier
/// time end that.
#[derive(Clone, Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub(super) struct Lane {
    in_flight: VecDeque<Flight>,
    bytes: usize,
    /// The last event that was read from storage.
    read: LocalSequence,
    /// Whether storage may hold pending events behind [`Self::read`].
    pub(super) more: bool,
    /// Whether the next event waits until one in flight lands: both would be over the window.
    pub(super) full: bool,
    /// Acks and refusals that are not durable yet.
    pub(super) verdicts: VecDeque<Verdict>,
    /// Refusals and ends of the server's time to answer in a row.
    attempts: u32,
    /// The server's sentence, while it refuses for now.
    pub(super) refused: Option<String>,
    /// Counts how often it was reset: an answer of storage to an earlier question does not count.
    pub(super) resets: u64,
    /// Whether the oldest event in flight has landed since this was last asked.
    progressed: bool,
    /// Whether events were sent again without an answer: one may still come, and be to an event that has landed.
    pub(super) doubtful: bool,
    /// Whether what is in flight was not sent since the last restart.
    unsent: bool,
}

/// An event on its way to the server.
#[derive(Clone, Debug)]
struct Flight {
    local: LocalSequence,
    id: EventId,
    key: RecordKey,
    body: Json,
    /// [`Link::sent`](super::link::Link::sent) behind the frame in which it was sent last.
    end: u64,
    /// How often it was sent and not answered.
    unanswered: u32,
    /// Whether it was refused for now since it was sent last: it has to go out again, whatever else is heard of it.
    awaited: bool,
    /// Whether its fate is known: by an answer, or because it has appeared in the stream.
    decided: bool,
}

/// What the server decided about an event.
#[derive(Clone, Debug)]
pub(super) struct Verdict {
    local: LocalSequence,
    pub(super) id: EventId,
    pub(super) key: RecordKey,
    pub(super) body: Json,
    pub(super) ruling: Ruling,
}

#[derive(Clone, Debug)]
pub(super) enum Ruling {
    Acked(Option<Sequence>),
    Rejected { code: Option<ErrorCode>, message: String },
}

impl Lane {
    /// Nothing is in flight any more; sending starts again from the first pending event.
    pub(super) fn reset(&mut self) {
        self.in_flight.clear();
        self.bytes = 0;
        self.read = LocalSequence::default();
        self.more = true;
        self.attempts = 0;
        self.refused = None;
        self.full = false;
        self.resets += 1;
        self.progressed = false;
        self.doubtful = false;
        self.unsent = false;
    }

    /// Sending starts again from the first pending event, on the same connection. What is in flight stays, to be sent
    /// again: a server that has refused an event for now waits for it, and storage does not hold it as pending any more
    /// once it turns out to be stored.
    ///
    /// A plain server waits for nothing.
    pub(super) fn restart(&mut self, plain: bool) {
        if plain {
            self.reset();
            return;
        }
        let doubtful = self.doubtful || self.in_flight.iter().any(|flight| flight.unanswered > 0);
        let (in_flight, bytes) = (core::mem::take(&mut self.in_flight), self.bytes);
        self.reset();
        (self.in_flight, self.bytes) = (in_flight, bytes);
        self.in_flight.iter_mut().for_each(|flight| flight.unanswered = 0);
        self.doubtful = doubtful;
        self.unsent = !self.in_flight.is_empty();
    }

    /// What is in flight is given up: the application has cleared the repository. Answers to it may still come.
    pub(super) fn give_up(&mut self) {
        let doubtful = self.doubtful || !self.in_flight.is_empty();
        self.reset();
        self.verdicts.clear();
        self.doubtful = doubtful;
    }

    /// Whether the server may have refused an event for now, and wait for it, without being sent it again.
    pub(super) fn may_be_held(&self) -> bool {
        self.refused.is_some() || self.unsent
    }

    /// Whether everything in flight waits to be sent again.
    pub(super) fn has_unsent(&self) -> bool {
        self.unsent
    }

    /// The first event in flight that was not sent since the last restart; behind the last if all were.
    pub(super) fn first_unsent(&self) -> usize {
        if self.unsent { 0 } else { self.in_flight.len() }
    }

    pub(super) fn len(&self) -> usize {
        self.in_flight.len()
    }

    pub(super) fn bytes(&self) -> usize {
        self.bytes
    }

    pub(super) fn read(&self) -> LocalSequence {
        self.read
    }

    /// Whether nothing is on its way, as far as is known.
    pub(super) fn is_idle(&self) -> bool {
        self.in_flight.is_empty() && self.verdicts.is_empty() && !self.more
    }

    /// Takes pending events that storage has read, where `pending` are in all, as far as they fit into the window. Those
    /// that the server does not take by `limits` are refused here.
    pub(super) fn take_off(
        &mut self,
        events: Vec<OwnEvent>,
        repository: &RepositoryName,
        pending: u64,
        limits: &EventLimits,
        window: &Window,
    ) {
        let before = self.read;
        let last_ruled = self.verdicts.iter().map(|verdict| verdict.local).max();
        for event in events {
            let fits = event.local > self.read && event.key.repository == *repository;
            if fits && event.state == OwnState::Pending {
                // In flight since before a restart, or landed and not durably so yet.
                let is_in_flight = self.in_flight.back().is_some_and(|last| event.local <= last.local);
                if is_in_flight || (Some(event.local) <= last_ruled && self.is_ruled(event.local)) {
                    self.read = event.local;
                    continue;
                }
                let ruling = limits.refuse(&event.body);
                let bytes = self.bytes + event.body.len();
                let is_over = bytes > window.bytes || self.in_flight.len() >= window.events;
                if ruling.is_none() && !self.in_flight.is_empty() && is_over {
                    self.full = true;
                    return;
                }
                self.read = event.local;
                if let Some(ruling) = ruling {
                    self.verdicts.push_back(Verdict {
                        local: event.local,
                        id: event.id,
                        key: event.key,
                        body: event.body,
                        ruling,
                    });
                    continue;
                }
                self.bytes = bytes;
                self.in_flight.push_back(Flight {
                    local: event.local,
                    id: event.id,
                    key: event.key,
                    body: event.body,
                    end: 0,
                    unanswered: 0,
                    awaited: false,
                    decided: false,
                });
            }
        }
        let undecided = self.in_flight.iter().filter(|flight| !flight.decided);
        let known = undecided.count() + self.verdicts.len();
        self.more = self.read > before && pending > known as u64;
    }

    /// Whether the server has decided about an event, and storage may not know.
    fn is_ruled(&self, event: LocalSequence) -> bool {
        self.verdicts.iter().any(|verdict| verdict.local == event)
    }

    /// The bodies of the events from the one at `first` on, as batches within the limits. They count as sent.
    pub(super) fn send_from(&mut self, first: usize, max_events: usize, max_bytes: usize) -> Vec<Vec<Json>> {
        self.unsent &= first > 0;
        let mut batches: Vec<Vec<Json>> = Vec::new();
        let mut bytes = 0;
        for flight in self.in_flight.iter_mut().skip(first) {
            flight.unanswered = flight.unanswered.saturating_add(1);
            flight.awaited = false;
            // One more for the comma.
            bytes += flight.body.len() + 1;
            match batches.last_mut() {
                Some(batch) if batch.len() < max_events && bytes <= max_bytes => batch.push(flight.body.clone()),
                _ => {
                    bytes = flight.body.len() + 1;
                    batches.push([flight.body.clone()].into());
                }
            }
        }
        batches
    }

    /// So many events from the one at `first` on have gone out in a frame that ends at `end`.
    pub(super) fn went_out(&mut self, first: usize, count: usize, end: u64) {
        self.in_flight
            .iter_mut()
            .skip(first)
            .take(count)
            .for_each(|flight| flight.end = end);
    }

    /// [`Link::sent`](super::link::Link::sent) behind the oldest event in flight.
    pub(super) fn oldest_end(&self) -> Option<u64> {
        self.in_flight.front().map(|flight| flight.end)
    }

    /// Whether the oldest event in flight has landed since this was last asked.
    pub(super) fn take_progress(&mut self) -> bool {
        core::mem::take(&mut self.progressed)
    }

    /// How often in a row the events in flight had to be sent again.
    pub(super) fn attempts(&self) -> u32 {
        self.attempts
    }

    /// The server has not answered in time: no answer is expected any more to what was sent so far.
    pub(super) fn presume_lost(&mut self) {
        self.in_flight.iter_mut().for_each(|flight| flight.unanswered = 0);
        self.attempts = self.attempts.saturating_add(1);
        self.doubtful = true;
    }

    /// An event has appeared in the stream. A plain server may leave it at that.
    pub(super) fn appeared(&mut self, event: &EventId, plain: bool) {
        // An ack that came meanwhile has nothing left to settle.
        if let Some(at) = self.verdicts.iter().position(|verdict| verdict.id == *event) {
            self.verdicts.remove(at);
        }
        let Some(at) = self.position(event) else {
            return;
        };
        self.in_flight[at].decided = true;
        if plain {
            self.land(at);
        }
    }

    /// The server has decided about an event. One that was not sent on this connection, or that is decided already,
    /// stays as it is; whether it was in flight.
    pub(super) fn rule(&mut self, event: &EventId, ruling: Ruling, plain: bool) -> bool {
        let Some(at) = self.position(event) else {
            return false;
        };
        if self.refused.is_none() {
            self.attempts = 0;
        }
        let flight = &mut self.in_flight[at];
        flight.unanswered = flight.unanswered.saturating_sub(1);
        if !core::mem::replace(&mut flight.decided, true) {
            self.verdicts.push_back(Verdict {
                local: flight.local,
                id: flight.id.clone(),
                key: flight.key.clone(),
                body: flight.body.clone(),
                ruling,
            });
        }
        if (flight.unanswered == 0 && !flight.awaited) || plain {
            self.land(at);
        }
        true
    }

    /// The server refuses an event for now; whether it is in flight.
    pub(super) fn refuse(&mut self, event: &EventId) -> bool {
        let at = self.position(event);
        if let Some(at) = at {
            let flight = &mut self.in_flight[at];
            flight.unanswered = flight.unanswered.saturating_sub(1);
            flight.awaited = true;
        }
        at.is_some()
    }

    /// The server refuses something without a name: nothing that was sent can be told to be answered still.
    pub(super) fn refuse_all(&mut self) -> bool {
        self.in_flight.iter_mut().for_each(|flight| flight.unanswered = 0);
        self.doubtful |= !self.in_flight.is_empty();
        !self.in_flight.is_empty()
    }

    /// Waits because of a refusal: how many there were in a row before; `None` if it waits already.
    pub(super) fn back_off(&mut self, message: &str) -> Option<u32> {
        if self.refused.is_some() {
            return None;
        }
        self.refused = Some(message.into());
        let attempts = self.attempts;
        self.attempts = attempts.saturating_add(1);
        Some(attempts)
    }

    /// Whether an event is in flight.
    pub(super) fn is_in_flight(&self, event: &EventId) -> bool {
        self.position(event).is_some()
    }

    fn position(&self, event: &EventId) -> Option<usize> {
        self.in_flight.iter().position(|flight| flight.id == *event)
    }

    fn land(&mut self, at: usize) {
        if let Some(flight) = self.in_flight.remove(at) {
            self.bytes -= flight.body.len();
            self.progressed |= at == 0;
            self.full = false;
        }
    }
}
