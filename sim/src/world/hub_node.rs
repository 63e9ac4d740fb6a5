//! The hub of the server, and the store behind it.

use super::agenda::Trigger;
use super::server_node::Reading;
use super::{Due, World, after};
use crate::check::Node;
use crate::fault::Fault;
use crate::recording::{self, Ending};
use driftless_core::Machine;
use driftless_core::server::{Append, AppendId, Committed, HubAction, HubInput, HubReply, ReadId, StoreFailure};
use std::mem;

/// A store's time from which on it counts as slow, in microseconds.
const SLOW_MICROS: u64 = 20_000;

impl World<'_> {
    /// Gives the hub something, and carries out what it asks for.
    pub(super) fn hub(&mut self, input: HubInput) {
        let now = self.scheduler.now();
        let local = self.server.clock.monotonic(now);
        let Some(running) = &mut self.server.running else {
            return;
        };
        self.steps.input(now, Node::Hub, &input);
        let mut actions = mem::take(&mut self.hub_actions);
        running.hub.handle(local, input, &mut actions);
        self.checks.machine(now, Node::Hub, local, running.hub.next_wake());
        self.checks.hub(now, &running.hub);
        while let Some(action) = actions.pop() {
            if let HubAction::Reply {
                reply: HubReply::Frame(frame),
                ..
            } = &action
            {
                self.steps.shares(frame);
            }
            self.steps.action(&action);
            self.hub_asks(action);
        }
        self.hub_actions = actions;
        self.plan_hub();
    }

    fn plan_hub(&mut self) {
        let now = self.scheduler.now();
        let Some(running) = &mut self.server.running else {
            return;
        };
        let wake = running.hub.next_wake();
        let wanted = wake.and_then(|wake| self.server.clock.when(wake.at));
        if let Some(at) = running.alarm.want(now, wanted) {
            let life = self.server.life;
            self.scheduler.at(at, Due::HubWake { life });
        }
    }

    pub(super) fn hub_wakes(&mut self, life: u32) {
        let now = self.scheduler.now();
        let local = self.server.clock.monotonic(now);
        let Some(running) = self.server.running.as_mut().filter(|_| self.server.life == life) else {
            return;
        };
        if !running.alarm.rings(now) {
            return;
        }
        match running.hub.next_wake() {
            Some(wake) if wake.at <= local => self.hub(HubInput::Tick),
            _ => self.plan_hub(),
        }
    }

    /// Carries out what the hub asks for. Nothing is handled in here.
    fn hub_asks(&mut self, action: HubAction) {
        match action {
            HubAction::Reply { connection, reply } => self.tell_session(connection, reply),
            HubAction::Append { append, events } => self.begin_append(append, events),
            HubAction::Read { read, page } => {
                // A store reads what is there at some moment while it reads.
                let reading = if self.server.chances.percent(50) {
                    Reading::Done(self.server.store.page(&page))
                } else {
                    Reading::Page(page)
                };
                self.begin_read(read, reading);
            }
            HubAction::ListRepositories { read, namespace } => self.begin_read(read, Reading::List(namespace)),
        }
    }

    fn begin_append(&mut self, append: AppendId, events: Append) {
        let now = self.scheduler.now();
        let micros = self.server.delays.commit.micros(self.scenario.server.commit);
        self.count_slow(micros);
        self.server.appends += 1;
        let (number, life) = (self.server.appends, self.server.life);
        if self.agenda.waits_for(Trigger::ServerCommit, number) {
            self.scheduler
                .at(after(now, micros / 2), Due::HalfAppended { number, life });
        }
        self.tell_append(append, &events);
        self.server.store.begin_append(append, events);
        if let Some(running) = &mut self.server.running {
            running.appending += 1;
        }
        self.under_way += 1;
        self.scheduler.at(after(now, micros), Due::Appended { append, life });
    }

    fn begin_read(&mut self, read: ReadId, reading: Reading) {
        let now = self.scheduler.now();
        let micros = self.server.delays.read.micros(self.scenario.server.read);
        self.count_slow(micros);
        let life = self.server.life;
        if let Some(running) = &mut self.server.running {
            running.reads.insert(read, reading);
        }
        self.under_way += 1;
        self.scheduler.at(after(now, micros), Due::Read { read, life });
    }

    fn count_slow(&mut self, micros: u64) {
        if micros >= SLOW_MICROS {
            self.fired.count(Fault::SlowStore);
        }
    }

    /// The store is done with an append.
    pub(super) fn appended(&mut self, append: AppendId, life: u32) {
        self.under_way -= 1;
        if self.server.life != life {
            return;
        }
        if let Some(running) = &mut self.server.running {
            running.appending -= 1;
        }
        self.complete_append(append);
        self.server_down_if_done();
    }

    fn complete_append(&mut self, append: AppendId) {
        let now = self.scheduler.now();
        if now < self.server.store_fails_until {
            self.fired.count(Fault::StoreFails);
            self.server.store.fail_append(append);
            self.tell(|tape, now| tape.ended(now, recording::Node::Store, append.0, Ending::Failed));
            let result = Err(failure("the store is unavailable"));
            return self.hub(HubInput::Appended { append, result });
        }
        let (appended, committed) = self.server.store.finish_append(append);
        self.tell(|tape, now| tape.ended(now, recording::Node::Store, append.0, Ending::Done));
        for grown in &committed {
            self.stored(now, grown);
        }
        let result = if self.server.unknown_commits > 0 {
            self.server.unknown_commits -= 1;
            self.fired.count(Fault::UnknownCommit);
            self.tell(|tape, now| tape.note(now, recording::Node::Store, "reports the append as failed"));
            Err(failure("the outcome of the commit is unknown"))
        } else {
            Ok(appended)
        };
        // The report of a commit goes its own way, and may come before the answer to who asked for it.
        let report_first = self.server.chances.percent(50);
        if report_first {
            self.report(committed);
            self.hub(HubInput::Appended { append, result });
        } else {
            self.hub(HubInput::Appended { append, result });
            self.report(committed);
        }
    }

    /// Reports commits to the hub, in order, or keeps them back.
    fn report(&mut self, committed: Vec<Committed>) {
        let now = self.scheduler.now();
        for grown in committed {
            let Some(running) = &mut self.server.running else {
                return;
            };
            if now < self.server.untold_until {
                self.fired.count(Fault::UntoldCommit);
                running.untold.insert(grown.log.clone(), grown);
            } else {
                running.untold.remove(&grown.log);
                self.hub(HubInput::Committed(grown));
            }
        }
    }

    /// Commits are reported again. Of those that were not, the last of each log is: the others are gaps to be noticed.
    pub(super) fn tell_commits(&mut self) {
        if self.scheduler.now() < self.server.untold_until {
            return;
        }
        let running = self.server.running.as_mut();
        let untold = running
            .map(|running| mem::take(&mut running.untold))
            .unwrap_or_default();
        self.report(untold.into_values().collect());
    }

    /// The store is done with a read.
    pub(super) fn read(&mut self, read: ReadId, life: u32) {
        let now = self.scheduler.now();
        self.under_way -= 1;
        let server = &mut self.server;
        let running = server.running.as_mut().filter(|_| server.life == life);
        let Some(reading) = running.and_then(|running| running.reads.remove(&read)) else {
            return;
        };
        let fails = now < server.store_fails_until;
        if fails {
            self.fired.count(Fault::StoreFails);
        }
        let failed = || failure("the store is unavailable");
        let input = match reading {
            Reading::List(namespace) => HubInput::Repositories {
                read,
                result: if fails {
                    Err(failed())
                } else {
                    Ok(server.store.repositories(&namespace))
                },
            },
            Reading::Page(page) => HubInput::PageRead {
                read,
                result: if fails {
                    Err(failed())
                } else {
                    Ok(server.store.page(&page))
                },
            },
            Reading::Done(page) => HubInput::PageRead {
                read,
                result: if fails { Err(failed()) } else { Ok(page) },
            },
        };
        self.hub(input);
    }
}

fn failure(detail: &str) -> StoreFailure {
    StoreFailure { detail: detail.into() }
}
