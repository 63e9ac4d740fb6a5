//! Everything that decides a run, as data.
//!
//! A seed and a profile make a [`Scenario`]; the scenario makes the run. It can be written down as JSON, read back,
//! and made smaller: each [`Incident`] can be left out without moving anything else, because what is random below it
//! (latencies, storage times) comes from streams of their own.

mod calendar;
mod draw;
mod incidents;
mod nodes;
mod profile;
mod profiles;
mod swarm;
#[cfg(test)]
mod tests;
mod text;
mod workload;

pub use profile::Profile;
pub use text::ScenarioError;
pub use workload::Workload;

use crate::fault::Fault;
use crate::random::Delay;
use serde::{Deserialize, Serialize};
use std::collections::BTreeSet;

/// Everything that decides a run. Times are microseconds from the beginning, in true time.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Scenario {
    /// Decides what is random below the incidents.
    pub seed: u64,
    /// From which profile it was drawn.
    pub profile: String,
    /// Which faults may happen.
    pub faults: BTreeSet<Fault>,
    /// The repositories, the same on every client.
    pub repositories: Vec<RepositoryPlan>,
    /// The server.
    pub server: ServerPlan,
    /// The clients, in the order in which incidents name them.
    pub clients: Vec<ClientPlan>,
    /// What connections are like.
    pub network: NetworkPlan,
    /// What happens, in order of time; those that wait for something ([`When`]) stand anywhere.
    pub incidents: Vec<Incident>,
    /// When faults end and nobody writes any more.
    pub heal_at: u64,
    /// How long after that everyone has to be equal and idle.
    pub settle_within: u64,
}

/// A repository.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RepositoryPlan {
    /// Its name.
    pub name: String,
    /// How its conflicts are decided: `server_order`, `last_write_wins`, `merge_fields`, or the name of a policy that
    /// the run is given.
    pub policy: String,
}

/// The server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerPlan {
    /// Which server.
    pub kind: ServerKind,
    /// Whether its limits are tiny.
    pub tiny_limits: bool,
    /// Commits that may be under way at once.
    pub lanes: usize,
    /// How long the store takes for a commit.
    pub commit: Delay,
    /// How long the store takes for a read.
    pub read: Delay,
    /// How long a message takes between a session and the hub.
    pub hop: Delay,
    /// How long it takes to decide about credentials.
    pub auth: Delay,
    /// For how long tokens are good, in microseconds; `None`: for ever.
    pub token_valid: Option<u64>,
    /// Its clocks.
    pub clock: ClockPlan,
}

/// Which server takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ServerKind {
    /// The machines of `core`.
    Driftless,
    /// A model of the published server.
    Published,
}

/// A client.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientPlan {
    /// Which client.
    pub kind: ClientKind,
    /// When it is started first; `None`: by an incident ([`What::CopyDevice`]) or never.
    pub joins_at: Option<u64>,
    /// Whether it writes events in the seeds' spelling.
    pub seed_spelling: bool,
    /// Whether its limits are tiny.
    pub tiny_limits: bool,
    /// How long its storage takes.
    pub disk: Delay,
    /// Its clocks.
    pub clock: ClockPlan,
    /// When it connects.
    #[serde(default, skip_serializing_if = "StrategyPlan::is_real_time")]
    pub strategy: StrategyPlan,
}

/// When a client connects; only ours knows other ways than real time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StrategyPlan {
    /// It stays connected.
    #[default]
    RealTime,
    /// For rounds that begin so often, in microseconds.
    Every(u64),
    /// For rounds that begin when the network comes.
    OnConnectivity,
    /// For rounds that its application asks for. From when the faults end it asks again and again.
    OnDemand,
}

impl StrategyPlan {
    /// Whether it stays connected.
    pub const fn is_real_time(&self) -> bool {
        matches!(self, Self::RealTime)
    }
}

/// Which client takes part.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientKind {
    /// The machine of `core`.
    Driftless,
    /// A model of the published package's client.
    Published,
    /// A scripted peer that offers another protocol version.
    OtherVersion,
}

/// A node's clocks at the beginning.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockPlan {
    /// How far the wall clock is off, in milliseconds.
    pub offset_ms: i64,
    /// How much too fast both clocks run, in millionths.
    pub drift_ppm: i32,
    /// Whether the monotonic clock stands still while the node sleeps.
    pub stops_asleep: bool,
}

/// What connections are like.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NetworkPlan {
    /// How long bytes travel, one way.
    pub latency: Delay,
    /// How long it takes to open a connection, beside a round trip.
    pub connect: Delay,
    /// Bytes a second of each direction; `None`: without limit.
    pub bandwidth: Option<u64>,
    /// Bytes that a socket takes which the other end has not read.
    pub socket_bytes: u64,
    /// Percent of whole messages that vanish inside connections. Not TCP: for tests of heartbeat and timeouts alone.
    pub lossy_percent: u64,
}

/// Something that happens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Incident {
    /// When.
    pub when: When,
    /// What.
    pub what: What,
}

/// When an incident happens.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum When {
    /// At a time.
    At(u64),
    /// While a client's storage carries out its n-th commit (from 1), half way through.
    ClientCommit(usize, u64),
    /// While the server's store carries out its n-th append (from 1), half way through.
    ServerCommit(u64),
    /// When a client has sent its n-th frame (from 1), before it arrives.
    ClientFrame(usize, u64),
    /// When the server has sent its n-th frame (from 1) to a client, before it arrives.
    ServerFrame(usize, u64),
}

/// Which way bytes go.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// From a client to the server.
    Up,
    /// From the server to a client.
    Down,
}

/// What happens. Clients are indexes into [`Scenario::clients`]; what names one that is not there, or is not so that
/// it could happen, does nothing. Durations are microseconds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// A client's application writes, all of it in one transaction. Also while offline; nothing while it is not running.
    Write(usize, Vec<Change>),
    /// Cuts a client's connections. Of the bytes on their way so many percent still arrive; each end hears of it or not.
    Cut {
        /// Whose.
        client: usize,
        /// Percent of the bytes under way, in each direction, that arrive before the end.
        arrives: u64,
        /// Whether the client's end is told at once.
        client_told: bool,
        /// Whether the server's end is told at once. An end that is not told finds out when it sends.
        server_told: bool,
    },
    /// Nothing moves on a client's connections for a while, then goes on where it was.
    Stall(usize, u64),
    /// One direction between a client and the server carries nothing for a while.
    Partition(usize, Way, u64),
    /// Connects of a client are refused for a while.
    RefuseConnects(usize, u64),
    /// Connects of a client hang for a while.
    HangConnects(usize, u64),
    /// A client's next close does not reach the server for a while: the old connection overlaps the next.
    Linger(usize, u64),
    /// A client does not read its socket for a while.
    NotReading(usize, u64),
    /// A client crashes and is down for a while.
    Crash(usize, u64),
    /// A client is stopped in good order for a while.
    Stop(usize, u64),
    /// A client leaves for good. Its outbox need not be empty.
    Leave(usize),
    /// A client's node sleeps for a while: nothing happens on it, what comes waits.
    Sleep(usize, u64),
    /// A client's wall clock jumps by milliseconds.
    Jump(usize, i64),
    /// A client's storage refuses its next requests.
    DiskFails(usize, u64),
    /// A client's local data is copied to another client (one without [`ClientPlan::joins_at`]), which starts with it.
    CopyDevice {
        /// From which client.
        from: usize,
        /// To which.
        to: usize,
    },
    /// A client's credentials are bad for a while; then it is given good ones.
    BadCredentials(usize, u64),
    /// A client's subject gets the rights to all repositories but the last, or to all again.
    ScopeChange(usize),
    /// A client is given the same credentials anew (the published `update_auth_token`).
    RenewCredentials(usize),
    /// A client folds a repository (an index) again from 0.
    Resync(usize, usize),
    /// A client's application dismisses all its events that were refused for good; where there are none, its newest
    /// event, which must not be possible.
    Dismiss {
        /// Whose.
        client: usize,
        /// Whether it makes their changes again.
        again: bool,
    },
    /// A client's application clears a repository (an index).
    Clear(usize, usize),
    /// A client's application wants everything read and pushed now.
    SyncNow(usize),
    /// A client's host tells it that there is no network, and after a while that there is one.
    NoNetwork(usize, u64),
    /// The server crashes and is down for a while.
    ServerCrash(u64),
    /// The server is stopped in good order and is down for a while.
    ServerRestart(u64),
    /// The server's wall clock jumps by milliseconds.
    ServerJump(i64),
    /// The server's store fails everything for a while.
    StoreFails(u64),
    /// The next appends (so many) are committed and reported as failed.
    UnknownCommits(u64),
    /// Commits are not reported for a while.
    UntoldCommits(u64),
    /// Nobody can decide about credentials for a while.
    AuthAway(u64),
    /// A copy of the store is kept (the last one counts).
    Backup,
    /// The server is killed, its store replaced by the last backup, and started again after a while.
    Restore {
        /// How long it is down.
        down: u64,
        /// Whether the restored store has an epoch of its own, as one restored by the server's command would.
        new_epoch: bool,
    },
}

/// A change of one record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// Index of the repository.
    pub repository: usize,
    /// The record's id.
    pub record: String,
    /// Its data as JSON; `None` deletes it.
    pub data: Option<String>,
}
