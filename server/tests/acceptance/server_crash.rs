//! An ack is a promise that survives `kill -9`.

use crate::support::event::{Event, assert_dense, batch, upsert};
use crate::support::peer::{Gone, Peer};
use crate::support::random::Random;
use crate::support::wait::until;
use crate::support::{Client, Server, http};
use serde_json::{Value, json};
use std::collections::HashMap;
use std::net::SocketAddr;
use std::ops::Range;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;

const SEED: u64 = 0x5eed_0001;
const KILLS: u64 = 20;
const RAW_WRITERS: u64 = 4;
const CLIENTS: u64 = 4;
const CLIENT_WRITES_A_ROUND: u64 = 25;

/// What a raw writer may write between two kills. Without a bound four of them outrun the clients, which have to
/// read all of it, and a busy machine would take for ever.
const RAW_WRITES_A_ROUND: u64 = 100;
const REPOSITORY: &str = "ledger";

#[test]
fn twenty_kills_under_load_lose_nothing_acked_and_store_nothing_twice() {
    let mut server = Server::start();
    let files = tempfile::tempdir().unwrap();
    let url = format!("ws://{}/sync", server.address);
    let load = Load::default();
    let mut clients: Vec<Client> = (0..CLIENTS)
        .map(|number| {
            let db = files.path().join(format!("{number}.db"));
            Client::start(&url, &db, &[REPOSITORY], &[])
        })
        .collect();
    let acked = thread::scope(|scope| {
        let writers: Vec<_> = (0..RAW_WRITERS)
            .map(|number| Writer::new(number, server.address))
            .map(|writer| scope.spawn(|| writer.run(&load)))
            .collect();
        let stop = StopAtEnd(&load.stop);
        kill_at_random_moments(&mut server, &load, &mut clients);
        drop(stop);
        writers
            .into_iter()
            .flat_map(|writer| writer.join().unwrap())
            .collect::<HashMap<String, u64>>()
    });
    for client in &mut clients {
        client.flush();
    }

    let log = http::log(server.address, REPOSITORY);
    assert_dense(1, &log);
    let stored: HashMap<&str, u64> = log.iter().map(|event| (event.id(), event.sequence())).collect();
    for (id, sequence) in &acked {
        assert_eq!(stored.get(id.as_str()), Some(sequence), "{id} was acked");
    }
    for client in &mut clients {
        assert_client_events(client, &stored);
    }
    let from_clients = CLIENTS * KILLS * CLIENT_WRITES_A_ROUND;
    assert_eq!(log.len() as u64, acked.len() as u64 + from_clients);
    assert_written_order(&log);
    let resent = load.resent.into_inner();
    eprintln!(
        "{} events over {KILLS} kills, {resent} sent again, seed {SEED:#x}",
        log.len()
    );
    assert!(resent > 0, "no kill has hit an event that was under way");
}

/// What the writers and the killer tell each other.
#[derive(Default)]
struct Load {
    /// How many events each raw writer may have written by now.
    allowed: AtomicU64,
    acked: AtomicU64,
    resent: AtomicU64,
    stop: AtomicBool,
}

/// Stops the writers also when the test fails: the scope waits for them.
struct StopAtEnd<'a>(&'a AtomicBool);

impl Drop for StopAtEnd<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

fn kill_at_random_moments(server: &mut Server, load: &Load, clients: &mut [Client]) {
    let mut random = Random::seeded(SEED);
    for round in 0..KILLS {
        let watched = usize::try_from(random.below(CLIENTS)).unwrap();
        let before = acks(&mut clients[watched]);
        for (number, client) in clients.iter_mut().enumerate() {
            for write in 0..CLIENT_WRITES_A_ROUND {
                let id = format!("client{number}-{}", round * CLIENT_WRITES_A_ROUND + write);
                client.upsert(REPOSITORY, &id, &json!({"round": round}));
            }
        }
        load.allowed.fetch_add(RAW_WRITES_A_ROUND, Ordering::Relaxed);
        if random.below(2) == 0 {
            let client = &mut clients[watched];
            until("a client's ack", || (acks(client) > before).then_some(()));
        } else {
            let moment = load.acked.load(Ordering::Relaxed) + random.below(RAW_WRITERS * RAW_WRITES_A_ROUND);
            let moment = moment.min(RAW_WRITERS * load.allowed.load(Ordering::Relaxed));
            until("acks of raw writers", || {
                (load.acked.load(Ordering::Relaxed) >= moment).then_some(())
            });
        }
        server.kill();
        server.launch();
    }
}

fn acks(client: &mut Client) -> usize {
    client.said(|line| line["event"] == "acked").len()
}

/// Every event of a client was acked once to its application, and is stored.
fn assert_client_events(client: &mut Client, stored: &HashMap<&str, u64>) {
    let lines = client.said(|line| line["event"] == "acked");
    let ids: Vec<&Value> = lines
        .iter()
        .flat_map(|line| line["eventIds"].as_array().unwrap())
        .collect();
    assert_eq!(ids.len() as u64, KILLS * CLIENT_WRITES_A_ROUND);
    for id in ids {
        assert!(
            stored.contains_key(id.as_str().unwrap()),
            "{id} was acked and is not stored"
        );
    }
    assert_eq!(client.said(|line| line["event"] == "rejected"), [] as [Value; 0]);
}

/// Each writer's events (records are named `writer-number`) stand in the order in which it wrote them.
fn assert_written_order(log: &[Event]) {
    let mut next: HashMap<String, u64> = HashMap::new();
    for event in log {
        let event: Value = serde_json::from_str(event.text()).unwrap();
        let (writer, number) = event["_data_id"].as_str().unwrap().split_once('-').unwrap();
        let expected = next.entry(writer.to_owned()).or_default();
        assert_eq!(number.parse::<u64>().unwrap(), *expected, "of {writer}");
        *expected += 1;
    }
    assert_eq!(next.len() as u64, RAW_WRITERS + CLIENTS);
}

/// A writer that makes events as far as it may, and sends each again until it is acked.
struct Writer {
    number: u64,
    address: SocketAddr,
    random: Random,
    /// Events below the start are acked, those below the end exist.
    open: Range<u64>,
    /// Events below it were sent at least once.
    sent: u64,
    acked: HashMap<String, u64>,
}

impl Writer {
    fn new(number: u64, address: SocketAddr) -> Self {
        Self {
            number,
            address,
            random: Random::seeded(SEED + 1 + number),
            open: 0..0,
            sent: 0,
            acked: HashMap::new(),
        }
    }

    fn run(mut self, load: &Load) -> HashMap<String, u64> {
        while !(load.stop.load(Ordering::Relaxed) && self.open.is_empty()) {
            let peer = until("a connection", || Peer::try_open(self.address));
            // A cut connection is what this is about: whatever was open on it is sent again on the next.
            let _cut = self.write(peer, load);
        }
        self.acked
    }

    fn write(&mut self, mut peer: Peer, load: &Load) -> Result<(), Gone> {
        let extended = self.number.is_multiple_of(2);
        let auth = if extended {
            r#"{"type":"auth","protocol":1}"#
        } else {
            r#"{"type":"auth"}"#
        };
        peer.try_send(auth)?;
        peer.try_receive()?;
        let mut sent = self.open.start;
        load.resent.fetch_add(self.sent - sent, Ordering::Relaxed);
        while self.make_more(load) {
            if sent < self.open.end {
                peer.try_send(&batch(REPOSITORY, &self.events(sent..self.open.end)))?;
                sent = self.open.end;
                self.sent = sent;
            }
            let frame = peer.try_receive()?;
            if frame.kind == "ack" {
                self.settle(&frame.sequences[REPOSITORY], load);
            }
        }
        Ok(())
    }

    /// Makes events as far as it may; waits until it may if nothing is open. False: everything is done.
    fn make_more(&mut self, load: &Load) -> bool {
        if self.open.is_empty() {
            until("leave to write", || {
                let more = load.allowed.load(Ordering::Relaxed) > self.open.end;
                (more || load.stop.load(Ordering::Relaxed)).then_some(())
            });
        }
        let end = self.open.end + 1 + self.random.below(40);
        self.open.end = end.min(load.allowed.load(Ordering::Relaxed));
        !self.open.is_empty()
    }

    fn events(&self, numbers: Range<u64>) -> Vec<String> {
        let name = |number| format!("raw{}-{number}", self.number);
        numbers
            .map(|number| upsert(&name(number), &name(number), "{}"))
            .collect()
    }

    fn settle(&mut self, sequences: &std::collections::BTreeMap<String, u64>, load: &Load) {
        for (id, sequence) in sequences {
            let before = self.acked.insert(id.clone(), *sequence);
            assert!(
                before.is_none_or(|before| before == *sequence),
                "{id} has two sequences"
            );
        }
        let start = self.acked.len() as u64;
        load.acked.fetch_add(start - self.open.start, Ordering::Relaxed);
        self.open.start = start;
    }
}
