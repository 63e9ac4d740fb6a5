//! What the checks know of a connection.

use super::stream::Stream;
use bytestring::ByteString;
use std::collections::VecDeque;

/// One connection, or attempt.
#[derive(Debug)]
pub(super) struct LinkState {
    pub(super) client: usize,
    /// Whether the server has a session for it.
    pub(super) server_is_open: bool,
    /// Whether the client has it open, or tries to.
    pub(super) client_is_open: bool,
    /// Whether the client has asked for no more frames. What its socket has read by then comes all the same.
    pub(super) client_pauses: bool,
    /// Which kind of peer the server takes it for; `None` before `auth_success`.
    pub(super) peer: Option<Kind>,
    /// By repository.
    pub(super) streams: Vec<Stream>,
    /// What the server sent and the client did not get yet.
    pub(super) down: VecDeque<Down>,
    /// What the client sent and the server did not get yet.
    pub(super) up: VecDeque<Up>,
    /// Numbers of events (with their repositories) that `down` acks or refuses, in order.
    pub(super) named: VecDeque<(usize, u32)>,
    pub(super) output: Output,
    /// Digests of what was sent, down and up.
    pub(super) shape: [u64; 2],
}

/// Which kind of peer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Extended,
    Plain,
}

/// A frame of the server's under way.
#[derive(Clone, Debug)]
pub(super) struct Down {
    pub(super) frame: ByteString,
    pub(super) says: Says,
}

/// What a frame of the server's says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Says {
    /// Events of a repository's stream.
    Events { repository: usize, after: u64, last: u64 },
    /// An `ack` of so many events.
    Ack { count: usize },
    /// An `error` that names so many events.
    Refusal { count: usize, is_final: bool },
    /// The client may not read a repository.
    Forbidden { repository: usize },
    /// The repository's history is another one.
    Changed { repository: usize },
    /// An `auth_success`.
    Welcome,
    /// Anything else.
    Other,
}

/// A frame of a client's under way.
#[derive(Clone, Debug)]
pub(super) struct Up {
    pub(super) frame: ByteString,
    pub(super) asks: Asks,
}

/// What a frame of a client's asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Asks {
    /// To store so many events.
    Push { events: usize },
    /// For events.
    Read,
    /// Anything else.
    Other,
}

/// What the server's socket has not taken, by whose it is.
#[derive(Clone, Debug, Default)]
pub(super) struct Output {
    queue: VecDeque<(usize, bool)>,
    /// Bytes of streams.
    pub(super) stream: usize,
    /// Bytes of replies.
    pub(super) replies: usize,
}

impl Output {
    pub(super) fn sent(&mut self, bytes: usize, is_stream: bool) {
        *self.of(is_stream) += bytes;
        match self.queue.back_mut() {
            Some((last, kind)) if *kind == is_stream => *last += bytes,
            _ => self.queue.push_back((bytes, is_stream)),
        }
    }

    /// Whether so many bytes were there to be taken.
    pub(super) fn flushed(&mut self, mut bytes: usize) -> bool {
        while bytes > 0 {
            let Some((first, is_stream)) = self.queue.front_mut() else {
                return false;
            };
            let (taken, is_stream) = (bytes.min(*first), *is_stream);
            *first -= taken;
            if *first == 0 {
                self.queue.pop_front();
            }
            bytes -= taken;
            *self.of(is_stream) -= taken;
        }
        true
    }

    fn of(&mut self, is_stream: bool) -> &mut usize {
        if is_stream { &mut self.stream } else { &mut self.replies }
    }
}

impl LinkState {
    pub(super) fn new(client: usize, repositories: usize) -> Self {
        Self {
            client,
            server_is_open: false,
            client_is_open: false,
            client_pauses: false,
            peer: None,
            streams: vec![Stream::extended(); repositories],
            down: VecDeque::new(),
            up: VecDeque::new(),
            named: VecDeque::new(),
            output: Output::default(),
            shape: [0; 2],
        }
    }

    /// The server has let it in.
    pub(super) fn welcome(&mut self, kind: Kind) {
        if kind == Kind::Plain {
            self.streams.iter_mut().for_each(Stream::becomes_plain);
        }
        self.peer = Some(kind);
    }

    /// Mixes what was sent into a digest.
    pub(super) fn mix(&mut self, way: usize, numbers: [u64; 4]) {
        let mut shape = self.shape[way];
        for number in numbers {
            shape = (shape ^ number).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(29);
        }
        self.shape[way] = shape;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flushed_bytes_are_told_apart_in_the_order_of_sending() {
        let mut output = Output::default();
        output.sent(10, false);
        output.sent(20, true);
        output.sent(5, false);
        assert!(output.flushed(12));
        assert_eq!((output.stream, output.replies), (18, 5));
        assert!(output.flushed(23) && !output.flushed(1));
        assert_eq!((output.stream, output.replies), (0, 0));
    }
}
