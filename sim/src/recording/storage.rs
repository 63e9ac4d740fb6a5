//! Disks and the server's store in a recorded run.

use super::label::{self, cut};
use super::{Change, Ending, Kind, Node, Tape, Work};
use driftless_core::Instant;
use driftless_core::client::{Cursor, OwnEvent, OwnState, StorageChange, StorageRequest, StoredRecord, Transaction};
use driftless_core::event::{Event, EventBatch, Json};
use driftless_core::name::RepositoryName;

impl Tape {
    /// A client asks its storage.
    pub fn asked(&mut self, now: Instant, client: usize, id: u64, request: &StorageRequest) {
        self.begun(now, Node::Client(client), id, label::storage(request));
    }

    /// Storage work begins. Its id is its node's own, and free again once it has ended.
    pub fn begun(&mut self, now: Instant, node: Node, id: u64, label: impl Into<String>) {
        let label = label.into();
        let begun = self.step(now, node, Kind::Begin, label.clone());
        let lane = self.lane(node);
        self.work.insert((lane, id), self.recording.work.len());
        self.recording.work.push(Work {
            lane,
            label,
            begun,
            ended: None,
            ending: None,
        });
    }

    /// Storage work ends. What it changed is told next ([`Self::committed`], [`Self::appended`]) and is part of this step.
    pub fn ended(&mut self, now: Instant, node: Node, id: u64, ending: Ending) {
        let lane = self.lane(node);
        let Some(index) = self.work.remove(&(lane, id)) else {
            return;
        };
        let label = self.recording.work[index].label.clone();
        let (kind, label) = match ending {
            Ending::Done if label.starts_with("commit") || label.starts_with("append") => (Kind::Commit, label),
            Ending::Done => (Kind::End, label),
            Ending::Failed => (Kind::End, format!("{label}: failed")),
            Ending::Kept => (Kind::End, format!("{label}: survives the crash")),
            Ending::Lost => (Kind::End, format!("{label}: lost in the crash")),
            Ending::Torn => (Kind::End, format!("{label}: torn by the crash")),
        };
        let step = self.step(now, node, kind, label);
        let work = &mut self.recording.work[index];
        (work.ended, work.ending) = (Some(step), Some(ending));
    }

    /// What became durable on a client's disk: part of the last step.
    pub fn committed(&mut self, client: usize, transaction: &Transaction) {
        for change in &transaction.changes {
            match change {
                StorageChange::Record(record) => self.record(client, record),
                StorageChange::AddOwn(own) => self.own(client, own),
                StorageChange::Cursor { repository, cursor } => self.cursor(client, repository, cursor),
                StorageChange::SetOwn {
                    repository,
                    event,
                    state,
                } => {
                    if let Some(repository) = self.repository(repository) {
                        let (event, record) = (event.to_string(), String::new());
                        let state = Some(own_state(state));
                        self.change(Change::Own {
                            client,
                            repository,
                            event,
                            record,
                            state,
                        });
                    }
                }
                StorageChange::DropOwn { repository, event } => {
                    if let Some(repository) = self.repository(repository) {
                        let (event, record) = (event.to_string(), String::new());
                        self.change(Change::Own {
                            client,
                            repository,
                            event,
                            record,
                            state: None,
                        });
                    }
                }
                StorageChange::Clear { repository } => self.cursor(client, repository, &Cursor::default()),
                StorageChange::DoubtSettled { .. } | StorageChange::PruneSettled { .. } => {}
            }
        }
    }

    /// All that a client's disk holds, where it may be another than what was told: after a crash, for a copy. Part of
    /// the last step.
    pub fn disk<'a>(
        &mut self,
        client: usize,
        cursors: impl IntoIterator<Item = (&'a RepositoryName, &'a Cursor)>,
        records: impl IntoIterator<Item = &'a StoredRecord>,
        own: impl IntoIterator<Item = &'a OwnEvent>,
    ) {
        self.change(Change::Forget { client });
        for (repository, cursor) in cursors {
            self.cursor(client, repository, cursor);
        }
        records.into_iter().for_each(|record| self.record(client, record));
        own.into_iter().for_each(|own| self.own(client, own));
    }

    fn cursor(&mut self, client: usize, repository: &RepositoryName, cursor: &Cursor) {
        if let Some(repository) = self.repository(repository) {
            let (after, generation) = (cursor.after.get(), cursor.generation);
            self.change(Change::Cursor {
                client,
                repository,
                after,
                generation,
            });
        }
    }

    fn record(&mut self, client: usize, stored: &StoredRecord) {
        let Some(repository) = self.repository(&stored.key.repository) else {
            return;
        };
        let data = stored.visible.as_ref().and_then(|state| state.data.as_ref());
        self.change(Change::Record {
            client,
            repository,
            record: stored.key.record.to_string(),
            data: data.map(|data| cut(data, Self::MAX_TEXT)),
            pending: stored.pending,
        });
    }

    fn own(&mut self, client: usize, own: &OwnEvent) {
        let Some(repository) = self.repository(&own.key.repository) else {
            return;
        };
        self.change(Change::Own {
            client,
            repository,
            event: own.id.to_string(),
            record: own.key.record.to_string(),
            state: Some(own_state(&own.state)),
        });
    }

    /// Events are durable in the server's store: part of the last step.
    pub fn appended(&mut self, repository: &RepositoryName, events: &EventBatch) {
        let Some(repository) = self.repository(repository) else {
            return;
        };
        for stored in events.iter() {
            let event = Json::parse(stored.text.to_owned()).ok();
            let event = event.and_then(|text| Event::read(&text).ok());
            let data = event.as_ref().and_then(|event| event.data.as_ref());
            self.change(Change::Log {
                repository,
                sequence: stored.sequence.get(),
                event: event.as_ref().map_or_else(String::new, |event| event.id.to_string()),
                record: event
                    .as_ref()
                    .map_or_else(String::new, |event| event.record_id.to_string()),
                data: data.map(|data| cut(data, Self::MAX_TEXT)),
            });
        }
    }

    /// The server's store is another one from here on: its epoch and where its logs end. Part of the last step.
    pub fn store<'a>(&mut self, epoch: &str, heads: impl IntoIterator<Item = (&'a RepositoryName, u64)>) {
        let epoch = epoch.to_owned();
        self.change(Change::Epoch { epoch });
        for (name, sequence) in heads {
            if let Some(repository) = self.repository(name) {
                self.change(Change::Head { repository, sequence });
            }
        }
    }
}

const fn own_state(state: &OwnState) -> &'static str {
    match state {
        OwnState::Pending => "pending",
        OwnState::Acked(_) => "acked",
        OwnState::Settled { .. } => "settled",
        OwnState::Doubted => "doubted",
        OwnState::Rejected { .. } => "rejected",
    }
}
