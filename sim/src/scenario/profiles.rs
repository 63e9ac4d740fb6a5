//! The profiles that have names.

use super::profile::Pace;
use super::{Profile, RepositoryPlan};
use crate::fault::Fault;

/// Faults of connections.
const NETWORK: &[Fault] = &[
    Fault::Jitter,
    Fault::NarrowLink,
    Fault::Stall,
    Fault::OneWayPartition,
    Fault::HalfOpen,
    Fault::Cut,
    Fault::ConnectRefused,
    Fault::ConnectHangs,
    Fault::Overlap,
    Fault::LateFrame,
    Fault::SlowReader,
];

/// Nodes that die, and what is left of them.
const CRASHES: &[Fault] = &[
    Fault::ClientCrash,
    Fault::ServerCrash,
    Fault::ServerRestart,
    Fault::SlowDisk,
    Fault::SlowStore,
    Fault::LongOffline,
    Fault::LateJoin,
];

/// Clocks, and nodes that sleep.
const CLOCKS: &[Fault] = &[Fault::ClockOffset, Fault::ClockDrift, Fault::ClockJump, Fault::Sleep];

/// Storage that is slow, refuses or does not say what it did.
const DISKS: &[Fault] = &[
    Fault::SlowDisk,
    Fault::DiskFails,
    Fault::SlowStore,
    Fault::StoreFails,
    Fault::UnknownCommit,
    Fault::UntoldCommit,
    Fault::ClientCrash,
    Fault::ServerCrash,
];

/// Histories that part.
const HISTORY: &[Fault] = &[Fault::Restore, Fault::CopiedDevice, Fault::Resync];

/// What applications and hosts do beside writing.
const APPLICATIONS: &[Fault] = &[
    Fault::Dismiss,
    Fault::Clear,
    Fault::SyncNow,
    Fault::Connectivity,
    Fault::Rounds,
];

/// Who may come in, and what they may see.
const CREDENTIALS: &[Fault] = &[
    Fault::BadCredentials,
    Fault::TokenExpiry,
    Fault::AuthUnavailable,
    Fault::ScopeChange,
];

/// What makes most seeds more interesting, whatever a profile is for.
const SPICE: &[Fault] = &[Fault::Jitter, Fault::Cut, Fault::TinyLimits];

type Make = fn() -> Profile;

/// Every named profile with what it is for, in the order of the help.
const NAMED: &[(&str, &str, Make)] = &[
    (
        "swarm",
        "each seed draws some of all faults: the default",
        Profile::swarm,
    ),
    (
        "calm",
        "no faults, 3 clients that write 50 events each: small worlds a second",
        Profile::calm,
    ),
    (
        "big",
        "no faults, 10 clients that write 10,000 events each: frames a second",
        Profile::big,
    ),
    ("storms", "nearly every fault in every seed", Profile::storms),
    ("network", "connections fail in every way", Profile::network),
    (
        "crashes",
        "clients and servers crash, stop, leave and join",
        Profile::crashes,
    ),
    (
        "clocks",
        "clocks are off, drift and jump, and nodes sleep",
        Profile::clocks,
    ),
    (
        "disks",
        "storage is slow, fails, and crashes at the worst time",
        Profile::disks,
    ),
    (
        "history",
        "old backups, copied devices, folding again from the beginning",
        Profile::history,
    ),
    (
        "plain",
        "published clients and servers, and other versions",
        Profile::plain,
    ),
    (
        "credentials",
        "bad and expiring credentials, other rights",
        Profile::credentials,
    ),
    (
        "applications",
        "applications dismiss, clear, and say when to connect",
        Profile::applications,
    ),
    (
        "heartbeats",
        "whole messages vanish inside connections, which TCP never does: heartbeats and timeouts alone",
        Profile::heartbeats,
    ),
];

impl Profile {
    /// Name and purpose of every named profile.
    pub fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
        NAMED.iter().map(|(name, purpose, _)| (*name, *purpose))
    }

    /// The profile of a name.
    pub fn named(name: &str) -> Option<Self> {
        let (_, _, make) = NAMED.iter().find(|(known, _, _)| *known == name)?;
        Some(make())
    }

    /// Each seed draws which faults are enabled, each off in a good part of the seeds; a few seeds are calm, a few have
    /// nearly everything.
    pub fn swarm() -> Self {
        Self::new("swarm")
            .moods(4, 4)
            .with_all(Fault::ALL, 25)
            .with_all(CREDENTIALS, 20)
            .with_all(CLOCKS, 35)
            .with_all(&[Fault::Jitter, Fault::Cut, Fault::ClientCrash], 45)
            .with_all(&[Fault::NarrowLink, Fault::Restore, Fault::CopiedDevice], 18)
            .with_all(&[Fault::PlainClient, Fault::PlainServer, Fault::OtherVersion], 16)
            .with_all(APPLICATIONS, 18)
            .with(Fault::Conflict, 60)
    }

    /// Three clients that write 50 events each on good connections and disks, for counting small worlds a second.
    pub fn calm() -> Self {
        measured("calm", 3, 50).pace(Pace::Steady(10))
    }

    /// Ten clients that write 10,000 events each on good connections and disks, for counting frames a second.
    pub fn big() -> Self {
        measured("big", 10, 10_000).pace(Pace::Steady(100))
    }

    /// Nearly every fault in every seed, and more writes.
    pub fn storms() -> Self {
        Self::new("storms")
            .with_all(Fault::ALL, 85)
            .with_all(&[Fault::NarrowLink, Fault::Restore, Fault::TinyLimits], 50)
            .with(Fault::PlainServer, 10)
            .writes(50..=300)
    }

    /// Connections fail in every way that TCP and WebSocket have.
    pub fn network() -> Self {
        Self::new("network")
            .with_all(NETWORK, 50)
            .with(Fault::Conflict, 50)
            .with(Fault::TinyLimits, 30)
    }

    /// Clients and servers crash, stop, leave and join.
    pub fn crashes() -> Self {
        Self::new("crashes")
            .with_all(SPICE, 30)
            .with_all(CRASHES, 55)
            .with(Fault::Conflict, 50)
    }

    /// Clocks are off by up to a year, drift and jump, and nodes sleep.
    pub fn clocks() -> Self {
        Self::new("clocks")
            .with_all(SPICE, 30)
            .with_all(CLOCKS, 60)
            .with(Fault::Conflict, 70)
            .with(Fault::TokenExpiry, 20)
    }

    /// Storage is slow, fails, does not say what it did, and crashes at the worst time.
    pub fn disks() -> Self {
        Self::new("disks")
            .with_all(SPICE, 30)
            .with_all(DISKS, 55)
            .with(Fault::Conflict, 50)
    }

    /// The server is put back to old backups, devices are copied, repositories are folded again.
    pub fn history() -> Self {
        Self::new("history")
            .with_all(SPICE, 30)
            .with_all(HISTORY, 65)
            .with_all(&[Fault::ClientCrash, Fault::ServerCrash, Fault::LongOffline], 30)
            .with(Fault::Conflict, 50)
    }

    /// Published clients and servers and peers of other versions take part.
    pub fn plain() -> Self {
        Self::new("plain")
            .with_all(SPICE, 30)
            .with_all(&[Fault::PlainClient, Fault::PlainServer, Fault::OtherVersion], 50)
            .with_all(
                &[Fault::Stall, Fault::HalfOpen, Fault::ClientCrash, Fault::ServerRestart],
                30,
            )
            .with(Fault::Conflict, 50)
    }

    /// Credentials are bad, expire and are renewed; whoever decides about them is away; rights change.
    pub fn credentials() -> Self {
        Self::new("credentials")
            .with_all(SPICE, 30)
            .with_all(CREDENTIALS, 60)
            .with_all(&[Fault::ClientCrash, Fault::ServerRestart], 30)
            .with(Fault::Conflict, 50)
            .with(Fault::Dismiss, 50)
            .repositories(2..=3)
    }

    /// Applications dismiss refused events, clear repositories and say when to connect, while connections and disks fail.
    pub fn applications() -> Self {
        Self::new("applications")
            .with_all(SPICE, 30)
            .with_all(APPLICATIONS, 60)
            .with_all(
                &[
                    Fault::ScopeChange,
                    Fault::ClientCrash,
                    Fault::DiskFails,
                    Fault::HalfOpen,
                ],
                40,
            )
            .with_all(&[Fault::Restore, Fault::ServerRestart, Fault::LateFrame], 25)
            .with(Fault::Conflict, 50)
            .repositories(1..=3)
    }

    /// Whole messages vanish inside connections, which TCP never does: only what heartbeats and timeouts are for is
    /// checked here.
    pub fn heartbeats() -> Self {
        Self::new("heartbeats")
            .with_all(&[Fault::Jitter, Fault::ClockDrift, Fault::Sleep, Fault::Conflict], 40)
            .lossy(20)
    }
}

/// A world that is measured: clients that write so many events each to one repository.
fn measured(name: &str, clients: u64, events: u64) -> Profile {
    let repository = RepositoryPlan {
        name: "todos".into(),
        policy: "server_order".into(),
    };
    Profile::new(name)
        .clients(clients..=clients)
        .writes(clients * events..=clients * events)
        .fixed_repositories(vec![repository])
}
