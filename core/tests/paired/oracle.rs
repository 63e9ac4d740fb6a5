//! What everybody has to agree on in the end.

use crate::client_host::repository;
use crate::world::World;
use driftless_core::client::State;
use driftless_core::event::{Event, EventId, Json};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

impl World {
    /// Runs until every running client has read the whole log of these repositories and pushed its outbox, and then
    /// checks that it is so.
    pub(crate) fn converge(&mut self, names: &[&str], limit: Duration) {
        let names = names.to_vec();
        self.run_until(limit, "everyone is current", |world| world.is_current(&names));
        self.assert_converged(&names);
    }

    fn is_current(&self, names: &[&str]) -> bool {
        let running = self.clients.iter().filter(|node| node.machine.is_some());
        let mut pairs = running.flat_map(|node| names.iter().map(move |name| (node, repository(name))));
        pairs.all(|(node, name)| {
            let cursor = node.disk.cursor(&name);
            let head = self.store.log(&name).len() as u64;
            node.writing == 0 && node.disk.layer(&name).is_empty() && cursor.after.get() == head && !cursor.refolding
        })
    }

    fn assert_converged(&self, names: &[&str]) {
        for name in names {
            for (index, node) in self
                .clients
                .iter()
                .enumerate()
                .filter(|(_, node)| node.machine.is_some())
            {
                let folded = self.folded(index, name);
                assert_eq!(node.disk.visible(&repository(name)), folded, "client {index}, {name}");
            }
            let ids: Vec<_> = self.ids(name);
            let distinct: BTreeSet<_> = ids.iter().collect();
            assert_eq!(ids.len(), distinct.len(), "an event is stored once");
        }
    }

    /// The ids of a log, in order.
    pub(crate) fn ids(&self, name: &str) -> Vec<EventId> {
        self.store
            .log(&repository(name))
            .iter()
            .map(|stored| stored.id.clone())
            .collect()
    }

    /// The events of a log, in order.
    pub(crate) fn events(&self, name: &str) -> Vec<Event> {
        let log = self.store.log(&repository(name));
        log.iter()
            .map(|stored| Event::read(&Json::parse(stored.text.clone()).unwrap()).unwrap())
            .collect()
    }

    /// The slow way to what a client shows: the fold of the whole log under its policy.
    pub(crate) fn folded(&self, client: usize, name: &str) -> BTreeMap<String, String> {
        let configs = &self.clients[client].config.repositories;
        let policy = &configs.iter().find(|config| &*config.name == name).unwrap().policy;
        let mut records: BTreeMap<String, State> = BTreeMap::new();
        for event in self.events(name) {
            let record = event.record_id.to_string();
            let state = policy.fold(records.get(&record), &event);
            records.insert(record, state);
        }
        let data = |state: State| state.data.map(|data| data.to_string());
        records
            .into_iter()
            .filter_map(|(record, state)| Some((record, data(state)?)))
            .collect()
    }
}
