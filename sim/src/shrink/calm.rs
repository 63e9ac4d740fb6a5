//! Calmer plans: what is around the incidents.

use super::{Attempts, Edit};
use crate::random::Delay;
use crate::scenario::{ClientKind, ClockPlan, Scenario, ServerKind, StrategyPlan};

/// A calm network's latency, in microseconds: round, and long enough to be seen.
const LATENCY: u64 = 10_000;
/// A calm storage's time, in microseconds.
const STORAGE: u64 = 1_000;
/// A socket's usual buffer, in bytes.
const SOCKET_BYTES: u64 = 65_536;

/// Fixed delays, right clocks, usual limits, nothing allowed that need not be.
pub(super) fn plans(search: &mut impl Attempts) -> bool {
    let mut edits = network();
    edits.extend(server());
    for client in 0..search.best().clients.len() {
        edits.extend(of_client(client));
    }
    for repository in 0..search.best().repositories.len() {
        edits.push(Box::new(move |scenario| {
            scenario.repositories[repository].policy = "server_order".into();
        }));
    }
    for &fault in &search.best().faults {
        edits.push(Box::new(move |scenario| {
            scenario.faults.retain(|other| *other != fault);
        }));
    }
    search.edit_all(&edits) | search.edit_all(&fixed(search.best()))
}

fn network() -> Vec<Edit> {
    vec![
        Box::new(|scenario| scenario.network.latency = Delay::Fixed(LATENCY)),
        Box::new(|scenario| scenario.network.connect = Delay::Fixed(0)),
        Box::new(|scenario| scenario.network.bandwidth = None),
        Box::new(|scenario| scenario.network.socket_bytes = scenario.network.socket_bytes.max(SOCKET_BYTES)),
        Box::new(|scenario| scenario.network.lossy_percent = 0),
    ]
}

fn server() -> Vec<Edit> {
    vec![
        Box::new(|scenario| scenario.server.kind = ServerKind::Driftless),
        Box::new(|scenario| scenario.server.tiny_limits = false),
        Box::new(|scenario| scenario.server.lanes = 1),
        Box::new(|scenario| scenario.server.commit = Delay::Fixed(STORAGE)),
        Box::new(|scenario| scenario.server.read = Delay::Fixed(STORAGE)),
        Box::new(|scenario| scenario.server.hop = Delay::Fixed(0)),
        Box::new(|scenario| scenario.server.auth = Delay::Fixed(0)),
        Box::new(|scenario| scenario.server.token_valid = None),
        Box::new(|scenario| scenario.server.clock = ClockPlan::default()),
    ]
}

fn of_client(client: usize) -> Vec<Edit> {
    vec![
        Box::new(move |scenario| scenario.clients[client].kind = ClientKind::Driftless),
        Box::new(move |scenario| {
            // A client that never joins has its reason: it is where a copy goes.
            let joins = &mut scenario.clients[client].joins_at;
            *joins = joins.map(|_| 0);
        }),
        Box::new(move |scenario| scenario.clients[client].strategy = StrategyPlan::RealTime),
        Box::new(move |scenario| scenario.clients[client].seed_spelling = false),
        Box::new(move |scenario| scenario.clients[client].tiny_limits = false),
        Box::new(move |scenario| scenario.clients[client].disk = Delay::Fixed(STORAGE)),
        Box::new(move |scenario| scenario.clients[client].clock = ClockPlan::default()),
    ]
}

/// Where a calm delay hides the failure: the same delay without its chance.
fn fixed(scenario: &Scenario) -> Vec<Edit> {
    let mut of_delays: Vec<fn(&mut Scenario) -> &mut Delay> = vec![
        |scenario| &mut scenario.network.latency,
        |scenario| &mut scenario.network.connect,
        |scenario| &mut scenario.server.commit,
        |scenario| &mut scenario.server.read,
        |scenario| &mut scenario.server.hop,
        |scenario| &mut scenario.server.auth,
    ];
    let mut edits: Vec<Edit> = of_delays
        .drain(..)
        .map(|delay| Box::new(move |scenario: &mut Scenario| fix(delay(scenario))) as Edit)
        .collect();
    for client in 0..scenario.clients.len() {
        edits.push(Box::new(move |scenario| fix(&mut scenario.clients[client].disk)));
    }
    edits
}

const fn fix(delay: &mut Delay) {
    *delay = match *delay {
        Delay::Fixed(micros) => Delay::Fixed(micros),
        Delay::Uniform(from, to) => Delay::Fixed(from.midpoint(to)),
        Delay::LongTail(median) => Delay::Fixed(median),
    };
}
