//! Scripted peers: frames in, frames out, nothing by themselves.

use crate::link::{Item, Owner};
use crate::world::World;
use bytestring::ByteString;
use driftless_core::Instant;
use driftless_core::server::ConnectionId;
use driftless_core::wire::CloseCode;

/// A connection that a test writes and reads by hand.
pub(crate) struct Peer {
    pub(crate) connection: ConnectionId,
    pub(crate) received: Vec<(Instant, ByteString)>,
    pub(crate) end: End,
}

/// How a scripted peer's connection stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Open,
    /// It was cut.
    Cut,
    /// The server has closed it.
    Closed(CloseCode),
}

impl World {
    /// Opens a connection for a test.
    pub(crate) fn add_peer(&mut self) -> usize {
        let peer = self.peers.len();
        let connection = self.new_connection(Owner::Peer(peer));
        self.peers.push(Peer {
            connection,
            received: Vec::new(),
            end: End::Open,
        });
        peer
    }

    /// Sends a frame.
    pub(crate) fn say(&mut self, peer: usize, frame: &str) {
        let arrives = self.now + self.latency;
        let connection = self.peers[peer].connection;
        if let Some(link) = self.links.get_mut(&connection) {
            link.to_server.send(arrives, Item::Frame(ByteString::from(frame)));
        }
    }

    /// Reads, or stops reading.
    pub(crate) fn listen(&mut self, peer: usize, reads: bool) {
        let connection = self.peers[peer].connection;
        if let Some(link) = self.links.get_mut(&connection) {
            link.to_client.paused = !reads;
        }
    }

    /// What came since the last call.
    pub(crate) fn heard(&mut self, peer: usize) -> Vec<String> {
        let received = std::mem::take(&mut self.peers[peer].received);
        received.into_iter().map(|(_, frame)| frame.to_string()).collect()
    }
}
