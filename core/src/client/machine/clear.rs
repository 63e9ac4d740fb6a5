//! Forgetting a repository, between the writes that came before and those that come after.
//!
//! What has been received and not applied, what is in flight and what is being looked through belongs to what is gone:
//! none of it may reach storage behind the transaction that clears, or a cursor would stand where nothing was read.

use super::inbox::Inbox;
use super::jobs::Jobs;
use super::replica::Outcome;
use super::{Client, Notice, Out, Timer, Write, find};
use crate::client::StorageChange;
use crate::name::RepositoryName;
use crate::wire::CloseCode;

/// What the application asks of storage, in its order.
#[derive(Clone, Debug)]
pub(super) enum Local {
    Write(Write),
    /// A repository is forgotten.
    Clear(usize),
}

impl Client {
    /// Clears a repository when its turn comes. Each is answered: who asks twice waits for two.
    pub(super) fn on_clear(&mut self, repository: &RepositoryName) {
        let Ok(index) = find(&self.repositories, repository) else {
            return;
        };
        if !self.stopped {
            self.writes.push_back(Local::Clear(index));
        }
    }

    /// The transaction that clears a repository.
    pub(super) fn clear(&self, index: usize) -> Outcome {
        let repository = &self.repositories[index].name;
        Outcome {
            changes: [StorageChange::Clear {
                repository: repository.clone(),
            }]
            .into(),
            notices: [Notice::Cleared {
                repository: repository.clone(),
            }]
            .into(),
            ..Outcome::default()
        }
    }

    /// A repository is cleared: it is read again from 0.
    pub(super) fn cleared(&mut self, index: usize, out: &mut Out) {
        self.jobs.forget(index, &mut self.inbox);
        self.timers.clear(Timer::Lane(index));
        self.timers.clear(Timer::Pull(index));
        let (online, plain) = (self.link.is_online(), self.link.is_plain());
        let repository = &mut self.repositories[index];
        // The server waits for an event that is gone; or the answer to a pull would be taken for that to the next.
        let is_stuck = if plain {
            repository.plain.is_asked()
        } else {
            // Who waits for other credentials may have been refused all that is in flight.
            let is_in_doubt = !self.link.can_push() && repository.lane.len() > 0;
            is_in_doubt || repository.lane.may_be_held()
        };
        repository.clear(online);
        repository.adopt = self.link.server.is_some();
        if online && is_stuck {
            self.lose(CloseCode::NORMAL, "what was under way is cleared", out);
        }
    }
}

impl Jobs {
    /// Drops what waits to be done again or to be loaded of a repository.
    fn forget(&mut self, repository: usize, inbox: &mut Inbox) {
        self.drop_retry_of(repository);
        for page in &mut self.rest {
            page.retain(|run| run.repository != repository);
        }
        self.rest.retain(|page| !page.is_empty());
        inbox.forget(repository);
        inbox.applied(self.unapplied_bytes());
    }
}
