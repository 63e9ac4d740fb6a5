//! What applications and hosts ask of clients beside writes. Peers that are not ours know none of it.

use super::client_node::{ClientNode, Standing};
use super::incidents::change;
use super::{Due, World, after};
use crate::model::read_event;
use crate::scenario::{Change, StrategyPlan};
use driftless_core::client::{ClientInput, OwnEvent, OwnState, RequestId, Write};
use driftless_core::event::EventId;
use driftless_core::name::RepositoryName;

/// How often, in microseconds, an application asks a client that does not connect by itself, once the faults have ended.
const ROUNDS: u64 = 15_000_000;

impl World<'_> {
    /// One of our clients that runs and was not told to stop.
    fn asked(&mut self, client: usize) -> Option<&mut ClientNode> {
        let node = self.clients.get_mut(client)?;
        (node.machine.is_some() && node.standing == Standing::Up).then_some(node)
    }

    /// An application looks for what was refused for good, and dismisses it. Where there is nothing it is mistaken, and
    /// means its newest event.
    pub(super) fn dismiss(&mut self, client: usize, again: bool) {
        let now = self.scheduler.now();
        let names = self.repositories.clone();
        let Some(node) = self.asked(client) else { return };
        let own = names
            .iter()
            .enumerate()
            .flat_map(|(index, name)| node.disk.own(name).map(move |own| (index, own)));
        let (mut refused, mut newest) = (Vec::new(), None::<(usize, OwnEvent)>);
        for (index, own) in own {
            if matches!(own.state, OwnState::Rejected { .. }) {
                refused.push((index, own.clone()));
            }
            if newest.as_ref().is_none_or(|(_, newest)| newest.local < own.local) {
                newest = Some((index, own.clone()));
            }
        }
        if refused.is_empty() {
            refused.extend(newest);
        }
        if refused.is_empty() {
            return;
        }
        let changes = refused.iter().filter(|_| again);
        let changes = changes.filter_map(|(index, own)| change(&names, &made_again(*index, own)?));
        node.requests += 1;
        let write = Write {
            request: RequestId(node.requests),
            wall: node.wall(now),
            changes: changes.collect(),
            dismiss: refused.iter().map(|(_, own)| named(own)).collect(),
        };
        self.client(client, ClientInput::Write(write));
    }

    /// An application gives up what a client has of a repository.
    pub(super) fn clear(&mut self, client: usize, repository: usize) {
        let name = self.repositories.get(repository).cloned();
        if let Some(repository) = name.filter(|_| self.asked(client).is_some()) {
            self.client(client, ClientInput::Clear { repository });
        }
    }

    /// An application wants everything read and pushed.
    pub(super) fn sync_now(&mut self, client: usize) -> bool {
        let is_there = self.asked(client).is_some();
        if is_there {
            self.client(client, ClientInput::SyncNow);
        }
        is_there
    }

    /// A host sees the network go.
    pub(super) fn no_network(&mut self, client: usize, micros: u64) -> bool {
        let until = after(self.scheduler.now(), micros);
        let Some(node) = self.asked(client) else {
            return false;
        };
        node.no_network_until = node.no_network_until.max(until);
        let until = node.no_network_until;
        self.scheduler.at(until, Due::NetworkBack(client));
        self.client(client, ClientInput::Connectivity(false));
        true
    }

    /// A host sees the network come, unless it has gone again.
    pub(super) fn network_is_back(&mut self, client: usize) {
        let now = self.scheduler.now();
        if self.asked(client).is_some_and(|node| node.no_network_until <= now) {
            self.client(client, ClientInput::Connectivity(true));
        }
    }

    /// Once the faults have ended, the application of a client that waits to be told tells it.
    pub(super) fn ask_for_round(&mut self, client: usize) {
        match self.scenario.clients[client].strategy {
            StrategyPlan::RealTime | StrategyPlan::Every(_) => return,
            StrategyPlan::OnConnectivity => self.network_is_back(client),
            StrategyPlan::OnDemand => {
                self.sync_now(client);
            }
        }
        self.scheduler
            .at(after(self.scheduler.now(), ROUNDS), Due::Round(client));
    }
}

fn named(own: &OwnEvent) -> (RepositoryName, EventId) {
    (own.key.repository.clone(), own.id.clone())
}

/// The change that an event has made, to be made once more.
fn made_again(repository: usize, own: &OwnEvent) -> Option<Change> {
    let event = read_event(own.body.text())?;
    Some(Change {
        repository,
        record: event.record_id.to_string(),
        data: event.data.map(|data| data.to_string()),
    })
}
