//! The streams of extended peers.

use super::connection::Work;
use super::log::{Reader, ReaderState, Start};
use super::{Hub, HubAction};
use crate::machine::Actions;
use crate::name::RepositoryName;
use crate::server::{ConnectionId, Failure, HubReply, Peer, Subscription};
use crate::wire::{ErrorCode, Position};
use alloc::boxed::Box;

impl Hub {
    /// Starts or moves streams.
    pub(super) fn subscribe(&mut self, id: ConnectionId, subscription: Subscription, out: &mut Actions<HubAction>) {
        let other_epoch = subscription.epoch.is_some_and(|epoch| epoch != self.config.epoch);
        let mut is_full = false;
        for (repository, position) in subscription.repositories {
            let Some(connection) = self.connections.get(&id) else {
                return;
            };
            if connection.peer != Peer::Extended || !connection.may_read(&repository) {
                continue;
            }
            let is_new = !connection.repositories.contains(&repository);
            if is_new && connection.repositories.len() >= self.config.limits.streams {
                is_full = true;
                continue;
            }
            let start = Start {
                reference: subscription.reference.clone(),
                // A client without a cursor simply starts, whatever the epoch.
                epoch_changed: other_epoch && position != Position::default(),
                seen: position.seen,
            };
            self.drop_reader(id, &repository);
            let mut reader = Reader::new(position.after, ReaderState::CatchingUp);
            reader.start = Some(Box::new(start));
            self.add_reader(id, &repository, reader);
            if let Some(connection) = self.connections.get_mut(&id) {
                connection.work.insert(Work::Stream(repository));
            }
        }
        if is_full {
            let failure = Failure {
                reference: subscription.reference,
                repository: None,
                code: ErrorCode::RateLimited,
                message: "The connection subscribes more repositories than the server allows for one.",
            };
            let reply = HubReply::Failed(failure);
            out.push(HubAction::Reply { connection: id, reply });
        }
        self.pump(id, out);
    }

    /// Ends streams.
    pub(super) fn unsubscribe(&mut self, id: ConnectionId, repositories: &[RepositoryName]) {
        if self
            .connections
            .get(&id)
            .is_some_and(|connection| connection.peer == Peer::Extended)
        {
            for repository in repositories {
                self.drop_reader(id, repository);
            }
        }
    }
}
