//! A server whose store was put back to an older copy: nobody loses anything, and everybody is told.

use crate::support::event::{Event, assert_dense};
use crate::support::load::fill;
use crate::support::{Client, Server, http};
use serde_json::{Value, json};
use std::collections::HashSet;
use std::path::Path;

const REPOSITORY: &str = "notes";

#[test]
fn connected_clients_notice_a_shorter_history_and_push_again_what_it_lost() {
    let mut server = Server::start();
    let files = tempfile::tempdir().unwrap();
    let copy = files.path().join("backup.db");
    let mut a = client(&server, files.path(), "a");
    let mut b = client(&server, files.path(), "b");
    write(&mut a, "a", 0..50);
    write(&mut b, "b", 0..20);
    a.flush();
    b.flush();
    server.back_up(&copy);

    write(&mut a, "a", 40..70);
    a.flush();
    write(&mut b, "b", 15..30);
    b.flush();
    a.reach(REPOSITORY, 115);
    b.reach(REPOSITORY, 115);
    let before = contents(&mut a);
    put_back(&mut server, &copy);

    expect_notice(&mut a);
    expect_notice(&mut b);
    a.flush();
    b.flush();
    a.reach(REPOSITORY, 115);
    b.reach(REPOSITORY, 115);
    assert_whole(&server, 115);
    assert_eq!(a.records(REPOSITORY), b.records(REPOSITORY));
    assert_eq!(contents(&mut a), before);
}

#[test]
fn clients_that_were_away_notice_another_history_behind_the_same_numbers() {
    let mut server = Server::start();
    let files = tempfile::tempdir().unwrap();
    let copy = files.path().join("backup.db");
    let mut a = client(&server, files.path(), "a");
    write(&mut a, "a", 0..10);
    a.flush();
    server.back_up(&copy);
    write(&mut a, "a", 10..20);
    a.flush();
    a.reach(REPOSITORY, 20);
    a.kill();

    put_back(&mut server, &copy);
    // Others write meanwhile: the log is longer than it was, and another one from 11 on.
    fill(server.address, REPOSITORY, "other", 30, 200);
    let mut a = client(&server, files.path(), "a");
    expect_notice(&mut a);
    a.flush();
    a.reach(REPOSITORY, 50);
    assert_whole(&server, 50);
    assert_eq!(a.records(REPOSITORY).len(), 50);
}

#[test]
fn a_store_made_anew_from_an_export_is_another_history_of_which_nothing_is_missing() {
    let mut server = Server::start();
    let files = tempfile::tempdir().unwrap();
    let mut a = client(&server, files.path(), "a");
    let mut b = client(&server, files.path(), "b");
    write(&mut a, "a", 0..30);
    a.flush();
    b.reach(REPOSITORY, 30);
    server.stop();
    server.export_and_import();
    write(&mut b, "b", 0..10);
    server.launch();

    expect_notice(&mut a);
    expect_notice(&mut b);
    b.flush();
    a.reach(REPOSITORY, 40);
    b.reach(REPOSITORY, 40);
    assert_whole(&server, 40);
    assert_eq!(a.records(REPOSITORY), b.records(REPOSITORY));
    assert_eq!(a.records(REPOSITORY).len(), 40);
}

fn client(server: &Server, files: &Path, name: &str) -> Client {
    let url = format!("ws://{}/sync", server.address);
    Client::start(&url, &files.join(format!("{name}.db")), &[REPOSITORY], &[])
}

fn write(client: &mut Client, prefix: &str, numbers: std::ops::Range<u64>) {
    for number in numbers {
        client.upsert(REPOSITORY, &format!("{prefix}-{number}"), &json!({"number": number}));
    }
}

fn put_back(server: &mut Server, copy: &Path) {
    server.stop();
    server.restore(copy);
    server.launch();
}

fn expect_notice(client: &mut Client) {
    let line = client.wait("the notice", |line| line["event"] == "history_changed");
    assert_eq!(line["repository"], REPOSITORY);
}

/// Records without their places in the log, which another history numbers anew.
fn contents(client: &mut Client) -> Vec<(Value, Value)> {
    let records = client.records(REPOSITORY);
    records
        .iter()
        .map(|record| (record["id"].clone(), record["data"].clone()))
        .collect()
}

fn assert_whole(server: &Server, count: usize) {
    let log = http::log(server.address, REPOSITORY);
    assert_dense(1, &log);
    assert_eq!(log.len(), count);
    assert_eq!(log.iter().map(Event::id).collect::<HashSet<_>>().len(), count);
}
