//! The outbox, the stream, and what is durable when.

use super::peer::Peers;
use super::{builder, json, soon, told};
use driftless::Tokio;
use driftless::core::client::{Change, ChangeKind, Notice, Origin};
use driftless::core::event::{RecordId, Sequence};
use futures_util::FutureExt;
use futures_util::future::join;
use std::pin::pin;
use tempfile::TempDir;

#[tokio::test]
async fn what_was_written_offline_is_pushed_in_order_and_flush_waits_for_its_ack() {
    let peers = Peers::listen().await;
    let (client, mut feed) = builder(&peers).open_with_feed(Tokio, 64).await.unwrap();
    let mut written = Vec::new();
    for record in ["a", "b", "c"] {
        let receipt = client.upsert("users", record, json("1")).await.unwrap();
        written.push(receipt.events()[0].clone());
    }
    let flush = tokio::spawn({
        let client = client.clone();
        async move { client.flush().await }
    });
    let mut peer = peers.accept_live(0).await;
    let mut events = Vec::new();
    while events.len() < 3 {
        events.extend(peer.pushed().await);
    }
    let ids: Vec<&str> = events
        .iter()
        .map(|event| event["_event_id"].as_str().unwrap())
        .collect();
    assert_eq!(ids, written.iter().map(|id| &**id).collect::<Vec<_>>());
    assert!(!flush.is_finished());
    peer.ack(&events, 1).await;
    soon("the flush", flush).await.unwrap().unwrap();
    // The acks were told before the flush was answered.
    let mut acked = Vec::new();
    while let Some(notice) = feed.try_next() {
        if let Notice::Acked { events, .. } = notice {
            acked.extend(events);
        }
    }
    assert_eq!(acked, written);
    assert_eq!(client.status().await.unwrap().pending, 0);
    client.stop().await;
}

#[tokio::test]
async fn an_event_of_the_stream_is_durable_when_it_is_told() {
    let peers = Peers::listen().await;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("client.db");
    let (client, mut feed) = builder(&peers).sqlite(&path).open_with_feed(Tokio, 64).await.unwrap();
    let mut peer = peers.accept_live(0).await;
    for at in 1..=20 {
        peer.stream(at - 1, at).await;
        let name = format!("r{at}");
        let (data, sequence) = told(&mut feed, "the change", |notice| match notice {
            Notice::Changed {
                record,
                data,
                origin: Origin::Remote,
                sequence,
                ..
            } if *record == *name => Some((data, sequence)),
            _ => None,
        })
        .await;
        let record = client.get("users", &name).await.unwrap().unwrap();
        assert_eq!((record.data, record.sequence), (data, sequence));
        let users = "users".parse().unwrap();
        assert_eq!(client.status().await.unwrap().cursors[&users], Sequence::new(at));
    }
    client.stop().await;
}

#[tokio::test]
async fn a_client_asks_from_its_cursor_after_a_restart() {
    let peers = Peers::listen().await;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("client.db");
    let (client, mut feed) = builder(&peers).sqlite(&path).open_with_feed(Tokio, 64).await.unwrap();
    let mut peer = peers.accept_live(0).await;
    peer.stream(0, 50).await;
    let last = Some(Sequence::new(50));
    told(&mut feed, "the last event", |notice| match notice {
        Notice::Changed { sequence, .. } if sequence == last => Some(()),
        _ => None,
    })
    .await;
    client.stop().await;
    let client = builder(&peers).sqlite(&path).open(Tokio).await.unwrap();
    let mut peer = peers.accept_live(50).await;
    assert_eq!(client.query("users").await.unwrap().len(), 50);
    peer.stream(50, 51).await;
    client.stop().await;
}

#[tokio::test]
async fn what_was_not_acked_is_pushed_again_by_the_next_client_of_the_file() {
    let peers = Peers::listen().await;
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("client.db");
    let client = builder(&peers).sqlite(&path).open(Tokio).await.unwrap();
    let mut peer = peers.accept_live(0).await;
    client.upsert("users", "a", json("1")).await.unwrap();
    let first = peer.pushed().await;
    client.stop().await;
    let client = builder(&peers).sqlite(&path).open(Tokio).await.unwrap();
    let mut peer = peers.accept_live(0).await;
    let second = peer.pushed().await;
    assert_eq!(first, second);
    peer.ack(&second, 1).await;
    soon("the flush", client.flush()).await.unwrap();
    client.stop().await;
}

#[tokio::test]
async fn resync_reads_the_repository_from_its_beginning() {
    let peers = Peers::listen().await;
    let (client, mut feed) = builder(&peers).open_with_feed(Tokio, 64).await.unwrap();
    let mut peer = peers.accept_live(0).await;
    peer.stream(0, 3).await;
    let last = Some(Sequence::new(3));
    told(&mut feed, "the last event", |notice| match notice {
        Notice::Changed { sequence, .. } if sequence == last => Some(()),
        _ => None,
    })
    .await;
    client.resync("users").await.unwrap();
    assert_eq!(peer.subscribed().await, 0);
    client.stop().await;
}

#[tokio::test]
async fn a_sync_that_is_asked_for_behind_a_write_waits_for_its_ack() {
    let peers = Peers::listen().await;
    let client = builder(&peers).open(Tokio).await.unwrap();
    let mut peer = peers.accept_live(0).await;
    soon("a first sync", client.sync_now()).await.unwrap();
    let change = Change {
        repository: "users".parse().unwrap(),
        record: RecordId::new("a").unwrap(),
        kind: ChangeKind::Delete,
    };
    // All three are with the client before it takes any of them: this runtime has one thread.
    let (early, written) = (client.sync_now(), client.submit(vec![change]));
    let (early, written, late) = (pin!(early), pin!(written), pin!(client.sync_now()));
    let (mut both, mut late) = (join(early, written), late);
    assert!((&mut both).now_or_never().is_none() && late.as_mut().now_or_never().is_none());
    let (early, written) = soon("the first two", both).await;
    assert!(early.is_ok() && written.is_ok());
    let pushed = peer.pushed().await;
    assert!(late.as_mut().now_or_never().is_none(), "it is not acked");
    peer.ack(&pushed, 1).await;
    soon("the late sync", late).await.unwrap();
    client.stop().await;
}
