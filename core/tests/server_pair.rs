//! Sessions and a hub, joined by queues that move in any order, over a store in memory.
//!
//! Whatever the order in which queues, the store and sockets move: what is acked is stored once and in the order of
//! sending, and every subscriber gets 1, 2, 3, … .

#![allow(clippy::unwrap_used)]

use bytestring::ByteString;
use driftless_core::event::{EventBatchBuilder, EventId, Json, NewEvent, Sequence};
use driftless_core::name::{LogName, Namespace, RepositoryName};
use driftless_core::server::{
    Append, AppendOutcome, Appended, AuthId, Committed, ConnectionId, Grant, Hub, HubAction, HubConfig, HubInput, Page,
    PageRequest, Rights, ServerLimits, Session, SessionAction, SessionConfig, SessionInput, StoreFailure,
};
use driftless_core::wire::{Epoch, ServerMessage, ServerReply};
use driftless_core::{Actions, Instant, Machine};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::Arc;
use std::time::Duration;

const CONNECTIONS: usize = 4;

/// What may move next.
#[derive(Clone, Debug)]
enum Step {
    /// A client sends a batch.
    Push { connection: usize, events: u8 },
    /// One message of a session reaches the hub.
    ToHub { connection: usize },
    /// One message of the hub reaches its session.
    ToSession { connection: usize },
    /// The socket takes some bytes.
    Flush { connection: usize, bytes: usize },
    /// The store does its oldest work, or fails it.
    Store { fails: bool },
    /// The hub hears of one commit.
    Tell,
    /// Time passes.
    Pass { millis: u64 },
}

fn step() -> impl Strategy<Value = Step> {
    let connection = 0..CONNECTIONS;
    prop_oneof![
        3 => (connection.clone(), 1..6u8).prop_map(|(connection, events)| Step::Push { connection, events }),
        6 => connection.clone().prop_map(|connection| Step::ToHub { connection }),
        6 => connection.clone().prop_map(|connection| Step::ToSession { connection }),
        4 => (connection, 0..900usize).prop_map(|(connection, bytes)| Step::Flush { connection, bytes }),
        4 => prop::bool::weighted(0.1).prop_map(|fails| Step::Store { fails }),
        3 => Just(Step::Tell),
        1 => (0..300u64).prop_map(|millis| Step::Pass { millis }),
    ]
}

/// A client that sends again what is not acked, in order, when it is told to.
struct Client {
    session: Session,
    to_hub: VecDeque<HubInput>,
    to_session: VecDeque<SessionInput>,
    sent: u32,
    /// Not acked, in order.
    outbox: Vec<String>,
    in_socket: usize,
    heard: Vec<ByteString>,
    paused: bool,
}

struct World {
    now: Instant,
    hub: Hub,
    clients: Vec<Client>,
    work: VecDeque<HubAction>,
    stored: Vec<NewEvent>,
    commits: VecDeque<Committed>,
    limits: ServerLimits,
}

fn log() -> LogName {
    LogName {
        namespace: Namespace::default(),
        repository: RepositoryName::new("a").unwrap(),
    }
}

impl World {
    fn new() -> Self {
        let limits = ServerLimits {
            page_bytes: 500,
            stream_bytes: 1_000,
            reply_bytes: 400,
            pushes: 4,
            commit_events: 7,
            ..ServerLimits::default()
        };
        let epoch = Epoch::new("e1").unwrap();
        let config = Arc::new(SessionConfig {
            epoch: epoch.clone(),
            limits: limits.clone(),
        });
        let client = |id: usize| Client {
            session: Session::new(
                Instant::ZERO,
                config.clone(),
                ConnectionId(id as u64),
                Namespace::default(),
                None,
            ),
            to_hub: VecDeque::new(),
            to_session: VecDeque::new(),
            sent: 0,
            outbox: Vec::new(),
            in_socket: 0,
            heard: Vec::new(),
            paused: false,
        };
        let mut world = Self {
            now: Instant::ZERO,
            hub: Hub::new(HubConfig {
                epoch,
                limits: limits.clone(),
                lanes: 1,
            }),
            clients: (0..CONNECTIONS).map(client).collect(),
            work: VecDeque::new(),
            stored: Vec::new(),
            commits: VecDeque::new(),
            limits,
        };
        for id in 0..CONNECTIONS {
            world.log_in(id);
        }
        world
    }

    fn log_in(&mut self, id: usize) {
        self.frame(id, r#"{"type":"auth","protocol":1}"#.into());
        let grant = Grant {
            subject: format!("{id}"),
            rights: Arc::new(Rights::all()),
            valid_for: None,
        };
        let decided = SessionInput::Authenticated {
            auth: AuthId(1),
            result: Ok(grant),
            server_time: String::new(),
        };
        self.session(id, decided);
        self.frame(
            id,
            r#"{"type":"subscribe","epoch":"e1","repositories":{"a":{"afterSequence":0}}}"#.into(),
        );
    }

    fn frame(&mut self, id: usize, text: String) {
        self.session(id, SessionInput::Frame(text.into()));
    }

    fn session(&mut self, id: usize, input: SessionInput) {
        let client = &mut self.clients[id];
        let mut out = Actions::new();
        client.session.handle(self.now, input, &mut out);
        for action in out.drain() {
            match action {
                SessionAction::Send(frame) => {
                    client.in_socket += frame.len();
                    client.heard.push(frame);
                }
                SessionAction::Hub(request) => client.to_hub.push_back(HubInput::Session {
                    connection: ConnectionId(id as u64),
                    request,
                }),
                SessionAction::PauseReading => client.paused = true,
                SessionAction::ResumeReading => client.paused = false,
                SessionAction::Authenticate { .. } => {}
                SessionAction::Close { code, reason } => panic!("closed: {code} {reason}"),
            }
        }
        // Streams are bounded by credit, replies by the pause and what one push can be answered with.
        assert!(client.in_socket < self.limits.stream_bytes + self.limits.page_bytes + 8_000);
    }

    fn hub(&mut self, input: HubInput) {
        let mut out = Actions::new();
        self.hub.handle(self.now, input, &mut out);
        for action in out.drain() {
            match action {
                HubAction::Reply { connection, reply } => {
                    let id = usize::try_from(connection.0).unwrap();
                    self.clients[id].to_session.push_back(SessionInput::Hub(reply));
                }
                work => self.work.push_back(work),
            }
        }
    }

    fn apply(&mut self, step: &Step) {
        match *step {
            Step::Push { connection, events } if !self.clients[connection].paused => self.push(connection, events),
            Step::ToHub { connection } => {
                if let Some(input) = self.clients[connection].to_hub.pop_front() {
                    self.hub(input);
                }
            }
            Step::ToSession { connection } => {
                if let Some(input) = self.clients[connection].to_session.pop_front() {
                    self.session(connection, input);
                }
            }
            Step::Flush { connection, bytes } => {
                let bytes = bytes.min(self.clients[connection].in_socket);
                self.clients[connection].in_socket -= bytes;
                self.session(connection, SessionInput::Flushed { bytes });
            }
            Step::Store { fails } => self.store(fails),
            Step::Tell => {
                if let Some(committed) = self.commits.pop_front() {
                    self.hub(HubInput::Committed(committed));
                }
            }
            Step::Pass { millis } => {
                self.now = self.now + Duration::from_millis(millis);
                self.hub(HubInput::Tick);
            }
            Step::Push { .. } => {}
        }
    }

    fn push(&mut self, id: usize, events: u8) {
        let client = &mut self.clients[id];
        let first = client.sent;
        client.sent += u32::from(events);
        let new: Vec<_> = (first..client.sent).map(|n| format!("{id}-{n}")).collect();
        client.outbox.extend(new.iter().cloned());
        self.send(id, &new);
    }

    fn send(&mut self, id: usize, events: &[String]) {
        let events: Vec<_> = events
            .iter()
            .map(|event| format!(r#"{{"eventId":"{event}"}}"#))
            .collect();
        let events = events.join(",");
        self.frame(
            id,
            format!(r#"{{"type":"push_events_batch","repository":"a","events":[{events}]}}"#),
        );
    }

    fn store(&mut self, fails: bool) {
        let failure = StoreFailure { detail: "disk".into() };
        let input = match self.work.pop_front() {
            Some(HubAction::Append { append, .. }) if fails => HubInput::Appended {
                append,
                result: Err(failure),
            },
            Some(HubAction::Read { read, .. }) if fails => HubInput::PageRead {
                read,
                result: Err(failure),
            },
            Some(HubAction::Append { append, events }) => HubInput::Appended {
                append,
                result: Ok(self.append(events)),
            },
            Some(HubAction::Read { read, page }) => HubInput::PageRead {
                read,
                result: Ok(self.page(&page)),
            },
            _ => return,
        };
        self.hub(input);
    }

    fn append(&mut self, append: Append) -> Appended {
        let mut batch = EventBatchBuilder::new(Sequence::new(self.stored.len() as u64 + 1));
        let mut outcomes = Vec::new();
        for event in append.runs.into_iter().flat_map(|run| run.events) {
            let known = self.stored.iter().position(|known| known.id == event.id);
            outcomes.push(if let Some(index) = known {
                AppendOutcome::Duplicate(Sequence::new(index as u64 + 1))
            } else {
                self.stored.push(event.clone());
                AppendOutcome::Stored(batch.append(&event).0)
            });
        }
        if !batch.is_empty() {
            let events = Arc::new(batch.build());
            self.commits.push_back(Committed { log: log(), events });
        }
        Appended { outcomes }
    }

    fn page(&self, page: &PageRequest) -> Page {
        let mut batch = EventBatchBuilder::new(page.after.next());
        for event in self.stored.iter().skip(usize::try_from(page.after.get()).unwrap()) {
            if batch.len() == page.max_events || batch.bytes() > page.max_bytes {
                break;
            }
            batch.append(event);
        }
        Page {
            events: batch.build(),
            head: Sequence::new(self.stored.len() as u64),
        }
    }

    /// Lets everything that is under way arrive.
    fn settle(&mut self) {
        for _ in 0..400 {
            for connection in 0..CONNECTIONS {
                for _ in 0..20 {
                    self.apply(&Step::ToHub { connection });
                    self.apply(&Step::ToSession { connection });
                }
                self.apply(&Step::Flush {
                    connection,
                    bytes: usize::MAX,
                });
            }
            self.apply(&Step::Store { fails: false });
            self.apply(&Step::Tell);
            self.apply(&Step::Pass { millis: 100 });
            for client in &mut self.clients {
                // The peers are alive.
                client
                    .session
                    .handle(self.now, SessionInput::Alive, &mut Actions::new());
            }
        }
    }

    /// Takes the acks off the outboxes, and checks that they are for what is stored.
    fn count_acks(&mut self) {
        let stored: BTreeMap<EventId, Sequence> = (1u64..)
            .zip(&self.stored)
            .map(|(n, event)| (event.id.clone(), Sequence::new(n)))
            .collect();
        for client in &mut self.clients {
            let mut acked = BTreeSet::new();
            for frame in &client.heard {
                if let ServerMessage::Ack(ack) = ServerReply::decode(frame).unwrap().message {
                    for (id, sequence) in &ack.sequences[0].1 {
                        assert_eq!(stored.get(id), Some(sequence));
                        acked.insert(id.to_string());
                    }
                }
            }
            client.outbox.retain(|event| !acked.contains(event));
        }
    }
}

proptest! {

    #[test]
    fn acked_events_are_stored_once_in_order_and_reach_everyone(steps in prop::collection::vec(step(), 0..250)) {
        let mut world = World::new();
        for step in &steps {
            world.apply(step);
        }
        world.settle();
        world.count_acks();
        for id in 0..CONNECTIONS {
            let again = world.clients[id].outbox.clone();
            world.send(id, &again);
        }
        world.settle();
        world.count_acks();
        let ids: Vec<String> = world.stored.iter().map(|event| event.id.to_string()).collect();
        for (id, client) in world.clients.iter().enumerate() {
            prop_assert!(client.outbox.is_empty(), "{:?}", client.outbox);
            let own: Vec<_> = ids.iter().filter(|event| event.starts_with(&format!("{id}-"))).cloned().collect();
            let sent: Vec<_> = (0..client.sent).map(|n| format!("{id}-{n}")).collect();
            prop_assert_eq!(own, sent);
            prop_assert_eq!(&stream(client), &ids);
        }
    }
}

/// The ids in a client's stream; its frames have to be chained.
fn stream(client: &Client) -> Vec<String> {
    let (mut ids, mut position) = (Vec::new(), Some(Sequence::ZERO));
    for frame in &client.heard {
        if let ServerMessage::Events(events) = ServerReply::decode(frame).unwrap().message {
            assert_eq!(events.after, position);
            position = events.last;
            ids.extend(
                events
                    .events
                    .iter()
                    .map(|event: &Json| NewEvent::read(event).unwrap().id.to_string()),
            );
        }
    }
    ids
}
