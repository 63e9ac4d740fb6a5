//! What holds whatever happens to connections.

use super::*;
use crate::scenario::Way;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// One thing that happens. Connections are picked among those that there were, ends by a flag.
#[derive(Clone, Debug)]
enum Op {
    Run(u64),
    Connect(usize),
    Send(usize, bool, usize),
    Close(usize, bool),
    Abandon(usize, bool, bool),
    Pause(usize, bool),
    Resume(usize, bool),
    Cut(usize, u64, bool, bool),
    Stall(usize, u64),
    Partition(usize, bool, u64),
    Refuse(usize, u64),
    Hang(usize, u64),
    Linger(usize, u64),
    NotReading(usize, u64),
    Asleep(usize),
    Awake(usize),
    Listens(bool),
}

fn op() -> impl Strategy<Value = Op> {
    let (client, end) = (|| 0usize..2, any::<bool>);
    let millis = || prop_oneof![0u64..30, 0u64..3_000];
    prop_oneof![
        10 => millis().prop_map(Op::Run),
        4 => client().prop_map(Op::Connect),
        30 => (any::<usize>(), end(), prop_oneof![0usize..300, 0usize..3_000])
            .prop_map(|(link, end, bytes)| Op::Send(link, end, bytes)),
        2 => (any::<usize>(), end()).prop_map(|(link, end)| Op::Close(link, end)),
        2 => (any::<usize>(), end(), end()).prop_map(|(link, end, told)| Op::Abandon(link, end, told)),
        3 => (any::<usize>(), end()).prop_map(|(link, end)| Op::Pause(link, end)),
        4 => (any::<usize>(), end()).prop_map(|(link, end)| Op::Resume(link, end)),
        2 => (client(), 0u64..=100, end(), end()).prop_map(|(client, arrives, a, b)| Op::Cut(client, arrives, a, b)),
        2 => (client(), millis()).prop_map(|(client, time)| Op::Stall(client, time)),
        2 => (client(), end(), millis()).prop_map(|(client, up, time)| Op::Partition(client, up, time)),
        1 => (client(), millis()).prop_map(|(client, time)| Op::Refuse(client, time)),
        1 => (client(), millis()).prop_map(|(client, time)| Op::Hang(client, time)),
        1 => (client(), millis()).prop_map(|(client, time)| Op::Linger(client, time)),
        1 => (client(), millis()).prop_map(|(client, time)| Op::NotReading(client, time)),
        1 => client().prop_map(Op::Asleep),
        2 => client().prop_map(Op::Awake),
        1 => prop_oneof![1 => Just(false), 3 => Just(true)].prop_map(Op::Listens),
    ]
}

fn plan() -> impl Strategy<Value = NetworkPlan> {
    let latency = prop_oneof![
        Just(Delay::Fixed(0)),
        Just(Delay::Fixed(10_000)),
        Just(Delay::Uniform(0, 50_000)),
        Just(Delay::LongTail(5_000)),
    ];
    let bandwidth = prop_oneof![Just(None), (500u64..100_000).prop_map(Some)];
    (latency, bandwidth, 200u64..5_000).prop_map(|(latency, bandwidth, socket_bytes)| NetworkPlan {
        latency,
        connect: latency,
        bandwidth,
        socket_bytes,
        lossy_percent: 0,
    })
}

/// What an end has done and heard.
#[derive(Debug, Default)]
struct Side {
    open: bool,
    over: bool,
    /// It has ended the connection itself, in good order.
    closed: bool,
    got: usize,
    sent: Vec<usize>,
    flushed: usize,
}

#[derive(Debug, Default)]
struct Model {
    sides: BTreeMap<(LinkId, End), Side>,
    /// What the network was told to do to it: no law says that all arrives.
    ended: BTreeSet<LinkId>,
}

impl Model {
    fn side(&mut self, link: LinkId, end: End) -> &mut Side {
        self.sides.entry((link, end)).or_default()
    }

    /// Checks what was told against what was done before.
    fn hear(&mut self, event: &NetworkEvent) {
        match event {
            NetworkEvent::Accepted { link } => self.opened(*link, End::Server),
            NetworkEvent::Connected { link } => self.opened(*link, End::Client),
            NetworkEvent::ConnectFailed { link, .. } => {
                let side = self.side(*link, End::Client);
                assert!(!side.open && !side.over, "{event:?}");
                side.over = true;
            }
            NetworkEvent::Frame { link, end, frame } => {
                let sent = self.side(*link, end.other()).sent.clone();
                let side = self.open_side(*link, *end);
                assert_eq!(frame.len(), sent[side.got], "a frame was lost, repeated or overtaken");
                side.got += 1;
            }
            NetworkEvent::Late { link, end, frame } => {
                let sent = self.side(*link, end.other()).sent.clone();
                let side = self.side(*link, *end);
                assert!(side.closed, "late where nobody has closed: {link:?} {end:?}");
                assert_eq!(frame.len(), sent[side.got], "a frame was lost, repeated or overtaken");
                side.got += 1;
            }
            NetworkEvent::Alive { link, end } => drop(self.open_side(*link, *end)),
            NetworkEvent::Flushed { link, end, bytes } => {
                let side = self.open_side(*link, *end);
                side.flushed += bytes;
                assert!(side.flushed <= side.sent.iter().sum());
            }
            NetworkEvent::Closed { link, end, code, .. } => {
                let other = self.side(*link, end.other());
                let (closed, sent) = (other.closed, other.sent.len());
                let side = self.open_side(*link, *end);
                side.over = true;
                assert!(
                    code.is_none() || closed && side.got == sent,
                    "a close frame overtook others"
                );
            }
        }
    }

    fn opened(&mut self, link: LinkId, end: End) {
        let side = self.side(link, end);
        assert!(!side.open && !side.over, "opened twice or after its end");
        side.open = true;
    }

    fn open_side(&mut self, link: LinkId, end: End) -> &mut Side {
        let side = self.side(link, end);
        assert!(side.open && !side.over, "told what is not open: {link:?} {end:?}");
        side
    }
}

struct Run {
    world: World,
    model: Model,
    heard: usize,
    links: Vec<LinkId>,
}

impl Run {
    fn hear(&mut self) {
        self.world.take();
        for (_, event) in &self.world.told[self.heard..] {
            self.model.hear(event);
        }
        self.heard = self.world.told.len();
    }

    fn pick(&self, link: usize) -> Option<LinkId> {
        (!self.links.is_empty()).then(|| self.links[self.links.len() - 1 - link % self.links.len().min(4)])
    }

    fn apply(&mut self, op: &Op) {
        let end = |server: bool| if server { End::Server } else { End::Client };
        match *op {
            Op::Run(time) => self.world.run_to(self.world.now() + time * 1_000),
            Op::Connect(client) => {
                let link = self.world.network.connect(client, &mut self.world.scheduler);
                self.links.push(link);
            }
            Op::Send(link, server, bytes) => self.send(link, end(server), bytes),
            Op::Close(link, server) => self.end(link, end(server), true, false),
            Op::Abandon(link, server, told) => self.end(link, end(server), false, told),
            Op::Pause(link, server) => {
                if let Some(link) = self.pick(link) {
                    self.world.network.pause(link, end(server));
                }
            }
            Op::Resume(link, server) => {
                if let Some(link) = self.pick(link) {
                    self.world.network.resume(link, end(server), &mut self.world.scheduler);
                }
            }
            ref fault => self.fault(fault),
        }
        self.hear();
    }

    fn send(&mut self, link: usize, end: End, bytes: usize) {
        let Some(link) = self.pick(link) else { return };
        let side = self.model.side(link, end);
        if side.open && !side.over {
            self.send_bytes(link, end, bytes);
        }
    }

    fn end(&mut self, link: usize, end: End, in_order: bool, told: bool) {
        let Some(link) = self.pick(link) else { return };
        let side = self.model.side(link, end);
        if side.over || end == End::Server && !side.open {
            return;
        }
        (side.over, side.closed) = (true, in_order && side.open);
        if in_order {
            self.world.close(link, end);
        } else {
            self.world.abandon(link, end, told);
            self.model.ended.insert(link);
        }
    }

    fn fault(&mut self, op: &Op) {
        let World {
            network,
            scheduler,
            fired,
            ..
        } = &mut self.world;
        let now = scheduler.now();
        match *op {
            Op::Cut(client, arrives, client_told, server_told) => {
                network.cut(client, arrives, client_told, server_told, scheduler, fired);
                for link in self.links.iter().filter(|link| network.client_of(**link) == client) {
                    self.model.ended.insert(*link);
                }
            }
            Op::Stall(client, time) => network.stall(client, MS(time), scheduler),
            Op::Partition(client, up, time) => {
                let way = if up { Way::Up } else { Way::Down };
                network.partition(client, way, MS(time), scheduler);
            }
            Op::Refuse(client, time) => network.refuse(client, MS(time), now),
            Op::Hang(client, time) => network.hang(client, MS(time), now),
            Op::Linger(client, time) => network.linger(client, MS(time)),
            Op::NotReading(client, time) => network.not_reading(client, MS(time), now),
            Op::Asleep(client) => network.asleep(client, now),
            Op::Awake(client) => network.awake(client, scheduler),
            Op::Listens(listens) => network.server_listens(listens),
            _ => {}
        }
    }

    /// All faults end and everyone reads: everything that can arrive does.
    fn settle(&mut self) {
        self.world.network.heal(&mut self.world.scheduler);
        for link in self.links.clone() {
            for end in [End::Client, End::Server] {
                self.world.network.resume(link, end, &mut self.world.scheduler);
            }
        }
        self.world.run();
        self.hear();
    }

    /// Where nobody has cut anything all has arrived, and who closed in good order was heard to the last byte.
    fn check_whole(&mut self) {
        for link in self.links.clone() {
            if self.model.ended.contains(&link) {
                continue;
            }
            for end in [End::Client, End::Server] {
                let other = self.model.side(link, end.other());
                let (sent, other_is_over, closed) = (other.sent.len(), other.over, other.closed);
                let sizes: usize = other.sent.iter().sum();
                let flushed = other.flushed;
                let side = self.model.side(link, end);
                if side.open && !side.closed {
                    assert_eq!(side.got, sent, "all arrives");
                    assert_eq!(side.over, other_is_over, "{closed}: an end is heard of");
                    assert!(other_is_over || flushed == sizes, "all is taken");
                }
            }
        }
    }

    /// Whoever is left alone hears of it once it has sent something; when all have closed the network remembers nothing.
    fn check_half_open(&mut self) {
        self.every_live_end(|run, link, end| {
            if run.model.side(link, end).open {
                run.send_bytes(link, end, 1);
            }
        });
        for (link, end) in self.model.sides.keys().copied().collect::<Vec<_>>() {
            let alone = self.model.ended.contains(&link) && self.model.side(link, end).open;
            assert!(
                !alone || self.model.side(link, end).over,
                "{link:?} {end:?} never hears"
            );
        }
        self.every_live_end(|run, link, end| {
            if end == End::Client || run.model.side(link, end).open {
                run.model.side(link, end).over = true;
                run.world.close(link, end);
            }
        });
        assert!(self.world.network.is_idle(), "{:?}", self.world.network.links);
        assert!(self.world.network.links.is_empty(), "{:?}", self.world.network.links);
    }

    fn every_live_end(&mut self, action: impl Fn(&mut Self, LinkId, End)) {
        for link in self.links.clone() {
            for end in [End::Client, End::Server] {
                if !self.model.side(link, end).over {
                    action(self, link, end);
                }
            }
        }
        self.world.run();
        self.hear();
    }

    fn send_bytes(&mut self, link: LinkId, end: End, bytes: usize) {
        self.model.side(link, end).sent.push(bytes);
        let World {
            network,
            scheduler,
            out,
            ..
        } = &mut self.world;
        network.send(link, end, "x".repeat(bytes).into(), scheduler, out);
    }
}

fn run(plan: &NetworkPlan, ops: &[Op]) -> Run {
    let mut run = Run {
        world: World::new(plan.clone()),
        model: Model::default(),
        heard: 0,
        links: Vec::new(),
    };
    for op in ops {
        run.apply(op);
    }
    run.settle();
    run
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 300, max_shrink_iters: 5_000, ..ProptestConfig::default() })]

    #[test]
    fn frames_arrive_in_order_once_and_ends_are_heard_of(plan in plan(), ops in prop::collection::vec(op(), 1..120)) {
        let mut run = run(&plan, &ops);
        run.check_whole();
        run.check_half_open();
    }

    #[test]
    fn the_same_seed_tells_the_same(plan in plan(), ops in prop::collection::vec(op(), 1..60)) {
        let (first, second) = (run(&plan, &ops), run(&plan, &ops));
        prop_assert_eq!(first.world.told, second.world.told);
        prop_assert_eq!(first.world.fired, second.world.fired);
    }
}
