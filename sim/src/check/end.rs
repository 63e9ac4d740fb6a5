//! The end of a run: everyone is equal and idle (6.7, 6.9), and nothing is missing (6.6).

use super::client::Clearing;
use super::{Checks, ClientEnd, Invariant};
use driftless_core::client::OwnState;

impl Checks {
    /// Why a client is not settled; `None` if it is.
    pub(super) fn unsettled(&self, end: &ClientEnd<'_>) -> Option<String> {
        if let Some(blocked) = &end.blocked {
            return Some(format!("its outbox does not move: {blocked}"));
        }
        if !end.live {
            return Some("it is not live".into());
        }
        if end.pending > 0 {
            return Some(format!("{} of its events are not acked", end.pending));
        }
        let state = self.clients.get(end.client)?;
        if !state.writes.is_empty() {
            return Some(format!("{} writes are not answered", state.writes.len()));
        }
        if state.syncs {
            return Some("it was told to synchronize, and has not answered".into());
        }
        end.disk?;
        (0..self.model.len()).find_map(|repository| self.unsettled_replica(end.client, repository))
    }

    fn unsettled_replica(&self, client: usize, repository: usize) -> Option<String> {
        let model = self.model.repository(repository);
        let replica = &self.clients[client].replicas[repository];
        let (cursor, head) = (&replica.cursor, model.log().len());
        let name = &model.name;
        if replica.clearing == Clearing::Asked {
            return Some(format!("{name} is not cleared"));
        }
        if replica.is_forbidden {
            return None;
        }
        if cursor.after.get() != head && !self.is_plain_server {
            return Some(format!(
                "its cursor of {} is {}, and the head is {head}",
                name, cursor.after
            ));
        }
        if cursor.refolding {
            return Some(format!("it still folds {name} again"));
        }
        if !self.is_of_newest(client, repository) && !self.is_deceived(client, repository) {
            return Some(format!("its {name} is of another history than the store's"));
        }
        let unsettled = replica.unsettled;
        (unsettled > 0).then(|| format!("{unsettled} events of its local layer of {name} are not settled"))
    }

    pub(super) fn end(&mut self, clients: &[ClientEnd<'_>]) {
        for end in clients {
            let holds = self.unsettled(end);
            self.verdict.check(Invariant::Liveness, holds.is_none(), || {
                format!("client {} is not settled: {}", end.client, holds.unwrap_or_default())
            });
            if let Some(disk) = end.disk {
                self.find_deceived(end.client);
                self.whole_disk(end.client, disk);
                self.end_histories(end.client);
                self.end_own(end.client);
            }
        }
    }

    /// Whether a client's cursor is of the store's history, or nobody can tell that it is not.
    fn is_of_newest(&self, client: usize, repository: usize) -> bool {
        let model = self.model.repository(repository);
        let newest = super::commit::bit(model.histories().len() - 1);
        let replica = &self.clients[client].replicas[repository];
        let histories = self.alike(repository, replica.histories, replica.cursor.after.get());
        replica.is_forbidden || replica.is_deceived || histories & newest != 0
    }

    /// Whether a client's last event is at its place in the store's history: then nobody can notice that what came
    /// before is another past (PROTOCOL.md 6.11).
    fn is_deceived(&self, client: usize, repository: usize) -> bool {
        let model = self.model.repository(repository);
        let seen = self.clients[client].replicas[repository].cursor.seen.as_ref();
        seen.is_some_and(|(sequence, id)| {
            let place = model.events.find(id).and_then(|event| model.log().place(event));
            place == Some(sequence.get())
        })
    }

    fn find_deceived(&mut self, client: usize) {
        for repository in 0..self.model.len() {
            let is_deceived = !self.is_of_newest(client, repository) && self.is_deceived(client, repository);
            self.clients[client].replicas[repository].is_deceived |= is_deceived;
        }
    }

    /// The cursor is of the store's history.
    pub(super) fn end_histories(&mut self, client: usize) {
        for repository in 0..self.model.len() {
            let holds = self.is_of_newest(client, repository);
            let name = &self.model.repository(repository).name;
            self.verdict.check(Invariant::ChangedHistoryNoticed, holds, || {
                format!("client {client} ends with another history of {name} than the store's")
            });
        }
    }

    /// Everything that a client wrote is in the log, or its application was told that it never will be.
    fn end_own(&mut self, client: usize) {
        for repository in 0..self.model.len() {
            let log = self.model.repository(repository).log();
            let replica = &self.clients[client].replicas[repository];
            for id in &replica.own {
                let holder = self.book.get(repository, *id).and_then(|entry| entry.holder(client));
                let Some(holder) = holder else { continue };
                let is_refused = matches!(holder.stand, OwnState::Rejected { .. });
                let is_excused = replica.is_forbidden || replica.is_deceived;
                let holds = is_refused || is_excused || log.place(*id).is_some();
                self.verdict.check(Invariant::NothingLost, holds, || {
                    let id = self.model.repository(repository).events.text(*id);
                    format!(
                        "client {client} wrote {id}, which is {:?}, and the log does not have it",
                        holder.stand
                    )
                });
            }
        }
        let to_tell = &self.clients[client].to_tell;
        self.verdict.check(Invariant::NothingLost, to_tell.is_empty(), || {
            format!(
                "client {client} has not told its application of {} refused events",
                to_tell.len()
            )
        });
    }
}
