//! Laws: whatever the order of commits, pages and flushes, every reader gets 1, 2, 3, …

use super::bench::{Bench, Work, at, event, limits, log, package_event};
use crate::event::{Json, NewEvent};
use crate::server::hub::HubInput;
use crate::server::{Committed, HubReply, Peer, RequestKind, ServerLimits, StoreFailure};
use crate::wire::{ServerMessage, ServerReply};
use alloc::format;
use alloc::vec::Vec;
use core::time::Duration;
use proptest::prelude::*;

#[derive(Clone, Debug)]
enum Step {
    Store {
        log: u8,
        events: u8,
    },
    /// Tells a commit: the oldest or another, keeps it for later as well, or forgets it.
    Tell {
        which: usize,
        again: bool,
    },
    Lose {
        which: usize,
    },
    /// Completes a read: what it finds is decided at `Step::Look`, or now.
    Look,
    Complete {
        which: usize,
    },
    Fail {
        which: usize,
    },
    Flush {
        connection: u8,
    },
    Pass {
        millis: u16,
    },
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        4 => (0..2u8, 1..12u8).prop_map(|(log, events)| Step::Store { log, events }),
        4 => (any::<usize>(), prop::bool::weighted(0.2)).prop_map(|(which, again)| Step::Tell { which, again }),
        1 => any::<usize>().prop_map(|which| Step::Lose { which }),
        3 => Just(Step::Look),
        4 => any::<usize>().prop_map(|which| Step::Complete { which }),
        1 => any::<usize>().prop_map(|which| Step::Fail { which }),
        4 => (1..6u8).prop_map(|connection| Step::Flush { connection }),
        1 => (0..2_000u16).prop_map(|millis| Step::Pass { millis }),
    ]
}

/// A bench whose reads find what the store had at one moment and arrive at another.
struct Run {
    bench: Bench,
    looked: Vec<HubInput>,
    commits: Vec<Committed>,
}

impl Run {
    fn apply(&mut self, step: &Step) {
        match *step {
            Step::Store { log, events } => self.store(log, events),
            Step::Tell { which, again } if !self.commits.is_empty() => {
                let which = which % self.commits.len();
                let committed = if again {
                    self.commits[which].clone()
                } else {
                    self.commits.remove(which)
                };
                self.bench.input(HubInput::Committed(committed));
            }
            Step::Lose { which } if !self.commits.is_empty() => {
                self.commits.remove(which % self.commits.len());
            }
            Step::Look => self.look(),
            Step::Complete { which } if !self.looked.is_empty() => {
                let input = self.looked.remove(which % self.looked.len());
                self.bench.input(input);
            }
            Step::Fail { which } if !self.looked.is_empty() => {
                let failure = StoreFailure { detail: "disk".into() };
                let input = match self.looked.remove(which % self.looked.len()) {
                    HubInput::PageRead { read, .. } => HubInput::PageRead {
                        read,
                        result: Err(failure),
                    },
                    HubInput::Repositories { read, .. } => HubInput::Repositories {
                        read,
                        result: Err(failure),
                    },
                    other => other,
                };
                self.bench.input(input);
            }
            Step::Flush { connection } => self.bench.flush(connection.into()),
            Step::Pass { millis } => self.bench.pass(Duration::from_millis(millis.into())),
            _ => {}
        }
        for (connection, bytes) in &self.bench.unflushed {
            assert!(*bytes < STREAM + PAGE, "{connection:?} owes {bytes}");
        }
    }

    fn store(&mut self, log: u8, events: u8) {
        let name = ["a", "b"][usize::from(log)];
        let first = self.bench.logs.get(&super::bench::log(name)).map_or(0, Vec::len);
        let new = |n: usize| {
            let id = format!("{name}{n}");
            if n.is_multiple_of(3) {
                package_event(&id)
            } else {
                event(&id)
            }
        };
        let events: Vec<_> = (first + 1..=first + usize::from(events)).map(new).collect();
        self.bench.store(name, events);
        self.commits.extend(self.bench.commits.pop_back());
    }

    fn look(&mut self) {
        while let Some(work) = self.bench.work.pop_front() {
            match work {
                Work::Page(read, page) => {
                    let result = Ok(self.bench.page(&page));
                    self.looked.push(HubInput::PageRead { read, result });
                }
                Work::List(read) => {
                    let result = Ok(self.bench.logs.keys().map(|log| log.repository.clone()).collect());
                    self.looked.push(HubInput::Repositories { read, result });
                }
                Work::Append(..) => {}
            }
        }
    }

    /// Ends the faults: one more commit in each log is told, everything is read and flushed.
    fn finish(&mut self) {
        for log in 0..2 {
            self.store(log, 1);
            self.bench.input(HubInput::Committed(self.commits.pop().unwrap()));
        }
        for _ in 0..2_000 {
            self.look();
            for input in core::mem::take(&mut self.looked) {
                self.bench.input(input);
            }
            for connection in 1..6 {
                self.bench.flush(connection);
            }
            self.bench.pass(Duration::from_secs(1));
        }
        assert!(self.bench.work.is_empty() && self.looked.is_empty());
    }
}

const PAGE: usize = 700;
const STREAM: usize = 1_500;

fn run() -> Run {
    let mut bench = Bench::new(ServerLimits {
        page_bytes: PAGE,
        stream_bytes: STREAM,
        page_events: 7,
        ..limits()
    });
    bench.fast = false;
    for connection in 1..=3 {
        bench.attach(connection, Peer::Extended);
        for name in ["a", "b"] {
            bench.subscribe(connection, name, at(0));
        }
    }
    for connection in 4..=5 {
        bench.attach(connection, Peer::Plain);
    }
    bench.read(5, RequestKind::All, Some(3));
    Run {
        bench,
        looked: Vec::new(),
        commits: Vec::new(),
    }
}

/// The numbers in the event ids of a connection's stream of a log, in the order of sending. Frames have to be chained.
fn stream(replies: &[HubReply], name: &str, chained: bool) -> Vec<usize> {
    let (mut numbers, mut position) = (Vec::new(), 0);
    for reply in replies {
        let HubReply::Frame(frame) = reply else { continue };
        let ServerMessage::Events(events) = ServerReply::decode(frame).unwrap().message else {
            continue;
        };
        if events.repository != name {
            continue;
        }
        let new: Vec<NewEvent> = events
            .events
            .iter()
            .map(|event: &Json| NewEvent::read(event).unwrap())
            .collect();
        assert!(
            chained
                || new
                    .iter()
                    .all(|event| event.package_complete == new[0].package_complete)
        );
        numbers.extend(new.iter().map(|event| event.id[name.len()..].parse::<usize>().unwrap()));
        if chained {
            assert_eq!(events.after.unwrap().get(), position);
            position = events.last.unwrap().get();
            assert_eq!(numbers.len() as u64, position);
        }
    }
    numbers
}

proptest! {

    #[test]
    fn every_reader_gets_every_event_once_in_order(steps in prop::collection::vec(step(), 0..120)) {
        let mut run = run();
        for step in &steps {
            run.apply(step);
        }
        run.finish();
        for connection in 1..=5u64 {
            let replies = run.bench.said(connection);
            for name in ["a", "b"] {
                let head = run.bench.logs[&log(name)].len();
                let numbers = stream(&replies, name, connection <= 3);
                let first = numbers.first().copied().unwrap_or(head + 1);
                prop_assert_eq!(&numbers, &(first..=head).collect::<Vec<_>>(), "{} {}", connection, name);
                // Whoever asked from the beginning has the beginning; a plain peer that did not ask has at least what
                // was committed and reported while it was there.
                if connection != 4 {
                    prop_assert_eq!(first, 1);
                }
            }
        }
        run.bench.leave_nothing();
    }
}
