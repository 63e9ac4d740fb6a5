//! Small worlds, written by hand.

mod calm;
mod clients;
mod connections;
mod credentials;
mod peers;
mod recorded;
mod server;

use super::{Options, Outcome, run};
use crate::fault::Fault;
use crate::policies::Policies;
use crate::random::Delay;
use crate::scenario::{
    Change, ClientKind, ClientPlan, ClockPlan, Incident, NetworkPlan, RepositoryPlan, Scenario, ServerKind, ServerPlan,
    StrategyPlan, What, When,
};

pub(super) const MILLIS: u64 = 1_000;
pub(super) const SECOND: u64 = 1_000_000;

/// A calm world: fixed times, default limits, nothing happens, faults end after 20 seconds.
pub(super) fn calm(clients: usize) -> Scenario {
    let client = ClientPlan {
        kind: ClientKind::Driftless,
        joins_at: Some(0),
        seed_spelling: false,
        tiny_limits: false,
        disk: Delay::Fixed(MILLIS),
        clock: ClockPlan::default(),
        strategy: StrategyPlan::RealTime,
    };
    Scenario {
        seed: 1,
        profile: "by hand".into(),
        faults: Fault::ALL.iter().copied().collect(),
        repositories: ["users", "todos"].map(repository).into(),
        server: server(),
        clients: vec![client; clients],
        network: NetworkPlan {
            latency: Delay::Fixed(5 * MILLIS),
            connect: Delay::Fixed(MILLIS),
            bandwidth: None,
            socket_bytes: 64 << 10,
            lossy_percent: 0,
        },
        incidents: Vec::new(),
        heal_at: 20 * SECOND,
        settle_within: 300 * SECOND,
    }
}

fn repository(name: &str) -> RepositoryPlan {
    RepositoryPlan {
        name: name.into(),
        policy: "tally".into(),
    }
}

fn server() -> ServerPlan {
    ServerPlan {
        kind: ServerKind::Driftless,
        tiny_limits: false,
        lanes: 2,
        commit: Delay::Fixed(2 * MILLIS),
        read: Delay::Fixed(MILLIS),
        hop: Delay::Fixed(0),
        auth: Delay::Fixed(MILLIS),
        token_valid: None,
        clock: ClockPlan::default(),
    }
}

impl Scenario {
    /// Something happens at a time.
    pub(super) fn add(&mut self, micros: u64, what: What) {
        let when = When::At(micros);
        self.incidents.push(Incident { when, what });
    }

    /// A client writes a record of the first repository.
    pub(super) fn add_write(&mut self, micros: u64, client: usize, record: &str) {
        let change = Change {
            repository: 0,
            record: record.into(),
            data: Some(r#"{"add":1}"#.into()),
        };
        self.add(micros, What::Write(client, vec![change]));
    }

    /// Everyone writes one of three records every 300 milliseconds, for 15 seconds.
    pub(super) fn add_writes(&mut self) {
        for (round, record) in (0..50).zip(["a", "b", "c"].into_iter().cycle()) {
            for client in 0..self.clients.len() {
                self.add_write(round * 300 * MILLIS + client as u64, client, record);
            }
        }
    }
}

/// Three clients that write for 15 seconds, and one thing that happens meanwhile: everyone gets over it, and it took
/// effect.
pub(super) fn survives(what: &[(u64, What)], fault: Fault) -> Outcome {
    let mut scenario = calm(3);
    scenario.add_writes();
    for (micros, what) in what {
        scenario.add(*micros, what.clone());
    }
    let outcome = passes(&scenario);
    assert!(outcome.fired.times(fault) > 0, "{} did not happen", fault.name());
    outcome
}

/// Runs a scenario twice: nothing fails, and both runs are the same.
pub(super) fn passes(scenario: &Scenario) -> Outcome {
    let runs = || run(scenario, &Policies::new(), &Options::default());
    let outcome = runs();
    if let Some(failure) = &outcome.failure {
        panic!("{failure}");
    }
    assert_eq!(outcome.digest, runs().digest, "the same scenario is the same run");
    outcome
}
