//! The world of a run: machines, and around them network, disks, clocks and applications, on one scheduler.
//!
//! | module | what it is |
//! |---|---|
//! | `settings` | what machines are made with |
//! | `client_node`, `client_asks` | clients: how they start and end, and what they ask for |
//! | `server_node` | the server: how it starts and ends |
//! | `session_node`, `hub_node` | its machines, and what they ask for |
//! | `agenda`, `incidents` | what happens, and when |
//! | `application` | what applications and hosts ask of clients beside writes |
//! | `ending` | how faults end, and when everyone is settled |
//! | `wake`, `lane`, `steps` | wake-ups, queues between machines, and what every call of a machine passes |
//! | `peer_node` | peers that are not ours |
//! | `recorded` | what a run tells its recorder |
//!
//! Time moves from one entry of the scheduler to the next. At one instant things happen in a fixed order: incidents
//! that were triggered, then what the network has brought, then what has become ready, then what is due, then incidents with a time.

mod agenda;
mod application;
mod client_asks;
mod client_node;
mod ending;
mod hub_node;
mod incidents;
mod lane;
mod peer_node;
mod recorded;
mod server_node;
mod session_node;
mod settings;
mod steps;
mod views;
mod wake;

#[cfg(test)]
mod tests;

use self::agenda::{Agenda, Trigger};
use self::client_node::ClientNode;
use self::incidents::LastWriters;
use self::server_node::ServerNode;
use self::session_node::Question;
use self::steps::Steps;
use crate::check::{Checks, Counts, Failure, Invariant};
use crate::fault::Fired;
use crate::known::Known;
use crate::network::{End, Events, LinkId, Network, NetworkDue, NetworkEvent};
use crate::policies::Policies;
use crate::recording::{Recorder, Recording};
use crate::scenario::Scenario;
use crate::scheduler::Scheduler;
use bytestring::ByteString;
use driftless_core::client::{ClientAction, ClientInput, Received, SocketId};
use driftless_core::name::RepositoryName;
use driftless_core::server::{AppendId, HubAction, ReadId, SessionAction, SessionInput};
use driftless_core::{Actions, Instant};
use std::collections::VecDeque;
use std::mem;
use std::sync::Arc;
use std::time::Duration;

/// How a run is made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Whether it is recorded, to be looked at.
    pub record: bool,
    /// Whether clients keep acked events for ever. Else for as long as is their default, by their wall clocks.
    pub keep_acked: bool,
}

/// What came of a run.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// Of every input and every action of every machine, with their times.
    pub digest: u64,
    /// Which guarantee did not hold first, if one did not.
    pub failure: Option<Failure>,
    /// How often each fault took effect.
    pub fired: Fired,
    /// How often each guarantee was checked.
    pub checks: Counts,
    /// Of what was delivered, without ids and times ([`Checks::shape`]).
    pub shape: u64,
    /// Whole WebSocket messages that arrived at machines.
    pub frames: u64,
    /// Events that became durable in the server's store.
    pub events: u64,
    /// Calls of machines.
    pub steps: u64,
    /// How much time passed in the run.
    pub simulated: Duration,
    /// The run, where [`Options::record`] asked for it.
    pub recording: Option<Recording>,
}

/// Runs a scenario: to its end, or to the first guarantee that does not hold.
///
/// # Panics
///
/// If the scenario names a policy that `policies` does not have, or a repository that is not a name.
pub fn run(scenario: &Scenario, policies: &Policies, options: &Options) -> Outcome {
    let mut world = World::new(scenario, policies, *options);
    while !world.over && world.checks.failure().is_none() && world.step() {}
    world.outcome()
}

/// Everything there is.
struct World<'a> {
    scenario: &'a Scenario,
    repositories: Vec<RepositoryName>,
    scheduler: Scheduler<Due>,
    agenda: Agenda,
    /// Triggered incidents that happen now.
    triggered: VecDeque<usize>,
    network: Network,
    /// What the network has brought.
    arrived: Events,
    /// What else happens now, in order.
    ready: VecDeque<Ready>,
    clients: Vec<ClientNode>,
    server: ServerNode,
    steps: Steps,
    checks: Checks,
    fired: Fired,
    recorder: Recorder,
    last_writers: LastWriters<'a>,
    /// Entries on the scheduler for work that somebody waits for: storage, appends, reads, messages between machines.
    under_way: usize,
    /// Events that became durable in the server's store.
    events: u64,
    healed: bool,
    /// Whether something was handled since it was last asked whether everyone is settled.
    moved: bool,
    over: bool,
    /// What the machines' surroundings found first.
    broken: Option<Failure>,
    /// Frames that were read: one goes to many clients.
    read_frames: Known<Received>,
    // Kept to be warm.
    client_actions: Actions<ClientAction>,
    session_actions: Actions<SessionAction>,
    hub_actions: Actions<HubAction>,
}

/// What happens at a later time.
enum Due {
    Network(NetworkDue),
    ClientWake(usize),
    SessionWake(LinkId),
    HubWake {
        life: u32,
    },
    /// A client is started for the first time.
    Join(usize),
    /// A client that was down is started again.
    ClientUp {
        client: usize,
        life: u32,
    },
    /// A client wakes up.
    Awake(usize),
    /// A client's disk is half way through a commit that an incident waits for.
    HalfStored {
        client: usize,
        life: u32,
        commit: u64,
    },
    Stored {
        client: usize,
        life: u32,
    },
    /// A client's host reports the end of a socket that the client has closed long before.
    LateClose {
        client: usize,
        life: u32,
        socket: SocketId,
    },
    /// A client's host hands on a frame of a socket that the client has closed before.
    LateFrame {
        client: usize,
        life: u32,
        socket: SocketId,
        frame: Box<ByteString>,
    },
    /// A client may be given good credentials.
    GoodCredentials(usize),
    /// A client's host may tell that there is a network.
    NetworkBack(usize),
    /// The faults have ended: the application of a client that does not connect by itself asks it to, again and again.
    Round(usize),
    ToHub(LinkId),
    ToSession(LinkId),
    Authenticated(Box<Question>),
    /// The store is half way through an append that an incident waits for.
    HalfAppended {
        number: u64,
        life: u32,
    },
    Appended {
        append: AppendId,
        life: u32,
    },
    Read {
        read: ReadId,
        life: u32,
    },
    ServerUp {
        life: u32,
    },
    /// Commits may be reported again.
    CommitsTold,
    /// The faults end.
    Heal,
    /// The time to settle is over.
    End,
}

impl From<NetworkDue> for Due {
    fn from(due: NetworkDue) -> Self {
        Self::Network(due)
    }
}

/// What happens now, after what happens already.
enum Ready {
    Client {
        client: usize,
        life: u32,
        input: ClientInput,
    },
    Session(LinkId, SessionInput),
    ToHub(LinkId),
    ToSession(LinkId),
}

/// So many microseconds later.
fn after(now: Instant, micros: u64) -> Instant {
    now + Duration::from_micros(micros)
}

impl<'a> World<'a> {
    fn new(scenario: &'a Scenario, policies: &Policies, options: Options) -> Self {
        let repositories = settings::repositories(scenario);
        let clients = scenario.clients.iter().enumerate();
        let clients = clients.map(|(index, plan)| {
            let config = settings::client(scenario, plan, policies, options);
            ClientNode::new(scenario.seed, index, plan, config)
        });
        let policy = |name: &str| {
            Arc::clone(
                policies
                    .named(name)
                    .expect("a run is given every policy that its scenario names"),
            )
        };
        let mut world = Self {
            scenario,
            scheduler: Scheduler::new(),
            agenda: Agenda::new(&scenario.incidents),
            triggered: VecDeque::new(),
            network: Network::new(scenario.seed, scenario.network.clone(), scenario.clients.len()),
            arrived: Events::new(),
            ready: VecDeque::new(),
            clients: clients.collect(),
            server: ServerNode::new(scenario, &repositories),
            repositories,
            steps: Steps::new(),
            checks: Checks::new(scenario, &policy),
            fired: Fired::default(),
            recorder: if options.record {
                Recorder::on(scenario)
            } else {
                Recorder::off()
            },
            last_writers: LastWriters::default(),
            under_way: 0,
            events: 0,
            healed: false,
            moved: true,
            over: false,
            broken: None,
            read_frames: Known::new(),
            client_actions: Actions::new(),
            session_actions: Actions::new(),
            hub_actions: Actions::new(),
        };
        world.begin();
        world
    }

    /// Starts the server, and plans everything that the scenario has a time for.
    fn begin(&mut self) {
        self.start_server();
        let plans = self.scenario.clients.iter().enumerate();
        for (index, joins_at) in plans.filter_map(|(index, plan)| Some((index, plan.joins_at?))) {
            self.scheduler.at(Instant::from_micros(joins_at), Due::Join(index));
        }
        let heal_at = Instant::from_micros(self.scenario.heal_at);
        self.scheduler.at(heal_at, Due::Heal);
        self.scheduler.at(after(heal_at, self.scenario.settle_within), Due::End);
    }

    /// Lets the next thing happen. Says whether there was one.
    fn step(&mut self) -> bool {
        if self.steps.is_busy_loop() {
            return self.broke_contract("machines are called again and again, and time does not go on".into());
        }
        if let Some(incident) = self.triggered.pop_front() {
            self.happen(incident);
        } else if let Some(event) = self.arrived.pop_front() {
            self.brought(event);
        } else if let Some(ready) = self.ready.pop_front() {
            self.now(ready);
        } else {
            return self.later();
        }
        self.moved = true;
        true
    }

    /// A machine broke a law that only its surroundings notice.
    fn broke_contract(&mut self, message: String) -> bool {
        self.over = true;
        self.broken.get_or_insert(Failure {
            invariant: Invariant::MachineContract,
            at: self.scheduler.now(),
            message,
        });
        false
    }

    /// Moves to the next moment at which something happens.
    fn later(&mut self) -> bool {
        if self.healed && mem::take(&mut self.moved) && self.settled() {
            self.over = true;
            return false;
        }
        let next = self.scheduler.next();
        match self.agenda.next_at() {
            Some(at) if next.is_none_or(|next| at < next) => {
                self.scheduler.advance(at);
                self.triggered.extend(self.agenda.pop());
                true
            }
            _ => {
                let due = self.scheduler.pop();
                due.map(|due| self.due(due)).is_some()
            }
        }
    }

    fn now(&mut self, ready: Ready) {
        match ready {
            Ready::Client { client, life, input } if self.clients[client].life == life => self.client(client, input),
            Ready::Client { .. } => {}
            Ready::Session(link, input) => self.session(link, input),
            Ready::ToHub(link) => self.arrives_at_hub(link),
            Ready::ToSession(link) => self.arrives_at_session(link),
        }
    }

    fn due(&mut self, due: Due) {
        match due {
            Due::Network(due) => {
                self.network
                    .due(due, &mut self.scheduler, &mut self.arrived, &mut self.fired);
            }
            Due::ClientWake(client) => self.client_wakes(client),
            Due::SessionWake(link) => self.session_wakes(link),
            Due::HubWake { life } => self.hub_wakes(life),
            Due::Stored { client, life } => self.client_stored(client, life),
            Due::ToHub(link) => {
                self.under_way -= 1;
                self.arrives_at_hub(link);
            }
            Due::ToSession(link) => {
                self.under_way -= 1;
                self.arrives_at_session(link);
            }
            Due::Appended { append, life } => self.appended(append, life),
            Due::Read { read, life } => self.read(read, life),
            Due::Authenticated(question) => self.answer_about(&question),
            due => self.rare(&due),
        }
        self.moved = true;
    }

    /// What is due once in a while.
    fn rare(&mut self, due: &Due) {
        let now = self.scheduler.now();
        match *due {
            Due::Join(client) => self.join(client),
            Due::ClientUp { client, life } if self.clients[client].life == life => self.start_client(client),
            Due::Awake(client) if now >= self.clients[client].asleep_until => self.wake_client(client),
            Due::HalfStored { client, life, commit } if self.clients[client].life == life => {
                self.trigger(Trigger::ClientCommit(client), commit);
            }
            Due::HalfAppended { number, life } if self.server.life == life => {
                self.trigger(Trigger::ServerCommit, number);
            }
            Due::LateClose { client, life, socket } if self.clients[client].life == life => {
                let (code, reason) = (None, "the socket is closed".into());
                self.client(client, ClientInput::Disconnected { socket, code, reason });
            }
            Due::LateFrame {
                client,
                life,
                socket,
                ref frame,
            } if self.clients[client].life == life => self.hands_on(client, socket, frame),
            Due::GoodCredentials(client) => self.give_good_credentials(client),
            Due::NetworkBack(client) => self.network_is_back(client),
            Due::Round(client) => self.ask_for_round(client),
            Due::ServerUp { life } if self.server.life == life => self.start_server(),
            Due::CommitsTold => self.tell_commits(),
            Due::Heal => self.heal(),
            Due::End => self.time_is_over(),
            _ => {}
        }
    }

    /// Something that incidents may wait for has happened.
    fn trigger(&mut self, trigger: Trigger, number: u64) {
        if self.agenda.waits_for(trigger, number) {
            self.triggered.extend(self.agenda.trigger(trigger, number));
        }
    }

    /// The network has brought something.
    fn brought(&mut self, event: NetworkEvent) {
        self.tell_brought(&event);
        match event {
            NetworkEvent::Accepted { link } => self.open_session(link),
            NetworkEvent::Connected { link } => {
                self.bring(link, |socket| ClientInput::Connected { socket });
                self.hands_on_held(link);
            }
            NetworkEvent::ConnectFailed { link, reason } => self.bring(link, |socket| ClientInput::Disconnected {
                socket,
                code: None,
                reason,
            }),
            NetworkEvent::Frame {
                link,
                end: End::Client,
                frame,
            } => {
                self.bring(link, |socket| ClientInput::Frame { socket, frame });
            }
            NetworkEvent::Frame {
                link,
                end: End::Server,
                frame,
            } => self.session(link, SessionInput::Frame(frame)),
            NetworkEvent::Late {
                link,
                end: End::Client,
                frame,
            } => self.comes_late(link, frame),
            NetworkEvent::Late { end: End::Server, .. } => {}
            NetworkEvent::Alive { link, end: End::Client } => {
                self.bring(link, |socket| ClientInput::Alive { socket });
            }
            NetworkEvent::Alive { link, end: End::Server } => self.session(link, SessionInput::Alive),
            NetworkEvent::Flushed {
                link,
                end: End::Client,
                bytes,
            } => {
                self.bring(link, |socket| ClientInput::Flushed { socket, bytes });
            }
            NetworkEvent::Flushed {
                link,
                end: End::Server,
                bytes,
            } => self.session(link, SessionInput::Flushed { bytes }),
            NetworkEvent::Closed {
                link,
                end: End::Client,
                code,
                reason,
            } => {
                self.bring(link, |socket| ClientInput::Disconnected { socket, code, reason });
            }
            NetworkEvent::Closed {
                link, end: End::Server, ..
            } => self.session(link, SessionInput::Closed),
        }
    }

    fn bring(&mut self, link: LinkId, input: impl FnOnce(SocketId) -> ClientInput) {
        let client = self.network.client_of(link);
        if let Some(socket) = self.clients[client].socket(link) {
            self.client(client, input(socket));
        }
    }

    fn outcome(mut self) -> Outcome {
        let now = self.scheduler.now();
        let failure = self.checks.failure().cloned().or(self.broken.take());
        if let (Some(tape), Some(failure)) = (self.recorder.tape(), &failure) {
            tape.failed(failure);
        }
        Outcome {
            digest: self.steps.digest(),
            failure,
            fired: self.fired,
            checks: self.checks.counts().clone(),
            shape: self.checks.shape(),
            frames: self.steps.frames,
            events: self.events,
            steps: self.steps.calls,
            simulated: now.since(Instant::ZERO),
            recording: self.recorder.finish(now),
        }
    }
}
