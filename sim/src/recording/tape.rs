//! What a run tells while it is recorded.

use super::label;
use super::{Broken, Change, Kind, Node, NodeState, Recording, Step};
use crate::check::Failure;
use crate::scenario::{Scenario, Way, What};
use bytestring::ByteString;
use driftless_core::Instant;
use driftless_core::client::Notice;
use serde::Serialize;
use std::collections::{BTreeMap, VecDeque};

/// Records a run, or does nothing.
#[derive(Clone, Debug, Default)]
pub struct Recorder(Option<Box<Tape>>);

impl Recorder {
    /// Records nothing.
    pub const fn off() -> Self {
        Self(None)
    }

    /// Records a run of a scenario.
    pub fn on(scenario: &Scenario) -> Self {
        Self(Some(Box::new(Tape::new(scenario))))
    }

    /// Where to tell what happens; `None` if nobody wants to know.
    #[inline]
    pub fn tape(&mut self) -> Option<&mut Tape> {
        self.0.as_deref_mut()
    }

    /// The recorded run.
    pub fn finish(self, now: Instant) -> Option<Recording> {
        self.0.map(|tape| tape.finish(now))
    }
}

/// What a node's clocks read at a moment, and how they go on from there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Reading {
    /// The wall clock, in milliseconds since 1970.
    pub wall_ms: i64,
    /// The monotonic clock, in microseconds.
    pub monotonic: u64,
    /// How much too fast both run, in millionths.
    pub drift_ppm: i32,
    /// Whether the monotonic clock goes on at all.
    pub ticking: bool,
}

/// How storage work ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// It is done, and durable if it wrote something.
    Done,
    /// It failed; nothing was changed.
    Failed,
    /// The node crashed, and what was written is there all the same.
    Kept,
    /// The node crashed, and what was written is gone.
    Lost,
    /// The node crashed, and what was written was found torn and is gone.
    Torn,
}

/// Takes down what happens. Everything comes in order of time; what is told belongs to the step told last where the
/// method says so, and is a step of its own otherwise.
#[derive(Clone, Debug)]
pub struct Tape {
    pub(super) recording: Recording,
    pub(super) repositories: BTreeMap<String, usize>,
    pub(super) texts: BTreeMap<ByteString, usize>,
    pub(super) links: BTreeMap<u64, usize>,
    /// Messages on their way, for each connection and way, in sending order.
    pub(super) under_way: BTreeMap<(usize, Way), VecDeque<(usize, ByteString)>>,
    pub(super) work: BTreeMap<(usize, u64), usize>,
    incident: Option<usize>,
}

impl Tape {
    /// Longest text of a frame or a record that is kept, in characters.
    pub const MAX_TEXT: usize = 1_200;

    fn new(scenario: &Scenario) -> Self {
        let names = scenario.repositories.iter().enumerate();
        Self {
            repositories: names.map(|(index, plan)| (plan.name.clone(), index)).collect(),
            recording: Recording {
                scenario: scenario.clone(),
                texts: Vec::new(),
                links: Vec::new(),
                messages: Vec::new(),
                work: Vec::new(),
                steps: Vec::new(),
                failure: None,
                ended_at: 0,
            },
            texts: BTreeMap::new(),
            links: BTreeMap::new(),
            under_way: BTreeMap::new(),
            work: BTreeMap::new(),
            incident: None,
        }
    }

    /// The next step is the doing of an incident, by its index; `None`: what happens from here on is nobody's doing.
    pub fn cause(&mut self, incident: Option<usize>) {
        self.incident = incident;
    }

    /// An incident takes effect: a step, for those whose effect is nothing else that is told.
    pub fn incident(&mut self, now: Instant, node: Node, what: &What) {
        self.step(now, node, Kind::Incident, what.to_string());
    }

    /// Anything worth a line.
    pub fn note(&mut self, now: Instant, node: Node, label: impl Into<String>) {
        self.step(now, node, Kind::Note, label.into());
    }

    /// Faults have ended, and nobody writes any more.
    pub fn healed(&mut self, now: Instant) {
        self.step(now, Node::Server, Kind::Heal, "the faults end".into());
    }

    /// A node starts, stops, crashes, falls asleep, wakes up, or has its wall clock set (`kind`).
    pub fn life(&mut self, now: Instant, node: Node, kind: Kind, reading: Option<Reading>) {
        let (label, state) = match kind {
            Kind::Stop => ("stops", Some(NodeState::Down)),
            Kind::Crash => ("crashes", Some(NodeState::Down)),
            Kind::Sleep => ("falls asleep", Some(NodeState::Asleep)),
            Kind::Awake => ("wakes up", Some(NodeState::Running)),
            Kind::Clock => ("its wall clock is set", None),
            _ => ("starts", Some(NodeState::Running)),
        };
        self.step(now, node, kind, label.into());
        let lane = self.lane(node);
        if let Some(state) = state {
            self.change(Change::Node { lane, state });
        }
        if let Some(reading) = reading {
            self.change(Change::Clock { lane, reading });
        }
    }

    /// A client's application writes.
    pub fn wrote(&mut self, now: Instant, client: usize, what: &What) {
        self.step(now, Node::Client(client), Kind::Write, what.to_string());
    }

    /// A client's application is told something.
    pub fn noticed(&mut self, now: Instant, client: usize, notice: &Notice) {
        self.step(now, Node::Client(client), Kind::Notice, label::notice(notice));
    }

    /// A guarantee did not hold; the last thing that is told.
    pub fn failed(&mut self, failure: &Failure) {
        // It belongs to whatever was going on: the lane of the last step.
        let lane = self.recording.steps.last().map_or(0, |step| step.lane);
        self.recording.failure = Some(Broken {
            invariant: failure.invariant.name().into(),
            message: failure.message.clone(),
            at: failure.at.as_micros(),
        });
        let label = format!("{}: {}", failure.invariant.name(), failure.message);
        self.push(failure.at, lane, Kind::Failure, label);
    }

    fn finish(mut self, now: Instant) -> Recording {
        self.recording.ended_at = now.as_micros();
        self.recording
    }

    pub(super) fn lane(&self, node: Node) -> usize {
        let clients = self.recording.scenario.clients.len();
        match node {
            Node::Client(client) => client,
            Node::Server => clients,
            Node::Store => clients + 1,
        }
    }

    pub(super) fn repository(&self, name: &str) -> Option<usize> {
        self.repositories.get(name).copied()
    }

    pub(super) fn step(&mut self, now: Instant, node: Node, kind: Kind, label: String) -> usize {
        let lane = self.lane(node);
        self.push(now, lane, kind, label)
    }

    fn push(&mut self, now: Instant, lane: usize, kind: Kind, label: String) -> usize {
        self.recording.steps.push(Step {
            at: now.as_micros(),
            lane,
            kind,
            label,
            message: None,
            link: None,
            incident: self.incident.take(),
            changes: Vec::new(),
        });
        self.recording.steps.len() - 1
    }

    pub(super) fn change(&mut self, change: Change) {
        if let Some(step) = self.recording.steps.last_mut() {
            step.changes.push(change);
        }
    }
}
