//! How long the server may leave the events of a lane unanswered.
//!
//! The time of the oldest event in flight runs from when the socket has taken it, or from when the one before it was
//! answered, and starts again with every one that is. When it ends, everything in flight is sent again, in order: the
//! server stores nothing twice. [`Timer::Lane`] measures it, unless the lane waits because of a refusal.

use super::connection::trouble;
use super::link::doubled;
use super::{Client, Out, Timer};
use crate::wire::CloseCode;

impl Client {
    /// Events from the one at `first` on went out in the frame that was just sent.
    pub(super) fn went_out(&mut self, index: usize, first: usize, count: usize) {
        let end = self.link.sent;
        self.repositories[index].lane.went_out(first, count, end);
        self.link.pushes.push_back((end, index));
    }

    /// The socket has taken something: the server's time to answer begins for what has gone out whole.
    pub(super) fn pushes_flushed(&mut self) {
        while let Some(&(end, index)) = self.link.pushes.front() {
            if end > self.link.flushed {
                return;
            }
            self.link.pushes.pop_front();
            if self.timers.deadline(Timer::Lane(index)).is_none() {
                self.time_answer(index);
            }
        }
    }

    /// The server's time starts again where the oldest event of a lane has landed.
    pub(super) fn note_progress(&mut self, index: usize) {
        if self.repositories[index].lane.take_progress() {
            self.time_answer(index);
        }
    }

    fn time_answer(&mut self, index: usize) {
        let lane = &self.repositories[index].lane;
        if lane.refused.is_some() {
            return;
        }
        if lane.oldest_end().is_some_and(|end| end <= self.link.flushed) {
            let timing = &self.config.timing;
            let delay = doubled(timing.ack_timeout, lane.attempts(), timing.reconnect_delay_max);
            self.set_timer(Timer::Lane(index), delay);
        } else {
            self.timers.clear(Timer::Lane(index));
        }
    }

    /// A lane has waited long enough, after a refusal or for an answer.
    pub(super) fn on_lane_timer(&mut self, index: usize, out: &mut Out) {
        if self.repositories[index].lane.refused.is_some() {
            self.resend(index, out);
        } else if self.link.paused {
            // No answer can be heard by who does not listen.
            self.time_answer(index);
        } else if self.link.can_push() {
            self.repositories[index].lane.presume_lost();
            trouble("the server leaves events unanswered; they are sent again".into(), out);
            self.push_from(index, 0, out);
        }
    }

    /// The server refuses an event for now that was sent twice and that another answer has settled: it takes nothing of
    /// the repository on this connection before that event comes again, and it is gone. On a new one it waits for none.
    pub(super) fn lose_to_unblock(&mut self, out: &mut Out) {
        self.lose(CloseCode::NORMAL, "the server waits for an event that is settled", out);
    }

    /// The server has lost an event that is older than what it was sent on this connection: on a new one everything goes
    /// out in order.
    pub(super) fn restore_order(&mut self, out: &mut Out) {
        if core::mem::take(&mut self.link.is_out_of_order) && self.link.is_online() {
            self.lose(
                CloseCode::NORMAL,
                "the server lost an event that is older than what was sent",
                out,
            );
        }
    }
}
