mod cuts;
mod faults;
mod flow;
mod laws;

use super::*;
use crate::random::Delay;
use driftless_core::Instant;
use std::time::Duration;

/// A network between one or more clients and the server, and all that it told, with the times.
struct World {
    network: Network,
    scheduler: Scheduler<NetworkDue>,
    out: Events,
    fired: Fired,
    told: Vec<(u64, NetworkEvent)>,
    start: u64,
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
            start: 0,
        }
    }

    /// An open connection of client 0, and nothing told yet.
    fn connected(plan: NetworkPlan) -> (Self, LinkId) {
        let mut world = Self::new(plan);
        let link = world.network.connect(0, &mut world.scheduler);
        world.run();
        // The server's end hears that its answer was read.
        world.run_to(world.now() + 400_000);
        assert!(matches!(world.told.last(), Some((_, NetworkEvent::Connected { .. }))));
        world.mark();
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
        let mut steps = 0;
        while self.scheduler.next().is_some_and(|at| at <= until) {
            let due = self.scheduler.pop().unwrap();
            steps += 1;
            assert!(steps < 50_000, "the network is busy for ever: {:?}", self.network.links);
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

    fn cut(&mut self, arrives: u64, client_told: bool, server_told: bool) {
        let (scheduler, fired) = (&mut self.scheduler, &mut self.fired);
        self.network.cut(0, arrives, client_told, server_told, scheduler, fired);
    }

    fn abandon(&mut self, link: LinkId, end: End, told: bool) {
        let (scheduler, fired) = (&mut self.scheduler, &mut self.fired);
        self.network.abandon(link, end, told, scheduler, fired);
    }

    fn connect(&mut self) -> LinkId {
        self.network.connect(0, &mut self.scheduler)
    }

    /// What was told since the last call, in short, without what was flushed.
    fn story(&mut self) -> Vec<String> {
        let told = std::mem::take(&mut self.told);
        let start = self.start;
        let lines = told
            .iter()
            .filter_map(|(at, event)| Some(format!("{} {}", (at - start) / 1_000, short(event)?)));
        lines.collect()
    }

    /// Times in stories count from now.
    fn mark(&mut self) {
        self.start = self.now();
        self.told.clear();
    }
}

fn short(event: &NetworkEvent) -> Option<String> {
    Some(match event {
        NetworkEvent::Accepted { link } => format!("accepted {}", link.0),
        NetworkEvent::Connected { link } => format!("connected {}", link.0),
        NetworkEvent::ConnectFailed { link, .. } => format!("failed {}", link.0),
        NetworkEvent::Frame { end, frame, .. } => format!("{end:?} frame {}", frame.len()),
        NetworkEvent::Late { end, frame, .. } => format!("{end:?} late {}", frame.len()),
        NetworkEvent::Alive { end, .. } => format!("{end:?} alive"),
        NetworkEvent::Flushed { .. } => return None,
        NetworkEvent::Closed { end, code, .. } => format!("{end:?} closed {:?}", code.map(|code| code.0)),
    })
}

const MS: fn(u64) -> Duration = Duration::from_millis;
