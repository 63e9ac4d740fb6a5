//! The numbers inside incidents.

use crate::scenario::{Incident, What, When};

/// Every client that an incident names.
pub(super) fn clients(incident: &mut Incident) -> Vec<&mut usize> {
    let mut clients = match &mut incident.when {
        When::ClientCommit(client, _) | When::ClientFrame(client, _) | When::ServerFrame(client, _) => vec![client],
        When::At(_) | When::ServerCommit(_) => Vec::new(),
    };
    match &mut incident.what {
        What::Write(client, _)
        | What::Cut { client, .. }
        | What::Stall(client, _)
        | What::Partition(client, ..)
        | What::RefuseConnects(client, _)
        | What::HangConnects(client, _)
        | What::Linger(client, _)
        | What::NotReading(client, _)
        | What::Crash(client, _)
        | What::Stop(client, _)
        | What::Leave(client)
        | What::Sleep(client, _)
        | What::Jump(client, _)
        | What::DiskFails(client, _)
        | What::BadCredentials(client, _)
        | What::ScopeChange(client)
        | What::RenewCredentials(client)
        | What::Resync(client, _)
        | What::Dismiss { client, .. }
        | What::Clear(client, _)
        | What::SyncNow(client)
        | What::NoNetwork(client, _) => clients.push(client),
        What::CopyDevice { from, to } => clients.extend([from, to]),
        What::ServerCrash(_)
        | What::ServerRestart(_)
        | What::ServerJump(_)
        | What::StoreFails(_)
        | What::UnknownCommits(_)
        | What::UntoldCommits(_)
        | What::AuthAway(_)
        | What::Backup
        | What::Restore { .. } => {}
    }
    clients
}

/// How long an incident lasts, if it does.
pub(super) const fn duration(what: &mut What) -> Option<&mut u64> {
    match what {
        What::Stall(_, time)
        | What::Partition(_, _, time)
        | What::RefuseConnects(_, time)
        | What::HangConnects(_, time)
        | What::Linger(_, time)
        | What::NotReading(_, time)
        | What::Crash(_, time)
        | What::Stop(_, time)
        | What::Sleep(_, time)
        | What::NoNetwork(_, time)
        | What::BadCredentials(_, time)
        | What::ServerCrash(time)
        | What::ServerRestart(time)
        | What::StoreFails(time)
        | What::UntoldCommits(time)
        | What::AuthAway(time)
        | What::Restore { down: time, .. } => Some(time),
        _ => None,
    }
}

/// A number that an incident counts by.
pub(super) const fn count(incident: &mut Incident) -> Option<&mut u64> {
    match &mut incident.what {
        What::DiskFails(_, count) | What::UnknownCommits(count) => Some(count),
        _ => None,
    }
}

/// Which of several an incident waits for.
pub(super) const fn turn(incident: &mut Incident) -> Option<&mut u64> {
    match &mut incident.when {
        When::ClientCommit(_, turn)
        | When::ServerCommit(turn)
        | When::ClientFrame(_, turn)
        | When::ServerFrame(_, turn) => Some(turn),
        When::At(_) => None,
    }
}
