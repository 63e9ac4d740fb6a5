//! One direction of a connection: a stream of bytes in which frames stand one behind the other.
//!
//! What an end sends waits in its application until the socket takes it; the socket takes as much as it has room for,
//! and has room again when it hears that the other end has read. What was taken at once travels as one [`Segment`].
//! Segments never overtake each other, and a frame is there when the segment with its last byte is.

use crate::fault::Fault;
use crate::random::Random;
use crate::scenario::NetworkPlan;
use bytestring::ByteString;
use driftless_core::Instant;
use driftless_core::wire::CloseCode;
use std::collections::VecDeque;
use std::time::Duration;

/// A frame that takes longer than this to come in shows signs of life this often.
const PART: Duration = Duration::from_millis(500);
/// Waiting this long for bandwidth counts as having waited.
const WAITED: Duration = Duration::from_millis(1);
/// What the end of a connection takes of the stream.
const MARK_BYTES: u64 = 1;

/// What stands in the stream.
#[derive(Clone, Debug)]
pub(super) enum Message {
    /// The client asks for a WebSocket.
    Open,
    /// The server has opened it.
    Opened,
    /// The server, or what is before it, does not want it.
    Refused,
    /// A text frame.
    Text(ByteString),
    /// A text frame that vanishes on its way.
    Dropped,
    /// A close frame.
    Close(CloseCode, String),
    /// The connection is over without a close frame, and why.
    Reset(&'static str),
    /// The beginning of a frame whose rest never comes.
    Part,
    /// Bytes of a connection that nobody knows where they arrive.
    Lost,
}

/// A message, and where in the stream it ends.
#[derive(Clone, Debug)]
struct Queued {
    message: Message,
    end: u64,
    payload: usize,
}

/// Bytes that travel together.
#[derive(Clone, Copy, Debug)]
pub(super) struct Segment {
    end: u64,
    begins: Instant,
    ends: Instant,
    /// Whether it came later than it would have by itself.
    pub(super) late: bool,
    /// Whether its latency was another than that of the segment before.
    pub(super) jittered: bool,
    /// Whether it came later because the link is narrow.
    pub(super) waited: bool,
}

/// One direction of a connection.
#[derive(Clone, Debug)]
pub(super) struct Pipe {
    random: Random,
    /// All that is not read, the oldest first.
    queue: VecDeque<Queued>,
    /// How many of them, from the back, the socket has not taken whole.
    untaken: usize,
    segments: VecDeque<Segment>,
    /// When which offset is known to be read where it was sent.
    acks: VecDeque<(Instant, u64)>,
    // Offsets in the stream: acked <= read <= arrived <= taken <= sent.
    sent: u64,
    taken: u64,
    arrived: u64,
    read: u64,
    acked: u64,
    /// How many of them may be taken and not acked.
    socket_bytes: u64,
    /// Nothing leaves before.
    pub(super) leaves_from: Instant,
    /// Nothing that comes later arrives before.
    last_arrival: Instant,
    latency: Option<u64>,
    last_alive: Instant,
    /// The reading end does not read.
    pub(super) paused: bool,
    /// Nothing arrives before.
    pub(super) stalled_until: Instant,
    /// As what that counts.
    pub(super) stalled_as: Option<Fault>,
    /// What holds up bytes that would be there otherwise.
    pub(super) held: Option<Fault>,
    /// Why something that is there waits for the reader.
    pub(super) unread: Option<Fault>,
    cut: Cut,
    /// The end of the connection stands in the stream.
    pub(super) marked: bool,
    /// The sending end has tried in vain to send, behind that.
    pub(super) in_vain: bool,
    /// The entry on the scheduler that comes first.
    pub(super) planned: Option<Instant>,
}

/// Whether a direction of a connection is dead: what is sent from then on gets lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Cut {
    /// It is alive.
    Not,
    /// It is dead, and nobody has noticed.
    Severed,
    /// It is dead, and something that was sent since is on its way to find nobody.
    Probed,
}

impl Pipe {
    pub(super) const fn new(random: Random, socket_bytes: u64) -> Self {
        Self {
            random,
            queue: VecDeque::new(),
            untaken: 0,
            segments: VecDeque::new(),
            acks: VecDeque::new(),
            sent: 0,
            taken: 0,
            arrived: 0,
            read: 0,
            acked: 0,
            leaves_from: Instant::ZERO,
            last_arrival: Instant::ZERO,
            latency: None,
            last_alive: Instant::ZERO,
            paused: false,
            stalled_until: Instant::ZERO,
            stalled_as: None,
            held: None,
            unread: None,
            cut: Cut::Not,
            marked: false,
            in_vain: false,
            socket_bytes,
            planned: None,
        }
    }

    /// The numbers of this direction.
    pub(super) const fn random(&mut self) -> &mut Random {
        &mut self.random
    }

    /// Puts a message behind what was sent before. `payload` is what [`Pipe::take`] reports, `wire` what it is on the way.
    pub(super) fn send(&mut self, message: Message, payload: usize, wire: usize) {
        self.sent += wire as u64;
        self.queue.push_back(Queued {
            message: if self.is_severed() { Message::Lost } else { message },
            end: self.sent,
            payload,
        });
        self.untaken += 1;
    }

    /// Puts the end of the connection behind what the socket has taken, to arrive `after` from now at the earliest.
    pub(super) fn mark(&mut self, message: Message, now: Instant, after: Duration) {
        self.in_vain |= self.is_full();
        self.truncate(self.taken);
        self.marked = true;
        self.put(message, now + after);
    }

    /// After a cut: what is sent next, or sent again because nobody has acknowledged it, finds nobody, `after` from now.
    /// Once is enough.
    pub(super) fn probe(&mut self, now: Instant, after: Duration) {
        if self.cut == Cut::Severed {
            self.cut = Cut::Probed;
            self.put(Message::Lost, now + after);
        }
    }

    /// What needs no room in the socket. Nothing may wait for room.
    fn put(&mut self, message: Message, at: Instant) {
        debug_assert_eq!(self.untaken, 0, "it would overtake what waits");
        let at = self.last_arrival.max(at);
        self.sent += MARK_BYTES;
        (self.taken, self.last_arrival) = (self.sent, at);
        self.queue.push_back(Queued {
            message,
            end: self.sent,
            payload: 0,
        });
        self.segments.push_back(Segment {
            end: self.sent,
            begins: at,
            ends: at,
            late: false,
            jittered: false,
            waited: false,
        });
    }

    /// A latency of this direction.
    pub(super) fn draw_latency(&mut self, plan: &NetworkPlan) -> Duration {
        Duration::from_micros(self.random.micros(plan.latency))
    }

    /// Hears of what was read, as far as that has travelled back.
    pub(super) fn hear_acks(&mut self, now: Instant) {
        while let Some((at, acked)) = self.acks.front().copied()
            && at <= now
        {
            self.acked = acked;
            self.acks.pop_front();
        }
    }

    /// The socket takes what it has room for. How many bytes of payload it took.
    pub(super) fn take(&mut self, now: Instant, plan: &NetworkPlan) -> usize {
        let mut room = self.free_bytes();
        let (before, mut flushed) = (self.taken, 0);
        while self.untaken > 0 && room > 0 {
            let next = &self.queue[self.queue.len() - self.untaken];
            let bytes = room.min(next.end - self.taken);
            let payload_left = |taken: u64| {
                next.payload
                    .min(usize::try_from(next.end - taken).unwrap_or(usize::MAX))
            };
            flushed += payload_left(self.taken) - payload_left(self.taken + bytes);
            self.taken += bytes;
            room -= bytes;
            if self.taken == next.end {
                self.untaken -= 1;
            }
        }
        if self.taken > before {
            self.travel(now, self.taken - before, plan);
        }
        flushed
    }

    fn travel(&mut self, now: Instant, bytes: u64, plan: &NetworkPlan) {
        let latency = self.random.micros(plan.latency);
        let jittered = self.latency.replace(latency).is_some_and(|before| before != latency);
        let alone = self.leaves_from.max(now) + Duration::from_micros(latency);
        let begins = alone.max(self.last_arrival);
        let ends = begins
            + plan
                .bandwidth
                .map_or(Duration::ZERO, |bandwidth| transfer(bytes, bandwidth));
        self.last_arrival = ends;
        self.segments.push_back(Segment {
            end: self.taken,
            begins,
            ends,
            late: false,
            jittered,
            waited: plan.bandwidth.is_some() && ends.since(alone) >= WAITED,
        });
    }

    /// When the next bytes are there, if nothing holds them up.
    pub(super) fn arrival(&self) -> Option<Instant> {
        let first = self.segments.front()?;
        let part = first.begins.max(self.last_alive) + PART;
        Some(if self.paused || self.finds_nobody() {
            first.ends
        } else {
            part.min(first.ends)
        })
    }

    /// Takes the bytes that come in next, if they are there.
    pub(super) fn arrive(&mut self, now: Instant) -> Option<Segment> {
        let first = self.segments.pop_front_if(|first| first.ends <= now)?;
        self.arrived = first.end;
        let late = first.ends < now;
        Some(Segment { late, ..first })
    }

    /// Whether a part of what is coming in shows a sign of life now.
    pub(super) fn shows_life(&mut self, now: Instant) -> bool {
        let due = !self.paused && self.arrival().is_some_and(|at| at <= now);
        if due {
            self.last_alive = now;
        }
        due
    }

    /// Whether something is there to be read.
    pub(super) fn is_readable(&self) -> bool {
        self.arrived > self.read
    }

    /// Reads one message; `None` if there is only a part of one, which is read too.
    pub(super) fn read(&mut self, now: Instant) -> Option<Message> {
        let arrived = self.arrived;
        let whole = self.queue.pop_front_if(|first| first.end <= arrived);
        self.read = whole.as_ref().map_or(arrived, |first| first.end);
        self.last_alive = now;
        match whole {
            None if self.finds_nobody() => Some(Message::Lost),
            whole => whole.map(|first| first.message),
        }
    }

    /// Whether bytes of a connection that nobody knows have come, read or not.
    pub(super) fn has_found_nobody(&self) -> bool {
        let found = |queued: &Queued| matches!(queued.message, Message::Lost) && queued.end <= self.arrived;
        self.is_severed() && self.queue.iter().any(found)
    }

    /// Whether the next bytes are of a connection that nobody knows.
    fn finds_nobody(&self) -> bool {
        matches!(
            self.queue.front(),
            Some(Queued {
                message: Message::Lost,
                ..
            })
        )
    }

    /// Tells the sender how far this was read.
    pub(super) fn ack(&mut self, now: Instant) {
        let back = now + Duration::from_micros(self.latency.unwrap_or(0));
        let at = self.acks.back().map_or(back, |(last, _)| back.max(*last));
        match self.acks.back_mut() {
            Some(last) if last.0 == at => last.1 = self.read,
            _ => self.acks.push_back((at, self.read)),
        }
    }

    fn free_bytes(&self) -> u64 {
        self.socket_bytes.saturating_sub(self.taken - self.acked)
    }

    /// Whether there is room for what waits.
    pub(super) fn has_room(&self) -> bool {
        self.untaken > 0 && self.free_bytes() > 0
    }

    /// When the sender hears of room that it waits for.
    pub(super) fn hears_of_room(&self) -> Option<Instant> {
        self.acks.front().filter(|_| self.untaken > 0).map(|(at, _)| *at)
    }

    /// Whether the connection is cut.
    pub(super) fn is_severed(&self) -> bool {
        self.cut != Cut::Not
    }

    /// Whether the sending end waits for room.
    pub(super) const fn is_full(&self) -> bool {
        self.untaken > 0
    }

    /// Whether nothing is on its way.
    pub(super) fn is_idle(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether a request to open the connection is on its way.
    pub(super) fn has_request(&self) -> bool {
        matches!(
            self.queue.front(),
            Some(Queued {
                message: Message::Open,
                ..
            })
        )
    }

    /// Where the end of the connection is, if it has come without a close frame.
    fn reset(&self) -> Option<usize> {
        let reset = |queued: &Queued| matches!(queued.message, Message::Reset(_)) && queued.end <= self.arrived;
        self.queue.iter().position(reset).filter(|_| self.marked)
    }

    /// Whether the end of the connection has come without a close frame.
    pub(super) fn is_reset(&self) -> bool {
        self.marked && self.reset().is_some()
    }

    /// Takes that end, and forgets what stands before it.
    pub(super) fn take_reset(&mut self) -> Option<Message> {
        let index = self.reset()?;
        let reset = self.queue.drain(..=index).next_back()?;
        self.read = reset.end;
        Some(reset.message)
    }

    /// Cuts the connection: so many percent of the bytes on their way still arrive. What is sent from now on gets lost.
    /// Whether anything was cut off.
    pub(super) fn sever(&mut self, percent: u64) -> bool {
        let on_the_way = self.taken - self.arrived;
        let arrives = on_the_way * percent.min(100) / 100;
        let cut_off = arrives < on_the_way || self.untaken > 0;
        self.truncate(self.arrived + arrives);
        self.cut = Cut::Severed;
        cut_off
    }

    /// Forgets everything from an offset on that the socket has taken. A frame that is cut leaves its beginning.
    fn truncate(&mut self, at: u64) {
        let mut cut = None;
        while let Some(last) = self.queue.pop_back_if(|last| last.end > at) {
            cut = Some(last.message);
        }
        let whole = self.queue.back().map_or(self.read, |last| last.end);
        if at > whole.max(self.read) {
            let lost = matches!(cut, Some(Message::Lost));
            self.queue.push_back(Queued {
                message: if lost { Message::Lost } else { Message::Part },
                end: at,
                payload: 0,
            });
        }
        (self.sent, self.taken, self.untaken) = (at, at, 0);
        self.truncate_segments(at);
    }

    fn truncate_segments(&mut self, at: u64) {
        let mut last_begins = None;
        while let Some(last) = self.segments.pop_back_if(|last| last.end > at) {
            last_begins = Some(last);
        }
        let start = self.segments.back().map_or(self.arrived, |last| last.end);
        if let Some(cut) = last_begins.filter(|_| start < at) {
            let share = |whole: Duration| {
                let micros = u128::from(at - start) * whole.as_micros() / u128::from(cut.end - start);
                Duration::from_micros(u64::try_from(micros).unwrap_or(u64::MAX))
            };
            let ends = cut.begins + share(cut.ends.since(cut.begins));
            self.segments.push_back(Segment { end: at, ends, ..cut });
        }
        self.last_arrival = self.segments.back().map_or(Instant::ZERO, |last| last.ends);
    }
}

/// How long so many bytes take at so many a second.
fn transfer(bytes: u64, bandwidth: u64) -> Duration {
    Duration::from_micros(bytes.saturating_mul(1_000_000) / bandwidth.max(1))
}
