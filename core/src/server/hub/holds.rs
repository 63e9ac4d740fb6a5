//! Holds: after a retryable refusal nothing more is stored from a connection in a log until the refused event comes
//! again, so that an older edit never lands behind a newer one (PROTOCOL.md section 4, Pushing).

use super::connection::Connection;
use super::{Hub, HubAction, Timer};
use crate::event::{EventId, NewEvent};
use crate::machine::Actions;
use crate::name::LogName;
use crate::server::{ConnectionId, HubReply, Peer, PushResult, Refusal};
use crate::wire::{CloseCode, ErrorCode};
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

/// The holds of one connection.
#[derive(Clone, Debug, Default)]
pub(super) struct Holds(BTreeMap<LogName, Hold>);

/// The first refused event of a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Hold {
    pub(super) event: EventId,
    pub(super) code: ErrorCode,
}

impl Holds {
    /// Refuses the events before the held one, which ends the hold. Returns whether one has ended.
    fn refuse(&mut self, log: &LogName, events: &mut Vec<NewEvent>, results: &mut Vec<PushResult>) -> bool {
        let comes_again = self.0.get(log).is_some_and(|hold| hold.refuse(events, results));
        comes_again && self.0.remove(log).is_some()
    }

    /// Ends the hold on one of these events.
    fn release(&mut self, log: &LogName, events: &[EventId]) {
        if self.0.get(log).is_some_and(|hold| events.contains(&hold.event)) {
            self.0.remove(log);
        }
    }

    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Ends every hold.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

impl Hold {
    /// A hold on an event; does not keep the frame alive in which it came.
    pub(super) fn new(event: &EventId, code: ErrorCode) -> Self {
        Self {
            event: event.detached(),
            code,
        }
    }

    /// Refuses the events before the held one. Returns whether that one is among them.
    pub(super) fn refuse(&self, events: &mut Vec<NewEvent>, results: &mut Vec<PushResult>) -> bool {
        let again = events.iter().position(|event| event.id == self.event);
        refuse(events, again.unwrap_or(events.len()), self.code, results);
        again.is_some()
    }
}

/// Takes the first `count` events out and refuses them.
pub(super) fn refuse(events: &mut Vec<NewEvent>, count: usize, code: ErrorCode, results: &mut Vec<PushResult>) {
    let refused = events.drain(..count).map(|event| PushResult {
        id: event.id,
        outcome: Err(Refusal::Retry(code)),
    });
    results.extend(refused);
}

impl Hub {
    /// The session has refused an event. A hold that is there already is on an earlier event and stays.
    pub(super) fn hold(&mut self, id: ConnectionId, log: LogName, event: &EventId, out: &mut Actions<HubAction>) {
        let is_held = |hub: &Self| hub.connections.get(&id).is_some_and(|c| c.holds.0.contains_key(&log));
        if !is_held(self) {
            self.set_hold(id, log, Hold::new(event, ErrorCode::RateLimited), out);
        }
    }

    /// The session has refused events for good. They have come again all the same, and this is all that comes of them.
    pub(super) fn release(&mut self, id: ConnectionId, log: &LogName, events: &[EventId]) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.holds.release(log, events);
            self.time_holds(id);
        }
    }

    /// Refuses those of pushed events that come before the one that is held.
    pub(super) fn refuse_before_held(
        &mut self,
        id: ConnectionId,
        log: &LogName,
        events: &mut Vec<NewEvent>,
        results: &mut Vec<PushResult>,
    ) {
        if let Some(connection) = self.connections.get_mut(&id)
            && connection.holds.refuse(log, events, results)
        {
            self.time_holds(id);
        }
    }

    /// A plain peer's time to send a refused event again starts with the first that it has to, and ends with the last.
    fn time_holds(&mut self, id: ConnectionId) {
        let timer = Timer::Refused(id);
        let waits = |connection: &Connection| connection.peer == Peer::Plain && !connection.holds.is_empty();
        if !self.connections.get(&id).is_some_and(waits) {
            self.timers.clear(timer);
        } else if self.timers.deadline(timer).is_none() {
            self.timers.set(timer, self.after(self.config.limits.plain_refusal));
        }
    }

    /// A plain peer has not sent a refused event again. It may never do so on this connection: the published client does
    /// when it connects, and not at all if an answer to an earlier time has come since.
    pub(super) fn refused_too_long(&mut self, id: ConnectionId, out: &mut Actions<HubAction>) {
        if self.connections.contains_key(&id) {
            let reply = HubReply::Close {
                code: CloseCode::TRY_AGAIN_LATER,
                reason: "Events were refused; connect and send them again.",
            };
            out.push(HubAction::Reply { connection: id, reply });
        }
    }

    /// Holds a log from an event on, in place of a hold on a later one.
    pub(super) fn set_hold(&mut self, id: ConnectionId, log: LogName, hold: Hold, out: &mut Actions<HubAction>) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if connection.rights.is_none() {
            return;
        }
        connection.holds.0.insert(log, hold);
        let count = connection.holds.0.len();
        self.time_holds(id);
        if count > self.config.limits.streams {
            // Forgetting one would let a newer edit overtake: the connection has to start again.
            let reply = HubReply::Close {
                code: CloseCode::RATE_LIMITED,
                reason: "Too many repositories with refused events.",
            };
            out.push(HubAction::Reply { connection: id, reply });
        }
    }
}
