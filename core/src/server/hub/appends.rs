//! Orders what is pushed and groups it into commits.
//!
//! Every log belongs to a lane. A lane has one append at the store at a time; what is pushed meanwhile collects in its
//! queue and goes with the next one, whoever pushed it.

use super::holds::{Hold, refuse};
use super::{Hub, HubAction};
use crate::event::{EventId, NewEvent};
use crate::machine::Actions;
use crate::name::LogName;
use crate::server::{
    Append, AppendId, AppendOutcome, AppendRun, Appended, ConnectionId, HubReply, PushId, PushResult, Refusal,
    ServerLimits, StoreFailure,
};
use crate::wire::ErrorCode;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;

/// What an event costs beside its body while it waits, in bytes, about.
const EVENT_OVERHEAD: usize = 160;

/// The lanes.
#[derive(Clone, Debug)]
pub(super) struct Appends {
    lanes: Vec<Lane>,
    last_append: u64,
    queued_bytes: usize,
}

/// Appends of some logs, one at a time.
#[derive(Clone, Debug, Default)]
struct Lane {
    at_store: Option<AtStore>,
    queue: VecDeque<Queued>,
}

/// A push, or what is left of it, that waits for its commit.
#[derive(Clone, Debug)]
struct Queued {
    push: Push,
    events: Vec<NewEvent>,
    bytes: usize,
}

/// Whose events they are, and what has become of the first of them.
#[derive(Clone, Debug)]
struct Push {
    connection: ConnectionId,
    id: PushId,
    log: LogName,
    results: Vec<PushResult>,
}

/// An append at the store.
#[derive(Clone, Debug)]
struct AtStore {
    append: AppendId,
    bytes: usize,
    runs: Vec<RunAtStore>,
}

#[derive(Clone, Debug)]
struct RunAtStore {
    push: Push,
    ids: Vec<EventId>,
    /// The rest of the push did not fit and is the first of the queue.
    continues: bool,
}

impl Appends {
    pub(super) fn new(lanes: usize) -> Self {
        let mut all = Vec::new();
        all.resize_with(lanes.max(1), Lane::default);
        Self {
            lanes: all,
            last_append: 0,
            queued_bytes: 0,
        }
    }

    pub(super) fn queued_bytes(&self) -> usize {
        self.queued_bytes
    }

    /// The lane of a log: always the same one, so that its events are committed in order.
    fn lane_of(&self, log: &LogName) -> usize {
        // FNV-1a: short names, no adversary; a bad spread costs parallelism, nothing else.
        let bytes = log.namespace.bytes().chain([b'/']).chain(log.repository.bytes());
        let hash = bytes.fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        });
        usize::try_from(hash % self.lanes.len() as u64).unwrap_or(0)
    }

    /// Sends the lane's queue to the store, if there is one and the store is done with what it had.
    fn start(&mut self, lane: usize, limits: &ServerLimits, out: &mut Actions<HubAction>) {
        let lane = &mut self.lanes[lane];
        if lane.at_store.is_some() || lane.queue.is_empty() {
            return;
        }
        self.last_append += 1;
        let append = AppendId(self.last_append);
        let (at_store, events) = lane.collect(append, limits);
        lane.at_store = Some(at_store);
        out.push(HubAction::Append { append, events });
    }

    /// The lane that an append is under way in, and the append.
    fn complete(&mut self, append: AppendId) -> Option<(usize, AtStore)> {
        let is_it = |lane: &Lane| lane.at_store.as_ref().is_some_and(|at_store| at_store.append == append);
        let lane = self.lanes.iter().position(is_it)?;
        let at_store = self.lanes[lane].at_store.take()?;
        self.queued_bytes -= at_store.bytes;
        Some((lane, at_store))
    }
}

impl Lane {
    /// Takes as much of the queue as one commit may have; at least one event.
    fn collect(&mut self, append: AppendId, limits: &ServerLimits) -> (AtStore, Append) {
        let mut runs = Vec::new();
        let mut at_store = AtStore {
            append,
            bytes: 0,
            runs: Vec::new(),
        };
        let mut room = limits.commit_events.max(1);
        while let Some(front) = self.queue.front() {
            let bytes = limits.commit_bytes.saturating_sub(at_store.bytes);
            let count = front.fitting(room, bytes, runs.is_empty());
            let Some((part, continues)) = self.take(count) else {
                break;
            };
            room -= part.events.len();
            at_store.bytes += part.bytes;
            let ids = part.events.iter().map(|event| event.id.clone()).collect();
            runs.push(AppendRun {
                log: part.push.log.clone(),
                events: part.events,
            });
            let push = part.push;
            at_store.runs.push(RunAtStore { push, ids, continues });
        }
        (at_store, Append { runs })
    }

    /// Takes the first `count` events of the first push, and says whether there are more of it.
    fn take(&mut self, count: usize) -> Option<(Queued, bool)> {
        let front = self.queue.front_mut()?;
        if count == 0 {
            return None;
        }
        if count >= front.events.len() {
            return self.queue.pop_front().map(|whole| (whole, false));
        }
        let rest = front.events.split_off(count);
        let events = core::mem::replace(&mut front.events, rest);
        let bytes = cost(&events);
        front.bytes -= bytes;
        let push = Push {
            results: core::mem::take(&mut front.push.results),
            log: front.push.log.clone(),
            ..front.push
        };
        Some((Queued { push, events, bytes }, true))
    }

    /// Refuses what is queued behind refused events, and gives back the pushes that are settled by that. What stays in
    /// `holds` has not come again.
    fn refuse_behind(&mut self, holds: &mut BTreeMap<(ConnectionId, LogName), Hold>, freed: &mut usize) -> Vec<Push> {
        let mut settled = Vec::new();
        let mut kept = VecDeque::with_capacity(self.queue.len());
        for mut queued in self.queue.drain(..) {
            let key = (queued.push.connection, queued.push.log.clone());
            if let Some(hold) = holds.get(&key) {
                if hold.refuse(&mut queued.events, &mut queued.push.results) {
                    holds.remove(&key);
                }
                let bytes = cost(&queued.events);
                *freed += queued.bytes - bytes;
                queued.bytes = bytes;
            }
            if queued.events.is_empty() {
                settled.push(queued.push);
            } else {
                kept.push_back(queued);
            }
        }
        self.queue = kept;
        settled
    }
}

impl Queued {
    /// How many events of it fit; one at least if `must`.
    fn fitting(&self, room: usize, bytes: usize, must: bool) -> usize {
        if self.events.len() <= room && self.bytes <= bytes {
            return self.events.len();
        }
        let mut left = bytes;
        let fits = |event: &&NewEvent| {
            let rest = left.checked_sub(event_cost(event));
            left = rest.unwrap_or(0);
            rest.is_some()
        };
        let count = self.events.iter().take(room).take_while(fits).count();
        count.max(usize::from(must))
    }
}

impl Push {
    fn settle(self, out: &mut Actions<HubAction>) {
        let reply = HubReply::Pushed {
            push: self.id,
            results: self.results,
        };
        let connection = self.connection;
        out.push(HubAction::Reply { connection, reply });
    }
}

fn event_cost(event: &NewEvent) -> usize {
    event.body.len() + EVENT_OVERHEAD
}

fn cost(events: &[NewEvent]) -> usize {
    events.iter().map(event_cost).sum()
}

impl Hub {
    /// Queues a push, or refuses what must not be stored now.
    pub(super) fn push(
        &mut self,
        connection: ConnectionId,
        push: PushId,
        log: LogName,
        mut events: Vec<NewEvent>,
        out: &mut Actions<HubAction>,
    ) {
        let mut results = Vec::new();
        self.refuse_before_held(connection, &log, &mut events, &mut results);
        let bytes = cost(&events);
        let queued_bytes = self.appends.queued_bytes.saturating_add(bytes);
        if self.appends.queued_bytes > 0 && queued_bytes > self.config.limits.queued_bytes {
            if let Some(first) = events.first() {
                let hold = Hold::new(&first.id, ErrorCode::RateLimited);
                self.set_hold(connection, log.clone(), hold, out);
            }
            let count = events.len();
            refuse(&mut events, count, ErrorCode::RateLimited, &mut results);
        }
        let lane = self.appends.lane_of(&log);
        let push = Push {
            connection,
            id: push,
            log,
            results,
        };
        if events.is_empty() {
            return push.settle(out);
        }
        self.appends.queued_bytes += bytes;
        let queued = Queued { push, events, bytes };
        self.appends.lanes[lane].queue.push_back(queued);
        self.appends.start(lane, &self.config.limits, out);
    }

    /// The store is done with an append.
    pub(super) fn appended(
        &mut self,
        append: AppendId,
        result: Result<Appended, StoreFailure>,
        out: &mut Actions<HubAction>,
    ) {
        let Some((lane, at_store)) = self.appends.complete(append) else {
            self.ignored += 1;
            return;
        };
        let events: usize = at_store.runs.iter().map(|run| run.ids.len()).sum();
        match result {
            Ok(appended) if appended.outcomes.len() == events => self.stored(lane, at_store, &appended, out),
            Ok(_) | Err(_) => self.append_failed(lane, at_store, out),
        }
    }

    fn stored(&mut self, lane: usize, at_store: AtStore, appended: &Appended, out: &mut Actions<HubAction>) {
        let mut outcomes = appended.outcomes.iter();
        let mut settled = Vec::with_capacity(at_store.runs.len());
        for run in at_store.runs {
            let mut push = run.push;
            let results = run.ids.into_iter().zip(outcomes.by_ref()).map(PushResult::from);
            push.results.extend(results);
            self.continue_or(lane, push, run.continues, &mut settled);
        }
        // The store has its next work before anything else.
        self.appends.start(lane, &self.config.limits, out);
        for push in settled {
            push.settle(out);
        }
    }

    /// Hands the results to the rest of a push, or settles the push if it has none.
    fn continue_or(&mut self, lane: usize, push: Push, continues: bool, settled: &mut Vec<Push>) {
        match self.appends.lanes[lane].queue.front_mut() {
            Some(front) if continues => front.push.results = push.results,
            _ => settled.push(push),
        }
    }

    fn append_failed(&mut self, lane: usize, at_store: AtStore, out: &mut Actions<HubAction>) {
        let code = ErrorCode::StoreUnavailable;
        let mut holds = BTreeMap::new();
        let mut settled = Vec::with_capacity(at_store.runs.len());
        for run in at_store.runs {
            let mut push = run.push;
            if let Some(first) = run.ids.first() {
                let key = (push.connection, push.log.clone());
                holds.entry(key).or_insert_with(|| Hold::new(first, code));
            }
            let refused = |id| PushResult {
                id,
                outcome: Err(Refusal::Retry(code)),
            };
            push.results.extend(run.ids.into_iter().map(refused));
            self.continue_or(lane, push, run.continues, &mut settled);
        }
        let mut freed = 0;
        settled.extend(self.appends.lanes[lane].refuse_behind(&mut holds, &mut freed));
        self.appends.queued_bytes -= freed;
        self.appends.start(lane, &self.config.limits, out);
        for push in settled {
            push.settle(out);
        }
        for ((connection, log), hold) in holds {
            self.set_hold(connection, log, hold, out);
        }
    }
}

impl From<(EventId, &AppendOutcome)> for PushResult {
    fn from((id, outcome): (EventId, &AppendOutcome)) -> Self {
        let outcome = match *outcome {
            AppendOutcome::Stored(sequence) | AppendOutcome::Duplicate(sequence) => Ok(sequence),
            AppendOutcome::Conflict(sequence) => Err(Refusal::Conflict(sequence)),
        };
        Self { id, outcome }
    }
}
