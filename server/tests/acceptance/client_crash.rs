//! What a client has told is on its disk, is on its disk.

use crate::support::event::{Event, assert_dense};
use crate::support::random::Random;
use crate::support::{Client, Server, http};
use serde_json::{Value, json};
use std::path::Path;

const SEED: u64 = 0x5eed_0003;
const KILLS: u64 = 15;
const WRITES_A_LIFE: u64 = 60;
const REPOSITORY: &str = "diary";

#[test]
fn clients_killed_at_random_moments_keep_every_write_they_told_and_send_each_once() {
    let server = Server::start();
    let files = tempfile::tempdir().unwrap();
    let url = format!("ws://{}/sync", server.address);
    let mut random = Random::seeded(SEED);
    let mut told = Vec::new();
    for life in 0..KILLS {
        let mut writer = start(&url, files.path(), "writer");
        for number in 0..WRITES_A_LIFE {
            let number = life * WRITES_A_LIFE + number;
            writer.upsert(REPOSITORY, &format!("page-{}", number % 40), &json!({"number": number}));
        }
        let mut reader = start(&url, files.path(), "reader");
        let last = life * WRITES_A_LIFE + random.below(WRITES_A_LIFE);
        writer.wait("a write", |line| is_local(line) && line["data"]["number"] == last);
        reader.wait("the stream", |line| line["event"] == "changed");
        reader.kill();
        told.extend(writer.said(is_local).iter().map(number_of));
        writer.kill();
    }

    let mut writer = start(&url, files.path(), "writer");
    writer.flush();
    let log = http::log(server.address, REPOSITORY);
    let stored: Vec<u64> = log.iter().map(stored_number).collect();
    assert_dense(1, &log);
    assert!(stored.is_sorted_by(|a, b| a < b), "out of order: {stored:?}");
    let missing: Vec<&u64> = told.iter().filter(|number| !stored.contains(number)).collect();
    assert!(missing.is_empty(), "told and lost: {missing:?}");
    eprintln!("{} writes told, {} stored, seed {SEED:#x}", told.len(), stored.len());

    let mut reader = start(&url, files.path(), "reader");
    reader.reach(REPOSITORY, log.len() as u64);
    writer.reach(REPOSITORY, log.len() as u64);
    assert_eq!(reader.records(REPOSITORY), writer.records(REPOSITORY));
}

fn start(url: &str, files: &Path, name: &str) -> Client {
    Client::start(url, &files.join(format!("{name}.db")), &[REPOSITORY], &[])
}

fn is_local(line: &Value) -> bool {
    line["event"] == "changed" && line["origin"] == "local"
}

fn number_of(line: &Value) -> u64 {
    line["data"]["number"].as_u64().unwrap()
}

fn stored_number(event: &Event) -> u64 {
    let event: Value = serde_json::from_str(event.text()).unwrap();
    event["_data"]["number"].as_u64().unwrap()
}
