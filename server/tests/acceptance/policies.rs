//! Whoever decides a conflict, everyone decides it alike.

use crate::support::{Client, Server};
use serde_json::{Value, json};

const REPOSITORY: &str = "contacts";

#[test]
fn the_later_in_the_log_wins() {
    let records = after_a_conflict("server-order");
    assert_eq!(records, [("1".into(), json!({"by": "b", "phone": 2}))]);
}

#[test]
fn the_later_clock_wins_whoever_comes_first() {
    let records = after_a_conflict("last-write-wins");
    let first = json!({"by": "a", "name": "Ann", "phone": 1});
    assert_eq!(records, [("1".into(), first), ("2".into(), json!({"by": "a"}))]);
}

#[test]
fn changes_of_different_fields_are_merged() {
    // `by` and `phone` were changed by both, `name` by a alone.
    let records = after_a_conflict("merge-fields");
    let first = json!({"by": "b", "name": "Ann", "phone": 2});
    assert_eq!(records, [("1".into(), first)]);
}

/// Two clients have the same records, go offline, change them in conflict, b first and a second, and come back, a
/// first and b second: the log's order is not that of the clocks. What both show in the end.
fn after_a_conflict(policy: &str) -> Vec<(Value, Value)> {
    let mut server = Server::start();
    let files = tempfile::tempdir().unwrap();
    let url = format!("ws://{}/sync", server.address);
    let flags = ["--policy", policy];
    let start = |name: &str| Client::start(&url, &files.path().join(name), &[REPOSITORY], &flags);
    let mut a = start("a.db");
    let mut b = start("b.db");
    a.upsert(REPOSITORY, "1", &json!({"by": "nobody", "phone": 0}));
    a.upsert(REPOSITORY, "2", &json!({"by": "nobody"}));
    a.flush();
    a.reach(REPOSITORY, 2);
    b.reach(REPOSITORY, 2);
    server.stop();

    b.upsert(REPOSITORY, "1", &json!({"by": "b", "phone": 2}));
    b.delete(REPOSITORY, "2");
    // An answer to a later line: what was written before it has its time.
    assert_eq!(b.pending().len(), 2);
    b.kill();
    a.upsert(REPOSITORY, "1", &json!({"by": "a", "name": "Ann", "phone": 1}));
    a.upsert(REPOSITORY, "2", &json!({"by": "a"}));
    assert_eq!(a.pending().len(), 2);
    server.launch();
    a.flush();
    let mut b = start("b.db");
    b.flush();
    a.reach(REPOSITORY, 6);
    b.reach(REPOSITORY, 6);
    let records = a.records(REPOSITORY);
    assert_eq!(records, b.records(REPOSITORY));
    let id_and_data = |record: &Value| (record["id"].clone(), record["data"].clone());
    records.iter().map(id_and_data).collect()
}
