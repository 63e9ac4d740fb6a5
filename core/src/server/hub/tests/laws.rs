//! Laws: whatever the order of commits, pages and flushes, every reader gets 1, 2, 3, …

use super::bench::{Bench, Work, at, event, limits, log, package_event, repository};
use crate::event::{Json, NewEvent};
use crate::server::hub::HubInput;
use crate::server::{Committed, ConnectionId, HubReply, HubRequest, Peer, RequestKind, ServerLimits, StoreFailure};
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
            if n % 3 == 0 { package_event(&id) } else { event(&id) }
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

    #[test]
    fn no_input_in_any_order_is_a_panic(inputs in prop::collection::vec(any_input(), 0..200)) {
        let mut bench = Bench::new(ServerLimits { page_bytes: 300, stream_bytes: 600, streams: 2, requests: 1, ..limits() });
        bench.fast = false;
        for (input, millis) in inputs {
            bench.now = bench.now + Duration::from_millis(millis);
            bench.input(input);
        }
        for connection in 0..3 {
            bench.ask(connection, HubRequest::Detach);
        }
        bench.settle();
        bench.leave_nothing();
    }
}

fn any_input() -> impl Strategy<Value = (HubInput, u64)> {
    let name = prop_oneof![Just("a"), Just("b"), Just("c")];
    let request = prop_oneof![
        (any::<bool>(), any::<bool>()).prop_map(|(plain, all)| attach(plain, all)),
        Just(HubRequest::Reset),
        Just(HubRequest::Detach),
        (0..4u8, name.clone(), 1..4usize).prop_map(|(id, name, count)| push(id, name, count)),
        (name.clone(), 0..4u8).prop_map(|(name, id)| HubRequest::Hold {
            log: log(name),
            event: event(&format!("{id}")).id
        }),
        (name.clone(), 0..5u64, prop::option::of(0..3u64)).prop_map(|(name, after, limit)| {
            let kind = if after == 4 { RequestKind::All } else { one(name, after) };
            HubRequest::Read(crate::server::Read {
                reference: None,
                kind,
                limit,
            })
        }),
        (name.clone(), 0..5u64).prop_map(|(name, after)| subscribe(name, after)),
        name.clone().prop_map(|name| HubRequest::Unsubscribe {
            repositories: [repository(name)].into()
        }),
        (0..2_000usize).prop_map(|bytes| HubRequest::Flushed { bytes }),
    ];
    let session = (0..3u64, request).prop_map(|(id, request)| HubInput::Session {
        connection: ConnectionId(id),
        request,
    });
    let page = (0..40u64, 0..5u64, 0..4usize, 0..6u64)
        .prop_map(|(read, first, count, head)| page_read(read, first, count, head));
    let input = prop_oneof![
        6 => session,
        4 => page,
        1 => (0..20u64, 0..4usize).prop_map(|(append, count)| appended(append, count)),
        1 => (0..40u64, any::<bool>()).prop_map(|(read, ok)| listed(read, ok)),
        2 => (name, 0..6u64, 0..4usize).prop_map(|(name, first, count)| committed(name, first, count)),
        1 => Just(HubInput::Tick),
    ];
    (input, 0..400u64)
}

fn attach(plain: bool, all: bool) -> HubRequest {
    let mut rights = crate::server::Rights::all();
    if !all {
        rights.read = crate::server::Access::Only([repository("a")].into());
    }
    HubRequest::Attach {
        namespace: crate::name::Namespace::default(),
        peer: if plain { Peer::Plain } else { Peer::Extended },
        rights: alloc::sync::Arc::new(rights),
    }
}

fn push(id: u8, name: &str, count: usize) -> HubRequest {
    let events = (0..count).map(|n| event(&format!("{}", usize::from(id) + n))).collect();
    HubRequest::Push {
        push: crate::server::PushId(id.into()),
        log: log(name),
        events,
    }
}

fn one(name: &str, after: u64) -> RequestKind {
    RequestKind::One {
        repository: repository(name),
        after: crate::event::Sequence::new(after),
        since: None,
    }
}

fn subscribe(name: &str, after: u64) -> HubRequest {
    HubRequest::Subscribe(crate::server::Subscription {
        reference: None,
        epoch: None,
        repositories: [(repository(name), super::bench::seen(after, "a1"))].into(),
    })
}

fn batch(first: u64, count: usize) -> crate::event::EventBatch {
    let mut batch = crate::event::EventBatchBuilder::new(crate::event::Sequence::new(first));
    for n in 0..count {
        batch.append(&event(&format!("x{n}")));
    }
    batch.build()
}

fn page_read(read: u64, first: u64, count: usize, head: u64) -> HubInput {
    let page = crate::server::Page {
        events: batch(first, count),
        head: crate::event::Sequence::new(head),
    };
    let detail = "disk".into();
    HubInput::PageRead {
        read: crate::server::ReadId(read),
        result: if head == 5 {
            Err(StoreFailure { detail })
        } else {
            Ok(page)
        },
    }
}

fn appended(append: u64, count: usize) -> HubInput {
    let outcome = crate::server::AppendOutcome::Stored(crate::event::Sequence::new(1));
    HubInput::Appended {
        append: crate::server::AppendId(append),
        result: Ok(crate::server::Appended {
            outcomes: alloc::vec![outcome; count],
        }),
    }
}

fn listed(read: u64, ok: bool) -> HubInput {
    let detail = "disk".into();
    let names = ["a", "b"].map(repository).into();
    HubInput::Repositories {
        read: crate::server::ReadId(read),
        result: if ok { Ok(names) } else { Err(StoreFailure { detail }) },
    }
}

fn committed(name: &str, first: u64, count: usize) -> HubInput {
    let events = alloc::sync::Arc::new(batch(first, count));
    HubInput::Committed(Committed { log: log(name), events })
}
