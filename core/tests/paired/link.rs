//! A connection between a client and the server: two queues of frames in virtual time.

use bytestring::ByteString;
use driftless_core::Instant;
use driftless_core::client::SocketId;
use driftless_core::wire::CloseCode;
use std::collections::VecDeque;

/// What a socket takes of frames that get nowhere.
const SOCKET_BYTES: usize = 64 << 10;

/// Who holds the client's end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Owner {
    /// A client machine's socket.
    Client { index: usize, socket: SocketId },
    /// A scripted peer.
    Peer(usize),
}

/// What travels.
#[derive(Clone, Debug)]
pub(crate) enum Item {
    Frame(ByteString),
    Close(CloseCode, String),
}

/// Where an item is going.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Direction {
    ToServer,
    ToClient,
}

/// One direction of a connection. Whoever sent an item hears of it (`Flushed`) when the other end takes it.
#[derive(Debug, Default)]
pub(crate) struct Pipe {
    items: VecDeque<(Instant, Item)>,
    /// The receiving end does not read.
    pub(crate) paused: bool,
    /// The receiving end is gone: nothing is taken any more.
    pub(crate) closed: bool,
    /// Bytes of frames that a frozen connection's socket has taken.
    swallowed: usize,
}

impl Pipe {
    pub(crate) fn send(&mut self, arrives: Instant, item: Item) {
        if !self.closed {
            self.items.push_back((arrives, item));
        }
    }

    /// When the next item can be taken.
    pub(crate) fn next(&self) -> Option<Instant> {
        let (arrives, item) = self.items.front()?;
        // A socket that is not read does not tell of its end either.
        let held = self.paused && matches!(item, Item::Frame(_));
        (!self.closed && !held).then_some(*arrives)
    }

    pub(crate) fn take(&mut self, now: Instant) -> Option<Item> {
        self.next().filter(|arrives| *arrives <= now)?;
        self.items.pop_front().map(|(_, item)| item)
    }

    /// Takes a frame that gets nowhere, and says how long it was.
    fn swallow(&mut self) -> Option<usize> {
        let (_, Item::Frame(frame)) = self.items.front()? else {
            return None;
        };
        let bytes = frame.len();
        if self.swallowed + bytes > SOCKET_BYTES {
            return None;
        }
        self.swallowed += bytes;
        self.items.pop_front();
        Some(bytes)
    }

    /// Bytes that nobody has taken.
    pub(crate) fn bytes(&self) -> usize {
        let frames = self.items.iter().map(|(_, item)| match item {
            Item::Frame(frame) => frame.len(),
            Item::Close(..) => 0,
        });
        frames.sum()
    }
}

/// A connection.
#[derive(Debug)]
pub(crate) struct Link {
    pub(crate) owner: Owner,
    pub(crate) to_server: Pipe,
    pub(crate) to_client: Pipe,
    /// Nothing passes any more, and neither end is told. Sockets still take [`SOCKET_BYTES`], as real ones do.
    pub(crate) frozen: bool,
}

impl Link {
    pub(crate) fn new(owner: Owner) -> Self {
        Self {
            owner,
            to_server: Pipe::default(),
            to_client: Pipe::default(),
            frozen: false,
        }
    }

    /// When something can be taken at either end.
    pub(crate) fn next(&self) -> Option<Instant> {
        if self.frozen {
            return None;
        }
        [self.to_server.next(), self.to_client.next()]
            .into_iter()
            .flatten()
            .min()
    }

    /// Takes a frame that a frozen connection's socket takes: where it was going, and its bytes.
    pub(crate) fn swallow(&mut self) -> Option<(Direction, usize)> {
        if !self.frozen {
            return None;
        }
        let to_server = self.to_server.swallow().map(|bytes| (Direction::ToServer, bytes));
        to_server.or_else(|| self.to_client.swallow().map(|bytes| (Direction::ToClient, bytes)))
    }

    /// Takes what has arrived, the server's first.
    pub(crate) fn take(&mut self, now: Instant) -> Option<(Direction, Item)> {
        if self.frozen {
            return None;
        }
        let taken = |direction| move |item| (direction, item);
        let to_server = self.to_server.take(now).map(taken(Direction::ToServer));
        to_server.or_else(|| self.to_client.take(now).map(taken(Direction::ToClient)))
    }
}
