//! A model of the published server with its habits, and our client against it.
//!
//! It broadcasts every event to everyone before it acks it without a sequence, sends a repeated push's event to everyone
//! again, and answers a pull with the newest event of each record, at most 100, without saying so.

use crate::client_host::repository;
use crate::link::Item;
use crate::world::World;
use bytestring::ByteString;
use driftless_core::client::{ConnectionState, Notice};
use driftless_core::event::{Json, NewEvent, Sequence};
use driftless_core::name::{LogName, Namespace};
use driftless_core::server::{Append, AppendRun, ConnectionId, SessionInput};
use driftless_core::wire::{
    Ack, AuthSuccess, ClientMessage, ClientRequest, Events, ServerError, ServerMessage, ServerReply, SyncComplete,
};
use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);
/// Most events of an answer.
const ANSWER_EVENTS: usize = 100;
/// Most events of an answer for `counter_log`, which comes newest first.
const COUNTER_EVENTS: usize = 5;

/// What the published server keeps beside the store.
#[derive(Default)]
pub(crate) struct Published {
    authenticated: BTreeSet<ConnectionId>,
}

impl World {
    /// A world whose server is the published one.
    fn with_published_server() -> Self {
        let mut world = Self::new();
        world.published = Some(Published::default());
        world
    }

    /// What the published server does with what comes from a connection.
    pub(crate) fn published_server(&mut self, connection: ConnectionId, input: SessionInput) {
        let published = self.published.as_mut().expect("only called for a published server");
        let frame = match input {
            SessionInput::Frame(frame) => frame,
            SessionInput::Closed => {
                published.authenticated.remove(&connection);
                return;
            }
            _ => return,
        };
        let message = ClientRequest::decode(&frame).unwrap().message;
        match message {
            ClientMessage::Auth(_) => {
                published.authenticated.insert(connection);
                self.reply(connection, ServerMessage::AuthSuccess(AuthSuccess::default()));
            }
            ClientMessage::Ping => self.reply(connection, ServerMessage::Pong),
            _ if !published.authenticated.contains(&connection) => {
                let message = "Not authenticated".into();
                self.reply(
                    connection,
                    ServerMessage::Error(ServerError {
                        message,
                        ..ServerError::default()
                    }),
                );
            }
            ClientMessage::PushEvent { repository, event } => self.pushed(connection, &repository, &[event]),
            ClientMessage::PushEventsBatch { repository, events } => self.pushed(connection, &repository, &events),
            ClientMessage::RequestEvents(request) => {
                self.pulled(connection, &request.repository, request.after.unwrap_or_default());
            }
            other => {
                let message = format!("Unknown message type: {other:?}");
                self.reply(
                    connection,
                    ServerMessage::Error(ServerError {
                        message,
                        ..ServerError::default()
                    }),
                );
            }
        }
    }

    fn reply(&mut self, connection: ConnectionId, message: ServerMessage) {
        let arrives = self.now + self.latency;
        if let Some(link) = self.links.get_mut(&connection) {
            let reply = ServerReply {
                reference: None,
                message,
            };
            link.to_client.send(arrives, Item::Frame(reply.encode()));
        }
    }

    fn pushed(&mut self, connection: ConnectionId, name: &str, events: &[Json]) {
        let log = LogName {
            namespace: Namespace::default(),
            repository: repository(name),
        };
        let mut ids = Vec::new();
        for event in events {
            let event = NewEvent::read(event).unwrap();
            ids.push(event.id.clone());
            let runs = vec![AppendRun {
                log: log.clone(),
                events: vec![event],
            }];
            let (appended, _) = self.store.append(&Append { runs });
            let sequence = appended.outcomes[0].sequence();
            self.broadcast(name, sequence);
        }
        let name = ByteString::from(name);
        let ack = Ack {
            event_ids: ids.clone(),
            repositories: vec![(name, ids)],
            sequences: vec![],
        };
        self.reply(connection, ServerMessage::Ack(ack));
    }

    fn broadcast(&mut self, name: &str, sequence: Sequence) {
        let connections: Vec<_> = self
            .published
            .iter()
            .flat_map(|published| &published.authenticated)
            .copied()
            .collect();
        for connection in connections {
            let events = self.events_frame(name, &[sequence]);
            self.reply(connection, events);
        }
    }

    fn pulled(&mut self, connection: ConnectionId, name: &str, after: Sequence) {
        let mut newest: BTreeMap<String, Sequence> = BTreeMap::new();
        for event in self.events(name) {
            let sequence = event.sequence.unwrap();
            if sequence > after {
                newest.insert(event.record_id.to_string(), sequence);
            }
        }
        let mut sequences: Vec<_> = newest.into_values().collect();
        sequences.sort();
        if name == "counter_log" {
            sequences.reverse();
            sequences.truncate(COUNTER_EVENTS);
        }
        sequences.truncate(ANSWER_EVENTS);
        if !sequences.is_empty() {
            let events = self.events_frame(name, &sequences);
            self.reply(connection, events);
        }
        let complete = SyncComplete {
            repository: Some(name.into()),
            ..SyncComplete::default()
        };
        self.reply(connection, ServerMessage::SyncComplete(complete));
    }

    fn events_frame(&self, name: &str, sequences: &[Sequence]) -> ServerMessage {
        let log = self.store.log(&repository(name));
        let text = |sequence: &Sequence| log[usize::try_from(sequence.get()).unwrap() - 1].text.clone();
        ServerMessage::Events(Events {
            repository: name.into(),
            events: sequences
                .iter()
                .map(|sequence| Json::parse(text(sequence)).unwrap())
                .collect(),
            after: None,
            last: None,
        })
    }
}

fn two(world: &mut World) -> (usize, usize) {
    let clients = (world.add_client(&["users"]), world.add_client(&["users"]));
    world.start(clients.0);
    world.start(clients.1);
    world.run_for(SECOND);
    for client in [clients.0, clients.1] {
        let state = world.clients[client].machine.as_ref().unwrap().connection();
        assert_eq!(state, &ConnectionState::Live);
    }
    clients
}

#[test]
fn changes_travel_both_ways() {
    let mut world = World::with_published_server();
    let (first, second) = two(&mut world);
    for n in 0..20 {
        world.upsert(first, "users", &format!("u{}", n % 3), &format!(r#"{{"n":{n}}}"#));
        world.upsert(second, "users", &format!("u{}", n % 4), &format!(r#"{{"m":{n}}}"#));
        world.run_for(Duration::from_millis(9));
    }
    world.delete(first, "users", "u1");
    world.converge(&["users"], 10 * SECOND);
    assert_eq!(world.ids("users").len(), 41);
    assert_eq!(world.clients[first].acked().len(), 21);
}

#[test]
fn the_way_of_a_change_through_a_published_server() {
    let mut world = World::with_published_server();
    let (writer, _) = two(&mut world);
    world.upsert(writer, "users", "alice", r#"{"n":1}"#);
    world.converge(&["users"], SECOND);
    assert_kept!(world.clients[writer].trace.take());
}

#[test]
fn a_catch_up_that_is_cut_at_a_hundred_arrives_whole() {
    let mut world = World::with_published_server();
    let (writer, _) = two(&mut world);
    for n in 0..700 {
        world.upsert(writer, "users", &format!("u{}", n % 350), &format!(r#"{{"n":{n}}}"#));
    }
    world.converge(&["users"], 20 * SECOND);
    let reader = world.add_client(&["users"]);
    world.start(reader);
    world.converge(&["users"], 20 * SECOND);
    assert_eq!(world.visible(reader, "users").len(), 350);
}

#[test]
fn offline_writes_arrive_once_in_order_after_a_crash() {
    let mut world = World::with_published_server();
    let (client, _) = two(&mut world);
    world.reachable = false;
    world.cut_client(client);
    for n in 0..300 {
        world.upsert(client, "users", &format!("u{}", n % 10), &format!(r#"{{"n":{n}}}"#));
    }
    world.run_for(SECOND);
    let written = world.clients[client].disk.pending(&repository("users"));
    world.crash(client, true);
    world.start(client);
    world.reachable = true;
    world.converge(&["users"], 30 * SECOND);
    assert_eq!(world.ids("users"), written);
}

#[test]
fn a_log_that_is_never_told_whole_ends_at_its_head() {
    let mut world = World::with_published_server();
    let writer = world.add_client(&["counter_log"]);
    world.start(writer);
    for n in 0..40 {
        world.upsert(writer, "counter_log", &format!("c{n}"), "{}");
    }
    world.converge(&["counter_log"], 20 * SECOND);
    let reader = world.add_client(&["counter_log"]);
    world.start(reader);
    world.run_for(5 * SECOND);
    let cursor = world.clients[reader].disk.cursor(&repository("counter_log"));
    assert_eq!(cursor.after.get(), 40);
    assert_eq!(world.visible(reader, "counter_log").len(), COUNTER_EVENTS);
    let caught_up = |notice: &Notice| matches!(notice, Notice::CaughtUp { .. });
    assert_eq!(world.clients[reader].told(caught_up), 1);
}

mod chaos {
    use super::*;
    use proptest::prelude::*;

    /// One thing that happens, to a client and a record.
    #[derive(Clone, Copy, Debug)]
    enum Op {
        Run(u64),
        Write(usize, u8),
        Delete(usize, u8),
        Cut(usize),
        Freeze(usize),
        Crash(usize, bool),
        Latency(u64),
        DiskDelay(u64),
    }

    fn op() -> impl Strategy<Value = Op> {
        let client = || 0usize..3;
        prop_oneof![
            6 => (0u64..40).prop_map(Op::Run),
            2 => (100u64..8_000).prop_map(Op::Run),
            10 => (client(), 0u8..4).prop_map(|(client, record)| Op::Write(client, record)),
            2 => (client(), 0u8..4).prop_map(|(client, record)| Op::Delete(client, record)),
            3 => client().prop_map(Op::Cut),
            1 => client().prop_map(Op::Freeze),
            2 => (client(), any::<bool>()).prop_map(|(client, survives)| Op::Crash(client, survives)),
            1 => (0u64..50).prop_map(Op::Latency),
            1 => (0u64..20).prop_map(Op::DiskDelay),
        ]
    }

    fn apply(world: &mut World, op: Op, step: usize) {
        match op {
            Op::Run(millis) => world.run_for(Duration::from_millis(millis)),
            Op::Write(client, record) => {
                world.upsert(client, "users", &format!("r{record}"), &format!(r#"{{"step":{step}}}"#));
            }
            Op::Delete(client, record) => world.delete(client, "users", &format!("r{record}")),
            Op::Cut(client) => world.cut_client(client),
            Op::Freeze(client) => world.freeze_client(client),
            Op::Crash(client, survives) => {
                world.run_for(Duration::ZERO);
                world.crash(client, survives);
                world.start(client);
            }
            Op::Latency(millis) => world.latency = Duration::from_millis(millis),
            Op::DiskDelay(millis) => world.disk_delay = Duration::from_millis(millis),
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 64, max_shrink_iters: 2_000, ..ProptestConfig::default() })]

        #[test]
        fn cuts_and_crashes_end_converged(ops in prop::collection::vec(op(), 1..50)) {
            let mut world = World::with_published_server();
            for client in 0..3 {
                world.add_client(&["users"]);
                let limits = &mut world.clients[client].config.limits;
                (limits.window_events, limits.push_events, limits.apply_events) = (3, 2, 3);
                (limits.received_bytes, limits.plain_live_events) = (2_000, 3);
                limits.storage_bytes = 200;
                world.start(client);
            }
            for (step, op) in ops.iter().enumerate() {
                apply(&mut world, *op, step);
            }
            for client in 0..3 {
                world.cut_client(client);
            }
            world.converge(&["users"], Duration::from_mins(5));
        }
    }
}
