//! A run told by hand.

use super::*;
use crate::check::{Failure, Invariant};
use crate::random::Delay;
use crate::scenario::{
    Change as Edit, ClientKind, ClientPlan, ClockPlan, Incident, NetworkPlan, RepositoryPlan, ServerKind, ServerPlan,
    StrategyPlan, What, When,
};
use bytestring::ByteString;
use driftless_core::Instant;
use driftless_core::client::{Cursor, RecordKey, State, StorageChange, StorageRequest, StoredRecord, Transaction};
use driftless_core::event::{EventBatchBuilder, EventId, Json, NewEvent, RecordId, Sequence};
use driftless_core::name::RepositoryName;
use std::collections::BTreeSet;
use std::sync::Arc;

/// Two clients, one repository, a write and a cut.
pub(crate) fn scenario() -> Scenario {
    let delay = Delay::Fixed(1_000);
    let clock = ClockPlan::default();
    let client = ClientPlan {
        kind: ClientKind::Driftless,
        joins_at: Some(0),
        seed_spelling: false,
        tiny_limits: false,
        disk: delay,
        clock,
        strategy: StrategyPlan::RealTime,
    };
    let write = Edit {
        repository: 0,
        record: "a".into(),
        data: Some(r#"{"text":"</script><b>&"}"#.into()),
    };
    Scenario {
        seed: 7,
        profile: "test".into(),
        faults: BTreeSet::new(),
        repositories: vec![RepositoryPlan {
            name: "todos".into(),
            policy: "server_order".into(),
        }],
        server: ServerPlan {
            kind: ServerKind::Driftless,
            tiny_limits: false,
            lanes: 1,
            commit: delay,
            read: delay,
            hop: delay,
            auth: delay,
            token_valid: None,
            clock,
        },
        clients: vec![client.clone(), client],
        network: NetworkPlan {
            latency: delay,
            connect: delay,
            bandwidth: None,
            socket_bytes: 65_536,
            lossy_percent: 0,
        },
        incidents: vec![Incident {
            when: When::At(5_000),
            what: What::Write(0, vec![write]),
        }],
        heal_at: 10_000_000,
        settle_within: 60_000_000,
    }
}

fn at(micros: u64) -> Instant {
    Instant::from_micros(micros)
}

fn json(text: &'static str) -> Json {
    Json::parse(text).unwrap()
}

fn id(text: &'static str) -> EventId {
    EventId::new(text).unwrap()
}

/// What client 0 commits for its write.
fn transaction(todos: &RepositoryName, data: Json) -> Transaction {
    let state = State {
        event: id("e1"),
        created_at: None,
        sequence: None,
        data: Some(data),
    };
    let key = RecordKey {
        repository: todos.clone(),
        record: RecordId::new("a").unwrap(),
    };
    let record = StoredRecord {
        key,
        confirmed: None,
        visible: Some(Arc::new(state)),
        pending: true,
        generation: 0,
    };
    let cursor = Cursor {
        after: Sequence::new(1),
        ..Cursor::default()
    };
    Transaction {
        changes: vec![
            StorageChange::Record(record),
            StorageChange::Cursor {
                repository: todos.clone(),
                cursor,
            },
        ],
    }
}

/// A run with one of everything: a write, a message that arrives, one that is lost, an append, a failure.
pub(crate) fn recording() -> Recording {
    let todos = RepositoryName::new("todos").unwrap();
    let scenario = scenario();
    let mut recorder = Recorder::on(&scenario);
    let tape = recorder.tape().unwrap();
    let reading = Reading {
        wall_ms: 1_700_000_000_000,
        monotonic: 0,
        drift_ppm: 100,
        ticking: true,
    };
    for node in [Node::Client(0), Node::Client(1), Node::Server, Node::Store] {
        tape.life(at(0), node, Kind::Start, Some(reading));
    }
    tape.store("first", [(&todos, 0)]);
    tape.connecting(at(10), 4, 0);
    tape.accepted(at(2_000), 4);
    tape.connected(at(3_000), 4);
    tape.cause(Some(0));
    tape.wrote(at(5_000), 0, &scenario.incidents[0].what);
    let transaction = transaction(&todos, json(r#"{"text":"</script><b>&"}"#));
    tape.asked(at(5_000), 0, 9, &StorageRequest::Commit(transaction.clone()));
    tape.ended(at(6_000), Node::Client(0), 9, Ending::Done);
    tape.committed(0, &transaction);
    let body = r#"{"_event_id":"e1","_operation":0,"_data_id":"a","_data":{"text":"</script><b>&"}}"#;
    let push: ByteString = format!(r#"{{"type":"push_events_batch","repository":"todos","events":[{body}]}}"#).into();
    tape.sent(at(6_000), 4, Way::Up, &push);
    tape.arrived(at(7_000), 4, Way::Up, &push);
    tape.begun(at(7_100), Node::Store, 1, "append todos ×1");
    let mut events = EventBatchBuilder::new(Sequence::new(1));
    events.append(
        &NewEvent::read(&json(
            r#"{"_event_id":"e1","_operation":0,"_data_id":"a","_data":{"text":"</script><b>&"}}"#,
        ))
        .unwrap(),
    );
    tape.ended(at(8_000), Node::Store, 1, Ending::Done);
    tape.appended(&todos, &events.build());
    let ack = ByteString::from_static(
        r#"{"type":"ack","eventIds":["e1"],"repositories":{"todos":["e1"]},"sequences":{"todos":{"e1":1}}}"#,
    );
    tape.sent(at(8_100), 4, Way::Down, &ack);
    tape.closed(at(8_200), 4, false, None, "cut");
    tape.failed(&Failure {
        invariant: Invariant::NothingLost,
        at: at(9_000),
        message: "e1 is gone".into(),
    });
    recorder.finish(at(9_000)).unwrap()
}

#[test]
fn messages_end_where_they_arrive_or_where_their_connection_does() {
    let recording = recording();
    let [push, ack] = &recording.messages[..] else {
        panic!("two messages")
    };
    assert_eq!((push.label.as_str(), push.repository), ("push todos a", Some(0)));
    assert_eq!(recording.steps[push.arrived.unwrap()].at, 7_000);
    assert_eq!((ack.label.as_str(), ack.arrived), ("ack todos 1", None));
    assert_eq!(recording.steps[ack.lost.unwrap()].kind, Kind::Close);
    assert_eq!(recording.links[0].client_closed, ack.lost);
}

#[test]
fn what_becomes_durable_is_part_of_the_step_that_made_it_so() {
    let recording = recording();
    let changes = |kind: Kind| {
        let steps = recording.steps.iter().filter(move |step| step.kind == kind);
        steps.flat_map(|step| &step.changes).collect::<Vec<_>>()
    };
    let committed = changes(Kind::Commit);
    assert!(
        matches!(
            committed[0],
            Change::Record {
                client: 0,
                pending: true,
                ..
            }
        ),
        "{committed:?}"
    );
    assert!(matches!(committed[1], Change::Cursor { after: 1, .. }));
    assert!(matches!(committed[2], Change::Log { sequence: 1, .. }));
    assert_eq!(recording.failure.unwrap().invariant, "nothing_lost");
}

#[test]
fn a_vanished_message_is_known_to_be_lost_when_a_later_one_arrives() {
    let mut recorder = Recorder::on(&scenario());
    let tape = recorder.tape().unwrap();
    tape.connecting(at(0), 1, 0);
    let (beat, pong) = (
        ByteString::from_static(r#"{"type":"ping"}"#),
        ByteString::from_static(r#"{"type":"pong"}"#),
    );
    for (time, frame) in [(1, &beat), (2, &beat), (3, &pong)] {
        tape.sent(at(time), 1, Way::Up, frame);
    }
    tape.arrived(at(4), 1, Way::Up, &beat);
    tape.arrived(at(5), 1, Way::Up, &pong);
    let messages = recorder.finish(at(9)).unwrap().messages;
    assert_eq!(
        [messages[0].arrived, messages[1].lost, messages[2].arrived],
        [Some(4), Some(5), Some(5)]
    );
}

#[test]
fn a_recorder_that_is_off_hands_out_no_tape() {
    let mut recorder = Recorder::off();
    assert!(recorder.tape().is_none() && recorder.finish(at(0)).is_none());
}
