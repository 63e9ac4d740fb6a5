//! Connections that break anywhere, again and again, cost time and nothing else.

use crate::support::event::assert_dense;
use crate::support::proxy::Proxy;
use crate::support::random::Random;
use crate::support::wait::until;
use crate::support::{Client, Server, http};
use serde_json::{Value, json};

const SEED: u64 = 0x5eed_0002;
const CLIENTS: u64 = 3;
const WRITES: u64 = 200;
const REPOSITORY: &str = "board";

#[test]
fn clients_behind_a_network_that_cuts_every_connection_lose_and_repeat_nothing() {
    let server = Server::start();
    let files = tempfile::tempdir().unwrap();
    let mut proxies = Vec::new();
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        let proxy = Proxy::cutting(server.address, Random::seeded(SEED + number), 500..12_000);
        let url = format!("ws://{}/sync", proxy.address);
        let db = files.path().join(format!("{number}.db"));
        clients.push(Client::start(&url, &db, &[REPOSITORY], &[]));
        proxies.push(proxy);
    }
    // All of them write to the same records.
    for write in 0..WRITES {
        for (number, client) in clients.iter_mut().enumerate() {
            let data = json!({"by": number, "write": write});
            client.upsert(REPOSITORY, &format!("card-{}", write % 30), &data);
        }
    }
    for proxy in &proxies {
        until("cuts", || (proxy.connections() > 5).then_some(()));
    }
    let cuts: usize = proxies.iter().map(Proxy::connections).sum();
    eprintln!("{cuts} connections so far, seed {SEED:#x}");
    for proxy in &proxies {
        proxy.mend();
    }
    for client in &mut clients {
        client.flush();
    }

    let log = http::log(server.address, REPOSITORY);
    assert_dense(1, &log);
    assert_eq!(log.len() as u64, CLIENTS * WRITES);
    let records: Vec<Vec<Value>> = clients
        .iter_mut()
        .map(|client| {
            client.reach(REPOSITORY, CLIENTS * WRITES);
            client.records(REPOSITORY)
        })
        .collect();
    assert_eq!(records[0].len(), 30);
    assert!(records.iter().all(|other| *other == records[0]), "{records:?}");
    for client in &mut clients {
        assert_eq!(client.said(|line| line["event"] == "rejected"), [] as [Value; 0]);
    }
}
