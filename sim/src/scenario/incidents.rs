//! What happens to a seed's nodes and connections.

use super::calendar::{Calendar, SECOND};
use super::nodes::signed;
use super::{ClientKind, ClientPlan, Incident, Way, What, When};
use crate::fault::Fault;
use crate::random::{Delay, Random};
use std::collections::BTreeSet;

/// Of 100 incidents that can wait for a frame or a commit, so many do: there the interesting states are.
const TARGETED: u64 = 35;
/// Nothing goes on for longer than this by itself.
const LONGEST: u64 = 90 * SECOND;

/// What the incidents of a seed are drawn from.
pub(super) struct Incidents<'a> {
    pub(super) seed: u64,
    pub(super) faults: &'a BTreeSet<Fault>,
    pub(super) calendar: &'a Calendar,
    pub(super) clients: &'a [ClientPlan],
    pub(super) repositories: usize,
    pub(super) writes: u64,
}

impl Incidents<'_> {
    /// Those of every enabled fault, each fault from a stream of its own.
    pub(super) fn draw(&self) -> Vec<Incident> {
        let of = |fault: &Fault| {
            let mut random = Random::new(self.seed, "incidents", *fault as u64);
            self.of(*fault, &mut random)
        };
        self.faults.iter().flat_map(of).collect()
    }

    fn of(&self, fault: Fault, random: &mut Random) -> Vec<Incident> {
        match fault {
            Fault::CopiedDevice => self.copies(random),
            Fault::Restore => self.restores(random),
            Fault::ConnectRefused | Fault::ConnectHangs => self.unreachable(fault, random),
            Fault::LateFrame => self.given_up(random),
            _ => {
                let count = match fault {
                    Fault::LongOffline => random.between(1, 3),
                    _ => random.between(1, 4) << random.number().trailing_ones().min(2),
                };
                let incident = |_| {
                    let what = self.what(fault, random)?;
                    Some(Incident {
                        when: self.when(&what, random),
                        what,
                    })
                };
                (0..count).filter_map(incident).collect()
            }
        }
    }

    /// One incident of a fault; `None` where the fault is how a node is made.
    fn what(&self, fault: Fault, random: &mut Random) -> Option<What> {
        let client = random.index(self.clients.len());
        Self::at_the_network(fault, client, random)
            .or_else(|| self.at_a_client(fault, client, random))
            .or_else(|| Self::at_the_server(fault, random))
    }

    fn at_the_network(fault: Fault, client: usize, random: &mut Random) -> Option<What> {
        Some(match fault {
            Fault::Stall => What::Stall(client, lasting(random, SECOND)),
            Fault::OneWayPartition => {
                let way = if random.percent(50) { Way::Up } else { Way::Down };
                What::Partition(client, way, lasting(random, 3 * SECOND))
            }
            Fault::Cut => cut(client, true, true, random),
            Fault::HalfOpen => match random.below(3) {
                0 => cut(client, false, false, random),
                1 => cut(client, true, false, random),
                _ => cut(client, false, true, random),
            },
            Fault::Overlap => What::Linger(client, lasting(random, 10 * SECOND)),
            Fault::SlowReader => What::NotReading(client, lasting(random, 2 * SECOND)),
            _ => return None,
        })
    }

    fn at_a_client(&self, fault: Fault, client: usize, random: &mut Random) -> Option<What> {
        Some(match fault {
            Fault::ClockJump if random.percent(15) => What::ServerJump(jump(random)),
            Fault::ClockJump => What::Jump(client, jump(random)),
            Fault::Sleep => What::Sleep(client, lasting(random, 4 * SECOND)),
            Fault::DiskFails => What::DiskFails(client, random.between(1, 8)),
            Fault::ClientCrash => What::Crash(client, lasting(random, SECOND / 2)),
            Fault::LongOffline if random.percent(5) => What::Leave(client),
            Fault::LongOffline => What::Stop(
                client,
                random.between(SECOND, (self.calendar.end() / 3).max(5 * SECOND)),
            ),
            Fault::BadCredentials => What::BadCredentials(client, lasting(random, 3 * SECOND)),
            Fault::TokenExpiry => What::RenewCredentials(client),
            Fault::ScopeChange => What::ScopeChange(client),
            Fault::Resync => What::Resync(client, random.index(self.repositories)),
            Fault::Dismiss => What::Dismiss {
                client,
                again: random.percent(50),
            },
            Fault::Clear => What::Clear(client, random.index(self.repositories)),
            Fault::SyncNow | Fault::Rounds => What::SyncNow(client),
            Fault::Connectivity => What::NoNetwork(client, lasting(random, 3 * SECOND)),
            _ => return None,
        })
    }

    fn at_the_server(fault: Fault, random: &mut Random) -> Option<What> {
        Some(match fault {
            Fault::StoreFails => What::StoreFails(lasting(random, SECOND)),
            Fault::UnknownCommit => What::UnknownCommits(random.between(1, 5)),
            Fault::UntoldCommit => What::UntoldCommits(lasting(random, SECOND)),
            Fault::ServerCrash => What::ServerCrash(lasting(random, SECOND / 2)),
            Fault::ServerRestart => What::ServerRestart(lasting(random, SECOND / 2)),
            Fault::AuthUnavailable => What::AuthAway(lasting(random, 2 * SECOND)),
            _ => return None,
        })
    }

    /// Mostly at a time; where a crash, a cut or a failure can wait for a frame or a commit, often then.
    fn when(&self, what: &What, random: &mut Random) -> When {
        let number = random.between(1, self.writes.max(1));
        let targeted = random.percent(TARGETED);
        match *what {
            What::Cut { client, .. } | What::Stall(client, _) | What::NotReading(client, _) if targeted => {
                Self::frame(client, number, random)
            }
            What::Crash(client, _)
            | What::DiskFails(client, _)
            | What::Stop(client, _)
            | What::Sleep(client, _)
            | What::Clear(client, _)
            | What::NoNetwork(client, _)
                if targeted =>
            {
                match random.below(3) {
                    0 => Self::frame(client, number, random),
                    _ => When::ClientCommit(client, number),
                }
            }
            What::ServerCrash(_) | What::StoreFails(_) | What::UntoldCommits(_) if targeted => match random.below(3) {
                0 => Self::frame(random.index(self.clients.len()), number, random),
                _ => When::ServerCommit(number),
            },
            What::AuthAway(_) | What::BadCredentials(..) if targeted => When::At(self.calendar.opening(random)),
            _ => self.calendar.at(random),
        }
    }

    fn frame(client: usize, number: u64, random: &mut Random) -> When {
        // Most frames of a connection that matter are among its first.
        let number = if random.percent(50) {
            random.between(1, 12)
        } else {
            number
        };
        if random.percent(50) {
            When::ClientFrame(client, number)
        } else {
            When::ServerFrame(client, number)
        }
    }

    /// A server that cannot be reached matters to those who try: from before a client joins, or with its connection
    /// lost.
    fn unreachable(&self, fault: Fault, random: &mut Random) -> Vec<Incident> {
        let mut incidents = Vec::new();
        for _ in 0..random.between(1, 5) {
            let client = random.index(self.clients.len());
            let joins_at = self.clients[client].joins_at;
            let at = match joins_at {
                Some(joins_at) if random.percent(60) => joins_at.saturating_sub(1_000),
                _ => self.calendar.any(random),
            };
            let length = lasting(random, 5 * SECOND);
            let what = match fault {
                Fault::ConnectRefused => What::RefuseConnects(client, length),
                _ => What::HangConnects(client, length),
            };
            incidents.push(Incident {
                when: When::At(at),
                what,
            });
        }
        incidents
    }

    /// What a client has not read when it gives a connection up is what comes late: often the answer to its first
    /// frame, which is `auth`.
    fn given_up(&self, random: &mut Random) -> Vec<Incident> {
        let incident = |random: &mut Random| {
            let client = random.index(self.clients.len());
            let number = if random.percent(50) { 1 } else { random.between(2, 40) };
            Incident {
                when: When::ClientFrame(client, number),
                what: What::NotReading(client, lasting(random, 3 * SECOND)),
            }
        };
        (0..random.between(1, 6)).map(|_| incident(random)).collect()
    }

    /// Each client without a time to join is made from another one's data.
    fn copies(&self, random: &mut Random) -> Vec<Incident> {
        let ours: Vec<usize> = self.machines(|joins_at| joins_at.is_some()).collect();
        let copies = self.machines(|joins_at| joins_at.is_none());
        let copy = |to| {
            let from = *random.one_of(&ours)?;
            let joined = self.clients[from].joins_at.unwrap_or(0);
            let at = self.calendar.any(random).max(joined + SECOND / 10);
            let when = match random.below(3) {
                0 => When::ClientCommit(from, random.between(2, self.writes.clamp(2, 30))),
                _ => When::At(at),
            };
            Some(Incident {
                when,
                what: What::CopyDevice { from, to },
            })
        };
        copies.filter_map(copy).collect()
    }

    fn machines(&self, joins: impl Fn(Option<u64>) -> bool) -> impl Iterator<Item = usize> {
        let is = move |client: &ClientPlan| client.kind == ClientKind::Driftless && joins(client.joins_at);
        (0..self.clients.len()).filter(move |client| is(&self.clients[*client]))
    }

    /// A backup, and later, once or twice, the store as it was then.
    fn restores(&self, random: &mut Random) -> Vec<Incident> {
        let mut incidents = Vec::new();
        for _ in 0..random.between(1, 2) {
            let (one, other) = (self.calendar.any(random), self.calendar.any(random));
            let what = What::Restore {
                down: lasting(random, SECOND / 2),
                new_epoch: random.percent(50),
            };
            let (backup, restore) = (When::At(one.min(other)), When::At(one.max(other)));
            incidents.push(Incident {
                when: backup,
                what: What::Backup,
            });
            incidents.push(Incident { when: restore, what });
        }
        incidents
    }
}

/// How long something lasts: around `median`, with a tail.
fn lasting(random: &mut Random, median: u64) -> u64 {
    random.micros(Delay::LongTail(median)).min(LONGEST)
}

fn cut(client: usize, client_told: bool, server_told: bool, random: &mut Random) -> What {
    let arrives = match random.below(3) {
        0 => 0,
        1 => 100,
        _ => random.below(100),
    };
    What::Cut {
        client,
        arrives,
        client_told,
        server_told,
    }
}

/// A tenth of a second to a day, forward or back.
fn jump(random: &mut Random) -> i64 {
    let size = random.between(50, 100) << random.below(20);
    signed(size, random.percent(50))
}
