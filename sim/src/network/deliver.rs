//! What arrives at an end.

use super::link::State;
use super::pipe::{Message, Segment};
use super::{End, Events, LinkId, Network, NetworkDue, NetworkEvent};
use crate::fault::{Fault, Fired};
use crate::scheduler::Scheduler;
use driftless_core::Instant;

impl Network {
    /// Does what was planned: what goes to an end moves on, and at most one frame of it is told. Something planned that
    /// is no longer so does nothing.
    pub fn due<T: From<NetworkDue>>(
        &mut self,
        due: NetworkDue,
        scheduler: &mut Scheduler<T>,
        out: &mut Events,
        fired: &mut Fired,
    ) {
        let (NetworkDue { link: id, to }, now) = (due, scheduler.now());
        let Some(link) = self.links.get_mut(&id) else { return };
        let pipe = link.to(to);
        if pipe.planned == Some(now) {
            pipe.planned = None;
        }
        self.flush(id, to, now, out);
        self.arrive(id, to, now, out, fired);
        self.read(id, to, now, out, fired);
        self.plan(id, to, scheduler);
        self.plan(id, to.other(), scheduler);
    }

    /// The sending end hears of room, and its socket takes more.
    fn flush(&mut self, id: LinkId, to: End, now: Instant, out: &mut Events) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let end = to.other();
        if !link.pipe_to(to).is_full() {
            return;
        }
        let hears = self.weather[link.client]
            .moves_from(link, end)
            .is_some_and(|at| at <= now);
        let pipe = link.to(to);
        if hears {
            pipe.hear_acks(now);
        }
        let bytes = pipe.take(now, &self.plan);
        if bytes > 0 && link.state(end).is_live() {
            out.push_back(NetworkEvent::Flushed { link: id, end, bytes });
        }
    }

    /// Bytes come into the receiving end's socket.
    fn arrive(&mut self, id: LinkId, to: End, now: Instant, out: &mut Events, fired: &mut Fired) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let weather = &self.weather[link.client];
        if weather.moves_from(link, to).is_none_or(|at| at > now) {
            return;
        }
        let reads = weather.reads_from(link, to).is_some_and(|at| at <= now);
        let pipe = link.to(to);
        while let Some(segment) = pipe.arrive(now) {
            segment.count(fired);
            if let Some(fault) = pipe.held.take_if(|_| segment.late) {
                fired.count(fault);
            }
        }
        let shows_life = pipe.shows_life(now);
        if pipe.has_found_nobody() {
            link.reset(
                to.other(),
                "the connection is not known there any more",
                now,
                &self.plan,
            );
        }
        if shows_life && reads {
            self.alive(id, to, out);
        }
    }

    /// The receiving end reads a frame, or what there is of one.
    fn read(&mut self, id: LinkId, to: End, now: Instant, out: &mut Events, fired: &mut Fired) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if !link.pipe_to(to).is_readable() {
            return;
        }
        let message = if self.weather[link.client]
            .reads_from(link, to)
            .is_some_and(|at| at <= now)
        {
            if let Some(fault) = link.to(to).unread.take() {
                fired.count(fault);
            }
            let message = link.to(to).read(now);
            if *link.state(to) != State::Gone {
                link.to(to).ack(now);
            }
            message.unwrap_or(Message::Part)
        } else {
            let hears = link.hears_of_reset(to);
            let Some(reset) = hears.then(|| link.to(to).take_reset()).flatten() else {
                return;
            };
            reset
        };
        self.deliver(id, to, message, now, out, fired);
    }

    fn alive(&mut self, id: LinkId, to: End, out: &mut Events) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if *link.state(to) == State::Open {
            out.push_back(NetworkEvent::Alive { link: id, end: to });
        }
    }

    fn deliver(&mut self, id: LinkId, to: End, message: Message, now: Instant, out: &mut Events, fired: &mut Fired) {
        if to == End::Server {
            self.count_overlap(id, fired);
        }
        let Some(link) = self.links.get_mut(&id) else { return };
        let state = *link.state(to);
        match message {
            Message::Lost => link.reset(
                to.other(),
                "the connection is not known there any more",
                now,
                &self.plan,
            ),
            Message::Text(frame) if state == State::Closed => out.push_back(NetworkEvent::Late {
                link: id,
                end: to,
                frame,
            }),
            _ if state == State::Closed => {}
            _ if state == State::Gone => {
                link.reset(to.other(), "the other end is not there any more", now, &self.plan);
            }
            Message::Open => self.requested(id, now, out, fired),
            Message::Opened => {
                link.client_end = State::Open;
                out.push_back(NetworkEvent::Connected { link: id });
            }
            Message::Refused => {
                link.client_end = State::Gone;
                let reason = "the server refuses connections".to_owned();
                out.push_back(NetworkEvent::ConnectFailed { link: id, reason });
            }
            Message::Text(frame) => out.push_back(NetworkEvent::Frame {
                link: id,
                end: to,
                frame,
            }),
            Message::Part => self.alive(id, to, out),
            Message::Dropped => {}
            Message::Close(code, reason) => {
                *link.state(to) = State::Gone;
                let code = Some(code);
                out.push_back(NetworkEvent::Closed {
                    link: id,
                    end: to,
                    code,
                    reason,
                });
            }
            Message::Reset(why) => {
                *link.state(to) = State::Gone;
                out.extend(id.lost(to, state, why));
            }
        }
        if self.links.get(&id).is_some_and(|link| link.is_over()) {
            self.links.remove(&id);
        }
    }

    /// A client's request to open a connection has come.
    fn requested(&mut self, id: LinkId, now: Instant, out: &mut Events, fired: &mut Fired) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let weather = &mut self.weather[link.client];
        if weather.hangs(now) {
            fired.count(Fault::ConnectHangs);
            link.server_end = State::Gone;
            return;
        }
        let refuses = weather.refuses(now);
        if refuses || !self.listens {
            if refuses {
                fired.count(Fault::ConnectRefused);
            }
            link.server_end = State::Gone;
            link.answer(Message::Refused, now, &self.plan);
            return;
        }
        weather.newest = Some(id);
        link.server_end = State::Open;
        link.answer(Message::Opened, now, &self.plan);
        out.push_back(NetworkEvent::Accepted { link: id });
    }

    fn count_overlap(&mut self, id: LinkId, fired: &mut Fired) {
        let newest = self.weather[self.client_of(id)].newest;
        let Some(newest) = newest
            .filter(|newest| *newest > id)
            .and_then(|newest| self.links.get(&newest))
        else {
            return;
        };
        let old_is_live = self.links.get(&id).is_some_and(|link| link.server_end == State::Open);
        if old_is_live && newest.server_end == State::Open {
            fired.count(Fault::Overlap);
        }
    }
}

impl Segment {
    fn count(&self, fired: &mut Fired) {
        if self.jittered {
            fired.count(Fault::Jitter);
        }
        if self.waited {
            fired.count(Fault::NarrowLink);
        }
    }
}
