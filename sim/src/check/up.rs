//! What clients send and what both ends get: pushes come from the outbox (6.4, 6.6), and a connection loses nothing.

use super::client::{Clearing, ClientState, Replica};
use super::frame::ClientFrame;
use super::link::{Asks, Down, Kind, Says, Up};
use super::stream::{Asked, Claim};
use super::{Checks, Invariant, Link};
use crate::model::read_event;
use bytestring::ByteString;

/// The codes of kinds of frames in digests.
const PUSH: u64 = 1;
const READ: u64 = 2;

impl Checks {
    pub(super) fn sent_up(&mut self, client: usize, id: Link, frame: &ByteString) {
        // A timer that is due goes ahead of the news that the connection is gone.
        let is_gone_now = self.clients[client].ended == Some((id, self.verdict.now));
        let is_open = self.clients[client].link == Some(id) || is_gone_now;
        self.verdict.check(Invariant::MachineContract, is_open, || {
            format!("client {client} sends on connection {id}, which is not its own")
        });
        let Some(said) = ClientFrame::read(frame) else {
            self.verdict.fail(
                Invariant::MachineContract,
                format!("client {client} sends no message: {frame}"),
            );
            return;
        };
        let repository = said.repository.as_ref().and_then(|name| self.model.find(name));
        let asks = match (&*said.kind, repository) {
            ("push_event" | "push_events_batch", Some(repository)) => self.pushed(client, id, repository, &said),
            ("subscribe" | "request_events" | "request_all_events", _) => self.asked(client, &said),
            _ => Asks::Other,
        };
        let state = &self.clients[client];
        let is_judged = state.is_ours && !self.is_plain_server && !is_gone_now && asks != Asks::Other;
        self.verdict
            .check(Invariant::MachineContract, !is_judged || state.is_welcome, || {
                format!("client {client} sends on connection {id} before the server has let it in: {frame}")
            });
        if let Some(link) = self.links.get_mut(&id) {
            match asks {
                Asks::Push { events } => link.mix(1, [PUSH, repository.unwrap_or(0) as u64, events as u64, 0]),
                Asks::Read => link.mix(1, [READ, 0, 0, 0]),
                Asks::Other => {}
            }
            let frame = frame.clone();
            link.up.push_back(Up { frame, asks });
        }
    }

    /// What is pushed is in the outbox, as it was written.
    fn pushed(&mut self, client: usize, id: Link, repository: usize, said: &ClientFrame<'_>) -> Asks {
        let events = said.pushed();
        if self.clients[client].is_ours {
            for event in &events {
                self.pushed_event(client, id, repository, event.get());
            }
        }
        Asks::Push { events: events.len() }
    }

    fn pushed_event(&mut self, client: usize, link: Link, repository: usize, body: &str) {
        let number = self.number_of(repository, body);
        let entry = number.map(|number| self.book.entry(repository, number));
        let is_whole = entry.as_ref().is_some_and(|entry| {
            let author = entry.author.as_ref();
            author.is_some_and(|author| *author.body == *body) && entry.holder(client).is_some()
        });
        self.verdict.counts.count(Invariant::NothingLost);
        let Some(holder) = entry.filter(|_| is_whole).and_then(|entry| entry.holder_mut(client)) else {
            if !self.is_being_cleared(client, repository, number, body) {
                self.pushed_what(client, repository, body);
            }
            return;
        };
        if holder.flight != Some(link) {
            holder.flight = Some(link);
            self.takes_off(client, repository, body.len());
        }
    }

    /// Whether an event is gone because its repository is cleared, and the client does not know that yet: a timer that is
    /// due goes ahead of the news, and what was sent before may come again.
    fn is_being_cleared(&self, client: usize, repository: usize, number: Option<u32>, body: &str) -> bool {
        let entry = number.and_then(|number| self.book.get(repository, number));
        let is_same = entry.is_some_and(|entry| {
            let author = entry.author.as_ref();
            entry.is_given_up && author.is_some_and(|author| *author.body == *body)
        });
        is_same && self.clients[client].replicas[repository].clearing == Clearing::Done
    }

    /// One more event is in flight: there was room in the window, which only the last event may overflow.
    fn takes_off(&mut self, client: usize, repository: usize, bytes: usize) {
        let ClientState { limits, replicas, .. } = &mut self.clients[client];
        let flight = &mut replicas[repository].flight;
        let holds = flight.0 < limits.window_events.max(1) && flight.1 <= limits.window_bytes;
        self.verdict
            .check(Invariant::BoundedQueues, self.is_plain_server || holds, || {
                let (most, most_bytes) = (limits.window_events, limits.window_bytes);
                format!(
                    "client {client} sends {bytes} bytes more than {flight:?} in flight, of {most} and {most_bytes}"
                )
            });
        *flight = (flight.0 + 1, flight.1 + bytes);
    }

    /// The number of an event's id. Our clients write the id first.
    fn number_of(&self, repository: usize, body: &str) -> Option<u32> {
        let names = &self.model.repository(repository).events;
        let behind = body
            .strip_prefix("{\"_event_id\":\"")
            .or_else(|| body.strip_prefix("{\"eventId\":\""));
        match behind.and_then(|behind| Some(&behind[..behind.find('"')?])) {
            Some(id) if !id.contains('\\') => names.find(id),
            _ => names.find(&read_event(&body.into())?.id),
        }
    }

    /// Says what is wrong with an event that a client pushes and its disk does not hold.
    #[cold]
    fn pushed_what(&mut self, client: usize, repository: usize, body: &str) {
        let rest = |body: &str| body.split_once("\",").map(|(_, rest)| rest.to_owned());
        let own = self.clients[client].replicas[repository].own.iter();
        let entries = own.filter_map(|id| self.book.get(repository, *id)?.author.as_ref());
        let is_renamed = entries.into_iter().any(|author| rest(&author.body) == rest(body));
        let (invariant, why) = if is_renamed {
            (Invariant::IdempotentPush, "under another id than it is written with")
        } else {
            (Invariant::NothingLost, "that its disk does not hold")
        };
        self.verdict
            .fail(invariant, format!("client {client} pushes an event {why}: {body}"));
    }

    /// A client asks for streams: what it still gets of the old ones does not count.
    fn asked(&mut self, client: usize, said: &ClientFrame<'_>) -> Asks {
        for (name, start) in said.starts() {
            let Some(repository) = self.model.find(&name.0) else {
                continue;
            };
            let head = self.model.repository(repository).log().len();
            let replica = &mut self.clients[client].replicas[repository];
            replica.received.clear();
            replica.received_bytes = 0;
            replica.is_between = false;
            (replica.starts_at, replica.streamed) = (Some(start.after), start.after);
            replica.is_forbidden = false;
            replica.asked_at = head;
        }
        Asks::Read
    }

    /// A frame has reached the session.
    pub(super) fn got_up(&mut self, id: Link, frame: &ByteString) {
        let Some(link) = self.links.get_mut(&id) else { return };
        let is_lossy = self.is_lossy;
        let expected = loop {
            match link.up.pop_front() {
                Some(up) if is_lossy && !is_same(&up.frame, frame) => {}
                other => break other,
            }
        };
        let is_next = expected.as_ref().is_some_and(|up| is_same(&up.frame, frame));
        self.verdict.check(Invariant::OrderedDelivery, is_next, || {
            format!("the server got on connection {id} what is not the next frame that was sent: {frame}")
        });
        let waiting = link.output.replies;
        let limit = self.server.reply_bytes.max(1);
        self.verdict.check(Invariant::BoundedQueues, waiting < limit, || {
            format!("connection {id} is read from while {waiting} bytes of replies wait, of {limit}")
        });
        match expected.map(|up| up.asks) {
            Some(Asks::Read) => self.got_request(id, frame),
            Some(Asks::Push { events }) => {
                let bytes = frame.len() + events * EVENT_OVERHEAD;
                self.largest_push = self.largest_push.max(bytes);
            }
            Some(Asks::Other) | None => {}
        }
    }

    fn got_request(&mut self, id: Link, frame: &ByteString) {
        let Some(said) = ClientFrame::read(frame) else { return };
        let reference: Option<Box<str>> = said.reference.map(|reference| reference.get().into());
        if said.kind == "subscribe" {
            let differs = |epoch: &str| self.epoch.as_ref().is_some_and(|ours| ours.as_str() != epoch);
            let other_epoch = said.epoch.as_deref().is_some_and(differs);
            for (name, start) in said.starts() {
                let Some(repository) = self.model.find(&name.0) else {
                    continue;
                };
                let model = self.model.repository(repository);
                let seen = start
                    .seen
                    .map(|(sequence, event)| (sequence, model.events.find(&event.0)));
                let claim = Claim {
                    other_epoch,
                    after: start.after,
                    seen,
                };
                let asked = Asked {
                    reference: reference.clone(),
                    after: start.after,
                    or_zero: false,
                    loose: false,
                    head: model.log().len(),
                    was_true: claim.is_true(model.log()),
                    claim,
                };
                if let Some(link) = self.links.get_mut(&id) {
                    link.streams[repository].ask(asked);
                }
            }
            return;
        }
        let Some(link) = self.links.get_mut(&id).filter(|link| link.peer != Some(Kind::Extended)) else {
            return;
        };
        let named = said.repository.as_ref();
        for (index, stream) in link.streams.iter_mut().enumerate() {
            let model = self.model.repository(index);
            if named.is_some_and(|name| **name != *model.name) {
                continue;
            }
            let after = said.after.filter(|_| said.kind == "request_events").unwrap_or(0);
            stream.ask(Asked {
                reference: reference.clone(),
                after,
                or_zero: after > model.log().len(),
                loose: said.since.is_some(),
                head: 0,
                claim: Claim::default(),
                was_true: true,
            });
        }
    }

    /// A frame has reached the client.
    pub(super) fn got_down(&mut self, client: usize, id: Link, frame: &ByteString) {
        let Some(link) = self.links.get_mut(&id) else { return };
        if self.clients[client].link != Some(id) {
            return;
        }
        let is_lossy = self.is_lossy;
        let expected = loop {
            match link.down.pop_front() {
                Some(down) if is_lossy && !is_same(&down.frame, frame) => {
                    skip(&mut link.named, down.says);
                }
                other => break other,
            }
        };
        let is_next = expected.as_ref().is_some_and(|down| is_same(&down.frame, frame));
        self.verdict.check(Invariant::OrderedDelivery, is_next, || {
            format!("client {client} got on connection {id} what is not the next frame that was sent: {frame}")
        });
        let Some(Down { says, .. }) = expected else { return };
        match says {
            Says::Events {
                repository,
                after,
                last,
            } => {
                let pauses = link.client_pauses;
                self.received(client, repository, (after, last), (frame.len(), pauses));
            }
            Says::Ack { count } => self.answered(client, id, count, false),
            Says::Refusal { count, is_final } if is_final => self.answered(client, id, count, true),
            Says::Refusal { .. } => skip(&mut link.named, says),
            Says::Forbidden { repository } => self.clients[client].replicas[repository].is_forbidden = true,
            Says::Changed { repository } => {
                let replica = &mut self.clients[client].replicas[repository];
                replica.forget_stream();
                replica.news.come();
            }
            Says::Welcome => {
                let state = &mut self.clients[client];
                state.is_welcome = true;
                state.replicas.iter_mut().for_each(Replica::forget_stream);
            }
            Says::Other => {}
        }
    }

    /// Events have come: while more than the limit waits, the client does not read.
    fn received(
        &mut self,
        client: usize,
        repository: usize,
        (after, last): (u64, u64),
        (bytes, pauses): (usize, bool),
    ) {
        let state = &mut self.clients[client];
        let replica = &mut state.replicas[repository];
        if !state.is_ours || self.is_plain_server || replica.is_between {
            return;
        }
        if replica.starts_at.take_if(|start| *start == after).is_none() && replica.starts_at.is_some() {
            // Of the stream before.
            return;
        }
        let (waiting, limit) = (state.received_bytes(), state.limits.received_bytes);
        self.verdict
            .check(Invariant::BoundedQueues, waiting <= limit || pauses, || {
                let frames: Vec<_> = state.replicas.iter().map(|replica| &replica.received).collect();
                format!("client {client} reads while {waiting} bytes wait to be applied, of {limit}: {frames:?}")
            });
        let replica = &mut state.replicas[repository];
        if last > replica.streamed {
            replica.streamed = last;
            replica.receive(last, bytes);
        }
    }

    /// Events that were in flight are acked or refused for good.
    fn answered(&mut self, client: usize, id: Link, count: usize, is_refused: bool) {
        let Some(link) = self.links.get_mut(&id) else { return };
        for _ in 0..count {
            let Some((repository, number)) = link.named.pop_front() else {
                return;
            };
            let entry = self.book.entry(repository, number);
            let bytes = entry.author.as_ref().map_or(0, |author| author.body.len());
            let Some(holder) = entry.holder_mut(client) else {
                continue;
            };
            holder.is_refused |= is_refused;
            if holder.flight.take_if(|flight| *flight == id).is_some() {
                let flight = &mut self.clients[client].replicas[repository].flight;
                *flight = (flight.0.saturating_sub(1), flight.1.saturating_sub(bytes));
            }
        }
    }
}

/// What an event costs the hub beside its text, at most.
const EVENT_OVERHEAD: usize = 160;

/// The same frame: most often the same buffer.
fn is_same(one: &ByteString, other: &ByteString) -> bool {
    (one.as_ptr() == other.as_ptr() && one.len() == other.len()) || one == other
}

/// Passes over the events that a frame names.
fn skip(named: &mut std::collections::VecDeque<(usize, u32)>, says: Says) {
    if let Says::Ack { count } | Says::Refusal { count, .. } = says {
        named.drain(..count.min(named.len()));
    }
}
