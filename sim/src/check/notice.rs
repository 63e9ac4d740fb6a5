//! What clients tell their applications.

use super::client::{Clearing, News};
use super::{Checks, Invariant};
use crate::model::read_event;
use driftless_core::client::{Change, ChangeKind, Notice, OwnState, Write, WriteError};
use driftless_core::event::{EventId, Json};
use driftless_core::name::RepositoryName;

impl Checks {
    pub(super) fn told(&mut self, client: usize, notice: &Notice) {
        match notice {
            Notice::Written { request, result } => {
                let asked = self.clients[client].writes.remove(&request.0);
                self.verdict.check(Invariant::MachineContract, asked.is_some(), || {
                    format!("client {client} answers write {} that waits for no answer", request.0)
                });
                if let Some(asked) = asked {
                    self.written(client, &asked, result);
                }
            }
            Notice::Acked { repository, events } => self.acked(client, repository, events),
            Notice::Rejected {
                repository,
                event,
                body,
                ..
            } => self.rejected(client, repository, event, body),
            Notice::HistoryChanged { repository } => {
                if let Some(repository) = self.model.find(repository) {
                    let replica = &mut self.clients[client].replicas[repository];
                    // Told behind the commit that begins to fold again, or before it.
                    let is_behind = replica.news == News::ToTell && replica.cursor.after.get() == 0;
                    replica.news = if is_behind { News::None } else { News::Told };
                }
            }
            Notice::CaughtUp { repository } => self.caught_up(client, repository),
            Notice::Cleared { repository } => self.cleared_told(client, repository),
            Notice::Synced => self.synced(client),
            Notice::SyncFailed { .. } => self.clients[client].syncs = false,
            _ => {}
        }
    }

    /// A write that is told to be durable is on the disk, as it was asked for; one that failed is not.
    fn written(&mut self, client: usize, asked: &Write, result: &Result<Vec<EventId>, WriteError>) {
        self.dismissed(client, asked, result);
        let Ok(ids) = result else { return };
        let is_whole = ids.len() == asked.changes.len();
        self.verdict.check(Invariant::NothingLost, is_whole, || {
            format!(
                "client {client} made {} events of {} changes",
                ids.len(),
                asked.changes.len()
            )
        });
        for (change, id) in asked.changes.iter().zip(ids) {
            let holds = self.is_written(client, change, id);
            self.verdict.check(Invariant::NothingLost, holds, || {
                format!(
                    "client {client} tells that {id} is written, and its disk does not hold it as asked: {change:?}"
                )
            });
        }
    }

    /// A write that is told to be durable has dismissed what it wanted to; one that was told of another event than a
    /// rejected one has not lied.
    fn dismissed(&mut self, client: usize, asked: &Write, result: &Result<Vec<EventId>, WriteError>) {
        for (name, event) in &asked.dismiss {
            let holds = match result {
                Ok(_) => self.stand(client, name, event).is_none(),
                Err(WriteError::NotRejected(other)) if other == event => {
                    !matches!(self.stand(client, name, event), Some(OwnState::Rejected { .. }))
                }
                Err(_) => true,
            };
            self.verdict.check(Invariant::NothingLost, holds, || {
                format!("client {client} was to dismiss {event} of {name}, and tells {result:?}")
            });
        }
    }

    /// Where an own event of a client stands; `None` if its disk does not have it.
    fn stand(&self, client: usize, name: &RepositoryName, event: &EventId) -> Option<&OwnState> {
        let repository = self.model.find(name)?;
        let number = self.model.repository(repository).events.find(event)?;
        Some(&self.book.get(repository, number)?.holder(client)?.stand)
    }

    fn cleared_told(&mut self, client: usize, name: &RepositoryName) {
        let Some(repository) = self.model.find(name) else {
            return;
        };
        let clearing = &mut self.clients[client].replicas[repository].clearing;
        let before = core::mem::take(clearing);
        self.verdict
            .check(Invariant::ExactlyOnceEffect, before == Clearing::Done, || {
                format!("client {client} tells that {name} is cleared, which is {before:?}")
            });
    }

    /// Everything that the client was asked to write is durable, everything of it was in the log or is refused for
    /// good, and every repository is current.
    fn synced(&mut self, client: usize) {
        self.clients[client].syncs = false;
        let waiting = self.clients[client].writes.len();
        self.verdict.check(Invariant::NothingLost, waiting == 0, || {
            format!("client {client} tells that all is synchronized, and {waiting} writes are not answered")
        });
        for repository in 0..self.model.len() {
            let name = self.model.repository(repository).name.clone();
            self.caught_up(client, &name);
            let replica = &self.clients[client].replicas[repository];
            let is_unsent = |id: &&u32| {
                let entry = self.book.get(repository, **id);
                let holder = entry.and_then(|entry| entry.holder(client));
                let is_pending = holder.is_some_and(|holder| holder.stand == OwnState::Pending && !holder.is_refused);
                is_pending && entry.is_some_and(|entry| !entry.ever)
            };
            let unsent = replica.own.iter().find(is_unsent);
            self.verdict.check(Invariant::NothingLost, unsent.is_none(), || {
                let id = unsent.map(|id| self.model.repository(repository).events.text(*id));
                format!("client {client} tells that all is synchronized, and {id:?} of {name} never was on the server")
            });
        }
    }

    fn is_written(&self, client: usize, change: &Change, id: &EventId) -> bool {
        let Some(repository) = self.model.find(&change.repository) else {
            return false;
        };
        let number = self.model.repository(repository).events.find(id);
        let Some(entry) = number.and_then(|number| self.book.get(repository, number)) else {
            return false;
        };
        let Some(author) = entry.author.as_ref().filter(|author| author.client == client) else {
            return false;
        };
        let Some(event) = read_event(author.body.text()) else {
            return false;
        };
        let is_change = match &change.kind {
            ChangeKind::Delete => event.data.is_none(),
            ChangeKind::Upsert { data, .. } => event.data.as_ref() == Some(data),
        };
        entry.holder(client).is_some() && event.id == *id && event.record_id == change.record && is_change
    }

    fn acked(&mut self, client: usize, name: &RepositoryName, events: &[EventId]) {
        let Some(repository) = self.model.find(name) else {
            return;
        };
        for event in events {
            let number = self.model.repository(repository).events.find(event);
            let entry = number.and_then(|number| self.book.get(repository, number));
            let holds = entry.is_some_and(|entry| entry.ever);
            self.verdict.check(Invariant::DurableAck, holds, || {
                format!("client {client} tells that {event} is on the server, and it never was")
            });
        }
    }

    fn rejected(&mut self, client: usize, name: &RepositoryName, event: &EventId, body: &Json) {
        let Some(repository) = self.model.find(name) else {
            return;
        };
        let number = self.model.repository(repository).events.find(event);
        let author = number.and_then(|number| self.book.get(repository, number)?.author.as_ref());
        let holds = author.is_some_and(|author| author.body == *body);
        self.verdict.check(Invariant::NothingLost, holds, || {
            format!("client {client} tells that {event} is refused with another body")
        });
        let told = |(known, id): &(usize, u32)| *known == repository && Some(*id) == number;
        self.clients[client].to_tell.retain(|refused| !told(refused));
    }

    /// Everything that was in the log when the client asked is applied.
    fn caught_up(&mut self, client: usize, name: &RepositoryName) {
        let Some(repository) = self.model.find(name) else {
            return;
        };
        let replica = &self.clients[client].replicas[repository];
        let (cursor, asked_at) = (replica.cursor.after.get(), replica.asked_at);
        let is_exempt = self.is_plain_server || self.is_lossy || replica.is_forbidden;
        let holds = is_exempt || cursor >= asked_at;
        self.verdict.check(Invariant::OrderedDelivery, holds, || {
            format!(
                "client {client} says that {name} is current at {cursor}, and it asked when the head was {asked_at}"
            )
        });
    }
}
