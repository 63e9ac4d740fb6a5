//! Everything that the clients' applications wrote, and where it stands on whose disk (PROTOCOL.md 6.6).

use crate::model::Model;
use driftless_core::client::{OwnEvent, OwnState};
use driftless_core::event::Json;

/// Everything that was ever written, by repository and the number of the event's id.
#[derive(Debug, Default)]
pub(super) struct Book(Vec<Vec<Entry>>);

/// One event.
#[derive(Clone, Debug, Default)]
pub(super) struct Entry {
    /// Who wrote it; `None`: nobody that is known, or not durable yet.
    pub(super) author: Option<Author>,
    /// Whether it was ever in a durable log.
    pub(super) ever: bool,
    /// Whether a client has forgotten it after it was settled for long.
    pub(super) is_pruned: bool,
    /// Whether an application has dismissed it, or cleared its repository.
    pub(super) is_given_up: bool,
    /// On whose disks it is: its author's, and those of copies of that device.
    pub(super) holders: Vec<Holder>,
}

/// Who wrote an event, and what.
#[derive(Clone, Debug)]
pub(super) struct Author {
    pub(super) client: usize,
    pub(super) body: Json,
    /// The number of its record.
    pub(super) record: u32,
}

/// An event on a client's disk.
#[derive(Clone, Debug)]
pub(super) struct Holder {
    pub(super) client: usize,
    pub(super) local: u64,
    pub(super) stand: OwnState,
    /// Whether the server has refused it for good, as far as the client has heard.
    pub(super) is_refused: bool,
    /// On which connection it is in flight.
    pub(super) flight: Option<u64>,
}

impl Holder {
    /// Whether the server has refused it for good.
    pub(super) fn was_refused(&self) -> bool {
        self.is_refused || matches!(self.stand, OwnState::Rejected { .. })
    }
}

impl Entry {
    pub(super) fn holder(&self, client: usize) -> Option<&Holder> {
        self.holders.iter().find(|holder| holder.client == client)
    }

    pub(super) fn holder_mut(&mut self, client: usize) -> Option<&mut Holder> {
        self.holders.iter_mut().find(|holder| holder.client == client)
    }
}

impl Book {
    pub(super) fn new(repositories: usize) -> Self {
        Self(vec![Vec::new(); repositories])
    }

    pub(super) fn get(&self, repository: usize, id: u32) -> Option<&Entry> {
        self.0[repository].get(id as usize)
    }

    pub(super) fn entry(&mut self, repository: usize, id: u32) -> &mut Entry {
        let entries = &mut self.0[repository];
        let index = id as usize;
        if entries.len() <= index {
            entries.resize_with(index + 1, Entry::default);
        }
        &mut entries[index]
    }

    /// Whether an application has given an event up.
    pub(super) fn is_given_up(&self, repository: usize, id: u32) -> bool {
        self.get(repository, id).is_some_and(|entry| entry.is_given_up)
    }

    /// A new event is durable on its author's disk; the number of its id.
    pub(super) fn add(&mut self, model: &mut Model, repository: usize, client: usize, own: &OwnEvent) -> (u32, u32) {
        let names = model.repository_mut(repository);
        let id = names.events.intern(own.id.text());
        let record = names.records.intern(own.key.record.text());
        let entry = self.entry(repository, id);
        entry.author.get_or_insert_with(|| Author {
            client,
            body: own.body.clone(),
            record,
        });
        entry.holders.push(Holder {
            client,
            local: own.local.0,
            stand: own.state.clone(),
            is_refused: false,
            flight: None,
        });
        (id, record)
    }

    /// The highest place, by client, of what the store's log holds of its own events.
    pub(super) fn last_written(&self, model: &Model, repository: usize, clients: usize) -> Vec<u64> {
        let mut last = vec![0; clients];
        let log = model.repository(repository).log();
        for event in log.events(0, log.len()) {
            let holders = self.get(repository, event.id).map_or(&[][..], |entry| &entry.holders);
            for holder in holders {
                last[holder.client] = last[holder.client].max(holder.local);
            }
        }
        last
    }
}

/// Whether a stored event is what its author wrote, with the sequence as last field, byte for byte.
pub(super) fn is_stored_form(text: &str, body: &str, sequence: u64) -> bool {
    let body = body.strip_suffix('}').unwrap_or(body);
    let tail = text
        .strip_prefix(body)
        .and_then(|tail| tail.strip_prefix(",\"serverSequence\":"));
    let number = tail.and_then(|tail| tail.strip_suffix('}'));
    number.is_some_and(|number| number.parse() == Ok(sequence) && !number.starts_with('+'))
}

/// Whether an event may go from one place to another; `was_stored`: it was in a durable log at that place, or at some
/// place where none is said.
pub(super) fn may_move(from: &OwnState, to: &OwnState, was_stored: bool, is_refused: bool) -> bool {
    match (from, to) {
        (OwnState::Pending, OwnState::Rejected { .. }) => is_refused,
        (OwnState::Pending | OwnState::Acked(_) | OwnState::Doubted, OwnState::Acked(_) | OwnState::Settled { .. }) => {
            was_stored
        }
        // The server has lost it: it is pushed again.
        (OwnState::Acked(_) | OwnState::Doubted, OwnState::Pending) => true,
        (from, to) => from == to,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_event_is_its_body_and_its_sequence() {
        let body = r#"{"eventId":"a","n":1.0 }"#;
        assert!(is_stored_form(
            r#"{"eventId":"a","n":1.0 ,"serverSequence":8}"#,
            body,
            8
        ));
        assert!(!is_stored_form(
            r#"{"eventId":"a","n":1.0 ,"serverSequence":8}"#,
            body,
            9
        ));
        assert!(!is_stored_form(r#"{"eventId":"a","n":1,"serverSequence":8}"#, body, 8));
    }

    #[test]
    fn an_event_leaves_the_outbox_only_for_the_log_or_by_a_refusal() {
        let settled = OwnState::Settled { at_ms: 0 };
        let rejected = OwnState::Rejected {
            code: None,
            message: String::new(),
        };
        let pending = OwnState::Pending;
        assert!(may_move(&pending, &OwnState::Acked(None), true, false));
        assert!(!may_move(&pending, &OwnState::Acked(None), false, false));
        assert!(!may_move(&pending, &settled, false, true));
        assert!(may_move(&pending, &rejected, false, true) && !may_move(&pending, &rejected, true, false));
        assert!(may_move(&OwnState::Doubted, &pending, false, false));
        assert!(!may_move(&pending, &OwnState::Doubted, true, true) && !may_move(&settled, &pending, true, true));
    }
}
