//! The laws of replicas: whatever is cut, delayed, split or refused, in the end there is one truth.

use super::server::Server;
use super::*;
use crate::client::{LastWriteWins, MergeFields, ServerOrder, State};
use crate::event::Event;
use alloc::collections::BTreeMap;
use proptest::prelude::*;

/// One step of a run.
#[derive(Clone, Debug)]
enum Step {
    /// Another client's event of a record; the last number says when it was made.
    Other(u8, Kind, u8),
    /// The application writes.
    Write(u8, Kind, u8),
    /// The server sends the next frame of the stream.
    Stream(usize),
    /// The server sends its next answer.
    Answer,
    /// Storage answers.
    Store,
    /// Storage fails.
    Fail,
    /// The connection is cut and opened again.
    Cut,
    /// The client is killed and started again.
    Crash,
    /// The next push is refused: for now or for good.
    Refuse(bool),
    Pass(u16),
    Resync,
    Clear,
    /// The server's store is put back by so many events, and its connections are cut.
    Restore(usize),
}

#[derive(Clone, Debug)]
enum Kind {
    /// Field and value.
    Put(u8, u8),
    Delete,
}

fn kind() -> impl Strategy<Value = Kind> {
    prop_oneof![4 => (0..3_u8, 0..10_u8).prop_map(|(field, value)| Kind::Put(field, value)), 1 => Just(Kind::Delete)]
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..4_u8, kind(), 0..20_u8).prop_map(|(record, kind, at)| Step::Other(record, kind, at)),
        6 => (0..4_u8, kind(), 0..20_u8).prop_map(|(record, kind, at)| Step::Write(record, kind, at)),
        8 => (1..4_usize).prop_map(Step::Stream),
        8 => Just(Step::Answer),
        16 => Just(Step::Store),
        1 => Just(Step::Fail),
        1 => Just(Step::Cut),
        1 => Just(Step::Crash),
        1 => any::<bool>().prop_map(Step::Refuse),
        2 => (1..3_000_u16).prop_map(Step::Pass),
    ]
}

/// A client and its server.
struct Run {
    world: World,
    server: Server,
    config: ClientConfig,
    others: u64,
    written: Vec<String>,
    restored: bool,
    cleared: bool,
}

impl Run {
    fn new(server: Server, config: ClientConfig) -> Self {
        let mut world = World::new(config.clone());
        world.storing = false;
        let mut run = Self {
            world,
            server,
            config,
            others: 0,
            written: Vec::new(),
            restored: false,
            cleared: false,
        };
        run.world.start();
        run
    }

    fn step(&mut self, step: &Step) {
        match step {
            Step::Other(record, kind, at) => self.other(*record, kind, *at),
            Step::Write(record, kind, at) => self.write(*record, kind, *at),
            Step::Stream(max) => {
                let frame = self.server.next_stream(*max);
                self.deliver(frame);
            }
            Step::Answer => {
                let frame = self.server.answer();
                self.deliver(frame);
            }
            Step::Store if !self.world.asked.is_empty() => self.world.store(),
            Step::Fail if !self.world.asked.is_empty() => self.world.fail_storage(),
            Step::Store | Step::Fail => {}
            Step::Cut => self.world.disconnect(None),
            Step::Crash => self.crash(),
            Step::Refuse(retryable) => self.server.refuse = Some(*retryable),
            Step::Pass(millis) => self.world.pass(u64::from(*millis)),
            Step::Restore(less) => {
                self.restored = true;
                self.server.restore(*less);
                self.world.disconnect(None);
            }
            Step::Clear => {
                self.cleared = true;
                let repository = repository("notes");
                self.world.give(ClientInput::Clear { repository });
            }
            Step::Resync => self.world.give(ClientInput::Resync {
                repository: repository("notes"),
            }),
        }
        self.serve();
        self.check_layers();
    }

    /// The server hears what was sent; a connection that is wanted opens.
    fn serve(&mut self) {
        if matches!(self.world.state(), ConnectionState::Offline { retry_in: Some(_) }) {
            self.server.cut();
            self.world.sent.clear();
            self.world.give(ClientInput::Connectivity(true));
        }
        if *self.world.state() == ConnectionState::Connecting {
            self.server.cut();
            self.world.sent.clear();
            self.world.open();
        }
        for frame in self.world.frames() {
            self.server.handle(&frame);
        }
    }

    fn deliver(&mut self, frame: Option<String>) {
        if let Some(frame) = frame {
            self.world.receive(&frame);
        }
    }

    fn other(&mut self, record: u8, kind: &Kind, at: u8) {
        self.others += 1;
        let envelope = format!(
            r#""_event_id":"x{}","_created_at":"2025-01-23T10:00:{at:02}Z","_data_id":"r{record}""#,
            self.others
        );
        let body = match kind {
            Kind::Put(field, value) => {
                format!(r#"{{{envelope},"_operation":1,"_data":{{"f{field}":{value}}},"_changed":["f{field}"]}}"#)
            }
            Kind::Delete => format!(r#"{{{envelope},"_operation":2}}"#),
        };
        self.server.append(&body);
    }

    fn write(&mut self, record: u8, kind: &Kind, at: u8) {
        let record = format!("r{record}");
        let change = match kind {
            Kind::Put(field, value) => upsert(&record, &format!(r#"{{"f{field}":{value},"own":{at}}}"#)),
            Kind::Delete => delete(&record),
        };
        self.world.write_at(WALL + i64::from(at) * 1_000, vec![change]);
    }

    fn crash(&mut self) {
        self.note_written();
        let mut config = self.config.clone();
        config.seed[0] = config.seed[0].wrapping_add(1);
        config.seed[1] = config.seed[0];
        self.config = config.clone();
        let (disk, now) = (self.world.disk.clone(), self.world.now);
        self.world = World::on(disk, config);
        self.world.now = now;
        self.world.storing = false;
        self.server.cut();
        self.world.start();
    }

    /// The ids of what is written, in the application's order.
    fn note_written(&mut self) {
        for notice in self.world.notices.drain(..) {
            if let Notice::Written { result: Ok(ids), .. } = notice {
                self.written.extend(ids.iter().map(ToString::to_string));
            }
        }
    }

    /// Faults stop: everything gets through.
    fn calm(&mut self) {
        self.server.refuse = None;
        for _ in 0..2_000 {
            while !self.world.asked.is_empty() {
                self.world.store();
            }
            self.serve();
            let frame = self.server.answer().or_else(|| self.server.next_stream(2));
            if frame.is_none() && self.world.asked.is_empty() {
                if self.world.client.pending() == 0 && self.is_settled() {
                    return;
                }
                self.world.pass(500);
            }
            self.deliver(frame);
        }
        let last = self.world.trace.len().saturating_sub(12);
        panic!(
            "not calm: {:?}\n{}",
            self.world.state(),
            self.world.trace[last..].join("\n")
        );
    }

    fn is_settled(&self) -> bool {
        let settled =
            |own: &crate::client::OwnEvent| matches!(own.state, OwnState::Settled { .. } | OwnState::Rejected { .. });
        let live = *self.world.state() == ConnectionState::Live;
        live && self.world.cursor() == self.server.log.len() as u64 && self.world.disk.own.values().all(settled)
    }

    /// The fold of the log up to a place.
    fn truth(&self, cursor: usize) -> BTreeMap<String, State> {
        let policy = &self.config.repositories[0].policy;
        let mut truth: BTreeMap<String, State> = BTreeMap::new();
        for (index, logged) in self.server.log.iter().enumerate().take(cursor) {
            let event = Event::read(&Json::parse(logged.text(index + 1)).unwrap()).unwrap();
            let mut state = policy.fold(truth.get(&logged.record), &event);
            state.sequence = event.sequence;
            truth.insert(logged.record.clone(), state);
        }
        truth
    }

    /// What must be true at every moment: the confirmed layer is the log up to the cursor, and the application sees
    /// that with its own events on top that the cursor has not passed, in its own order.
    fn check_layers(&self) {
        let cursor = self
            .world
            .disk
            .cursors
            .get(&repository("notes"))
            .cloned()
            .unwrap_or_default();
        if self.server.is_plain() || cursor.refolding || self.restored {
            return;
        }
        let after = usize::try_from(cursor.after.get()).unwrap();
        let mut seen = self.truth(after);
        let confirmed = self.world.disk.records.values();
        let confirmed =
            confirmed.filter_map(|record| Some((record.key.record.to_string(), record.confirmed.as_deref()?.clone())));
        assert_eq!(confirmed.collect::<BTreeMap<_, _>>(), seen);
        for own in self.world.disk.own.values() {
            let passed = self
                .server
                .sequence_of(&own.id)
                .is_some_and(|sequence| sequence <= after);
            if passed || matches!(own.state, OwnState::Rejected { .. }) {
                continue;
            }
            let event = Event::read(&own.body).unwrap();
            let record = own.key.record.to_string();
            let state = self.config.repositories[0].policy.fold(seen.get(&record), &event);
            seen.insert(record, state);
        }
        let content = |state: &State| (state.event.clone(), state.data.clone());
        let seen: BTreeMap<_, _> = seen
            .iter()
            .map(|(record, state)| (record.clone(), content(state)))
            .collect();
        let visible = self.world.disk.records.values();
        let visible = visible.map(|record| (record.key.record.to_string(), content(record.visible.as_ref().unwrap())));
        assert_eq!(visible.collect::<BTreeMap<_, _>>(), seen);
    }

    fn check(&mut self) {
        let truth = self.truth(usize::MAX);
        let records = self.world.disk.records.values();
        let confirmed: BTreeMap<String, State> = records
            .clone()
            .filter_map(|record| Some((record.key.record.to_string(), record.confirmed.as_deref()?.clone())))
            .collect();
        assert_eq!(confirmed, truth);
        for record in records {
            assert_eq!(record.visible, record.confirmed);
            assert!(!record.pending);
        }
        self.note_written();
        let own: Vec<&String> = self
            .server
            .log
            .iter()
            .map(|logged| &logged.id)
            .filter(|id| !id.starts_with('x'))
            .collect();
        let mut kept: Vec<&String> = self
            .written
            .iter()
            .filter(|id| !self.server.rejected.contains(id))
            .collect();
        // A crash may lose the answer to a write that was made.
        let mut known = own.clone();
        known.retain(|id| kept.contains(id));
        if self.restored {
            // What was lost comes behind what was not.
            known.sort_unstable();
            kept.sort_unstable();
        }
        if self.cleared {
            // What was not acked is lost, unless it was stored.
            kept.retain(|id| known.contains(id));
            assert_eq!(known, kept);
            return;
        }
        assert_eq!(known, kept, "in the application's order, each once");
        let all: Vec<String> = self.world.disk.own.values().map(|own| own.id.to_string()).collect();
        assert!(own.iter().all(|id| all.contains(id)));
    }
}

fn run(server: Server, config: ClientConfig, steps: &[Step]) {
    let mut run = Run::new(server, config);
    for step in steps {
        run.step(step);
    }
    run.calm();
    run.check();
}

fn small(policy: impl Policy + 'static) -> ClientConfig {
    let mut config = with_policy(policy);
    config.limits.apply_events = 3;
    config.limits.window_events = 4;
    config.limits.push_events = 2;
    config.limits.received_bytes = 600;
    config.limits.storage_bytes = 60;
    config
}

/// A policy as an application may write one: data is a set of all that was ever said.
#[derive(Debug)]
struct Gather;

impl Policy for Gather {
    fn fold(&self, current: Option<&State>, event: &Event) -> State {
        let old = current
            .and_then(|state| state.data.as_deref().map(ToString::to_string))
            .unwrap_or("[]".into());
        let new = event.data.as_deref().unwrap_or("null");
        let all = old.trim_end_matches(']');
        let comma = if all.len() > 1 { "," } else { "" };
        State {
            event: event.id.clone(),
            created_at: event.created_at,
            sequence: None,
            data: Json::parse(format!("{all}{comma}{new}]")).ok(),
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn clients_converge_under_server_order(steps in prop::collection::vec(step(), 0..120)) {
        run(Server::default(), small(ServerOrder), &steps);
    }

    #[test]
    fn clients_converge_under_last_write_wins(steps in prop::collection::vec(step(), 0..120)) {
        run(Server::default(), small(LastWriteWins), &steps);
    }

    #[test]
    fn clients_converge_under_merge_fields(steps in prop::collection::vec(step(), 0..120)) {
        run(Server::default(), small(MergeFields), &steps);
    }

    #[test]
    fn clients_converge_under_a_policy_of_the_application(steps in prop::collection::vec(step(), 0..120)) {
        run(Server::default(), small(Gather), &steps);
    }

    #[test]
    fn clients_converge_while_they_are_folded_again(mut steps in prop::collection::vec(step(), 0..120), at in 0..120_usize) {
        steps.insert(at.min(steps.len()), Step::Resync);
        run(Server::default(), small(MergeFields), &steps);
    }

    #[test]
    fn clients_converge_when_they_are_cleared(
        mut steps in prop::collection::vec(step(), 0..120),
        at in prop::collection::vec(0..120_usize, 1..4),
        plain: bool,
    ) {
        for at in at {
            steps.insert(at.min(steps.len()), Step::Clear);
        }
        let (server, config) = if plain {
            (Server::plain(), small(ServerOrder))
        } else {
            (Server::default(), small(MergeFields))
        };
        run(server, config, &steps);
    }

    #[test]
    fn a_client_of_a_plain_server_ends_with_the_newest_events(steps in prop::collection::vec(step(), 0..120)) {
        run(Server::plain(), small(ServerOrder), &steps);
    }

    #[test]
    fn nothing_acked_is_lost_when_the_server_is_put_back(
        mut steps in prop::collection::vec(step(), 0..120),
        at in 0..120_usize,
        less in 1..30_usize,
    ) {
        steps.insert(at.min(steps.len()), Step::Restore(less));
        run(Server::default(), small(MergeFields), &steps);
    }
}
