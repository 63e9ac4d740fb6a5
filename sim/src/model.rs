//! An independent, simple model of the server's logs and of what they fold into.
//!
//! It keeps every history that a repository ever had: a store that is replaced by an old backup begins a new one, while
//! clients may still apply what they received of the one before. Events are folded once, not once a client: what a
//! record is at a cursor is the last of its versions up to there, whoever asks.

mod envelope;
mod history;
mod names;

pub(crate) use envelope::read_event;
pub(crate) use history::History;
pub(crate) use names::Names;

use driftless_core::client::Policy;
use driftless_core::event::EventBatch;
use driftless_core::name::RepositoryName;
use std::sync::Arc;

/// All repositories.
#[derive(Debug)]
pub(crate) struct Model {
    repositories: Vec<Repository>,
}

/// One repository: its histories, and short numbers for the ids that occur in it.
#[derive(Debug)]
pub(crate) struct Repository {
    pub(crate) name: RepositoryName,
    pub(crate) policy: Arc<dyn Policy>,
    /// Ids of events.
    pub(crate) events: Names,
    /// Ids of records.
    pub(crate) records: Names,
    /// Oldest first; the last one is the store's.
    histories: Vec<History>,
}

/// Why an event cannot stand in a log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Its sequence does not follow the one before.
    Gap {
        /// The sequence that it has.
        sequence: u64,
        /// The sequence of the event before.
        head: u64,
    },
    /// Its id is in the log already.
    Repeated {
        /// The id.
        id: String,
        /// Where it is.
        first: u64,
    },
    /// It is no event.
    Unreadable(String),
}

impl Model {
    pub(crate) fn new(repositories: impl IntoIterator<Item = (RepositoryName, Arc<dyn Policy>)>) -> Self {
        let repositories = repositories.into_iter();
        Self {
            repositories: repositories
                .map(|(name, policy)| Repository::new(name, policy))
                .collect(),
        }
    }

    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.repositories
            .iter()
            .position(|repository| *repository.name == *name)
    }

    pub(crate) fn len(&self) -> usize {
        self.repositories.len()
    }

    pub(crate) fn repository(&self, index: usize) -> &Repository {
        &self.repositories[index]
    }

    pub(crate) fn repository_mut(&mut self, index: usize) -> &mut Repository {
        &mut self.repositories[index]
    }

    pub(crate) fn iter(&self) -> impl Iterator<Item = &Repository> {
        self.repositories.iter()
    }
}

impl Repository {
    fn new(name: RepositoryName, policy: Arc<dyn Policy>) -> Self {
        Self {
            name,
            policy,
            events: Names::default(),
            records: Names::default(),
            histories: vec![History::default()],
        }
    }

    #[cfg(test)]
    pub(crate) fn for_tests() -> Self {
        let name = RepositoryName::new("notes").expect("it is a name");
        Self::new(name, Arc::new(driftless_core::client::ServerOrder))
    }

    /// The store's history.
    pub(crate) fn log(&self) -> &History {
        self.histories.last().expect("there is one from the beginning")
    }

    /// All of them, oldest first.
    pub(crate) fn histories(&self) -> &[History] {
        &self.histories
    }

    /// Appends what became durable; the numbers of its events.
    pub(crate) fn append(&mut self, batch: &EventBatch) -> Result<Vec<u32>, Fault> {
        let texts = bytestring::ByteString::from(batch.text(0, batch.len()));
        let mut added = Vec::with_capacity(batch.len());
        for (text, event) in slices(&texts, batch).zip(batch.iter()) {
            added.push(self.append_event(event.sequence.get(), text)?);
        }
        Ok(added)
    }

    fn append_event(&mut self, sequence: u64, text: bytestring::ByteString) -> Result<u32, Fault> {
        let log = self.histories.last_mut().expect("there is one from the beginning");
        if sequence != log.len() + 1 {
            let head = log.len();
            return Err(Fault::Gap { sequence, head });
        }
        let Some(event) = read_event(&text) else {
            return Err(Fault::Unreadable(text.to_string()));
        };
        let id = self.events.intern(event.id.text());
        if let Some(first) = log.place(id) {
            let id = event.id.to_string();
            return Err(Fault::Repeated { id, first });
        }
        let record = self.records.intern(event.record_id.text());
        log.push(text, id, record, &event, &*self.policy);
        Ok(id)
    }

    /// The store has gone back to the first `head` events: another history begins.
    pub(crate) fn go_back(&mut self, head: u64) {
        let history = self.log().first(head);
        self.histories.push(history);
    }
}

/// The texts of a batch's events as slices of one buffer.
fn slices<'a>(
    texts: &'a bytestring::ByteString,
    batch: &'a EventBatch,
) -> impl Iterator<Item = bytestring::ByteString> + 'a {
    let mut start = 0;
    batch.iter().map(move |event| {
        let end = start + event.text.len();
        let slice = texts.slice_ref(&texts[start..end]);
        start = end + 1;
        slice
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use driftless_core::event::{EventBatchBuilder, Json, NewEvent, Sequence};

    fn batch(first: u64, events: &[(&str, &str)]) -> EventBatch {
        let mut builder = EventBatchBuilder::new(Sequence::new(first));
        for (id, record) in events {
            let text =
                format!(r#"{{"_event_id":"{id}","_operation":1,"_data_id":"{record}","_data":{{"of":"{id}"}}}}"#);
            builder.append(&NewEvent::read(&Json::parse(text).unwrap()).unwrap());
        }
        builder.build()
    }

    fn repository() -> Repository {
        Repository::for_tests()
    }

    #[test]
    fn a_record_at_a_cursor_is_its_last_version_up_to_there() {
        let mut repository = repository();
        repository
            .append(&batch(1, &[("a", "r"), ("b", "s"), ("c", "r")]))
            .unwrap();
        let r = repository.records.find("r").unwrap();
        let event_at = |cursor| {
            let state = repository.log().version(r, cursor);
            state.map(|state| state.event.to_string())
        };
        assert_eq!(
            [0, 1, 2, 3].map(event_at),
            [None, Some("a".into()), Some("a".into()), Some("c".into())]
        );
    }

    #[test]
    fn gaps_and_repeated_ids_are_faults() {
        let mut repository = repository();
        repository.append(&batch(1, &[("a", "r")])).unwrap();
        let gap = Fault::Gap { sequence: 3, head: 1 };
        assert_eq!(repository.append(&batch(3, &[("b", "r")])), Err(gap));
        let repeated = Fault::Repeated {
            id: "a".into(),
            first: 1,
        };
        assert_eq!(repository.append(&batch(2, &[("a", "r")])), Err(repeated));
    }

    #[test]
    fn going_back_keeps_the_old_history() {
        let mut repository = repository();
        repository.append(&batch(1, &[("a", "r"), ("b", "r")])).unwrap();
        repository.go_back(1);
        let b = repository.events.find("b").unwrap();
        assert_eq!(repository.log().place(b), None);
        assert_eq!(repository.histories()[0].place(b), Some(2));
        repository.append(&batch(2, &[("c", "r"), ("b", "r")])).unwrap();
        assert_eq!(repository.log().place(b), Some(3));
        let r = repository.records.find("r").unwrap();
        let at_two = |history: &History| history.version(r, 2).unwrap().event.to_string();
        assert_eq!(
            repository.histories().iter().map(at_two).collect::<Vec<_>>(),
            ["b", "c"]
        );
    }

    #[test]
    fn the_text_of_a_range_is_compared_event_by_event() {
        let mut repository = repository();
        let all = batch(1, &[("a", "r"), ("b", "r"), ("c", "r")]);
        repository.append(&all).unwrap();
        let log = repository.log();
        assert!(log.is_text(1, 3, all.text(1, 3)) && log.is_text(0, 3, all.text(0, 3)));
        assert!(!log.is_text(0, 3, all.text(1, 3)) && !log.is_text(1, 4, all.text(1, 3)));
        assert!(!log.is_text(1, 2, all.text(1, 3)) && log.is_text(2, 2, ""));
        assert_eq!(log.range_of(all.text(1, 3)), Some((1, 3)));
        assert_eq!(log.range_of(all.text(2, 3)), Some((2, 3)));
        assert_eq!(log.range_of(r#"{"serverSequence":9}"#), None);
    }
}
