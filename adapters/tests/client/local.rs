//! Reading and writing without a server.

use super::{json, quick};
use driftless::Tokio;
use driftless::client::{Client, ClientBuilder, ClientError, OpenError};
use driftless::core::client::{Blocked, Change, ChangeKind, ServerOrder, WriteError};
use driftless::core::event::RecordId;
use driftless::storage::SqliteOpenError;
use tempfile::TempDir;

/// Nobody listens there: the port is reserved.
const NOWHERE: &str = "ws://127.0.0.1:1/sync";

fn offline() -> ClientBuilder {
    Client::builder(NOWHERE)
        .repository("users", ServerOrder)
        .timing(quick())
}

#[tokio::test]
async fn a_write_is_read_back_at_once() {
    let client = offline().open(Tokio).await.unwrap();
    client.upsert("users", "b", json(r#"{"n":2}"#)).await.unwrap();
    client.upsert("users", "a", json(r#"{"n":1}"#)).await.unwrap();
    client.upsert("users", "c", json(r#"{"n":3}"#)).await.unwrap();
    client.delete("users", "c").await.unwrap();
    let record = client.get("users", "a").await.unwrap().unwrap();
    assert_eq!(
        (record.data, record.pending, record.sequence),
        (Some(json(r#"{"n":1}"#)), true, None)
    );
    assert_eq!(client.get("users", "c").await.unwrap().unwrap().data, None);
    assert_eq!(client.get("users", "d").await.unwrap(), None);
    let ids: Vec<RecordId> = client
        .query("users")
        .await
        .unwrap()
        .into_iter()
        .map(|record| record.id)
        .collect();
    assert_eq!(ids, ["a", "b"].map(|id| RecordId::new(id).unwrap()));
    client.stop().await;
}

#[tokio::test]
async fn the_outbox_keeps_the_order_of_writing_and_says_why_it_waits() {
    let client = offline().open(Tokio).await.unwrap();
    let mut written = Vec::new();
    for number in 0..20 {
        let receipt = client.upsert("users", "a", json(&number.to_string())).await.unwrap();
        written.push(receipt.events()[0].clone());
    }
    assert_eq!(client.pending().await.unwrap(), written);
    let status = client.status().await.unwrap();
    assert_eq!((status.pending, status.blocked), (20, Some(Blocked::Offline)));
    client.stop().await;
}

#[tokio::test]
async fn changes_written_together_are_one_transaction() {
    let client = offline().open(Tokio).await.unwrap();
    let change = |repository: &str, record: &str| Change {
        repository: repository.parse().unwrap(),
        record: RecordId::new(record).unwrap(),
        kind: ChangeKind::Upsert {
            data: json("1"),
            changed: None,
        },
    };
    let error = client
        .write(vec![change("users", "a"), change("unknown", "b")])
        .await
        .unwrap_err();
    assert!(
        matches!(error, ClientError::Write(WriteError::UnknownRepository(_))),
        "{error}"
    );
    assert_eq!(client.get("users", "a").await.unwrap(), None);
    let events = client
        .write(vec![change("users", "a"), change("users", "b")])
        .await
        .unwrap();
    assert_eq!(client.pending().await.unwrap(), events.events());
    client.stop().await;
}

#[tokio::test]
async fn many_writers_share_transactions_and_none_is_lost() {
    let client = offline().open(Tokio).await.unwrap();
    let writers: Vec<_> = (0..8)
        .map(|writer| {
            let client = client.clone();
            tokio::spawn(async move {
                for number in 0..50 {
                    let record = format!("{writer}-{number}");
                    client.upsert("users", &record, json("1")).await.unwrap();
                }
            })
        })
        .collect();
    for writer in writers {
        writer.await.unwrap();
    }
    assert_eq!(client.query("users").await.unwrap().len(), 400);
    assert_eq!(client.pending().await.unwrap().len(), 400);
    client.stop().await;
}

#[tokio::test]
async fn a_stopped_client_leaves_its_file_to_the_next() {
    let folder = TempDir::new().unwrap();
    let path = folder.path().join("client.db");
    let first = offline().sqlite(&path).open(Tokio).await.unwrap();
    let event = first.upsert("users", "a", json(r#"{"n":1}"#)).await.unwrap();
    let error = offline().sqlite(&path).open(Tokio).await.unwrap_err();
    assert!(
        matches!(error, OpenError::Sqlite(SqliteOpenError::InUse { .. })),
        "{error}"
    );
    first.stop().await;
    assert_eq!(
        first.upsert("users", "b", json("2")).await.unwrap_err(),
        ClientError::Stopped
    );
    assert_eq!(first.get("users", "a").await, Err(ClientError::Stopped));
    assert_eq!(first.notices().next().await, None);
    // The file is whole without its log, and can be copied.
    assert!(path.exists() && !folder.path().join("client.db-wal").exists());
    let second = offline().sqlite(&path).open(Tokio).await.unwrap();
    assert_eq!(second.pending().await.unwrap(), [event.events()[0].clone()]);
    assert_eq!(
        second.get("users", "a").await.unwrap().unwrap().data,
        Some(json(r#"{"n":1}"#))
    );
    let next = second.upsert("users", "b", json("2")).await.unwrap();
    assert_eq!(second.pending().await.unwrap().last(), next.events().first());
    second.stop().await;
}

#[tokio::test]
async fn what_waits_for_an_answer_hears_of_the_stop() {
    let client = offline().open(Tokio).await.unwrap();
    client.upsert("users", "a", json("1")).await.unwrap();
    let flush = tokio::spawn({
        let client = client.clone();
        async move { client.flush().await }
    });
    client.stop().await;
    assert_eq!(flush.await.unwrap(), Err(ClientError::Stopped));
}

#[test]
fn a_client_whose_runtime_is_gone_before_it_ran_is_stopped() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let client = runtime.block_on(offline().open(Tokio)).unwrap();
    drop(runtime);
    futures_util::FutureExt::now_or_never(client.stop()).expect("there is nothing to wait for");
    let write = futures_util::FutureExt::now_or_never(client.upsert("users", "a", json("1")));
    assert_eq!(write.expect("it is answered").unwrap_err(), ClientError::Stopped);
}
