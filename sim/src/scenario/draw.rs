//! Drawing a scenario from a seed.

use super::calendar::{Calendar, SECOND};
use super::incidents::Incidents;
use super::nodes::{Nodes, PERIOD_MAX};
use super::profile::Pace;
use super::workload::{self, Mixed, Workload};
use super::{Incident, NetworkPlan, Profile, Scenario, What, When, swarm};
use crate::fault::Fault;
use crate::random::Random;

/// How long everyone has to be equal and idle, beside the time that bytes take: a heartbeat interval and timeout
/// (32 s), the timeouts of a connect and of an `auth` under way (30 s each), one capped reconnect delay (60 s), one
/// capped delay before the outbox is sent again (60 s), and half a minute for slow disks.
const SETTLE: u64 = 242 * SECOND;
/// How often the same bytes may have to travel to the same node before all is well: after a cut, for a history that
/// has changed, and in frames around the events.
const COPIES: u64 = 6;

impl Scenario {
    /// The scenario of a seed. The same seed and profile make the same one.
    pub fn draw(seed: u64, profile: &Profile) -> Self {
        Self::draw_with(seed, profile, None)
    }

    /// The scenario of a seed, in which applications write what `workload` says.
    pub fn draw_with(seed: u64, profile: &Profile, workload: Option<&Workload<'_>>) -> Self {
        let faults = swarm::faults(seed, profile);
        let writes = Random::new(seed, "writes", 0).between(*profile.writes.start(), *profile.writes.end());
        let most_clients = *profile.clients.end();
        let calendar = match profile.pace {
            Pace::Bursts => Calendar::bursts(&mut Random::new(seed, "calendar", 0)),
            Pace::Steady(rate) => Calendar::steady(2 * SECOND + writes / most_clients.max(1) * SECOND / rate.max(1)),
        };
        let nodes = Nodes {
            seed,
            profile,
            faults: &faults,
            calendar: &calendar,
        };
        let mut scenario = Self {
            seed,
            profile: profile.name().into(),
            repositories: nodes.repositories(),
            server: nodes.server(),
            clients: nodes.clients(),
            network: nodes.network(),
            incidents: Vec::new(),
            heal_at: calendar.end() + SECOND,
            settle_within: 0,
            faults,
        };
        scenario.incidents = scenario.happenings(writes, profile.pace, &calendar, workload);
        scenario.settle_within = SETTLE + transfer(&scenario.network, &scenario.incidents);
        if scenario.faults.contains(&Fault::Rounds) {
            // What is pushed in one round is read in the next one of another client.
            scenario.settle_within += 3 * PERIOD_MAX;
        }
        scenario
    }

    /// Writes and incidents, in order of time; those that wait for something first.
    fn happenings(
        &self,
        writes: u64,
        pace: Pace,
        calendar: &Calendar,
        workload: Option<&Workload<'_>>,
    ) -> Vec<Incident> {
        let mut incidents = self.writes(writes, pace, calendar, workload);
        let others = Incidents {
            seed: self.seed,
            faults: &self.faults,
            calendar,
            clients: &self.clients,
            repositories: self.repositories.len(),
            writes,
        };
        incidents.extend(others.draw());
        incidents.sort_by_key(|incident| match incident.when {
            When::At(at) => at,
            _ => 0,
        });
        incidents
    }

    fn writes(&self, count: u64, pace: Pace, calendar: &Calendar, workload: Option<&Workload<'_>>) -> Vec<Incident> {
        let shared = self.faults.contains(&Fault::Conflict);
        let mixed = Mixed {
            repositories: &self.repositories,
            shared,
            records: Random::new(self.seed, "records", 0).between(1, if shared { 4 } else { 12 }),
        };
        let mixed = |random: &mut Random, client: usize| mixed.changes(random, client);
        match (pace, workload) {
            (Pace::Steady(rate), workload) => {
                let (clients, each) = (self.clients.len(), count / self.clients.len().max(1) as u64);
                let workload = workload.unwrap_or(&workload::measured);
                workload::steady(self.seed, clients, each, SECOND / rate.max(1), workload)
            }
            (Pace::Bursts, workload) => {
                let workload = workload.unwrap_or(&mixed);
                workload::drawn(self.seed, count, &self.clients, workload, |random| calendar.any(random))
            }
        }
    }
}

/// How long all that is written takes to reach every client over the network, at worst.
fn transfer(network: &NetworkPlan, incidents: &[Incident]) -> u64 {
    let Some(bandwidth) = network.bandwidth else { return 0 };
    let size = |incident: &Incident| match &incident.what {
        What::Write(_, changes) => changes
            .iter()
            .map(|change| 300 + change.data.as_ref().map_or(0, String::len))
            .sum(),
        _ => 0,
    };
    let bytes: usize = incidents.iter().map(size).sum();
    (bytes as u64).saturating_mul(COPIES * SECOND) / bandwidth.max(1)
}
