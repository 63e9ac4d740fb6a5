//! Every runtime drives the same machine in the same way: the inputs that a client had on tokio, on smol or on threads,
//! given to a fresh machine at the same times, bring about the same actions, line for line.

#![allow(clippy::unwrap_used, clippy::print_stdout, reason = "these are tests")]

mod journal;
mod lockstep;
mod setting;

use driftless::core::client::{ClientAction, ClientInput, Notice, StorageChange, StorageRequest, Timing};
use driftless::core::name::RepositoryName;
use driftless::runtime::{Runtime, Threads, block_on};
use driftless::{Client, Smol, Tokio};
use journal::{Line, Lines, replay};
use setting::{Setting, json, patient, tokio_runtime};
use std::time::Duration;

/// Everything that a client does: writes on both sides, a rejected event, a clear, a resync, a lost network.
async fn run(runtime: impl Runtime + Clone) -> Vec<Line> {
    let setting = Setting::open(runtime.clone()).await;
    let lines = Lines::default();
    let pinging = Timing {
        heartbeat_interval: Duration::from_millis(2),
        ..patient()
    };
    let builder = setting.client(&lines).timing(pinging);
    let client = builder.open(runtime.clone()).await.unwrap();
    let other = setting.client(&Lines::default()).open(runtime).await.unwrap();
    write_at_once(&client, &other).await;

    let refused = client.upsert("closed", "x", json("1")).await.unwrap();
    let event = refused.events()[0].clone();
    refused.acked().await.unwrap_err();
    let dismiss = vec![(RepositoryName::new("closed").unwrap(), event)];
    client.write_and_dismiss(Vec::new(), dismiss).await.unwrap();

    client.clear("notes").await.unwrap();
    client.resync("tasks").await.unwrap();
    write_at_once(&client, &other).await;

    client.set_connectivity(false).await.unwrap();
    client.delete("tasks", "r1").await.unwrap();
    client.set_connectivity(true).await.unwrap();
    client.update_auth_token("another").await.unwrap();
    client.sync_now().await.unwrap();
    // Time is an input too.
    while !lines.has(is_tick) {
        client.status().await.unwrap();
    }
    client.stop().await;
    other.stop().await;
    setting.close().await;
    lines.taken()
}

async fn write_at_once(client: &Client, other: &Client) {
    for number in 0..20 {
        let record = format!("r{}", number % 3);
        let data = json(&format!(r#"{{"n":{number}}}"#));
        client.upsert("tasks", &record, data.clone()).await.unwrap();
        other.upsert("tasks", &record, data.clone()).await.unwrap();
        client.upsert("notes", &record, data).await.unwrap();
    }
    other.flush().await.unwrap();
    client.flush().await.unwrap();
}

fn is_tick(line: &Line) -> bool {
    matches!(line, Line::Input(_, ClientInput::Tick))
}

/// Replays a journal, having seen that it is worth it.
fn check(name: &str, lines: &[Line]) {
    let told = |is: fn(&Notice) -> bool| {
        let is = |line: &Line| matches!(line, Line::Action(ClientAction::Notify(notice)) if is(notice));
        assert!(lines.iter().any(is), "{name}");
    };
    told(|notice| matches!(notice, Notice::Acked { .. }));
    told(|notice| matches!(notice, Notice::Rejected { .. }));
    told(|notice| matches!(notice, Notice::Cleared { .. }));
    let doubts = |change: &StorageChange| matches!(change, StorageChange::DoubtSettled { .. });
    let refolds = |line: &Line| match line {
        Line::Action(ClientAction::Storage {
            request: StorageRequest::Commit(transaction),
            ..
        }) => transaction.changes.iter().any(doubts),
        _ => false,
    };
    assert!(lines.iter().any(refolds), "{name}");
    let (inputs, actions) = replay(lines);
    let ticks = lines.iter().filter(|line| is_tick(line)).count();
    println!("{name}: {inputs} inputs, {ticks} of them ticks, bring about the same {actions} actions once more");
}

#[test]
fn a_client_on_tokio_does_what_its_machine_says() {
    check("tokio", &tokio_runtime().block_on(run(Tokio)));
}

#[test]
fn a_client_on_smol_does_what_its_machine_says() {
    check("smol", &block_on(run(Smol)));
}

#[test]
fn a_client_on_threads_does_what_its_machine_says() {
    check("threads", &block_on(run(Threads)));
}
