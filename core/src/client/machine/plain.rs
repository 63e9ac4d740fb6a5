//! Reading from a plain server, which answers a pull in part, sends live events at any time and knows no positions.
//!
//! A pull asks for what comes behind the position and is repeated until nothing does. Frames carry no sign of whether
//! they answer a pull or are live, so what can be trusted is this: the frame that starts right behind the position
//! continues it; of frames that all start later, the first is the answer, if a second pull from the same position says
//! the same; every other frame comes again.

use super::connection::trouble;
use super::inbox::{Incoming, Run};
use super::link::doubled;
use super::receive::ReadEvents;
use super::repository::{Reading, find};
use super::{Client, Out, Timer};
use crate::event::{Event, Sequence};
use crate::wire::{ClientMessage, RequestEvents, ServerError, SyncComplete};
use alloc::collections::VecDeque;
use alloc::vec::Vec;

/// What reading a repository from a plain server needs.
#[derive(Clone, Debug, Default)]
pub(super) struct Plain {
    pull: Pull,
    /// Failures in a row.
    attempts: u32,
    /// Something behind the position came since the pull was started.
    heard: bool,
    /// Frames that do not continue the position, by their first sequence.
    held: VecDeque<Held>,
    /// The position from which a pull was answered by a jump.
    jump: Option<Sequence>,
    /// Acks without a sequence have to wait: what a pull or a sweep under way tells of an event that they concern is
    /// older than they are.
    pub(super) settling: bool,
}

/// Where a pull stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Pull {
    #[default]
    None,
    Wanted,
    /// It is under way, in this order among all.
    Asked(u64),
    /// It was answered by an error, and is wanted again after a while.
    Failed,
}

#[derive(Clone, Debug)]
struct Held {
    first: Sequence,
    events: Vec<Event>,
    bytes: usize,
}

impl Plain {
    /// Forgets the pull under way.
    pub(super) fn stop_pull(&mut self) {
        *self = Self::default();
    }

    /// A pull that failed, or that was not answered, is wanted again.
    pub(super) fn retry(&mut self) {
        if self.pull != Pull::None {
            self.pull = Pull::Wanted;
        }
    }

    fn want(&mut self) {
        if self.pull == Pull::None {
            self.pull = Pull::Wanted;
        }
    }

    /// Whether a pull is under way.
    pub(super) fn is_asked(&self) -> bool {
        matches!(self.pull, Pull::Asked(_))
    }

    /// Keeps a frame, within `max` events: those that start last are dropped first, the first one never.
    fn hold(&mut self, held: Held, max: usize) {
        let at = self.held.partition_point(|other| other.first <= held.first);
        self.held.insert(at, held);
        while self.held.len() > 1 && self.held_events() > max {
            self.held.pop_back();
        }
    }

    /// How many events are held.
    pub(super) fn held_events(&self) -> usize {
        self.held.iter().map(|held| held.events.len()).sum()
    }
}

impl Client {
    /// Starts the pulls that are wanted.
    pub(super) fn pull(&mut self, out: &mut Out) {
        if !self.link.is_plain() || self.link.paused || self.link.awaiting.is_some() {
            return;
        }
        for index in 0..self.repositories.len() {
            let applying = self.jobs.is_applying() || self.inbox.has(index);
            let repository = &mut self.repositories[index];
            if repository.stream.reading == Reading::Wanted && !applying {
                repository.stream.reading = Reading::Catching;
                repository.stream.position = repository.cursor.after;
                repository.plain.pull = Pull::Wanted;
            }
            // An own event that was acked without a sequence and has not appeared never will; a pull tells.
            // Without pending events the lane asks storage for none, and cannot know that there are none.
            let is_pushing = repository.pending > 0 && !repository.lane.is_idle();
            let settles = repository.acked.unplaced > 0 && !is_pushing && repository.sweep.is_none();
            if settles && repository.is_current() && !applying {
                repository.plain.want();
            }
            if repository.plain.pull == Pull::Wanted {
                self.start_pull(index, out);
            }
        }
    }

    fn start_pull(&mut self, index: usize, out: &mut Out) {
        self.last_reference += 1;
        let repository = &mut self.repositories[index];
        let plain = &mut repository.plain;
        plain.heard = false;
        plain.held.clear();
        plain.pull = Pull::Asked(self.last_reference);
        plain.settling = true;
        let message = ClientMessage::RequestEvents(RequestEvents {
            repository: repository.name.clone(),
            after: Some(repository.stream.position),
            since: None,
            limit: None,
            fields: repository.fields.clone(),
        });
        self.send_message(message, out);
        self.set_timer(Timer::Pull(index), self.config.timing.timeout_max);
    }

    /// Events, live or in answer to a pull. What has no sequence has no place and is left out.
    pub(super) fn on_plain_events(&mut self, received: ReadEvents, out: &mut Out) {
        let Ok(index) = find(&self.repositories, &received.message.repository) else {
            return;
        };
        let stream = &self.repositories[index].stream;
        if !matches!(stream.reading, Reading::Catching | Reading::Current) {
            return;
        }
        if self.repositories[index].plain.is_asked() {
            self.set_timer(Timer::Pull(index), self.config.timing.timeout_max);
        }
        let mut events = received.events;
        let readable = events.len();
        events.retain(|event| event.sequence > Some(Sequence::ZERO));
        if events.len() < readable || !received.unreadable.is_empty() {
            trouble(
                "the server sent events that cannot be read or have no sequence".into(),
                out,
            );
        }
        events.sort_by_key(|event| event.sequence);
        let position = self.repositories[index].stream.position;
        let late = events.partition_point(|event| event.sequence <= Some(position));
        let new = events.split_off(late);
        if !events.is_empty() {
            self.take_in(index, events, None, received.bytes);
        }
        let Some(first) = new.first().and_then(|event| event.sequence) else {
            return;
        };
        let held = Held {
            first,
            events: new,
            bytes: received.bytes,
        };
        let plain = &mut self.repositories[index].plain;
        plain.heard = true;
        plain.hold(held, self.config.limits.plain_live_events);
        self.take_held(index);
    }

    /// Takes in the held frames that continue the position. Outside a pull, what they leave is a jump, which a pull has
    /// to confirm.
    fn take_held(&mut self, index: usize) {
        loop {
            let repository = &mut self.repositories[index];
            let (plain, position) = (&mut repository.plain, repository.stream.position);
            let Some(held) = plain.held.pop_front_if(|held| held.first <= position.next()) else {
                break;
            };
            self.take_in_frame(index, held);
        }
        let plain = &mut self.repositories[index].plain;
        if !plain.held.is_empty() {
            plain.want();
        }
    }

    /// Takes in a frame, and moves the position behind it.
    fn take_in_frame(&mut self, index: usize, mut held: Held) {
        let stream = &mut self.repositories[index].stream;
        let late = held
            .events
            .partition_point(|event| event.sequence <= Some(stream.position));
        let new = held.events.split_off(late);
        let last = new.last().and_then(|event| event.sequence);
        stream.position = last.unwrap_or(stream.position);
        if !held.events.is_empty() {
            self.take_in(index, held.events, None, 0);
        }
        if !new.is_empty() {
            self.take_in(index, new, last, held.bytes);
        }
    }

    fn take_in(&mut self, index: usize, events: Vec<Event>, last: Option<Sequence>, bytes: usize) {
        self.inbox.push(Incoming::Run(Run {
            repository: index,
            events,
            last,
            bytes,
        }));
    }

    /// A pull is answered. Which one, a server may not say: then it is the oldest.
    pub(super) fn on_plain_complete(&mut self, complete: &SyncComplete) {
        let named = complete.repository.as_ref().map(|name| find(&self.repositories, name));
        let index = match named {
            Some(found) => found.ok(),
            None => self.oldest_pull(),
        };
        let Some(index) = index.filter(|index| self.repositories[*index].plain.is_asked()) else {
            return;
        };
        self.timers.clear(Timer::Pull(index));
        let repository = &mut self.repositories[index];
        let (plain, position) = (&mut repository.plain, repository.stream.position);
        plain.pull = Pull::None;
        plain.attempts = 0;
        if let Some(first) = plain.held.pop_front() {
            plain.pull = Pull::Wanted;
            if plain.jump.replace(position) == Some(position) {
                plain.jump = None;
                self.take_in_frame(index, first);
                self.take_held(index);
            }
        } else if plain.heard {
            plain.pull = Pull::Wanted;
        } else {
            self.inbox.push(Incoming::Complete { repository: index });
        }
    }

    fn oldest_pull(&self) -> Option<usize> {
        let pulls = self.repositories.iter().enumerate();
        let under_way = pulls.filter_map(|(index, repository)| match repository.plain.pull {
            Pull::Asked(order) => Some((order, index)),
            Pull::None | Pull::Wanted | Pull::Failed => None,
        });
        under_way.min().map(|(_, index)| index)
    }

    /// An error that names nothing: whatever is under way is done again later.
    pub(super) fn on_plain_error(&mut self, error: &ServerError, out: &mut Out) {
        trouble(error.message.clone(), out);
        self.back_off_all(&error.message, out);
        for index in 0..self.repositories.len() {
            let timing = &self.config.timing;
            let plain = &mut self.repositories[index].plain;
            if plain.is_asked() {
                let delay = doubled(timing.retry_delay, plain.attempts, timing.reconnect_delay_max);
                plain.attempts = plain.attempts.saturating_add(1);
                plain.pull = Pull::Failed;
                self.set_timer(Timer::Pull(index), delay);
            }
        }
    }
}
