//! Filling a repository.

use super::event::{batch, upsert};
use super::peer::Peer;
use std::net::SocketAddr;

/// Events in one frame of the load.
const FRAME_EVENTS: u64 = 500;

/// Frames that are sent ahead of their acks.
const FRAMES_AHEAD: u64 = 8;

/// Pushes `count` events named `{prefix}-0`, … of about `bytes` bytes each, each of another record; returns when all
/// of them are acked.
pub(crate) fn fill(address: SocketAddr, repository: &str, prefix: &str, count: u64, bytes: usize) {
    // An extended peer without a subscription: nothing but acks comes back.
    let mut peer = Peer::extended(address);
    let data = format!(r#"{{"text":"{}"}}"#, "x".repeat(bytes.saturating_sub(130)));
    let mut acked = 0;
    let mut sent = 0;
    while acked < count {
        while sent < count && sent < acked + FRAMES_AHEAD * FRAME_EVENTS {
            let end = count.min(sent + FRAME_EVENTS);
            let events: Vec<String> = (sent..end)
                .map(|number| upsert(&format!("{prefix}-{number}"), &format!("{prefix}-{number}"), &data))
                .collect();
            peer.send(&batch(repository, &events));
            sent = end;
        }
        let ack = peer.expect("ack");
        acked += ack.event_ids.len() as u64;
    }
}
