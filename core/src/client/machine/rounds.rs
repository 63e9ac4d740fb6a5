//! When the client connects, and when it hangs up by itself: its [`Strategy`](crate::client::Strategy).
//!
//! A *round* is what a client outside real time connects for: it lasts until every repository is current and the outbox
//! is empty, over as many connections as that takes. In real time a round hangs up nothing; it only tells its end.

use super::link::Phase;
use super::{Client, ClientAction, DELAY_MIN, Notice, Out, Timer};
use crate::machine::Instant;
use crate::wire::CloseCode;
use alloc::string::String;
use core::time::Duration;

/// What there is to connect for.
#[derive(Clone, Debug)]
pub(super) struct Rounds {
    /// Whether the network is there, as far as the host has said.
    network: bool,
    /// A round is wanted or under way.
    wanted: bool,
    /// When the next periodic round is due.
    due: Option<Instant>,
}

impl Rounds {
    pub(super) const fn new() -> Self {
        Self {
            network: true,
            wanted: false,
            due: None,
        }
    }
}

impl Client {
    /// Storage is open and the client started: the first reasons to connect.
    pub(super) fn begin(&mut self, out: &mut Out) {
        let on_connectivity = self.config.strategy.on_connectivity && self.rounds.network;
        if !self.config.strategy.real_time && (self.period().is_some() || on_connectivity) {
            self.begin_round();
        }
        self.connect_or_rest(out);
    }

    /// The application wants a round now.
    pub(super) fn on_sync_now(&mut self, out: &mut Out) {
        if self.stopped {
            self.tell_failed("the client is stopped".into(), out);
            return;
        }
        self.rounds.wanted = true;
        let refused = match (&self.link.phase, &self.link.awaiting) {
            (Phase::Refused { message }, _) | (Phase::Online, Some(message)) => Some(message.clone()),
            _ => None,
        };
        match refused {
            Some(message) => self.tell_failed(message, out),
            None if self.is_offline() => self.connect_or_rest(out),
            None => {}
        }
    }

    /// The network has come or gone.
    pub(super) fn on_connectivity(&mut self, is_there: bool, out: &mut Out) {
        let was_there = core::mem::replace(&mut self.rounds.network, is_there);
        if matches!(self.link.phase, Phase::Stopped | Phase::Refused { .. }) {
            return;
        }
        if !is_there {
            self.hang_up(CloseCode::GOING_AWAY, "the network is gone", out);
            self.rest();
            return;
        }
        if !was_there {
            // What failed then says nothing of the server.
            self.link.failures = 0;
        }
        if self.config.strategy.on_connectivity && !self.config.strategy.real_time {
            self.rounds.wanted = true;
        }
        if self.is_offline() {
            self.connect_or_rest(out);
        }
    }

    /// The delay before the next attempt is over.
    pub(super) fn on_attempt_due(&mut self, out: &mut Out) {
        if self.rounds.due.is_some_and(|due| due <= self.now) {
            self.begin_round();
        }
        self.connect_or_rest(out);
    }

    /// An attempt or a connection has failed, and the delay before the next is known.
    pub(super) fn wait_or_rest(&mut self, delay: Duration) {
        if self.has_reason() {
            self.link.phase = Phase::Waiting { delay };
            self.set_timer(Timer::Link, delay);
        } else {
            self.rest();
        }
    }

    /// Connects if there is a reason to, now that there is no connection.
    pub(super) fn connect_or_rest(&mut self, out: &mut Out) {
        if self.has_reason() {
            self.connect(out);
        } else {
            self.rest();
        }
    }

    /// Ends the round once everything is current and pushed.
    pub(super) fn end_round(&mut self, out: &mut Out) {
        if !self.rounds.wanted || !self.is_synced() {
            return;
        }
        self.rounds.wanted = false;
        out.push(ClientAction::Notify(Notice::Synced));
        if !self.config.strategy.real_time {
            self.hang_up(CloseCode::NORMAL, "everything is synchronized", out);
            self.link.failures = 0;
            self.rest();
            self.update_state(out);
        }
    }

    /// The client stops, and with it the round.
    pub(super) fn stop_rounds(&mut self, out: &mut Out) {
        self.fail_round("the client is stopped".into(), out);
        self.rounds.wanted = false;
        self.rounds.due = None;
    }

    /// Tells that the round cannot go on by itself, if there is one. It does once what it lacks is there.
    pub(super) fn fail_round(&self, message: String, out: &mut Out) {
        if self.rounds.wanted {
            self.tell_failed(message, out);
        }
    }

    #[expect(clippy::unused_self, reason = "reads as the others do")]
    fn tell_failed(&self, message: String, out: &mut Out) {
        out.push(ClientAction::Notify(Notice::SyncFailed { message }));
    }

    fn begin_round(&mut self) {
        self.rounds.wanted = true;
        self.rounds.due = self.period().map(|period| self.now + period);
    }

    /// Between two rounds, or without a network: waits for the next periodic round, or for nothing that time brings.
    fn rest(&mut self) {
        self.timers.clear(Timer::Link);
        let due = self.rounds.due.filter(|_| self.rounds.network);
        self.link.phase = due.map_or(Phase::Idle, |due| Phase::Waiting {
            delay: due.since(self.now).max(DELAY_MIN),
        });
        if let Phase::Waiting { delay } = self.link.phase {
            self.set_timer(Timer::Link, delay);
        }
    }

    /// How often a round is due: in real time there is nothing that it would bring.
    fn period(&self) -> Option<Duration> {
        let strategy = &self.config.strategy;
        strategy.every.filter(|_| !strategy.real_time)
    }

    fn has_reason(&self) -> bool {
        self.rounds.network && (self.config.strategy.real_time || self.rounds.wanted)
    }

    /// Whether there is no connection and none is being made, for want of a reason or during a delay.
    fn is_offline(&self) -> bool {
        matches!(self.link.phase, Phase::Waiting { .. } | Phase::Idle)
    }

    /// Whether every repository is current, and every write so far durable and acked or refused for good.
    fn is_synced(&self) -> bool {
        self.link.can_push()
            && self.writes.is_empty()
            && !self.jobs.is_writing()
            && self.repositories.iter().all(super::Repository::is_synced)
    }
}
