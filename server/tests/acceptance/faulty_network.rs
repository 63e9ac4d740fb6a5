//! Connections that break or stall anywhere, again and again, cost time and nothing else.

use crate::support::event::assert_dense;
use crate::support::proxy::{Fault, Faults, Proxy};
use crate::support::random::Random;
use crate::support::wait::until;
use crate::support::{Client, Server, http};
use serde_json::{Value, json};

const CLIENTS: u64 = 3;
const WRITES: u64 = 200;
const REPOSITORY: &str = "board";

#[test]
fn clients_behind_a_network_that_cuts_every_connection_lose_and_repeat_nothing() {
    write_behind(Fault::Cut, 0x5eed_0002, 8);
}

#[test]
fn clients_behind_a_network_that_stalls_and_delivers_late_lose_and_repeat_nothing() {
    write_behind(Fault::Stall, 0x5eed_0004, 3);
}

/// Several clients write to the same records, each behind a faulty network of its own, until each had so many
/// connections; then the network is mended.
fn write_behind(fault: Fault, seed: u64, connections: usize) {
    let server = Server::start();
    let files = tempfile::tempdir().unwrap();
    let mut proxies = Vec::new();
    let mut clients = Vec::new();
    for number in 0..CLIENTS {
        let faults = Faults {
            kind: fault,
            random: Random::seeded(seed + number),
            after: 500..12_000,
        };
        let proxy = Proxy::faulty(server.address, faults);
        let url = format!("ws://{}/sync", proxy.address);
        let db = files.path().join(format!("{number}.db"));
        clients.push(Client::start(&url, &db, &[REPOSITORY], &["--heartbeat-ms", "100"]));
        proxies.push(proxy);
    }
    for write in 0..WRITES {
        for (number, client) in clients.iter_mut().enumerate() {
            let data = json!({"by": number, "write": write});
            client.upsert(REPOSITORY, &format!("card-{}", write % 30), &data);
        }
    }
    for proxy in &proxies {
        until("faults", || (proxy.connections() >= connections).then_some(()));
    }
    for proxy in &proxies {
        proxy.mend();
    }
    for client in &mut clients {
        client.flush();
    }
    let connections: usize = proxies.iter().map(Proxy::connections).sum();
    eprintln!("{connections} connections, seed {seed:#x}");
    assert_whole(&server, &mut clients);
}

fn assert_whole(server: &Server, clients: &mut [Client]) {
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
    for client in clients {
        assert_eq!(client.said(|line| line["event"] == "rejected"), [] as [Value; 0]);
    }
}
