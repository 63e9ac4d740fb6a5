//! Applications and storages that are too slow.

use super::peer::Peers;
use super::{builder, json, quick, soon, told};
use async_tungstenite::tungstenite::Message;
use driftless::Tokio;
use driftless::core::client::{ConnectionState, Notice, StorageFailure, StorageReply, StorageRequest, Timing};
use driftless::core::event::Sequence;
use driftless::storage::{MemoryStorage, Reader, Storage};
use futures_util::SinkExt;
use std::sync::mpsc;
use std::time::Duration;
use tokio::io::AsyncWriteExt;
use tokio::time::{interval, timeout};

/// Events in these tests: several times what all queues between socket and application hold.
const EVENTS: u64 = 6_000;

async fn stream_all(peers: &Peers) {
    let mut peer = peers.accept_live(0).await;
    for page in 0..EVENTS / 100 {
        peer.stream(page * 100, (page + 1) * 100).await;
    }
    // The connection stays open until the client closes it.
    while peer.next().await.is_some() {}
}

#[tokio::test]
async fn a_feed_that_is_read_late_misses_nothing() {
    let peers = Peers::listen().await;
    let (client, mut feed) = builder(&peers).open_with_feed(Tokio, 4).await.unwrap();
    let server = tokio::spawn(async move { stream_all(&peers).await });
    // Answered although nobody reads the feed.
    soon("the status", client.status()).await.unwrap();
    let mut sequences = Vec::new();
    while sequences.len() < usize::try_from(EVENTS).unwrap() {
        let sequence = told(&mut feed, "every event", |notice| match notice {
            Notice::Changed { sequence, .. } => sequence,
            _ => None,
        })
        .await;
        sequences.push(sequence.get());
    }
    sequences.sort_unstable();
    assert!(sequences.into_iter().eq(1..=EVENTS));
    // Nor does it hold up the stop.
    client.upsert("users", "a", json("1")).await.unwrap();
    soon("the stop", client.stop()).await;
    server.await.unwrap();
}

#[tokio::test]
async fn a_subscriber_that_is_too_slow_is_told_how_much_it_missed() {
    let peers = Peers::listen().await;
    let (client, mut feed) = builder(&peers).open_with_feed(Tokio, 64).await.unwrap();
    let mut slow = client.notices();
    let server = tokio::spawn(async move { stream_all(&peers).await });
    for _ in 0..EVENTS {
        told(&mut feed, "every event", |notice| {
            matches!(notice, Notice::Changed { .. }).then_some(())
        })
        .await;
    }
    let missed = slow.next().await.unwrap().unwrap_err();
    assert!(missed.0 > 4_000, "{missed}");
    assert!(slow.next().await.unwrap().is_ok());
    client.stop().await;
    server.await.unwrap();
}

/// A storage whose commits wait for a word each.
struct Held {
    inner: MemoryStorage,
    word: mpsc::Receiver<()>,
}

impl Storage for Held {
    fn request(&mut self, request: StorageRequest) -> Result<StorageReply, StorageFailure> {
        if matches!(request, StorageRequest::Commit(_)) {
            // Without anybody to give the word there is none to wait for.
            let _ = self.word.recv();
        }
        self.inner.request(request)
    }

    fn reader(&self) -> Result<Box<dyn Reader>, StorageFailure> {
        self.inner.reader()
    }
}

/// A storage that ends at its first commit.
struct Broken(MemoryStorage);

impl Storage for Broken {
    fn request(&mut self, request: StorageRequest) -> Result<StorageReply, StorageFailure> {
        assert!(!matches!(request, StorageRequest::Commit(_)), "this storage breaks");
        self.0.request(request)
    }

    fn reader(&self) -> Result<Box<dyn Reader>, StorageFailure> {
        self.0.reader()
    }
}

#[tokio::test]
async fn a_storage_that_ends_fails_its_requests_and_not_the_client() {
    let peers = Peers::listen().await;
    let storage = Broken(MemoryStorage::new());
    let client = builder(&peers).storage(storage).open(Tokio).await.unwrap();
    let error = soon("the answer", client.upsert("users", "a", json("1")))
        .await
        .unwrap_err();
    assert!(error.to_string().contains("local storage failed"), "{error}");
    soon("the status", client.status()).await.unwrap();
    soon("the stop", client.stop()).await;
}

#[tokio::test]
async fn a_storage_that_stalls_stops_the_socket_and_not_the_client() {
    /// Far more than the client and two socket buffers hold.
    const TOO_MUCH: usize = 256 << 20;
    let peers = Peers::listen().await;
    let (word, receiver) = mpsc::channel();
    let inner = MemoryStorage::new();
    let storage = Held { inner, word: receiver };
    let (client, mut feed) = builder(&peers)
        .storage(storage)
        .open_with_feed(Tokio, 64)
        .await
        .unwrap();
    let mut peer = peers.accept_live(0).await;
    let padding = format!(r#","x":"{}""#, "x".repeat(60_000));
    let (mut sent, mut bytes) = (0, 0);
    while bytes < TOO_MUCH {
        let frame = peer.stream_frame(sent, sent + 1, &padding);
        let length = frame.len();
        let sending = SinkExt::send(&mut peer.socket, Message::text(frame));
        if timeout(Duration::from_millis(500), sending).await.is_err() {
            break;
        }
        sent += 1;
        bytes += length;
    }
    assert!(
        bytes < 64 << 20,
        "the client took {bytes} bytes that it could not store"
    );
    soon("the status", client.status()).await.unwrap();
    drop(word);
    told(&mut feed, "what was sent", |notice| match notice {
        Notice::Changed { sequence, .. } => (sequence == Some(Sequence::new(sent))).then_some(()),
        _ => None,
    })
    .await;
    client.stop().await;
}

/// A frame's bytes as a server sends them (RFC 6455 section 5.2): text, final, unmasked, a 64-bit length.
fn raw_frame(payload: &str) -> Vec<u8> {
    let mut bytes = vec![0x81, 127];
    bytes.extend((payload.len() as u64).to_be_bytes());
    bytes.extend(payload.as_bytes());
    bytes
}

#[tokio::test]
async fn a_frame_that_comes_slowly_is_a_sign_of_life_all_the_while() {
    /// The frame takes several times what the server may be silent.
    const PIECES: usize = 30;
    let peers = Peers::listen().await;
    let timing = Timing {
        heartbeat_interval: Duration::from_millis(100),
        heartbeat_timeout: Duration::from_secs(1),
        ..quick()
    };
    let (client, mut feed) = builder(&peers).timing(timing).open_with_feed(Tokio, 64).await.unwrap();
    let mut peer = peers.accept_live(0).await;
    let padding = format!(r#","x":"{}""#, "x".repeat(100_000));
    let frame = raw_frame(&peer.stream_frame(0, 1, &padding));
    let tcp = peer.socket.get_mut().get_mut();
    let mut pace = interval(Duration::from_millis(100));
    for piece in frame.chunks(frame.len() / PIECES) {
        pace.tick().await;
        tcp.write_all(piece).await.unwrap();
    }
    let notice = told(&mut feed, "the event or the end", |notice| match notice {
        Notice::Changed { .. } | Notice::Connection(ConnectionState::Offline { .. }) => Some(notice),
        _ => None,
    })
    .await;
    assert!(matches!(notice, Notice::Changed { .. }), "{notice:?}");
    client.stop().await;
}
