use super::*;
use crate::random::Delay;
use driftless_core::Instant;

/// A network between one or more clients and the server, and all that it told, with the times.
struct World {
    network: Network,
    scheduler: Scheduler<NetworkDue>,
    out: Events,
    fired: Fired,
    told: Vec<(u64, NetworkEvent)>,
}

const fn calm() -> NetworkPlan {
    NetworkPlan {
        latency: Delay::Fixed(10_000),
        connect: Delay::Fixed(5_000),
        bandwidth: None,
        socket_bytes: 1_000,
        lossy_percent: 0,
    }
}

impl World {
    fn new(plan: NetworkPlan) -> Self {
        let mut network = Network::new(1, plan, 2);
        network.server_listens(true);
        Self {
            network,
            scheduler: Scheduler::new(),
            out: Events::new(),
            fired: Fired::default(),
            told: Vec::new(),
        }
    }

    /// An open connection of client 0, and nothing told yet.
    fn connected(plan: NetworkPlan) -> (Self, LinkId) {
        let mut world = Self::new(plan);
        let link = world.network.connect(0, &mut world.scheduler);
        world.run();
        assert!(matches!(world.told.last(), Some((_, NetworkEvent::Connected { .. }))));
        world.told.clear();
        (world, link)
    }

    fn take(&mut self) {
        let now = self.now();
        self.told.extend(self.out.drain(..).map(|event| (now, event)));
    }

    fn now(&self) -> u64 {
        self.scheduler.now().as_micros()
    }

    fn run(&mut self) {
        self.run_to(u64::MAX);
    }

    fn run_to(&mut self, micros: u64) {
        let until = Instant::from_micros(micros);
        while self.scheduler.next().is_some_and(|at| at <= until) {
            let due = self.scheduler.pop().unwrap();
            self.network
                .due(due, &mut self.scheduler, &mut self.out, &mut self.fired);
            self.take();
        }
        if micros < u64::MAX {
            self.scheduler.advance(until);
        }
    }

    fn send(&mut self, link: LinkId, from: End, bytes: usize) {
        let frame = "x".repeat(bytes).into();
        self.network.send(link, from, frame, &mut self.scheduler, &mut self.out);
        self.take();
    }

    fn close(&mut self, link: LinkId, from: End) {
        let code = CloseCode::NORMAL;
        self.network.close(link, from, code, "done".into(), &mut self.scheduler);
    }
}

#[test]
fn a_connection_opens_carries_frames_and_closes_in_order() {
    let mut world = World::new(calm());
    let link = world.network.connect(0, &mut world.scheduler);
    world.run();
    let accepted = (15_000, NetworkEvent::Accepted { link });
    let connected = (25_000, NetworkEvent::Connected { link });
    assert_eq!(std::mem::take(&mut world.told), [accepted, connected]);
    world.send(link, End::Client, 10);
    world.send(link, End::Client, 20);
    world.close(link, End::Client);
    world.run();
    let flushed = |bytes| NetworkEvent::Flushed {
        link,
        end: End::Client,
        bytes,
    };
    let frame = |bytes: usize| NetworkEvent::Frame {
        link,
        end: End::Server,
        frame: "x".repeat(bytes).into(),
    };
    let closed = NetworkEvent::Closed {
        link,
        end: End::Server,
        code: Some(CloseCode::NORMAL),
        reason: "done".into(),
    };
    assert_eq!(
        world.told,
        [
            (25_000, flushed(10)),
            (25_000, flushed(20)),
            (35_000, frame(10)),
            (35_000, frame(20)),
            (35_000, closed)
        ]
    );
    assert!(world.network.is_idle() && world.network.links.is_empty());
}

#[test]
fn an_end_whose_peer_dies_hears_of_it_after_a_latency() {
    let (mut world, link) = World::connected(calm());
    world.send(link, End::Client, 10);
    world.told.clear();
    world
        .network
        .abandon(link, End::Client, true, &mut world.scheduler, &mut world.fired);
    world.run();
    assert!(matches!(world.told[0], (35_000, NetworkEvent::Frame { .. })));
    assert!(matches!(
        world.told[1],
        (35_000, NetworkEvent::Closed { code: None, .. })
    ));
    assert_eq!(world.told.len(), 2);
    assert!(world.network.links.is_empty());
}
