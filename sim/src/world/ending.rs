//! How a run ends: the faults end, nobody writes any more, and everyone has to become equal and idle.

use super::World;
use super::client_node::{ClientNode, Standing};
use crate::check::ClientEnd;
use crate::scenario::Scenario;
use driftless_core::Instant;

impl World<'_> {
    /// Every fault ends: networks, stores and authorities work, everyone who has not left is up, awake, and has good
    /// credentials for everything.
    pub(super) fn heal(&mut self) {
        let now = self.scheduler.now();
        self.healed = true;
        if let Some(tape) = self.recorder.tape() {
            tape.healed(now);
        }
        self.agenda.end();
        self.triggered.clear();
        self.network.heal(&mut self.scheduler);
        let server = &mut self.server;
        (server.store_fails_until, server.untold_until, server.auth_away_until) = (now, now, now);
        server.unknown_commits = 0;
        self.tell_commits();
        self.server_comes_back();
        for client in 0..self.clients.len() {
            self.heal_client(client);
        }
    }

    fn heal_client(&mut self, index: usize) {
        let now = self.scheduler.now();
        let had_network = self.clients[index].no_network_until <= now;
        self.clients[index].no_network_until = Instant::ZERO;
        let node = &mut self.clients[index];
        node.disk_failures = 0;
        let renew = node.bad_until > now || node.narrow || node.granted_narrow;
        node.bad_until = node.bad_until.min(now);
        node.narrow = false;
        match node.standing {
            Standing::New if self.scenario.clients[index].joins_at.is_some() => self.join(index),
            Standing::Down => self.start_client(index),
            Standing::Stopping(Some(_)) => node.standing = Standing::Stopping(Some(0)),
            _ => {}
        }
        self.wake_client(index);
        if renew {
            self.give_credentials(index);
        }
        if !had_network {
            self.network_is_back(index);
        }
        self.ask_for_round(index);
    }

    /// The time to become equal and idle is over.
    pub(super) fn time_is_over(&mut self) {
        self.over = true;
        self.check_peers();
        let (now, idle, ends) = (self.scheduler.now(), self.is_idle(), ends(self.scenario, &self.clients));
        if self.broken.is_none() {
            self.checks.not_settled(now, &ends, idle);
        }
    }

    /// Whether everyone is equal and idle; if so, everything is compared with the model.
    pub(super) fn settled(&mut self) -> bool {
        // A cheap look first: this is asked at every moment.
        if !self.is_idle() {
            return false;
        }
        let ends = ends(self.scenario, &self.clients);
        let settled = self.peers_are_settled() && self.checks.is_settled(&ends, true);
        if settled {
            self.checks.settled(self.scheduler.now(), &ends);
            self.check_peers();
        }
        settled
    }

    /// Whether nothing is under way in network, disks and store, and everyone who has to be there is.
    fn is_idle(&self) -> bool {
        let stands = |standing| matches!(standing, Standing::Stopping(_) | Standing::Down);
        self.under_way == 0
            && self.server.running.is_some()
            && self.network.is_idle()
            && !self.clients.iter().any(|node| stands(node.standing))
    }
}

/// The clients that run, as the end of a run looks at them.
fn ends<'a>(scenario: &Scenario, clients: &'a [ClientNode]) -> Vec<ClientEnd<'a>> {
    let clients = clients.iter().enumerate();
    let end = |(index, node): (usize, &'a ClientNode)| {
        let is_real_time = scenario.clients[index].strategy.is_real_time();
        Some(ClientEnd::of(index, node.machine.as_ref()?, is_real_time, &node.disk))
    };
    clients.filter_map(end).collect()
}
