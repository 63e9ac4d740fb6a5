//! The outbox: each repository's pending events go out in local order, a window at a time.
//!
//! A [`Lane`](super::lane::Lane) holds the events in flight; those behind them stay in storage. Events leave it by an ack, by a refusal
//! for good, or by appearing in the stream. A refusal for now sends everything in flight again after a while.

use super::connection::trouble;
use super::event_limits::EventLimits;
use super::jobs::Job;
use super::lane::{Ruling, Verdict};
use super::link::doubled;
use super::ordered::Ordered;
use super::replica::Workspace;
use super::repository::find;
use super::{Client, Notice, Out, Timer};
use crate::client::{OwnEvent, OwnState, RecordKey, StorageRequest};
use crate::event::{EventId, Json, Sequence};
use crate::wire::{Ack, ClientMessage, ErrorCode, ServerError};
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

/// Bytes of a pushed frame beside the events: more than its type and the longest repository name take, escaped.
const PUSH_OVERHEAD: u64 = 1_024;

/// How much may be in flight.
pub(super) struct Window {
    pub(super) events: usize,
    pub(super) bytes: usize,
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
        let repository = &self.repositories[index];
        let lane = &repository.lane;
        let window = self.window();
        // Half a window at least, so that a busy lane does not ask for one event at a time.
        let has_room = lane.len() <= window.events / 2 && lane.bytes() <= window.bytes / 2;
        // What was kept at a restart goes out along with what is read.
        let has_room = has_room || lane.has_unsent();
        let may_send = lane.len() == 0 || !self.link.is_plain();
        lane.more
            && repository.pending > 0
            && has_room
            && may_send
            && lane.refused.is_none()
            && !lane.full
            && repository.is_current()
    }

    /// What may be in flight of a repository. Of a plain server one frame: it may fail to store one and go on with the
    /// next, and then an older change would land behind a newer one.
    fn window(&self) -> Window {
        let limits = &self.config.limits;
        if self.link.is_plain() {
            Window {
                events: limits.push_events,
                bytes: limits.push_bytes,
            }
        } else {
            Window {
                events: limits.window_events,
                bytes: limits.window_bytes,
            }
        }
    }

    pub(super) fn ask_for_outbox(&self, index: usize) -> StorageRequest {
        let (repository, window) = (&self.repositories[index], self.window());
        StorageRequest::Outbox {
            repository: repository.name.clone(),
            after: repository.lane.read(),
            max_events: window.events.saturating_sub(repository.lane.len()).max(1),
            max_bytes: window.bytes.saturating_sub(repository.lane.bytes()).max(1),
        }
    }

    /// Storage has read pending events: sends them.
    pub(super) fn on_outbox(&mut self, index: usize, reset: u64, events: Vec<OwnEvent>, out: &mut Out) {
        let (can_push, window) = (self.link.can_push(), self.window());
        let repository = &mut self.repositories[index];
        let limits = EventLimits::new(self.link.server.as_ref(), &repository.name);
        let lane = &mut repository.lane;
        if reset != lane.resets || !can_push || lane.refused.is_some() {
            return;
        }
        let first = lane.first_unsent();
        lane.take_off(events, &repository.name, repository.pending, &limits, &window);
        self.push_from(index, first, out);
    }

    /// Sends the events in flight from the one at `first` on, in frames within the limits.
    pub(super) fn push_from(&mut self, index: usize, first: usize, out: &mut Out) {
        let limits = &self.config.limits;
        let server = self.link.server.as_ref().map(|server| server.limits);
        let at_most = |mine: usize, servers: Option<u64>| {
            let servers = servers.map(|limit| usize::try_from(limit).unwrap_or(usize::MAX));
            mine.min(servers.unwrap_or(usize::MAX))
        };
        let max_events = at_most(limits.push_events, server.map(|server| server.batch_events)).max(1);
        let frame_bytes = server.map(|server| server.frame_bytes.saturating_sub(PUSH_OVERHEAD));
        let max_bytes = at_most(limits.push_bytes, frame_bytes);
        let one_frame = self.link.is_plain();
        let (max_events, max_bytes) = if one_frame {
            (usize::MAX, usize::MAX)
        } else {
            (max_events, max_bytes)
        };
        let repository = &mut self.repositories[index];
        let batches = repository.lane.send_from(first, max_events, max_bytes);
        let name = bytestring::ByteString::from(&*repository.name);
        let mut first = first;
        for batch in batches {
            let count = batch.len();
            self.send_message(push(name.clone(), batch), out);
            self.went_out(index, first, count);
            first += count;
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
    pub(super) fn restart_lanes(&mut self) {
        let plain = self.link.is_plain();
        for (index, repository) in self.repositories.iter_mut().enumerate() {
            repository.lane.restart(plain);
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
        let plain = self.link.is_plain();
        for ((index, id), sequence) in placed {
            let ruling = Ruling::Acked(sequence.filter(|sequence| *sequence > Sequence::ZERO));
            let known = self.repositories[index].lane.rule(&id, ruling, plain);
            self.ignored += u64::from(!known);
            self.note_progress(index);
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
        let plain = self.link.is_plain();
        let mut waited_for = false;
        for index in lanes {
            for id in &error.event_ids {
                let lane = &mut self.repositories[index].lane;
                if !retryable {
                    let (code, message) = (error.code, error.message.clone());
                    lane.rule(id, Ruling::Rejected { code, message }, plain);
                    self.note_progress(index);
                } else if lane.refuse(id) {
                    self.back_off(index, &error.message, out);
                } else {
                    waited_for |= lane.doubtful && !plain;
                }
            }
        }
        if waited_for {
            self.lose_to_unblock(out);
        }
    }

    /// Whether an extended server that refuses events for now waits for one that is not in flight any more, as far as
    /// can be told.
    pub(super) fn waits_for_what_is_gone(&self, error: &ServerError) -> bool {
        let named = error.repository.as_ref().map(|name| find(&self.repositories, name));
        let Some(Ok(index)) = named.filter(|_| !self.link.is_plain()) else {
            return false;
        };
        let lane = &self.repositories[index].lane;
        lane.doubtful && error.event_ids.iter().any(|event| !lane.is_in_flight(event))
    }

    /// A refusal that names no event: every lane with events in flight sends them again later.
    pub(super) fn back_off_all(&mut self, message: &str, out: &mut Out) {
        for index in 0..self.repositories.len() {
            if self.repositories[index].lane.refuse_all() {
                self.back_off(index, message, out);
            }
        }
    }

    fn back_off(&mut self, index: usize, message: &str, out: &mut Out) {
        let Some(attempts) = self.repositories[index].lane.back_off(message) else {
            return;
        };
        let timing = &self.config.timing;
        let delay = doubled(timing.retry_delay, attempts, timing.reconnect_delay_max);
        self.set_timer(Timer::Lane(index), delay);
        trouble(message.into(), out);
    }

    /// Takes the verdicts that can be made durable now. Acks without a sequence wait while a plain server is pulled:
    /// only a pull asked for after the ack tells that an event is not going to appear.
    pub(super) fn take_verdicts(&mut self) -> Vec<(usize, Verdict)> {
        let mut taken = Vec::new();
        for (index, repository) in self.repositories.iter_mut().enumerate() {
            if repository.lane.verdicts.is_empty() {
                continue;
            }
            let pulling = repository.plain.settling;
            let waits = |verdict: &Verdict| pulling && matches!(verdict.ruling, Ruling::Acked(None));
            let (later, now) = core::mem::take(&mut repository.lane.verdicts)
                .into_iter()
                .partition(waits);
            repository.lane.verdicts = later;
            let now: VecDeque<Verdict> = now;
            taken.extend(now.into_iter().map(|verdict| (index, verdict)));
        }
        taken
    }

    pub(super) fn ask_for_settling(&self, verdicts: &[(usize, Verdict)]) -> StorageRequest {
        let records: Ordered<RecordKey> = verdicts.iter().map(|(_, verdict)| verdict.key.clone()).collect();
        let own = verdicts
            .iter()
            .map(|(_, verdict)| (verdict.key.repository.clone(), verdict.id.clone()));
        StorageRequest::Load {
            records: records.into_list(),
            own: own.collect::<Ordered<_>>().into_list(),
            max_bytes: self.config.limits.storage_bytes,
        }
    }

    /// Makes acks and refusals durable.
    pub(super) fn settle(&mut self, verdicts: Vec<(usize, Verdict)>, mut workspace: Workspace, out: &mut Out) {
        for (index, verdict) in &verdicts {
            let name = &verdict.key.repository;
            let state = workspace.own(name, &verdict.id).map(|own| &own.state);
            // What has appeared in the stream meanwhile is settled.
            if state != Some(&OwnState::Pending) {
                continue;
            }
            let to = match &verdict.ruling {
                Ruling::Acked(sequence) => self.acked_state(*index, *sequence),
                Ruling::Rejected { code, message } => OwnState::Rejected {
                    code: *code,
                    message: message.clone(),
                },
            };
            workspace.place(*index, name, &verdict.id, to);
            if let Ruling::Rejected { code, message } = &verdict.ruling {
                workspace.notify(Notice::Rejected {
                    repository: name.clone(),
                    event: verdict.id.clone(),
                    body: verdict.body.clone(),
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

pub(super) fn push(repository: bytestring::ByteString, mut events: Vec<Json>) -> ClientMessage {
    match (events.len(), events.pop()) {
        (1, Some(event)) => ClientMessage::PushEvent { repository, event },
        (_, last) => {
            events.extend(last);
            ClientMessage::PushEventsBatch { repository, events }
        }
    }
}
