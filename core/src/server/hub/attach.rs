//! Connections that come, change and go.

use super::connection::{Connection, Target};
use super::log::Reader;
use super::{Hub, HubAction, Timer};
use crate::machine::Actions;
use crate::name::{Namespace, RepositoryName};
use crate::server::{ConnectionId, HubReply, Peer, Rights};
use alloc::sync::Arc;
use alloc::vec::Vec;

impl Hub {
    /// A connection is authenticated, or has got other rights.
    pub(super) fn attach(
        &mut self,
        id: ConnectionId,
        namespace: Namespace,
        peer: Peer,
        rights: Arc<Rights>,
        out: &mut Actions<HubAction>,
    ) {
        let is_same = |connection: &Connection| connection.namespace == namespace && connection.peer == peer;
        if !self.connections.get(&id).is_some_and(is_same) {
            self.end_everything(id);
        }
        let now = self.now;
        let hold = self.config.limits.plain_hold;
        let connection = self
            .connections
            .entry(id)
            .or_insert_with(|| Connection::new(namespace.clone(), peer));
        (connection.namespace, connection.peer) = (namespace, peer);
        if connection.rights.as_ref() == Some(&rights) {
            return;
        }
        if connection.rights.replace(rights).is_none() {
            connection.quiet_until = now + hold;
        }
        // A repository that was not readable may have been left out.
        connection.has_all = false;
        if peer == Peer::Plain {
            let namespace = connection.namespace.clone();
            self.logs.add_plain(&namespace, id);
        }
        self.narrow(id, out);
    }

    /// Ends what the rights do not cover any more.
    fn narrow(&mut self, id: ConnectionId, out: &mut Actions<HubAction>) {
        let Some(connection) = self.connections.get(&id) else {
            return;
        };
        let lost = |repository: &&RepositoryName| !connection.may_read(repository);
        let lost: Vec<_> = connection.repositories.iter().filter(lost).cloned().collect();
        for repository in &lost {
            self.drop_reader(id, repository);
        }
        self.narrow_requests(id, out);
        self.pump(id, out);
    }

    /// The connection's subject has changed.
    pub(super) fn reset(&mut self, id: ConnectionId, out: &mut Actions<HubAction>) {
        self.end_everything(id);
        let reply = HubReply::Reset;
        out.push(HubAction::Reply { connection: id, reply });
    }

    /// Ends everything of a connection but the bytes that it owes and the read at the store.
    fn end_everything(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let repositories: Vec<_> = connection.repositories.iter().cloned().collect();
        for repository in &repositories {
            self.drop_reader(id, repository);
        }
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        connection.rights = None;
        connection.requests.clear();
        connection.work.clear();
        connection.holds.clear();
        connection.abandon(|target| *target != Target::Abandoned);
        let namespace = connection.namespace.clone();
        self.timers.clear(Timer::Release(id));
        self.timers.clear(Timer::Refused(id));
        self.logs.remove_plain(&namespace, id);
    }

    /// The connection is gone.
    pub(super) fn detach(&mut self, id: ConnectionId) {
        self.end_everything(id);
        self.timers.clear(Timer::Retry(id));
        let connection = self.connections.remove(&id);
        if let Some(reading) = connection.and_then(|connection| connection.reading) {
            self.reads.remove(&reading.read);
        }
    }

    /// Adds a reader, in place of one of the same connection in the same log.
    pub(super) fn add_reader(&mut self, id: ConnectionId, repository: &RepositoryName, reader: Reader) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.repositories.insert(repository.clone());
            self.logs.insert(&connection.namespace, repository, id, reader);
        }
    }

    /// Ends a reader and what it has under way.
    pub(super) fn drop_reader(&mut self, id: ConnectionId, repository: &RepositoryName) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        connection.forget_turns(repository);
        connection.repositories.remove(repository);
        self.logs.remove(&connection.namespace, repository, id);
    }
}
