//! What was sent and the socket has not taken.

use crate::machine::Instant;
use alloc::collections::VecDeque;

/// What was sent and the socket has not taken, in order: replies of the session's own, and frames of the hub's, whose
/// bytes the hub wants to hear of.
#[derive(Clone, Debug, Default)]
pub(super) struct Output {
    /// Bytes by whose they are; neighbours of one kind are one entry.
    queue: VecDeque<Chunk>,
    /// Bytes of replies in the queue.
    replies: usize,
    sent: u64,
    flushed: u64,
    /// When the socket last took something, or began to have something to take.
    progress_at: Instant,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Chunk {
    bytes: usize,
    from_hub: bool,
}

impl Output {
    /// Notes a frame as sent.
    pub(super) fn sent(&mut self, now: Instant, bytes: usize, from_hub: bool) {
        if self.queue.is_empty() {
            self.progress_at = now;
        }
        self.sent += bytes as u64;
        if !from_hub {
            self.replies += bytes;
        }
        match self.queue.back_mut() {
            Some(last) if last.from_hub == from_hub => last.bytes += bytes,
            _ => self.queue.push_back(Chunk { bytes, from_hub }),
        }
    }

    /// Notes bytes as taken by the socket, and says how many of them were the hub's. More than was sent count as all.
    pub(super) fn take(&mut self, now: Instant, bytes: usize) -> usize {
        let (mut left, mut hub) = (bytes, 0);
        while let Some(first) = self.queue.front_mut() {
            let taken = first.bytes.min(left);
            first.bytes -= taken;
            left -= taken;
            self.flushed += taken as u64;
            if first.from_hub {
                hub += taken;
            } else {
                self.replies -= taken;
            }
            if first.bytes > 0 {
                break;
            }
            self.queue.pop_front();
        }
        if bytes > 0 {
            self.progress_at = now;
        }
        hub
    }

    /// Whether the socket has taken all.
    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Bytes of replies that the socket has not taken.
    pub(super) fn replies(&self) -> usize {
        self.replies
    }

    /// Bytes sent so far. What is sent now is taken when [`Self::has_taken`] says so of this.
    pub(super) fn mark(&self) -> u64 {
        self.sent
    }

    /// Whether the socket has taken everything up to a mark.
    pub(super) fn has_taken(&self, mark: u64) -> bool {
        self.flushed >= mark
    }

    /// When the socket last took something, or began to have something to take.
    pub(super) fn progress_at(&self) -> Instant {
        self.progress_at
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn taken_bytes_are_told_apart_in_the_order_of_sending() {
        let now = Instant::ZERO;
        let mut output = Output::default();
        output.sent(now, 10, false);
        output.sent(now, 20, true);
        let mark = output.mark();
        output.sent(now, 5, false);
        assert_eq!((output.take(now, 12), output.replies()), (2, 5));
        assert!(!output.has_taken(mark));
        assert_eq!((output.take(now, 18), output.replies()), (18, 5));
        assert!(output.has_taken(mark) && !output.is_empty());
        assert_eq!(output.take(now, 1_000), 0);
        assert!(output.is_empty() && output.replies() == 0);
    }
}
