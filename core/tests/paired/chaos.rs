//! Whatever happens, once it stops everyone agrees and nothing is lost.

use crate::client_host::repository;
use crate::store::Store;
use crate::world::World;
use driftless_core::client::{LastWriteWins, MergeFields, Notice, Policy, ServerOrder, State};
use driftless_core::event::{Event, EventId, Json, NewEvent};
use driftless_core::name::{LogName, Namespace};
use driftless_core::server::{Append, AppendRun};
use proptest::prelude::*;
use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Duration;

const CLIENTS: usize = 3;
const REPOSITORIES: [&str; 2] = ["users", "todos"];

/// One thing that happens.
#[derive(Clone, Debug)]
enum Op {
    Run {
        millis: u64,
    },
    Write {
        client: usize,
        repository: usize,
        record: u8,
    },
    Delete {
        client: usize,
        repository: usize,
        record: u8,
    },
    Cut {
        client: usize,
    },
    Freeze {
        client: usize,
    },
    Crash {
        client: usize,
        commit_survives: bool,
    },
    CrashServer {
        appends_survive: bool,
        down_ms: u64,
    },
    StoreFails {
        fails: bool,
    },
    DiskFails {
        client: usize,
        times: usize,
    },
    CommitsUntold {
        untold: bool,
    },
    Latency {
        millis: u64,
    },
    Delays {
        store_ms: u64,
        disk_ms: u64,
    },
    Pause {
        client: usize,
        paused: bool,
    },
}

fn op() -> impl Strategy<Value = Op> {
    let (client, repository) = (|| 0..CLIENTS, || 0..REPOSITORIES.len());
    prop_oneof![
        6 => (0u64..40).prop_map(|millis| Op::Run { millis }),
        2 => (100u64..8_000).prop_map(|millis| Op::Run { millis }),
        10 => (client(), repository(), 0u8..4).prop_map(|(client, repository, record)| Op::Write { client, repository, record }),
        2 => (client(), repository(), 0u8..4).prop_map(|(client, repository, record)| Op::Delete { client, repository, record }),
        3 => client().prop_map(|client| Op::Cut { client }),
        1 => client().prop_map(|client| Op::Freeze { client }),
        2 => (client(), any::<bool>()).prop_map(|(client, commit_survives)| Op::Crash { client, commit_survives }),
        1 => (any::<bool>(), 0u64..5_000).prop_map(|(appends_survive, down_ms)| Op::CrashServer { appends_survive, down_ms }),
        1 => any::<bool>().prop_map(|fails| Op::StoreFails { fails }),
        1 => (client(), 1usize..4).prop_map(|(client, times)| Op::DiskFails { client, times }),
        1 => any::<bool>().prop_map(|untold| Op::CommitsUntold { untold }),
        1 => (0u64..50).prop_map(|millis| Op::Latency { millis }),
        1 => (0u64..20, 0u64..20).prop_map(|(store_ms, disk_ms)| Op::Delays { store_ms, disk_ms }),
        1 => (client(), any::<bool>()).prop_map(|(client, paused)| Op::Pause { client, paused }),
    ]
}

impl World {
    fn apply(&mut self, op: &Op, step: usize) {
        match *op {
            Op::Run { millis } => self.run_for(Duration::from_millis(millis)),
            Op::Write {
                client,
                repository,
                record,
            } => {
                // Fields of its own and one that all change.
                let data = format!(r#"{{"by {client}":{record},"step":{step}}}"#);
                self.upsert(client, REPOSITORIES[repository], &format!("r{record}"), &data);
            }
            Op::Delete {
                client,
                repository,
                record,
            } => {
                self.delete(client, REPOSITORIES[repository], &format!("r{record}"));
            }
            Op::Cut { client } => self.cut_client(client),
            Op::Freeze { client } => self.freeze_client(client),
            Op::Crash {
                client,
                commit_survives,
            } => {
                self.run_for(Duration::ZERO);
                self.crash(client, commit_survives);
                self.start(client);
            }
            Op::CrashServer {
                appends_survive,
                down_ms,
            } => {
                self.crash_server(appends_survive);
                self.run_for(Duration::from_millis(down_ms));
                self.start_server();
            }
            Op::StoreFails { fails } => self.store_fails = fails,
            Op::DiskFails { client, times } => self.clients[client].disk_failures = times,
            Op::CommitsUntold { untold } => self.commits_untold = untold,
            Op::Latency { millis } => self.latency = Duration::from_millis(millis),
            Op::Delays { store_ms, disk_ms } => {
                self.store_delay = Duration::from_millis(store_ms);
                self.disk_delay = Duration::from_millis(disk_ms);
            }
            Op::Pause { client, paused } => {
                for connection in self.connections_of(client) {
                    if let Some(link) = self.links.get_mut(&connection) {
                        link.to_client.paused = paused;
                    }
                }
            }
        }
    }

    /// Everything works again.
    fn heal(&mut self) {
        self.store_fails = false;
        self.commits_untold = false;
        for client in 0..CLIENTS {
            self.clients[client].disk_failures = 0;
            // What a test paused, nobody resumes.
            self.cut_client(client);
            // A commit after the untold ones tells of them.
            for name in REPOSITORIES {
                self.upsert(client, name, "last", "{}");
            }
        }
    }

    /// Puts an older store in place, to which others have written more than was lost. (A history that by chance has
    /// the event that a client saw last at the same place again cannot be told from the old one.)
    fn restore(&mut self, backup: Store) {
        let lost: Vec<_> = REPOSITORIES.iter().map(|name| self.ids(name).len()).collect();
        self.store = backup;
        for (name, lost) in REPOSITORIES.iter().zip(lost) {
            let log = LogName {
                namespace: Namespace::default(),
                repository: repository(name),
            };
            let events = (0..=lost).map(|n| Json::parse(format!(r#"{{"eventId":"other {n}"}}"#)).unwrap());
            let events = events.map(|event| NewEvent::read(&event).unwrap()).collect();
            self.store.append(&Append {
                runs: vec![AppendRun { log, events }],
            });
        }
    }

    /// Ids of the events that a client's application was told are written.
    fn written(&self, client: usize) -> Vec<EventId> {
        let written = self.clients[client].notices.iter().filter_map(|notice| match notice {
            Notice::Written { result: Ok(events), .. } => Some(events.clone()),
            _ => None,
        });
        written.flatten().collect()
    }

    /// Everything written is in a log, once, in its author's order.
    fn assert_nothing_lost(&self) {
        let logs: Vec<Vec<EventId>> = REPOSITORIES.iter().map(|name| self.ids(name)).collect();
        for client in 0..CLIENTS {
            let written = self.written(client);
            for id in &written {
                assert_eq!(
                    logs.iter().flatten().filter(|other| *other == id).count(),
                    1,
                    "{id} of client {client}"
                );
            }
            for log in &logs {
                let mine: BTreeSet<_> = written.iter().collect();
                let stored: Vec<_> = log.iter().filter(|id| mine.contains(id)).collect();
                let in_log: BTreeSet<_> = stored.iter().copied().collect();
                let order: Vec<_> = written.iter().filter(|id| in_log.contains(id)).collect();
                assert_eq!(stored, order, "the order of client {client}");
            }
            let rejected = |notice: &Notice| matches!(notice, Notice::Rejected { .. });
            assert_eq!(self.clients[client].told(rejected), 0);
        }
    }
}

/// A policy as an application may write one, which hides no difference: a record is the list of its events, in order.
#[derive(Debug)]
struct Chronicle;

impl Policy for Chronicle {
    fn fold(&self, current: Option<&State>, event: &Event) -> State {
        let before = current.and_then(|state| state.data.as_deref()).unwrap_or("[]");
        let before = before.trim_end_matches(']');
        let comma = if before.len() > 1 { "," } else { "" };
        let data = format!(r#"{before}{comma}"{}"]"#, event.id);
        State {
            event: event.id.clone(),
            created_at: event.created_at,
            sequence: event.sequence,
            data: Some(Json::parse(data).unwrap()),
        }
    }
}

fn policy() -> impl Strategy<Value = Arc<dyn Policy>> {
    prop_oneof![
        Just(Arc::new(ServerOrder) as Arc<dyn Policy>),
        Just(Arc::new(LastWriteWins) as Arc<dyn Policy>),
        Just(Arc::new(MergeFields) as Arc<dyn Policy>),
        Just(Arc::new(Chronicle) as Arc<dyn Policy>),
    ]
}

fn world(policy: &Arc<dyn Policy>) -> World {
    let mut world = World::new();
    for client in 0..CLIENTS {
        world.add_client(&REPOSITORIES);
        // Small, so that pages, windows and pauses are part of the play.
        let limits = &mut world.clients[client].config.limits;
        (limits.window_events, limits.push_events, limits.apply_events) = (3, 2, 3);
        (limits.received_bytes, limits.storage_bytes) = (2_000, 200);
        for repository in &mut world.clients[client].config.repositories {
            repository.policy = Arc::clone(policy);
        }
        world.clients[client].skew_ms = [0, -86_400_000, 3_600_000][client];
        world.start(client);
    }
    world
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 2_000, ..ProptestConfig::default() })]

    #[test]
    fn cuts_and_crashes_end_converged(policy in policy(), ops in prop::collection::vec(op(), 1..60)) {
        let mut world = world(&policy);
        for (step, op) in ops.iter().enumerate() {
            world.apply(op, step);
        }
        world.heal();
        world.converge(&REPOSITORIES, Duration::from_mins(5));
        world.assert_nothing_lost();
    }

    #[test]
    fn another_history_ends_converged(
        policy in policy(),
        before in prop::collection::vec(op(), 1..25),
        after in prop::collection::vec(op(), 1..25),
        restored in any::<bool>(),
    ) {
        let mut world = world(&policy);
        let backup = world.store.clone();
        for (step, op) in before.iter().enumerate() {
            world.apply(op, step);
        }
        world.crash_server(false);
        if restored {
            world.restore(backup);
        } else {
            world.store = Store::new("epoch-2");
        }
        world.start_server();
        for (step, op) in after.iter().enumerate() {
            world.apply(op, before.len() + step);
        }
        world.heal();
        world.converge(&REPOSITORIES, Duration::from_mins(5));
        for client in 0..CLIENTS {
            let logs: BTreeSet<EventId> = REPOSITORIES.iter().flat_map(|name| world.ids(name)).collect();
            let lost: Vec<_> = world.written(client).into_iter().filter(|id| !logs.contains(id)).collect();
            prop_assert!(lost.is_empty(), "client {} had kept {:?}", client, lost);
            prop_assert!(world.clients[client].disk.pending(&repository("users")).is_empty());
        }
    }
}
