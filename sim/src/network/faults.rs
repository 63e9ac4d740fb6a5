//! What can be wrong with the network of a client, and until when.

use super::link::{Link, State};
use super::pipe::Message;
use super::{End, LinkId, Network, NetworkDue};
use crate::fault::{Fault, Fired};
use crate::scenario::{NetworkPlan, Way};
use crate::scheduler::Scheduler;
use driftless_core::Instant;
use std::time::Duration;

/// The network of one client. A moment that is past means that all is well.
#[derive(Clone, Debug, Default)]
pub(super) struct Weather {
    connects: u64,
    refuses_until: Instant,
    hangs_until: Instant,
    up_until: Instant,
    down_until: Instant,
    unread_until: Instant,
    lingers: Option<Duration>,
    asleep: bool,
    /// Its connection that the server has accepted last.
    pub(super) newest: Option<LinkId>,
}

impl Weather {
    /// Counts a connect. How many there were before.
    pub(super) const fn count_connect(&mut self) -> u64 {
        self.connects += 1;
        self.connects - 1
    }

    pub(super) fn refuses(&self, now: Instant) -> bool {
        now < self.refuses_until
    }

    pub(super) fn hangs(&self, now: Instant) -> bool {
        now < self.hangs_until
    }

    const fn partition(&mut self, way: Way) -> &mut Instant {
        match way {
            Way::Up => &mut self.up_until,
            Way::Down => &mut self.down_until,
        }
    }

    /// From when on bytes move to an end; `None` while nobody can say.
    pub(super) fn moves_from(&self, link: &Link, to: End) -> Option<Instant> {
        let partition = match to {
            End::Client => self.down_until,
            End::Server => self.up_until,
        };
        (!self.asleep).then(|| partition.max(link.pipe_to(to).stalled_until))
    }

    /// From when on an end reads; `None` while nobody can say.
    pub(super) fn reads_from(&self, link: &Link, to: End) -> Option<Instant> {
        match to {
            _ if link.pipe_to(to).paused && link.state_of(to).is_live() => None,
            End::Client if link.client_end.is_live() => Some(self.unread_until),
            _ => Some(Instant::ZERO),
        }
    }

    /// When something next happens to what goes to an end.
    pub(super) fn next(&self, link: &Link, to: End, now: Instant) -> Option<Instant> {
        let pipe = link.pipe_to(to);
        let hears = || {
            pipe.hears_of_room()
                .and_then(|at| Some(at.max(self.moves_from(link, to.other())?)))
        };
        let room = if pipe.has_room() { Some(now) } else { hears() };
        let arrival = pipe.arrival().and_then(|at| Some(at.max(self.moves_from(link, to)?)));
        let read = pipe.is_readable().then(|| self.read_at(link, to, now)).flatten();
        [room, arrival, read].into_iter().flatten().min()
    }

    /// An end that does not read hears of a reset all the same when it waits to send.
    fn read_at(&self, link: &Link, to: End, now: Instant) -> Option<Instant> {
        if link.hears_of_reset(to) {
            return Some(now);
        }
        self.reads_from(link, to)
    }

    /// Notes what holds up what goes to an end, to be counted when it gets there.
    pub(super) fn note_held(&self, link: &mut Link, to: End, now: Instant) {
        let partitioned_until = match to {
            End::Client => self.down_until,
            End::Server => self.up_until,
        };
        let unread = to == End::Client && self.unread_until > now;
        let pipe = link.to(to);
        if unread && pipe.is_readable() {
            pipe.unread = Some(Fault::SlowReader);
        }
        let Some(arrival) = pipe.arrival() else { return };
        if arrival < partitioned_until {
            pipe.held = Some(Fault::OneWayPartition);
        } else if arrival < pipe.stalled_until {
            pipe.held = pipe.stalled_as;
        }
    }
}

/// What can be wrong. Durations are counted from now; a fault that is there already lasts as long as the longer one.
impl Network {
    /// Cuts all connections of a client. In each direction so many percent of the bytes on their way arrive before the
    /// end; each end is told, behind those bytes, or finds out when it sends.
    pub fn cut<T: From<NetworkDue>>(
        &mut self,
        client: usize,
        arrives: u64,
        client_told: bool,
        server_told: bool,
        scheduler: &mut Scheduler<T>,
        fired: &mut Fired,
    ) {
        let now = scheduler.now();
        for id in self.links_of(client) {
            let Some(link) = self.links.get_mut(&id) else { continue };
            fired.count(Fault::Cut);
            if link.is_half_open_after(client_told, server_told) {
                fired.count(Fault::HalfOpen);
            }
            link.cut(End::Server, arrives, server_told, now, &self.plan);
            link.cut(End::Client, arrives, client_told, now, &self.plan);
            if client_told {
                self.linger_now(id, now);
            }
            self.travel_on(id, scheduler);
        }
    }

    /// Nothing moves on a client's open connections for a while, in either direction.
    pub fn stall<T: From<NetworkDue>>(&mut self, client: usize, time: Duration, scheduler: &mut Scheduler<T>) {
        let until = scheduler.now() + time;
        for id in self.links_of(client) {
            if let Some(link) = self.links.get_mut(&id) {
                for end in [End::Server, End::Client] {
                    let pipe = link.to(end);
                    pipe.hear_acks(scheduler.now());
                    pipe.stalled_until = pipe.stalled_until.max(until);
                    pipe.stalled_as = Some(Fault::Stall);
                }
            }
            self.travel_on(id, scheduler);
        }
    }

    /// One direction between a client and the server carries nothing for a while: neither data nor the news that data
    /// of the other direction was read.
    pub fn partition<T: From<NetworkDue>>(
        &mut self,
        client: usize,
        way: Way,
        time: Duration,
        scheduler: &mut Scheduler<T>,
    ) {
        let now = scheduler.now();
        let until = self.weather[client].partition(way);
        *until = (*until).max(now + time);
        for id in self.links_of(client) {
            if let Some(link) = self.links.get_mut(&id) {
                link.up.hear_acks(now);
                link.down.hear_acks(now);
            }
            self.travel_on(id, scheduler);
        }
    }

    /// Connects of a client that reach the server are refused for a while.
    pub fn refuse(&mut self, client: usize, time: Duration, now: Instant) {
        let until = &mut self.weather[client].refuses_until;
        *until = (*until).max(now + time);
    }

    /// Connects of a client that would reach the server get no answer for a while, nor later.
    pub fn hang(&mut self, client: usize, time: Duration, now: Instant) {
        let until = &mut self.weather[client].hangs_until;
        *until = (*until).max(now + time);
    }

    /// When a client's connection next ends at its end, what it has sent, and the end, stay on their way for a while.
    pub fn linger(&mut self, client: usize, time: Duration) {
        self.weather[client].lingers = Some(time);
    }

    /// A client does not read its sockets for a while.
    pub fn not_reading(&mut self, client: usize, time: Duration, now: Instant) {
        let until = &mut self.weather[client].unread_until;
        *until = (*until).max(now + time);
    }

    /// A client's host sleeps: nothing comes or goes.
    pub fn asleep(&mut self, client: usize, now: Instant) {
        self.weather[client].asleep = true;
        for id in self.links_of(client) {
            if let Some(link) = self.links.get_mut(&id) {
                link.up.hear_acks(now);
                link.down.hear_acks(now);
            }
        }
    }

    /// A client's host is awake again.
    pub fn awake<T: From<NetworkDue>>(&mut self, client: usize, scheduler: &mut Scheduler<T>) {
        self.weather[client].asleep = false;
        for id in self.links_of(client) {
            self.travel_on(id, scheduler);
        }
    }

    /// Ends everything that lasts for a while. A connection that is half open stays so.
    pub fn heal<T: From<NetworkDue>>(&mut self, scheduler: &mut Scheduler<T>) {
        for weather in &mut self.weather {
            *weather = Weather {
                connects: weather.connects,
                newest: weather.newest,
                ..Weather::default()
            };
        }
        let ids: Vec<_> = self.links.keys().copied().collect();
        for id in ids {
            if let Some(link) = self.links.get_mut(&id) {
                link.up.stalled_until = Instant::ZERO;
                link.down.stalled_until = Instant::ZERO;
            }
            self.travel_on(id, scheduler);
        }
    }

    /// The client's end of a connection has just ended: what it has sent stays on its way if that was asked for.
    pub(super) fn linger_now(&mut self, id: LinkId, now: Instant) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if let Some(time) = self.weather[link.client].lingers.take() {
            link.up.stalled_until = link.up.stalled_until.max(now + time);
            link.up.stalled_as = None;
        }
    }

    fn travel_on<T: From<NetworkDue>>(&mut self, id: LinkId, scheduler: &mut Scheduler<T>) {
        self.plan(id, End::Server, scheduler);
        self.plan(id, End::Client, scheduler);
    }

    fn links_of(&self, client: usize) -> Vec<LinkId> {
        let of = self.links.iter().filter(|(_, link)| link.client == client);
        of.map(|(id, _)| *id).collect()
    }
}

impl Link {
    /// Cuts what goes to an end, which is told or not. Where the end of the connection is on its way already, or there
    /// is no connection any more, there is nothing to cut.
    fn cut(&mut self, to: End, arrives: u64, told: bool, now: Instant, plan: &NetworkPlan) {
        let is_ending = self.to(to).is_severed() || self.to(to).marked;
        let cut_off = !is_ending && self.sever(to, arrives);
        let (live, sender_lives) = (self.state(to).is_live(), self.state(to.other()).is_live());
        let pipe = self.to(to);
        if told && live && !pipe.marked {
            pipe.mark(Message::Reset("the connection was cut"), now, Duration::ZERO);
        }
        if cut_off && sender_lives {
            self.probe(to.other(), now, plan);
        }
    }

    fn is_half_open_after(&self, client_told: bool, server_told: bool) -> bool {
        let client = self.client_end == State::Open && !client_told;
        let server = self.server_end == State::Open && !server_told;
        client || server
    }
}
