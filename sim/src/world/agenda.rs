//! Which incident happens next: those with a time are walked in order, the others wait for what triggers them.

use crate::scenario::{Incident, When};
use driftless_core::Instant;
use std::collections::BTreeMap;

/// What an incident may wait for, without its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Trigger {
    ClientCommit(usize),
    ServerCommit,
    ClientFrame(usize),
    ServerFrame(usize),
}

/// The incidents of a scenario, by index. Those that have a time are not on the scheduler's heap: there may be many.
#[derive(Debug)]
pub(super) struct Agenda {
    /// By time, then by place in the scenario; walked from the front.
    timed: Vec<(Instant, usize)>,
    next: usize,
    triggered: BTreeMap<Trigger, BTreeMap<u64, Vec<usize>>>,
}

impl Agenda {
    pub(super) fn new(incidents: &[Incident]) -> Self {
        let mut agenda = Self {
            timed: Vec::new(),
            next: 0,
            triggered: BTreeMap::new(),
        };
        for (index, incident) in incidents.iter().enumerate() {
            agenda.add(index, incident.when);
        }
        agenda.timed.sort();
        agenda
    }

    fn add(&mut self, index: usize, when: When) {
        let (trigger, number) = match when {
            When::At(micros) => return self.timed.push((Instant::from_micros(micros), index)),
            When::ClientCommit(client, number) => (Trigger::ClientCommit(client), number),
            When::ServerCommit(number) => (Trigger::ServerCommit, number),
            When::ClientFrame(client, number) => (Trigger::ClientFrame(client), number),
            When::ServerFrame(client, number) => (Trigger::ServerFrame(client), number),
        };
        let numbers = self.triggered.entry(trigger).or_default();
        numbers.entry(number).or_default().push(index);
    }

    /// When the next incident with a time is due.
    pub(super) fn next_at(&self) -> Option<Instant> {
        self.timed.get(self.next).map(|(at, _)| *at)
    }

    /// Takes it.
    pub(super) fn pop(&mut self) -> Option<usize> {
        let (_, index) = self.timed.get(self.next)?;
        self.next += 1;
        Some(*index)
    }

    /// Whether something waits for this count of a trigger.
    pub(super) fn waits_for(&self, trigger: Trigger, number: u64) -> bool {
        let numbers = self.triggered.get(&trigger);
        numbers.is_some_and(|numbers| numbers.contains_key(&number))
    }

    /// Takes what waits for this count of a trigger.
    pub(super) fn trigger(&mut self, trigger: Trigger, number: u64) -> Vec<usize> {
        let numbers = self.triggered.get_mut(&trigger);
        numbers.and_then(|numbers| numbers.remove(&number)).unwrap_or_default()
    }

    /// Nothing happens any more.
    pub(super) fn end(&mut self) {
        self.next = self.timed.len();
        self.triggered.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::What;

    #[test]
    fn incidents_come_by_time_and_place_or_by_their_trigger() {
        let incident = |when| Incident {
            when,
            what: What::Backup,
        };
        let incidents = [
            incident(When::At(9)),
            incident(When::ClientFrame(1, 3)),
            incident(When::At(2)),
            incident(When::At(2)),
        ];
        let mut agenda = Agenda::new(&incidents);
        assert_eq!(agenda.next_at(), Some(Instant::from_micros(2)));
        assert_eq!(
            (agenda.pop(), agenda.pop(), agenda.pop(), agenda.pop()),
            (Some(2), Some(3), Some(0), None)
        );
        assert!(agenda.waits_for(Trigger::ClientFrame(1), 3) && !agenda.waits_for(Trigger::ClientFrame(1), 2));
        assert_eq!(agenda.trigger(Trigger::ClientFrame(1), 3), [1]);
        assert!(agenda.trigger(Trigger::ClientFrame(1), 3).is_empty());
    }
}
