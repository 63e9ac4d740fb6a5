//! When a plain peer hears of a repository.
//!
//! It hears of every repository that it may read, from the head as of `auth_success` on, but not before it has
//! requested it, or before a hold has passed: a live event that overtakes the missed ones moves the published client's
//! cursor over them. Nothing is kept of a repository before its first event.

use super::connection::Work;
use super::log::{Reader, ReaderState};
use super::{Hub, HubAction, Timer};
use crate::event::Sequence;
use crate::machine::{Actions, Instant};
use crate::name::{LogName, RepositoryName};
use crate::server::{ConnectionId, HubReply};
use crate::wire::CloseCode;
use alloc::vec::Vec;

impl Hub {
    /// Gives every plain peer that may read a log a reader of it, before the event `first` is given to readers.
    pub(super) fn meet_plain_peers(&mut self, log: &LogName, first: Sequence, out: &mut Actions<HubAction>) {
        let Some(space) = self.logs.space(&log.namespace) else {
            return;
        };
        let known = space.logs.get(&log.repository);
        if space.plain.is_empty() || known.is_some_and(|log| log.met == space.version) {
            return;
        }
        let is_new = |id: &ConnectionId| known.is_none_or(|log| !log.readers.contains_key(id));
        let strangers: Vec<_> = space.plain.iter().copied().filter(is_new).collect();
        // What was not reported since the log has readers is missing before `first`.
        let start = known.map_or(first.previous(), |log| log.head.min(first.previous()));
        let version = space.version;
        for id in strangers {
            self.meet(id, &log.repository, start, out);
        }
        if let Some(log) = self.logs.log(log) {
            log.met = version;
        }
    }

    fn meet(&mut self, id: ConnectionId, repository: &RepositoryName, start: Sequence, out: &mut Actions<HubAction>) {
        let now = self.now;
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if !connection.may_read(repository) {
            return;
        }
        if connection.repositories.len() >= self.config.limits.streams {
            // Passing over the event would leave a gap: the connection has to start again.
            let reply = HubReply::Close {
                code: CloseCode::RATE_LIMITED,
                reason: "Too many repositories for one connection.",
            };
            return out.push(HubAction::Reply { connection: id, reply });
        }
        let start = if connection.has_all { Sequence::ZERO } else { start };
        if connection.quiet_until <= now && connection.requests.is_empty() {
            return self.add_reader(id, repository, Reader::new(start, ReaderState::Live));
        }
        let until = connection.quiet_until;
        self.add_reader(id, repository, Reader::new(start, ReaderState::Held));
        self.hold_until(id, repository, until);
    }

    /// Holds a reader until a moment, and longer if requests wait then.
    pub(super) fn hold_until(&mut self, id: ConnectionId, repository: &RepositoryName, until: Instant) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.held.insert(repository.clone(), until);
            let soonest = self.now + core::time::Duration::from_micros(1);
            let timer = Timer::Release(id);
            if self.timers.deadline(timer).is_none_or(|at| at > until) {
                self.timers.set(timer, until.max(soonest));
            }
        }
    }

    /// Lets the readers go whose hold has passed, unless the peer waits for an answer: until it has that, nothing may
    /// overtake. The end of the last answer calls this again.
    pub(super) fn release_due(&mut self, id: ConnectionId, out: &mut Actions<HubAction>) {
        let now = self.now;
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if !connection.requests.is_empty() {
            return;
        }
        let is_due = |(_, until): &(&RepositoryName, &Instant)| **until <= now;
        let due: Vec<_> = connection
            .held
            .iter()
            .filter(is_due)
            .map(|(name, _)| name.clone())
            .collect();
        for repository in due {
            connection.held.remove(&repository);
            if let Some((reader, _)) = self.logs.reader(&connection.namespace, &repository, id) {
                reader.state = ReaderState::CatchingUp;
                connection.work.insert(Work::Stream(repository));
            }
        }
        let next = connection.held.values().min().copied();
        self.timers.set_or_clear(Timer::Release(id), next);
        self.pump(id, out);
    }
}
