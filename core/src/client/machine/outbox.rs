//! The outbox: each repository's pending events go out in local order, a window at a time.
//!
//! A [`Lane`] holds the events in flight; those behind them stay in storage. Events leave it by an ack, by a refusal
//! for good, or by appearing in the stream. A refusal for now sends everything in flight again after a while.

use super::connection::trouble;
use super::jobs::Job;
use super::link::doubled;
use super::replica::Workspace;
use super::repository::find;
use super::{Client, Notice, Out, Timer};
use crate::client::{LocalSequence, OwnEvent, OwnState, RecordKey, StorageRequest};
use crate::event::{EventId, Json, Sequence};
use crate::wire::{Ack, ClientMessage, ErrorCode, ServerError};
use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;

/// A repository's events in flight.
#[derive(Debug, Default)]
pub(super) struct Lane {
    in_flight: VecDeque<Flight>,
    bytes: usize,
    /// The last event that was read from storage and sent.
    sent: LocalSequence,
    /// Whether storage may hold pending events behind [`Self::sent`].
    pub(super) more: bool,
    /// Acks and refusals that are not durable yet.
    verdicts: Vec<Verdict>,
    /// Refusals in a row.
    attempts: u32,
    /// The server's sentence, while it refuses for now.
    pub(super) refused: Option<String>,
    /// Counts how often it was reset: an answer of storage to an earlier question does not count.
    resets: u64,
}

/// An event on its way to the server.
#[derive(Debug)]
struct Flight {
    id: EventId,
    key: RecordKey,
    body: Json,
}

/// What the server decided about an event.
#[derive(Clone, Debug)]
pub(super) struct Verdict {
    id: EventId,
    key: RecordKey,
    ruling: Ruling,
}

#[derive(Clone, Debug)]
enum Ruling {
    Acked(Option<Sequence>),
    Rejected {
        body: Json,
        code: Option<ErrorCode>,
        message: String,
    },
}

impl Lane {
    /// Nothing is in flight any more; sending starts again from the first pending event.
    pub(super) fn reset(&mut self) {
        self.in_flight.clear();
        self.bytes = 0;
        self.sent = LocalSequence::default();
        self.more = true;
        self.attempts = 0;
        self.refused = None;
        self.resets += 1;
    }

    /// Drops an event that no longer has to be sent.
    pub(super) fn forget(&mut self, event: &EventId) {
        self.take(event);
    }

    /// Whether nothing is on its way, as far as is known.
    pub(super) fn is_idle(&self) -> bool {
        self.in_flight.is_empty() && self.verdicts.is_empty() && !self.more
    }

    fn take(&mut self, event: &EventId) -> Option<Flight> {
        let at = self.in_flight.iter().position(|flight| flight.id == *event)?;
        let flight = self.in_flight.remove(at)?;
        self.bytes -= flight.body.len();
        Some(flight)
    }
}

impl Client {
    /// The next lane that has room and something to send.
    pub(super) fn next_outbox(&mut self) -> Option<Job> {
        if !self.link.can_push() || self.link.unflushed() >= self.config.limits.window_bytes as u64 {
            return None;
        }
        let count = self.repositories.len();
        let mut order = (0..count).map(|offset| (self.last_lane + 1 + offset) % count.max(1));
        let index = order.find(|index| self.lane_can_read(*index))?;
        self.last_lane = index;
        Some(Job::Outbox(index, self.repositories[index].lane.resets))
    }

    fn lane_can_read(&self, index: usize) -> bool {
        let (repository, limits) = (&self.repositories[index], &self.config.limits);
        let lane = &repository.lane;
        // Half a window at least, so that a busy lane does not ask for one event at a time.
        let has_room = lane.in_flight.len() <= limits.window_events / 2 && lane.bytes <= limits.window_bytes / 2;
        lane.more && repository.pending > 0 && has_room && lane.refused.is_none() && repository.is_current()
    }

    pub(super) fn ask_for_outbox(&self, index: usize) -> StorageRequest {
        let (repository, limits) = (&self.repositories[index], &self.config.limits);
        StorageRequest::Outbox {
            repository: repository.name.clone(),
            after: repository.lane.sent,
            max_events: limits
                .window_events
                .saturating_sub(repository.lane.in_flight.len())
                .max(1),
            max_bytes: limits.window_bytes.saturating_sub(repository.lane.bytes).max(1),
        }
    }

    /// Storage has read pending events: sends them.
    pub(super) fn on_outbox(&mut self, index: usize, reset: u64, events: Vec<OwnEvent>, out: &mut Out) {
        let can_push = self.link.can_push();
        let repository = &mut self.repositories[index];
        let lane = &mut repository.lane;
        if reset != lane.resets || !can_push || lane.refused.is_some() {
            return;
        }
        let first = lane.in_flight.len();
        for event in events {
            let fits = event.local > lane.sent && event.key.repository == repository.name;
            if fits && event.state == OwnState::Pending {
                lane.sent = event.local;
                lane.bytes += event.body.len();
                lane.in_flight.push_back(Flight {
                    id: event.id,
                    key: event.key,
                    body: event.body,
                });
            }
        }
        let known = lane.in_flight.len() + lane.verdicts.len();
        lane.more = lane.in_flight.len() > first && repository.pending > known as u64;
        self.push_from(index, first, out);
    }

    /// Sends the events in flight from the one at `first` on, in frames within the limits.
    fn push_from(&mut self, index: usize, first: usize, out: &mut Out) {
        let limits = &self.config.limits;
        let server = self.link.server.as_ref().map(|server| server.limits);
        let batch = server.map_or(u64::MAX, |server| server.batch_events);
        let max_events = limits
            .push_events
            .min(usize::try_from(batch).unwrap_or(usize::MAX))
            .max(1);
        let repository = &self.repositories[index];
        let mut batches: Vec<Vec<Json>> = Vec::new();
        let mut bytes = 0;
        for flight in repository.lane.in_flight.iter().skip(first) {
            bytes += flight.body.len();
            match batches.last_mut() {
                Some(batch) if batch.len() < max_events && bytes <= limits.push_bytes => {
                    batch.push(flight.body.clone());
                }
                _ => {
                    bytes = flight.body.len();
                    batches.push([flight.body.clone()].into());
                }
            }
        }
        let name = bytestring::ByteString::from(&*repository.name);
        for batch in batches {
            self.send_message(push(name.clone(), batch), out);
        }
    }

    /// Sends everything in flight again, in order.
    pub(super) fn resend(&mut self, index: usize, out: &mut Out) {
        self.repositories[index].lane.refused = None;
        if self.link.can_push() {
            self.push_from(index, 0, out);
        }
    }

    /// Everything in flight is read from storage and sent again once its repository is current.
    pub(super) fn reset_lanes(&mut self) {
        for (index, repository) in self.repositories.iter_mut().enumerate() {
            repository.lane.reset();
            self.timers.clear(Timer::Lane(index));
        }
    }

    pub(super) fn on_ack(&mut self, ack: Ack) {
        let mut placed: BTreeMap<(usize, EventId), Option<Sequence>> = BTreeMap::new();
        for (name, ids) in ack.repositories {
            if let Ok(index) = find(&self.repositories, &name) {
                placed.extend(ids.into_iter().map(|id| ((index, id), None)));
            }
        }
        for (name, sequences) in ack.sequences {
            if let Ok(index) = find(&self.repositories, &name) {
                placed.extend(
                    sequences
                        .into_iter()
                        .map(|(id, sequence)| ((index, id), Some(sequence))),
                );
            }
        }
        if placed.is_empty() {
            // A server that names no repository: ids are unique enough to look for.
            let lanes = 0..self.repositories.len();
            placed.extend(lanes.flat_map(|index| ack.event_ids.iter().map(move |id| ((index, id.clone()), None))));
        }
        for ((index, id), sequence) in placed {
            self.rule(
                index,
                &id,
                Ruling::Acked(sequence.filter(|sequence| *sequence > Sequence::ZERO)),
            );
        }
    }

    /// Notes what the server decided about an event in flight. An event that was not sent on this connection, or that
    /// is decided already, stays as it is.
    fn rule(&mut self, index: usize, id: &EventId, ruling: Ruling) {
        let lane = &mut self.repositories[index].lane;
        if let Some(flight) = lane.take(id) {
            if lane.refused.is_none() {
                lane.attempts = 0;
            }
            lane.verdicts.push(Verdict {
                id: flight.id,
                key: flight.key,
                ruling,
            });
        }
    }

    /// Events were refused. For good: they leave; for now: everything in flight is sent again later.
    pub(super) fn on_refusal(&mut self, error: &ServerError, out: &mut Out) {
        let named = error.repository.as_ref().map(|name| find(&self.repositories, name));
        let lanes = match named {
            Some(Ok(index)) => index..index + 1,
            Some(Err(_)) => return,
            None => 0..self.repositories.len(),
        };
        let code = error.code.map(ErrorCode::retryable);
        let retryable = error.retryable.or(code).unwrap_or(true);
        for index in lanes {
            for id in &error.event_ids {
                let flight = self.repositories[index]
                    .lane
                    .in_flight
                    .iter()
                    .find(|flight| flight.id == *id);
                let Some(body) = flight.map(|flight| flight.body.clone()) else {
                    continue;
                };
                if retryable {
                    self.back_off(index, &error.message, out);
                } else {
                    let (code, message) = (error.code, error.message.clone());
                    self.rule(index, id, Ruling::Rejected { body, code, message });
                }
            }
        }
    }

    /// A refusal that names no event: every lane with events in flight sends them again later.
    pub(super) fn back_off_all(&mut self, message: &str, out: &mut Out) {
        for index in 0..self.repositories.len() {
            if !self.repositories[index].lane.in_flight.is_empty() {
                self.back_off(index, message, out);
            }
        }
    }

    fn back_off(&mut self, index: usize, message: &str, out: &mut Out) {
        let lane = &mut self.repositories[index].lane;
        if lane.refused.is_some() {
            return;
        }
        lane.refused = Some(message.into());
        let timing = &self.config.timing;
        let delay = doubled(timing.retry_delay, lane.attempts, timing.reconnect_delay_max);
        lane.attempts = lane.attempts.saturating_add(1);
        self.set_timer(Timer::Lane(index), delay);
        trouble(message.into(), out);
    }

    /// Takes the verdicts that can be made durable now. Acks without a sequence wait while a plain server is pulled:
    /// only a pull asked for after the ack tells that an event is not going to appear.
    pub(super) fn take_verdicts(&mut self) -> Vec<(usize, Verdict)> {
        let mut taken = Vec::new();
        for (index, repository) in self.repositories.iter_mut().enumerate() {
            let pulling = repository.plain.settling;
            let waits = |verdict: &Verdict| pulling && matches!(verdict.ruling, Ruling::Acked(None));
            let (later, now) = core::mem::take(&mut repository.lane.verdicts)
                .into_iter()
                .partition(waits);
            repository.lane.verdicts = later;
            let now: Vec<Verdict> = now;
            taken.extend(now.into_iter().map(|verdict| (index, verdict)));
        }
        taken
    }

    pub(super) fn ask_for_settling(verdicts: &[(usize, Verdict)]) -> StorageRequest {
        let records: BTreeSet<RecordKey> = verdicts.iter().map(|(_, verdict)| verdict.key.clone()).collect();
        let own = verdicts
            .iter()
            .map(|(_, verdict)| (verdict.key.repository.clone(), verdict.id.clone()));
        StorageRequest::Load {
            records: records.into_iter().collect(),
            own: own.collect(),
        }
    }

    /// Makes acks and refusals durable.
    pub(super) fn settle(&mut self, verdicts: Vec<(usize, Verdict)>, mut workspace: Workspace, out: &mut Out) {
        for (index, verdict) in &verdicts {
            let name = &verdict.key.repository;
            let state = workspace.own_state(name, &verdict.id);
            // What has appeared in the stream meanwhile is settled.
            if state != Some(&OwnState::Pending) {
                continue;
            }
            let to = match &verdict.ruling {
                Ruling::Acked(sequence) => self.acked_state(*index, *sequence),
                Ruling::Rejected { code, message, .. } => OwnState::Rejected {
                    code: *code,
                    message: message.clone(),
                },
            };
            workspace.place(*index, name, &verdict.id, to);
            if let Ruling::Rejected { body, code, message } = &verdict.ruling {
                workspace.notify(Notice::Rejected {
                    repository: name.clone(),
                    event: verdict.id.clone(),
                    body: body.clone(),
                    code: *code,
                    message: message.clone(),
                });
            }
        }
        let outcome = workspace.finish(&self.repositories);
        self.commit(Job::Settle(verdicts), outcome, out);
    }

    fn acked_state(&self, index: usize, sequence: Option<Sequence>) -> OwnState {
        let cursor = self.repositories[index].cursor.after;
        if sequence.is_some_and(|sequence| sequence <= cursor) {
            OwnState::Settled { at_ms: self.wall_ms() }
        } else {
            OwnState::Acked(sequence)
        }
    }
}

fn push(repository: bytestring::ByteString, mut events: Vec<Json>) -> ClientMessage {
    match (events.len(), events.pop()) {
        (1, Some(event)) => ClientMessage::PushEvent { repository, event },
        (_, last) => {
            events.extend(last);
            ClientMessage::PushEventsBatch { repository, events }
        }
    }
}
