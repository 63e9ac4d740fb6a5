//! What the server sends: acks (6.1), streams (6.2, 6.3), and how much of it waits (6.8).

use super::frame::{Pairs, ServerFrame, Text, ids, ids_by_repository, inside, sequences};
use super::link::{Down, Kind, Says};
use super::stream::Wrong;
use super::{Checks, Invariant, Link};
use crate::known::Known;
use bytestring::ByteString;
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// Frames of streams that were looked at already: one frame goes to many connections.
pub(super) type Looked = Known<Says>;

/// The codes of kinds of frames in digests.
const EVENTS: u64 = 1;
const ACK: u64 = 2;
const COMPLETE: u64 = 3;
const CHANGED: u64 = 4;
const ERROR: u64 = 5;

impl Checks {
    pub(super) fn sent_down(&mut self, id: Link, frame: &ByteString) {
        let is_open = self.links.get(&id).is_some_and(|link| link.server_is_open);
        self.verdict.check(Invariant::MachineContract, is_open, || {
            format!("a session sends on connection {id}, which is closed")
        });
        if !is_open {
            return;
        }
        let known = self.looked.find(frame.as_bytes()).copied();
        let (says, is_stream) = match known {
            Some(says) => {
                // The same text as when it was compared with the log: it counts on every connection.
                self.verdict.counts.count(Invariant::DenseSequences);
                self.streamed(id, says);
                (says, true)
            }
            None => self.look_down(id, frame),
        };
        let Some(link) = self.links.get_mut(&id) else { return };
        if matches!(says, Says::Events { .. }) {
            let (waiting, limit) = (link.output.stream, self.server.stream_bytes.max(1));
            self.verdict.check(Invariant::BoundedQueues, waiting < limit, || {
                format!("connection {id} is given events while {waiting} bytes of its streams wait, of {limit}")
            });
        }
        link.output.sent(frame.len(), is_stream);
        if link.client_is_open {
            let frame = frame.clone();
            link.down.push_back(Down { frame, says });
        }
    }

    /// Looks at a frame for the first time; what it says, and whether the hub and not the session made it.
    fn look_down(&mut self, id: Link, frame: &ByteString) -> (Says, bool) {
        let Some(said) = ServerFrame::read(frame) else {
            self.verdict.fail(
                Invariant::MachineContract,
                format!("the server sends no message: {frame}"),
            );
            return (Says::Other, false);
        };
        let repository = said.repository.as_ref().and_then(|name| self.model.find(name));
        match &*said.kind {
            "events" => (self.events(id, frame, &said, repository), true),
            "ack" => (self.ack(id, &said), false),
            "error" => (self.error(id, &said, repository), false),
            "sync_complete" => (self.complete(id, &said, repository), true),
            "history_changed" => (self.changed(id, &said, repository), true),
            "auth_success" => {
                let kind = if said.protocol == Some(1) {
                    Kind::Extended
                } else {
                    Kind::Plain
                };
                self.links.get_mut(&id).into_iter().for_each(|link| link.welcome(kind));
                (Says::Welcome, false)
            }
            _ => (Says::Other, false),
        }
    }

    fn events(&mut self, id: Link, frame: &ByteString, said: &ServerFrame<'_>, repository: Option<usize>) -> Says {
        let (Some(repository), Some(events)) = (repository, said.events) else {
            self.verdict
                .fail(Invariant::DenseSequences, format!("events of no repository: {frame}"));
            return Says::Other;
        };
        let Some(link) = self.links.get(&id) else {
            return Says::Other;
        };
        let is_extended = link.peer == Some(Kind::Extended);
        let is_read = is_extended && said.reference.is_some();
        let is_whole = !is_read && !link.streams[repository].is_loose();
        let text = inside(events);
        let range = if is_extended { said.after.zip(said.last) } else { None };
        let Some((after, last)) = self.range(repository, text, range, is_whole) else {
            let log = self.model.repository(repository).log();
            let message = format!(
                "connection {id} is sent what is not the log (head {}): {frame}",
                log.len()
            );
            self.verdict.fail(Invariant::DenseSequences, message);
            return Says::Other;
        };
        self.verdict.counts.count(Invariant::DenseSequences);
        if is_read {
            return Says::Other;
        }
        if !is_extended {
            self.one_spelling(repository, after, last);
        }
        let says = Says::Events {
            repository,
            after,
            last,
        };
        if is_whole {
            self.looked.keep(frame, says);
        }
        self.streamed(id, says);
        says
    }

    /// Which events of the log a frame holds: all of (after, last], or only some of it in answers that may leave some
    /// out.
    fn range(&self, repository: usize, text: &str, range: Option<(u64, u64)>, is_whole: bool) -> Option<(u64, u64)> {
        let model = self.model.repository(repository);
        let log = model.log();
        match range {
            Some((after, last)) if log.is_text(after, last, text) && !text.is_empty() => return Some((after, last)),
            Some(_) if is_whole => return None,
            None => {
                if let Some(range) = log.range_of(text) {
                    return Some(range);
                }
            }
            Some(_) => {}
        }
        if is_whole {
            return None;
        }
        let list = format!("[{text}]");
        let events: Vec<&RawValue> = serde_json::from_str(&list).ok()?;
        let (mut first, mut place) = (None, 0);
        for event in events {
            let (_, at) = log.range_of(event.get())?;
            first = first.or(Some(at));
            place = Some(at).filter(|at| *at > place)?;
        }
        let (from, until) = range.unwrap_or((first? - 1, place));
        (from < first? && place <= until && until <= log.len()).then_some((from, until))
    }

    /// The published client drops the rest of a frame at the first event that it cannot read.
    fn one_spelling(&mut self, repository: usize, after: u64, last: u64) {
        let events = self.model.repository(repository).log().events(after, last);
        let first = events.first().is_some_and(|event| is_for_package(&event.text));
        let holds = events.iter().all(|event| is_for_package(&event.text) == first);
        self.verdict.check(Invariant::OrderedDelivery, holds, || {
            format!("a frame to a plain peer mixes spellings in ({after}, {last}]")
        });
    }

    /// A frame of a stream is sent, looked at or known.
    fn streamed(&mut self, id: Link, says: Says) {
        let (
            Says::Events {
                repository,
                after,
                last,
            },
            Some(link),
        ) = (says, self.links.get_mut(&id))
        else {
            return;
        };
        link.mix(0, [EVENTS, repository as u64, after, last]);
        let log = self.model.repository(repository).log();
        let result = link.streams[repository].moves(after, last, log);
        self.judge(id, repository, result);
    }

    fn judge(&mut self, id: Link, repository: usize, result: Result<(), Wrong>) {
        self.verdict.counts.count(Invariant::OrderedDelivery);
        let Err(wrong) = result else { return };
        let client = self.links.get(&id).map_or(0, |link| link.client);
        let name = &self.model.repository(repository).name;
        let (invariant, message) = match wrong {
            Wrong::Order(message) => (Invariant::OrderedDelivery, message),
            Wrong::History(message) => (Invariant::ChangedHistoryNoticed, message),
        };
        let message = format!("connection {id} of client {client}, {name}: {message}");
        self.verdict.fail(invariant, message);
    }

    fn complete(&mut self, id: Link, said: &ServerFrame<'_>, repository: Option<usize>) -> Says {
        let (Some(repository), Some(last), Some(link)) = (repository, said.last, self.links.get_mut(&id)) else {
            return Says::Other;
        };
        link.mix(0, [COMPLETE, repository as u64, last, 0]);
        let log = self.model.repository(repository).log();
        let reference = said.reference.map(RawValue::get);
        let result = link.streams[repository].completes(reference, last, log);
        self.judge(id, repository, result);
        Says::Other
    }

    fn changed(&mut self, id: Link, said: &ServerFrame<'_>, repository: Option<usize>) -> Says {
        let (Some(repository), Some(link)) = (repository, self.links.get_mut(&id)) else {
            return Says::Other;
        };
        link.mix(0, [CHANGED, repository as u64, 0, 0]);
        let reference = said.reference.map(RawValue::get);
        let result = link.streams[repository].changed(reference);
        self.verdict.counts.count(Invariant::ChangedHistoryNoticed);
        self.judge(id, repository, result);
        Says::Changed { repository }
    }

    /// Everything that an ack names is durable, at the place that it says.
    fn ack(&mut self, id: Link, said: &ServerFrame<'_>) -> Says {
        let mut named: Vec<(usize, u32)> = Vec::new();
        for (name, pairs) in sequences(said.sequences) {
            self.acked_at(&name, &pairs, &mut named);
        }
        for (name, list) in ids_by_repository(said.repositories) {
            let Some(repository) = self.model.find(&name.0) else {
                continue;
            };
            for (nth, event) in list.iter().enumerate() {
                self.acked_in(repository, nth, event, &mut named);
            }
        }
        for event in ids(said.event_ids) {
            let is_there = self.model.iter().any(|repository| {
                let number = repository.events.find(&event.0);
                number.is_some_and(|number| repository.log().place(number).is_some())
            });
            self.verdict.check(Invariant::DurableAck, is_there, || {
                format!("connection {id} is acked {}, which is not durable", event.0)
            });
        }
        let count = named.len();
        if let Some(link) = self.links.get_mut(&id) {
            link.mix(0, [ACK, count as u64, 0, 0]);
            if link.client_is_open {
                link.named.extend(named);
            }
        }
        Says::Ack { count }
    }

    fn acked_at(&mut self, name: &Text<'_>, pairs: &Pairs<'_, u64>, named: &mut Vec<(usize, u32)>) {
        let Some(repository) = self.model.find(&name.0) else {
            return;
        };
        for (event, sequence) in &pairs.0 {
            let model = self.model.repository(repository);
            let number = model.events.find(&event.0);
            let place = number.and_then(|number| model.log().place(number));
            self.verdict.check(Invariant::DurableAck, place == Some(*sequence), || {
                format!(
                    "{} is acked at {sequence} of {}, and the durable log has it at {place:?}",
                    event.0, name.0
                )
            });
            named.extend(number.map(|number| (repository, number)));
        }
    }

    /// The `nth` of the ids that an ack lists, which most often is the `nth` of those whose places it says.
    fn acked_in(&mut self, repository: usize, nth: usize, event: &Text<'_>, named: &mut Vec<(usize, u32)>) {
        let model = self.model.repository(repository);
        let number = model.events.find(&event.0);
        let is_there = number.is_some_and(|number| model.log().place(number).is_some());
        self.verdict.check(Invariant::DurableAck, is_there, || {
            format!("{} of {} is acked, and is not durable", event.0, model.name)
        });
        if let Some(number) = number {
            let it = (repository, number);
            if named.get(nth) != Some(&it) && !named.contains(&it) {
                named.push(it);
            }
        }
    }

    fn error(&mut self, id: Link, said: &ServerFrame<'_>, repository: Option<usize>) -> Says {
        let events = ids(said.event_ids);
        let Some(link) = self.links.get_mut(&id) else {
            return Says::Other;
        };
        link.mix(0, [ERROR, events.len() as u64, 0, 0]);
        if events.is_empty() {
            let is_forbidden = said.code.as_deref() == Some("forbidden");
            return match repository {
                Some(repository) if is_forbidden => Says::Forbidden { repository },
                _ => Says::Other,
            };
        }
        let Some(repository) = repository else {
            return Says::Other;
        };
        let model = self.model.repository(repository);
        let numbers = events.iter().filter_map(|event| model.events.find(&event.0));
        let named: Vec<_> = numbers.map(|number| (repository, number)).collect();
        let (count, is_final) = (named.len(), said.retryable == Some(false));
        if link.client_is_open {
            link.named.extend(named);
        }
        Says::Refusal { count, is_final }
    }

    /// The store is another one: what was looked at may not be in it.
    pub(super) fn forget_looked(&mut self) {
        self.looked = Looked::new();
    }
}

/// Whether the published client can read an event: all of its envelope in the package's spelling, data that is an
/// object, or for a delete a record id that is a text.
fn is_for_package(text: &str) -> bool {
    if !text.starts_with("{\"_event_id\":") {
        return false;
    }
    // Raw: data may hold numbers that no type has.
    let event: BTreeMap<&str, &RawValue> = serde_json::from_str(text).unwrap_or_default();
    let raw = |field: &str| event.get(field).map_or("null", |value| value.get());
    let has_subject = match raw("_operation") {
        "null" => false,
        "2" | "\"delete\"" => raw("_data_id").starts_with('"'),
        _ => raw("_data").starts_with('{'),
    };
    has_subject && raw("_created_at") != "null"
}
