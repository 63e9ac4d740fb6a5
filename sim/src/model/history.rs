//! One history of a repository: its events, and what its records were after each.

use bytestring::ByteString;
use driftless_core::client::{Policy, State};
use driftless_core::event::{Event, Sequence};

/// What stands before the last number of an event's text.
const SEQUENCE: &str = "\"serverSequence\":";

/// One history of a repository.
#[derive(Clone, Debug, Default)]
pub(crate) struct History {
    events: Vec<Logged>,
    /// By the number of an event's id: its sequence, or zero.
    places: Vec<u64>,
    /// By the number of a record's id: its states, each after one more of its events.
    versions: Vec<Vec<State>>,
}

/// One event in its place.
#[derive(Clone, Debug)]
pub(crate) struct Logged {
    /// As it is stored and sent.
    pub(crate) text: ByteString,
    /// The number of its id.
    pub(crate) id: u32,
    /// The number of its record's id.
    pub(crate) record: u32,
}

impl History {
    /// How many events it has, which is the sequence of the last.
    pub(crate) fn len(&self) -> u64 {
        self.events.len() as u64
    }

    /// The event at a sequence.
    pub(crate) fn event(&self, sequence: u64) -> Option<&Logged> {
        self.events.get(index(sequence.checked_sub(1)?))
    }

    /// The events behind `after`, up to `last`; fewer if there are not so many.
    pub(crate) fn events(&self, after: u64, last: u64) -> &[Logged] {
        let last = index(last).min(self.events.len());
        &self.events[index(after).min(last)..last]
    }

    /// Where an event is.
    pub(crate) fn place(&self, id: u32) -> Option<u64> {
        self.places.get(id as usize).copied().filter(|place| *place > 0)
    }

    /// Whether both begin with the same `cursor` events.
    pub(crate) fn is_alike(&self, other: &Self, cursor: u64) -> bool {
        let (one, other) = (self.events(0, cursor), other.events(0, cursor));
        one.len() as u64 == cursor
            && other.len() as u64 == cursor
            && one.iter().zip(other).rev().all(|(one, other)| one.id == other.id)
    }

    /// What a record is after the first `cursor` events.
    pub(crate) fn version(&self, record: u32, cursor: u64) -> Option<&State> {
        let versions = self.versions.get(record as usize)?;
        let cursor = Some(Sequence::new(cursor));
        if versions.last().is_some_and(|last| last.sequence <= cursor) {
            return versions.last();
        }
        let count = versions.partition_point(|state| state.sequence <= cursor);
        versions.get(count.checked_sub(1)?)
    }

    /// The numbers of the records that the first `cursor` events made.
    pub(crate) fn records(&self, cursor: u64) -> impl Iterator<Item = u32> {
        let cursor = Some(Sequence::new(cursor));
        let made = move |versions: &Vec<State>| versions.first().is_some_and(|first| first.sequence <= cursor);
        (0u32..)
            .zip(&self.versions)
            .filter(move |(_, versions)| made(versions))
            .map(|(record, _)| record)
    }

    /// Whether this is the text of the events behind `after` up to `last`, with commas between them.
    pub(crate) fn is_text(&self, after: u64, last: u64, text: &str) -> bool {
        if last > self.len() || after > last {
            return false;
        }
        let mut rest = text.as_bytes();
        for (nth, event) in self.events(after, last).iter().enumerate() {
            if nth > 0 {
                let Some(behind) = rest.strip_prefix(b",") else {
                    return false;
                };
                rest = behind;
            }
            let Some(behind) = rest.strip_prefix((*event.text).as_bytes()) else {
                return false;
            };
            rest = behind;
        }
        rest.is_empty()
    }

    /// The range (after, last] whose text this is, if there is one and it is not empty.
    pub(crate) fn range_of(&self, text: &str) -> Option<(u64, u64)> {
        let last = last_sequence(text)?;
        let mut left = text.len().checked_add(1)?;
        let mut after = last;
        while left > 0 {
            let event = self.event(after)?;
            left = left.checked_sub(event.text.len() + 1)?;
            after -= 1;
        }
        self.is_text(after, last, text).then_some((after, last))
    }

    pub(super) fn push(&mut self, text: ByteString, id: u32, record: u32, event: &Event, policy: &dyn Policy) {
        self.events.push(Logged { text, id, record });
        let sequence = self.len();
        *slot(&mut self.places, id) = sequence;
        let versions = slot(&mut self.versions, record);
        let mut state = policy.fold(versions.last(), event);
        state.sequence = Some(Sequence::new(sequence));
        versions.push(state);
    }

    /// Its first `head` events.
    pub(super) fn first(&self, head: u64) -> Self {
        let keep = |place: &u64| if *place <= head { *place } else { 0 };
        let until = Some(Sequence::new(head));
        let versions = self.versions.iter().map(|versions| {
            let count = versions.partition_point(|state| state.sequence <= until);
            versions[..count].to_vec()
        });
        Self {
            events: self.events(0, head).to_vec(),
            places: self.places.iter().map(keep).collect(),
            versions: versions.collect(),
        }
    }
}

fn index(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

fn slot<T: Default + Clone>(items: &mut Vec<T>, number: u32) -> &mut T {
    let index = number as usize;
    if items.len() <= index {
        items.resize_with(index + 1, T::default);
    }
    &mut items[index]
}

/// The sequence that the last event of a list says it has: servers write it as the last field.
fn last_sequence(text: &str) -> Option<u64> {
    let start = text.rfind(SEQUENCE)? + SEQUENCE.len();
    text[start..].strip_suffix('}')?.parse().ok()
}
