//! The kinds of faults: the knobs of a swarm, and what the report counts.

use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;

macro_rules! faults {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// A kind of fault. Each seed draws which are enabled; each is counted where it takes effect.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Fault { $($(#[doc = $doc])+ $name,)+ }

        impl Fault {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Its name in reports and scenarios.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

faults! {
    /// Latency varies from message to message.
    Jitter = "jitter",
    /// A link carries few bytes a second.
    NarrowLink = "narrow_link",
    /// A connection stands still in both directions for a while, then goes on.
    Stall = "stall",
    /// One direction between a node and the server carries nothing for a while.
    OneWayPartition = "one_way_partition",
    /// A connection is dead, and one end or both are not told.
    HalfOpen = "half_open",
    /// A connection is cut, between or within frames.
    Cut = "cut",
    /// A connect is refused.
    ConnectRefused = "connect_refused",
    /// A connect neither succeeds nor fails.
    ConnectHangs = "connect_hangs",
    /// An old connection's bytes arrive while its successor is open.
    Overlap = "overlap",
    /// A node reads its socket slowly or not at all for a while.
    SlowReader = "slow_reader",
    /// A wall clock is off, by up to a year.
    ClockOffset = "clock_offset",
    /// A node's clocks run too fast or too slowly, by hundreds of parts in a million.
    ClockDrift = "clock_drift",
    /// A wall clock jumps forward or back.
    ClockJump = "clock_jump",
    /// A node sleeps: it does nothing, and its monotonic clock may stand still.
    Sleep = "sleep",
    /// A client's storage is slow.
    SlowDisk = "slow_disk",
    /// A client's storage refuses requests for a while.
    DiskFails = "disk_fails",
    /// A client crashes; of what was not synced each write is kept, lost or torn.
    ClientCrash = "client_crash",
    /// The server's store is slow.
    SlowStore = "slow_store",
    /// The server's store fails requests for a while; nothing of them is done.
    StoreFails = "store_fails",
    /// An append is reported as failed, but was committed.
    UnknownCommit = "unknown_commit",
    /// The server is not told of commits.
    UntoldCommit = "untold_commit",
    /// The server crashes; of what was not synced each write is kept, lost or torn.
    ServerCrash = "server_crash",
    /// The server is stopped in good order and started again.
    ServerRestart = "server_restart",
    /// The server's store is replaced by an old backup.
    Restore = "restore",
    /// A client's local data is copied to a second device, which goes on with it.
    CopiedDevice = "copied_device",
    /// A client is stopped for long, and comes back.
    LongOffline = "long_offline",
    /// A client joins late.
    LateJoin = "late_join",
    /// Credentials are refused for a while, and renewed later.
    BadCredentials = "bad_credentials",
    /// Tokens expire on live connections.
    TokenExpiry = "token_expiry",
    /// Whoever decides about credentials is slow or away.
    AuthUnavailable = "auth_unavailable",
    /// Other rights: a client's scope changes.
    ScopeChange = "scope_change",
    /// A client folds a repository again from the beginning.
    Resync = "resync",
    /// Several writers change the same few records, delete and make them again.
    Conflict = "conflict",
    /// The limits of clients and server are tiny, so that every queue is full at times.
    TinyLimits = "tiny_limits",
    /// Clients of the published package take part.
    PlainClient = "plain_client",
    /// A peer of another protocol version takes part.
    OtherVersion = "other_version",
    /// The server is the published one.
    PlainServer = "plain_server",
    /// A frame of a connection that a client has closed reaches the client all the same, when the next one may be open.
    LateFrame = "late_frame",
    /// An application dismisses events that were refused for good, and makes their changes again or not.
    Dismiss = "dismiss",
    /// An application clears a repository.
    Clear = "clear",
    /// An application asks for everything to be read and pushed now.
    SyncNow = "sync_now",
    /// A host tells its client that the network has gone, and later that it has come.
    Connectivity = "connectivity",
    /// A client is not connected all the time, but for rounds: every so often, when the network comes, or when it is told.
    Rounds = "rounds",
}

/// How often each fault took effect.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Fired(BTreeMap<Fault, u64>);

impl Fired {
    /// Counts one effect.
    pub fn count(&mut self, fault: Fault) {
        *self.0.entry(fault).or_default() += 1;
    }

    /// How often a fault took effect.
    pub fn times(&self, fault: Fault) -> u64 {
        self.0.get(&fault).copied().unwrap_or_default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_the_scenario_text() {
        for fault in Fault::ALL {
            let text = serde_json::to_string(fault).unwrap();
            assert_eq!(text, format!("\"{}\"", fault.name()));
        }
    }
}
