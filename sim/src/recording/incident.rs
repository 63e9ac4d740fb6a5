//! Incidents in words.

use super::label::cut;
use crate::scenario::{Change, Incident, Way, What, When};
use std::fmt;
use std::time::Duration;

/// One sentence: what happens to whom. Clients are called by their index.
impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(..)
            | Self::Leave(_)
            | Self::CopyDevice { .. }
            | Self::Jump(..)
            | Self::ScopeChange(_)
            | Self::RenewCredentials(_)
            | Self::Resync(..)
            | Self::Dismiss { .. }
            | Self::Clear(..)
            | Self::SyncNow(_)
            | Self::NoNetwork(..) => self.application(f),
            Self::ServerCrash(_)
            | Self::ServerRestart(_)
            | Self::ServerJump(_)
            | Self::StoreFails(_)
            | Self::UnknownCommits(_)
            | Self::UntoldCommits(_)
            | Self::AuthAway(_)
            | Self::Backup
            | Self::Restore { .. } => self.server(f),
            _ => self.weather(f),
        }
    }
}

impl What {
    /// What an application or its person does.
    fn application(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(client, changes) => {
                write!(f, "client {client} writes ")?;
                let changes: Vec<_> = changes.iter().map(change).collect();
                f.write_str(&cut(&changes.join(", "), 80))
            }
            Self::Leave(client) => write!(f, "client {client} leaves for good"),
            Self::CopyDevice { from, to } => write!(f, "client {to} starts with a copy of client {from}'s data"),
            Self::Jump(client, ms) => write!(f, "the wall clock of client {client} jumps by {}", signed(*ms)),
            Self::ScopeChange(client) => write!(f, "the rights of client {client} change"),
            Self::RenewCredentials(client) => write!(f, "client {client} is given its credentials anew"),
            Self::Resync(client, repository) => write!(f, "client {client} folds repository {repository} again"),
            Self::Dismiss { client, again } => {
                let then = if *again { " and makes their changes again" } else { "" };
                write!(f, "client {client} dismisses refused events{then}")
            }
            Self::Clear(client, repository) => write!(f, "client {client} clears repository {repository}"),
            Self::SyncNow(client) => write!(f, "client {client} is told to synchronize now"),
            Self::NoNetwork(client, time) => write!(f, "client {client} is told of no network for {}", micros(*time)),
            _ => Ok(()),
        }
    }

    /// What happens to the server.
    fn server(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ServerCrash(down) => write!(f, "the server crashes, down for {}", micros(*down)),
            Self::ServerRestart(down) => write!(f, "the server stops, down for {}", micros(*down)),
            Self::ServerJump(ms) => write!(f, "the wall clock of the server jumps by {}", signed(*ms)),
            Self::StoreFails(time) => write!(f, "the store fails for {}", micros(*time)),
            Self::UnknownCommits(count) => write!(f, "the next {count} appends are done and reported as failed"),
            Self::UntoldCommits(time) => write!(f, "commits are not reported for {}", micros(*time)),
            Self::AuthAway(time) => write!(f, "nobody decides about credentials for {}", micros(*time)),
            Self::Backup => f.write_str("the store is backed up"),
            Self::Restore { down, new_epoch } => {
                let epoch = if *new_epoch {
                    "with a new epoch"
                } else {
                    "with its old epoch"
                };
                write!(f, "the store is restored {epoch}, down for {}", micros(*down))
            }
            _ => Ok(()),
        }
    }

    /// What happens to a client and its connections.
    fn weather(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut {
                client,
                arrives,
                client_told,
                server_told,
            } => {
                let told = match (client_told, server_told) {
                    (true, true) => "both ends told",
                    (true, false) => "the server not told",
                    (false, true) => "the client not told",
                    (false, false) => "neither end told",
                };
                write!(f, "client {client} is cut, {arrives} % still arrive, {told}")
            }
            Self::Stall(client, time) => write!(f, "connections of client {client} stall for {}", micros(*time)),
            Self::Partition(client, Way::Up, time) => write!(f, "nothing from client {client} for {}", micros(*time)),
            Self::Partition(client, Way::Down, time) => write!(f, "nothing to client {client} for {}", micros(*time)),
            Self::RefuseConnects(client, time) => {
                write!(f, "connects of client {client} refused for {}", micros(*time))
            }
            Self::HangConnects(client, time) => write!(f, "connects of client {client} hang for {}", micros(*time)),
            Self::Linger(client, time) => write!(f, "the next close of client {client} takes {}", micros(*time)),
            Self::NotReading(client, time) => write!(f, "client {client} reads nothing for {}", micros(*time)),
            Self::Crash(client, down) => write!(f, "client {client} crashes, down for {}", micros(*down)),
            Self::Stop(client, down) => write!(f, "client {client} stops, down for {}", micros(*down)),
            Self::Sleep(client, time) => write!(f, "client {client} sleeps for {}", micros(*time)),
            Self::DiskFails(client, count) => write!(f, "the disk of client {client} refuses {count} requests"),
            Self::BadCredentials(client, time) => {
                write!(f, "credentials of client {client} are bad for {}", micros(*time))
            }
            _ => Ok(()),
        }
    }
}

fn change(change: &Change) -> String {
    let sign = if change.data.is_none() { "−" } else { "" };
    format!("{sign}{}/{}", change.repository, change.record)
}

/// When, then what.
impl fmt::Display for Incident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.when {
            When::At(at) => write!(f, "at {}", micros(at))?,
            When::ClientCommit(client, n) => write!(f, "in commit {n} of client {client}")?,
            When::ServerCommit(n) => write!(f, "in append {n} of the server")?,
            When::ClientFrame(client, n) => write!(f, "behind frame {n} of client {client}")?,
            When::ServerFrame(client, n) => write!(f, "behind frame {n} to client {client}")?,
        }
        write!(f, ": {}", self.what)
    }
}

/// A duration as a person says it.
fn micros(micros: u64) -> String {
    let duration = Duration::from_micros(micros);
    match micros {
        86_400_000_000.. => format!("{:.1} d", duration.as_secs_f64() / 86_400.0),
        3_600_000_000.. => format!("{:.1} h", duration.as_secs_f64() / 3_600.0),
        _ => format!("{duration:?}"),
    }
}

fn signed(ms: i64) -> String {
    let sign = if ms < 0 { "−" } else { "+" };
    format!("{sign}{}", micros(ms.unsigned_abs().saturating_mul(1_000)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn incidents_read_as_sentences() {
        let incident = Incident {
            when: When::ClientCommit(1, 3),
            what: What::Crash(1, 2_500_000),
        };
        assert_eq!(
            incident.to_string(),
            "in commit 3 of client 1: client 1 crashes, down for 2.5s"
        );
        let incident = Incident {
            when: When::At(3_000),
            what: What::Jump(0, -90_000_000),
        };
        assert_eq!(
            incident.to_string(),
            "at 3ms: the wall clock of client 0 jumps by −1.0 d"
        );
        let write = What::Write(
            0,
            vec![
                Change {
                    repository: 0,
                    record: "a".into(),
                    data: Some("1".into()),
                },
                Change {
                    repository: 1,
                    record: "b".into(),
                    data: None,
                },
            ],
        );
        assert_eq!(write.to_string(), "client 0 writes 0/a, −1/b");
    }
}
