//! What happens to the world. What names somebody who is not there, or is not so that it could happen, does nothing.

use super::client_node::{ClientNode, Standing};
use super::{Due, World, after};
use crate::fault::Fault;
use crate::recording::{self, Kind};
use crate::scenario::{Change, What};
use driftless_core::Instant;
use driftless_core::client::{self, ChangeKind, ClientInput, RequestId, Write};
use driftless_core::event::{Json, RecordId};
use driftless_core::name::RepositoryName;
use std::collections::BTreeMap;
use std::time::Duration;

/// Who wrote each record last, to know of conflicts: by repository and record.
pub(super) type LastWriters<'a> = BTreeMap<(usize, &'a str), usize>;

impl<'a> World<'a> {
    /// Lets an incident happen.
    pub(super) fn happen(&mut self, index: usize) {
        let scenario = self.scenario;
        let what = &scenario.incidents[index].what;
        if let Some(tape) = self.recorder.tape() {
            tape.cause(Some(index));
        }
        self.tell_quiet(what);
        match what {
            What::Write(client, changes) => self.write(*client, changes, what),
            What::Crash(..)
            | What::Stop(..)
            | What::Leave(_)
            | What::Sleep(..)
            | What::CopyDevice { .. }
            | What::Jump(..)
            | What::DiskFails(..)
            | What::Resync(..)
            | What::Dismiss { .. }
            | What::Clear(..)
            | What::SyncNow(_)
            | What::NoNetwork(..) => self.client_incident(what),
            What::BadCredentials(..) | What::ScopeChange(_) | What::RenewCredentials(_) => {
                self.credentials_incident(what);
            }
            What::Cut { .. }
            | What::Stall(..)
            | What::Partition(..)
            | What::RefuseConnects(..)
            | What::HangConnects(..)
            | What::Linger(..)
            | What::NotReading(..) => self.network_incident(what),
            _ => self.server_incident(what),
        }
        self.tell(|tape, _| tape.cause(None));
    }

    /// Records an incident that does nothing at once which is recorded by itself.
    fn tell_quiet(&mut self, what: &What) {
        let clients = self.clients.len();
        let node = match *what {
            What::Write(..)
            | What::Crash(..)
            | What::Stop(..)
            | What::Sleep(..)
            | What::Jump(..)
            | What::ServerJump(_)
            | What::ServerCrash(_) => return,
            What::Leave(client)
            | What::CopyDevice { to: client, .. }
            | What::DiskFails(client, _)
            | What::Resync(client, _)
            | What::Dismiss { client, .. }
            | What::Clear(client, _)
            | What::SyncNow(client)
            | What::NoNetwork(client, _)
            | What::BadCredentials(client, _)
            | What::ScopeChange(client)
            | What::RenewCredentials(client) => recording::Node::Client(client),
            What::ServerRestart(_) | What::AuthAway(_) => recording::Node::Server,
            What::StoreFails(_)
            | What::UnknownCommits(_)
            | What::UntoldCommits(_)
            | What::Backup
            | What::Restore { .. } => recording::Node::Store,
            _ => recording::Node::Client(client_of(what)),
        };
        if !matches!(node, recording::Node::Client(client) if client >= clients) {
            self.tell_incident(node, what);
        }
    }

    /// A client's application writes, if it runs.
    fn write(&mut self, client: usize, changes: &'a [Change], what: &What) {
        let now = self.scheduler.now();
        let Some(node) = self.clients.get_mut(client).filter(|node| node.runs()) else {
            return;
        };
        let wanted: Vec<_> = changes
            .iter()
            .filter_map(|wanted| change(&self.repositories, wanted))
            .collect();
        if wanted.is_empty() {
            return;
        }
        node.requests += 1;
        let write = Write {
            request: RequestId(node.requests),
            wall: node.wall(now),
            changes: wanted,
            dismiss: Vec::new(),
        };
        if let Some(tape) = self.recorder.tape() {
            tape.wrote(now, client, what);
        }
        self.count_conflicts(client, changes);
        self.client(client, ClientInput::Write(write));
    }

    fn count_conflicts(&mut self, client: usize, changes: &'a [Change]) {
        if !self.scenario.faults.contains(&Fault::Conflict) {
            return;
        }
        for change in changes {
            let last = self.last_writers.insert((change.repository, &change.record), client);
            if last.is_some_and(|last| last != client) {
                self.fired.count(Fault::Conflict);
            }
        }
    }

    fn client_incident(&mut self, what: &What) {
        let done = match *what {
            What::Crash(client, down) => self.crash_client(client, down).then_some(Fault::ClientCrash),
            What::Stop(client, down) => self.stop_client(client, Some(down)).then_some(Fault::LongOffline),
            What::Leave(client) => {
                self.stop_client(client, None);
                None
            }
            What::Sleep(client, micros) => self.sleep_client(client, micros).then_some(Fault::Sleep),
            What::CopyDevice { from, to } => self.copy_device(from, to).then_some(Fault::CopiedDevice),
            What::Jump(client, ms) => self.jump_client(client, ms).then_some(Fault::ClockJump),
            What::DiskFails(client, times) => {
                // Counted with each request that fails.
                if let Some(node) = self.clients.get_mut(client) {
                    node.disk_failures += times;
                }
                None
            }
            What::Resync(client, repository) => self.resync(client, repository).then_some(Fault::Resync),
            // These two are counted when they are done.
            What::Dismiss { client, again } => {
                self.dismiss(client, again);
                None
            }
            What::Clear(client, repository) => {
                self.clear(client, repository);
                None
            }
            What::SyncNow(client) => self.sync_now(client).then_some(Fault::SyncNow),
            What::NoNetwork(client, micros) => self.no_network(client, micros).then_some(Fault::Connectivity),
            _ => None,
        };
        if let Some(fault) = done {
            self.fired.count(fault);
        }
    }

    /// A client starts for the first time.
    pub(super) fn join(&mut self, client: usize) {
        if self.clients[client].standing != Standing::New {
            return;
        }
        let plan = &self.scenario.clients[client];
        // Everyone joins at some time: late is what was drawn to be late.
        let late = plan.joins_at.is_some_and(|at| at > 0) && self.scenario.faults.contains(&Fault::LateJoin);
        let faults = [
            (late, Fault::LateJoin),
            (plan.clock.offset_ms != 0, Fault::ClockOffset),
            (plan.clock.drift_ppm != 0, Fault::ClockDrift),
        ];
        for (_, fault) in faults.into_iter().filter(|(is, _)| *is) {
            self.fired.count(fault);
        }
        self.start_client(client);
    }

    fn copy_device(&mut self, from: usize, to: usize) -> bool {
        let (Some(source), Some(target)) = (self.clients.get(from), self.clients.get(to)) else {
            return false;
        };
        let may_start = target.standing == Standing::New && self.scenario.clients[to].joins_at.is_none();
        if from == to || source.standing == Standing::New || !may_start {
            return false;
        }
        let mut copy = source.disk.clone();
        // Of what is being written, the copy has nothing.
        copy.crash_with(false);
        self.clients[to].disk = copy;
        self.checks.copied(self.scheduler.now(), from, to);
        self.join(to);
        true
    }

    fn jump_client(&mut self, client: usize, ms: i64) -> bool {
        let Some(node) = self.clients.get_mut(client) else {
            return false;
        };
        node.clock.jump(ms);
        self.tell_client(client, Kind::Clock);
        true
    }

    fn resync(&mut self, client: usize, repository: usize) -> bool {
        let runs = self.clients.get(client).is_some_and(ClientNode::runs);
        let Some(repository) = self.repositories.get(repository).filter(|_| runs).cloned() else {
            return false;
        };
        self.client(client, ClientInput::Resync { repository });
        true
    }

    fn credentials_incident(&mut self, what: &What) {
        let now = self.scheduler.now();
        match *what {
            What::BadCredentials(client, micros) if client < self.clients.len() => {
                let node = &mut self.clients[client];
                node.bad_until = node.bad_until.max(after(now, micros));
                self.scheduler.at(node.bad_until, Due::GoodCredentials(client));
                self.give_credentials(client);
            }
            // Counted when a grant shows it.
            What::ScopeChange(client) if client < self.clients.len() => {
                self.clients[client].narrow = !self.clients[client].narrow;
            }
            What::RenewCredentials(client) if client < self.clients.len() => self.give_credentials(client),
            _ => {}
        }
    }

    /// A client's application gives it what it shows to the server.
    pub(super) fn give_credentials(&mut self, client: usize) {
        let credentials = self.clients[client].credentials(client, self.scheduler.now());
        self.client(client, ClientInput::Credentials(credentials));
    }

    pub(super) fn give_good_credentials(&mut self, client: usize) {
        if self.scheduler.now() >= self.clients[client].bad_until {
            self.give_credentials(client);
        }
    }

    fn network_incident(&mut self, what: &What) {
        let (client, now) = (client_of(what), self.scheduler.now());
        if client >= self.clients.len() {
            return;
        }
        let (network, scheduler) = (&mut self.network, &mut self.scheduler);
        match *what {
            What::Cut {
                arrives,
                client_told,
                server_told,
                ..
            } => network.cut(client, arrives, client_told, server_told, scheduler, &mut self.fired),
            What::Stall(_, micros) => network.stall(client, Duration::from_micros(micros), scheduler),
            What::Partition(_, way, micros) => network.partition(client, way, Duration::from_micros(micros), scheduler),
            What::RefuseConnects(_, micros) => network.refuse(client, Duration::from_micros(micros), now),
            What::HangConnects(_, micros) => network.hang(client, Duration::from_micros(micros), now),
            What::Linger(_, micros) => network.linger(client, Duration::from_micros(micros)),
            What::NotReading(_, micros) => network.not_reading(client, Duration::from_micros(micros), now),
            _ => {}
        }
    }

    fn server_incident(&mut self, what: &What) {
        let now = self.scheduler.now();
        let until = |until: Instant, micros| until.max(after(now, micros));
        match *what {
            What::ServerCrash(down) => self.count_if(Fault::ServerCrash, |world| world.crash_server(down)),
            What::ServerRestart(down) => self.count_if(Fault::ServerRestart, |world| world.stop_server(down)),
            What::ServerJump(ms) => {
                self.server.clock.jump(ms);
                self.tell_server(Kind::Clock);
                self.fired.count(Fault::ClockJump);
            }
            // These are counted where they hit something.
            What::StoreFails(micros) => self.server.store_fails_until = until(self.server.store_fails_until, micros),
            What::UnknownCommits(times) => self.server.unknown_commits += times,
            What::UntoldCommits(micros) => {
                self.server.untold_until = until(self.server.untold_until, micros);
                self.scheduler.at(self.server.untold_until, Due::CommitsTold);
            }
            What::AuthAway(micros) => self.server.auth_away_until = until(self.server.auth_away_until, micros),
            What::Backup => self.server.backup = Some(self.server.store.backup()),
            What::Restore { down, new_epoch } => {
                self.count_if(Fault::Restore, |world| world.restore_store(down, new_epoch));
            }
            _ => {}
        }
    }

    fn count_if(&mut self, fault: Fault, happens: impl FnOnce(&mut Self) -> bool) {
        if happens(self) {
            self.fired.count(fault);
        }
    }
}

/// Whose connections an incident of the network is about.
fn client_of(what: &What) -> usize {
    match *what {
        What::Cut { client, .. }
        | What::Stall(client, _)
        | What::Partition(client, ..)
        | What::RefuseConnects(client, _)
        | What::HangConnects(client, _)
        | What::Linger(client, _)
        | What::NotReading(client, _) => client,
        _ => usize::MAX,
    }
}

/// A change as the client takes it; `None` for one that is none.
pub(super) fn change(repositories: &[RepositoryName], wanted: &Change) -> Option<client::Change> {
    let kind = match &wanted.data {
        Some(data) => ChangeKind::Upsert {
            data: Json::parse(data.clone()).ok()?,
            changed: None,
        },
        None => ChangeKind::Delete,
    };
    Some(client::Change {
        repository: repositories.get(wanted.repository)?.clone(),
        record: RecordId::new(wanted.record.clone()).ok()?,
        kind,
    })
}
