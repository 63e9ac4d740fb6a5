//! One step at a time: where nothing happens beside it, the runtimes bring about the same kinds of actions.

use crate::journal::{Line, Lines};
use crate::setting::{Setting, change, json, tokio_runtime};
use driftless::core::client::{ChangeKind, ClientAction, Notice, StorageRequest, Strategy};
use driftless::runtime::{Runtime, Threads, block_on};
use driftless::{Smol, Tokio};
use serde_json::Value;

async fn run(runtime: impl Runtime + Clone) -> Vec<Line> {
    let setting = Setting::open(runtime.clone()).await;
    let lines = Lines::default();
    let builder = setting.client(&lines).strategy(Strategy::manual());
    let client = builder.open(runtime).await.unwrap();
    client.status().await.unwrap();
    client.upsert("tasks", "a", json(r#"{"n":1}"#)).await.unwrap();
    client.upsert("notes", "a", json(r#"{"n":1}"#)).await.unwrap();
    client.delete("tasks", "a").await.unwrap();
    let batch = ["b", "c"].map(|record| change("tasks", record, ChangeKind::Delete));
    client.write(batch.into()).await.unwrap();
    client.sync_now().await.unwrap();
    client.stop().await;
    setting.close().await;
    lines.taken()
}

/// What a client does, as kinds of actions.
#[derive(Debug, Default, PartialEq)]
struct Trace {
    /// Everything up to the connection: there is one cause at a time, so there is one order.
    offline: Vec<String>,
    /// From there on the socket, the disk and the application each have an order of their own. How they interleave is the
    /// scheduler's: an event that comes back in the stream before its ack does is applied and acked in one transaction, and
    /// in two where the ack is first.
    socket: Vec<String>,
    connection: Vec<String>,
    answers: Vec<String>,
}

fn trace(lines: &[Line]) -> Trace {
    let mut trace = Trace::default();
    for line in lines {
        let Line::Action(action) = line else { continue };
        if trace.socket.is_empty() && !matches!(action, ClientAction::Connect { .. }) {
            trace.offline.push(kind(action));
            continue;
        }
        match action {
            ClientAction::Notify(Notice::Connection(state)) => trace.connection.push(name(state)),
            ClientAction::Notify(Notice::Acked { events, .. }) => {
                trace.answers.extend(events.iter().map(|_| "acked".to_owned()));
            }
            // One change for an ack and one for the event, or one for both; a page before its acks or behind them, and in
            // parts.
            ClientAction::Storage { .. } | ClientAction::Notify(Notice::Changed { .. } | Notice::Applied { .. }) => {}
            ClientAction::Notify(notice) => trace.answers.push(name(notice)),
            action => trace.socket.push(kind(action)),
        }
    }
    trace
}

fn kind(action: &ClientAction) -> String {
    match action {
        ClientAction::Send { frame, .. } => {
            let frame: Value = serde_json::from_str(frame).unwrap();
            format!("Send {}", frame["type"].as_str().unwrap())
        }
        ClientAction::Storage {
            request: StorageRequest::Commit(transaction),
            ..
        } => {
            let changes: Vec<String> = transaction.changes.iter().map(name).collect();
            format!("Commit {}", changes.join(" "))
        }
        ClientAction::Storage { request, .. } => name(request),
        ClientAction::Notify(notice) => name(notice),
        action => name(action),
    }
}

/// The name of a variant.
fn name(value: &impl std::fmt::Debug) -> String {
    let text = format!("{value:?}");
    let end = text.find(|letter: char| !letter.is_ascii_alphanumeric());
    text[..end.unwrap_or(text.len())].to_owned()
}

#[test]
fn the_runtimes_bring_about_the_same_kinds_of_actions() {
    let tokio = trace(&tokio_runtime().block_on(run(Tokio)));
    assert_eq!(tokio.offline.len(), 19, "{:?}", tokio.offline);
    let socket = [
        "Connect",
        "Send auth",
        "Send subscribe",
        "Send push_event",
        "Send push_events_batch",
        "Close",
    ];
    assert_eq!(tokio.socket, socket);
    assert_eq!(trace(&block_on(run(Smol))), tokio, "smol and tokio");
    assert_eq!(trace(&block_on(run(Threads))), tokio, "threads and tokio");
}
