//! The nodes of a seed and what lies between them.

use super::calendar::{Calendar, SECOND};
use super::profile::{Pace, Repositories};
use super::{
    ClientKind, ClientPlan, ClockPlan, NetworkPlan, Profile, RepositoryPlan, ServerKind, ServerPlan, StrategyPlan,
};
use crate::fault::Fault;
use crate::random::{Delay, Random};
use std::collections::BTreeSet;

/// Microseconds in a millisecond.
const MILLI: u64 = 1_000;
/// Milliseconds in a year.
const YEAR_MS: u64 = 365 * 24 * 3_600 * 1_000;

/// The longest time between two rounds of a client that is not connected all the time.
pub(super) const PERIOD_MAX: u64 = 40 * SECOND;

/// Names that a repository may have: plain, with anything in it, and one that a published server treats differently.
const REPOSITORY_NAMES: &[&str] = &["todos", "Notizen ä/ö 🚲", "counter_log", "users", "a.b-c"];
/// Policies that are drawn for repositories.
const POLICIES: &[&str] = &["server_order", "last_write_wins", "merge_fields", "tally"];

/// What the nodes of a seed are drawn from.
pub(super) struct Nodes<'a> {
    pub(super) seed: u64,
    pub(super) profile: &'a Profile,
    pub(super) faults: &'a BTreeSet<Fault>,
    pub(super) calendar: &'a Calendar,
}

impl Nodes<'_> {
    fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    fn random(&self, purpose: &str, owner: u64) -> Random {
        Random::new(self.seed, purpose, owner)
    }

    fn is_measured(&self) -> bool {
        matches!(self.profile.pace, Pace::Steady(_))
    }

    pub(super) fn repositories(&self) -> Vec<RepositoryPlan> {
        let count = match &self.profile.repositories {
            Repositories::Fixed(plans) => return plans.clone(),
            Repositories::Drawn(count) => count,
        };
        let mut random = self.random("repositories", 0);
        let count = random.between(*count.start(), *count.end());
        let first = random.index(REPOSITORY_NAMES.len());
        let plan = |owner| RepositoryPlan {
            name: repository_name(first, owner),
            policy: self.policy(owner).into(),
        };
        (0..count).map(plan).collect()
    }

    fn policy(&self, repository: u64) -> &'static str {
        if self.has(Fault::PlainServer) {
            return "server_order";
        }
        let drawn = self.random("policy", repository).one_of(POLICIES).copied();
        drawn.unwrap_or("server_order")
    }

    pub(super) fn server(&self) -> ServerPlan {
        let mut random = self.random("server", 0);
        let kind = if self.has(Fault::PlainServer) {
            ServerKind::Published
        } else {
            ServerKind::Driftless
        };
        ServerPlan {
            kind,
            tiny_limits: self.has(Fault::TinyLimits) && random.percent(70),
            lanes: usize::from(random.percent(50)) + 1,
            commit: slow(self.has(Fault::SlowStore), &mut random, 2 * MILLI),
            read: slow(self.has(Fault::SlowStore), &mut random, MILLI),
            hop: if self.is_measured() || random.percent(70) {
                Delay::Fixed(20)
            } else {
                Delay::LongTail(200)
            },
            auth: slow(self.has(Fault::AuthUnavailable), &mut random, MILLI),
            token_valid: self
                .has(Fault::TokenExpiry)
                .then(|| random.between(2 * SECOND, 60 * SECOND)),
            clock: self.clock(u64::MAX),
        }
    }

    /// The clients that are there from the beginning, then those that faults bring.
    pub(super) fn clients(&self) -> Vec<ClientPlan> {
        let mut random = self.random("clients", 0);
        let count = random.between(*self.profile.clients.start(), *self.profile.clients.end());
        let mut clients: Vec<ClientPlan> = (0..count).map(|owner| self.client(owner)).collect();
        if self.has(Fault::CopiedDevice) {
            let copies = self.random("copies", 0).between(1, 2);
            clients.extend((0..copies).map(|copy| ClientPlan {
                joins_at: None,
                ..self.client(1_000 + copy)
            }));
        }
        for (fault, kind, owner) in [
            (Fault::PlainClient, ClientKind::Published, 2_000),
            (Fault::OtherVersion, ClientKind::OtherVersion, 3_000),
        ] {
            if self.has(fault) {
                let tiny_limits = false;
                clients.push(ClientPlan {
                    kind,
                    tiny_limits,
                    ..self.client(owner)
                });
            }
        }
        clients
    }

    fn client(&self, owner: u64) -> ClientPlan {
        let mut random = self.random("client", owner);
        ClientPlan {
            kind: ClientKind::Driftless,
            joins_at: Some(self.joins_at(owner)),
            seed_spelling: random.percent(25),
            tiny_limits: self.has(Fault::TinyLimits) && random.percent(60),
            disk: slow(self.has(Fault::SlowDisk), &mut random, 200),
            clock: self.clock(owner),
            strategy: self.strategy(owner),
        }
    }

    fn strategy(&self, owner: u64) -> StrategyPlan {
        let mut random = self.random("strategy", owner);
        if !self.has(Fault::Rounds) || random.percent(50) {
            return StrategyPlan::RealTime;
        }
        match random.below(3) {
            0 => StrategyPlan::Every(random.between(SECOND, PERIOD_MAX)),
            1 => StrategyPlan::OnConnectivity,
            _ => StrategyPlan::OnDemand,
        }
    }

    /// The first client never joins late: somebody has to have written something by then.
    fn joins_at(&self, owner: u64) -> u64 {
        let mut random = self.random("join", owner);
        if owner > 0 && self.has(Fault::LateJoin) && random.percent(60) {
            return self.calendar.any(&mut random).max(SECOND);
        }
        random.below(20 * MILLI)
    }

    fn clock(&self, owner: u64) -> ClockPlan {
        let mut random = self.random("clock", owner);
        let (size, sign) = (clock_offset(&mut random), random.percent(50));
        let (ppm, faster) = (random.between(1, 500), random.percent(50));
        ClockPlan {
            offset_ms: if self.has(Fault::ClockOffset) {
                signed(size, sign)
            } else {
                0
            },
            drift_ppm: if self.has(Fault::ClockDrift) {
                i32::try_from(signed(ppm, faster)).unwrap_or(0)
            } else {
                0
            },
            stops_asleep: random.percent(50),
        }
    }

    pub(super) fn network(&self) -> NetworkPlan {
        let mut random = self.random("network", 0);
        let typical = if self.is_measured() {
            2 * MILLI
        } else {
            random.between(200, 80 * MILLI)
        };
        let latency = match random.below(2) {
            _ if !self.has(Fault::Jitter) => Delay::Fixed(typical),
            0 => Delay::Uniform(typical / 4, typical * 3),
            _ => Delay::LongTail(typical),
        };
        let bandwidth = random.between(4, 64) << 10;
        let socket_bytes = if self.is_measured() {
            256 << 10
        } else {
            1024 << random.between(2, 7)
        };
        NetworkPlan {
            latency,
            connect: Delay::Uniform(typical / 2, typical * 2),
            bandwidth: self.has(Fault::NarrowLink).then_some(bandwidth),
            socket_bytes,
            lossy_percent: random.between(self.profile.lossy.min(1), self.profile.lossy),
        }
    }
}

/// One of the names, each once; then numbers.
fn repository_name(first: usize, number: u64) -> String {
    let index = usize::try_from(number).unwrap_or(usize::MAX);
    match REPOSITORY_NAMES
        .iter()
        .cycle()
        .skip(first)
        .take(REPOSITORY_NAMES.len())
        .nth(index)
    {
        Some(name) => String::from(*name),
        None => format!("repository {number}"),
    }
}

/// A delay, or what it becomes where it is slow.
fn slow(is_slow: bool, random: &mut Random, typical: u64) -> Delay {
    let times = random.between(5, 30);
    if is_slow {
        Delay::LongTail(typical * times)
    } else {
        Delay::Fixed(typical)
    }
}

/// Half a second to a year, each size as likely as its double.
fn clock_offset(random: &mut Random) -> u64 {
    (random.between(500, 1_000) << random.below(26)).min(YEAR_MS)
}

pub(super) fn signed(size: u64, is_positive: bool) -> i64 {
    let size = i64::try_from(size).unwrap_or(i64::MAX);
    if is_positive { size } else { -size }
}
