//! Storage that loads only so many bytes at a time.

use super::*;
use crate::client::StorageReply;

/// Data of a hundred bytes.
fn large(letter: &str) -> String {
    format!("\"{}\"", letter.repeat(98))
}

/// A client of `notes` that has three records of 200 bytes each (two states), and loads 450 at a time.
fn world() -> World {
    let mut config = config(&["notes"]);
    config.limits.storage_bytes = 450;
    let mut world = World::live(config);
    let events: Vec<String> = (1..)
        .zip(["a", "b", "c"])
        .map(|(sequence, record)| event(sequence, record, &large(record)))
        .collect();
    world.receive(&stream(0, 3, &events));
    world.forget();
    world
}

/// The loads and the cursors of the commits since the last look.
fn steps(world: &mut World) -> Vec<String> {
    let trace = world.trace();
    let step = |line: &str| {
        let load = line.strip_prefix("storage load ");
        let commit = line.strip_prefix("storage commit ");
        load.map(|load| load.split("] own").next().unwrap().to_string() + "]")
            .or_else(|| commit.map(|commit| commit.split(" of generation").next().unwrap().to_string()))
    };
    trace.lines().filter_map(step).collect()
}

fn page(after: u64, records: &[&str]) -> String {
    let events: Vec<String> = (after + 1..)
        .zip(records)
        .map(|(sequence, record)| event(sequence, record, "0"))
        .collect();
    stream(after, after + records.len() as u64, &events)
}

#[test]
fn a_page_is_applied_as_far_as_its_records_are_loaded_and_then_goes_on() {
    let mut world = world();
    world.receive(&page(3, &["c", "a", "c", "b", "a", "new"]));
    assert_eq!(
        steps(&mut world),
        [
            r#"["c", "a", "b", "new"]"#,
            "cursor 6",
            r#"["b", "a", "new"]"#,
            "cursor 9"
        ]
    );
    assert!(["a", "b", "c", "new"].iter().all(|record| world.visible(record) == "0"));
    // The second frame waits until all of the first is applied.
    world.storing = false;
    world.receive(&page(9, &["a"]));
    assert_eq!(world.asked.len(), 1);
}

#[test]
fn what_is_not_loaded_yet_survives_a_failure_and_counts_as_received() {
    let mut world = world();
    world.client.config.limits.received_bytes = 300;
    world.storing = false;
    world.receive(&page(3, &["a", "b", "c"]));
    world.store();
    assert!(world.client.link.paused);
    // The commit of the first part fails; it is done again before the second.
    world.fail_storage();
    assert!(world.client.link.paused);
    world.storing = true;
    world.pass(1_000);
    assert_eq!(world.cursor(), 6);
    assert!(!world.client.link.paused);
    let commits: Vec<String> = steps(&mut world)
        .into_iter()
        .filter(|step| step.starts_with("cursor"))
        .collect();
    assert_eq!(commits, ["cursor 5", "cursor 5", "cursor 6"]);
}

#[test]
fn a_stop_leaves_the_rest_to_the_server() {
    let mut world = world();
    world.storing = false;
    world.receive(&page(3, &["a", "b", "c"]));
    world.store();
    world.give(ClientInput::Stop);
    world.store();
    assert!(world.asked.is_empty());
    assert_eq!((world.cursor(), world.client.inbox.bytes()), (5, 0));
    world.storing = true;
    world.start();
    world.open();
    world.receive(AUTH_SUCCESS);
    assert!(world.frames().last().unwrap().contains(r#""afterSequence":5"#));
}

#[test]
fn one_write_is_made_whole_and_others_wait_for_their_turn() {
    let mut world = world();
    world.storing = false;
    world.put_later("a", "1");
    world.forget();
    let changes = ["b", "c", "a"].map(|record| upsert(record, "2")).to_vec();
    let (whole, last) = (world.write(changes), world.put_later("b", "3"));
    world.storing = true;
    while !world.asked.is_empty() {
        world.store();
    }
    // The first load of both holds two records, which is not enough for the first of them.
    let loads: Vec<String> = steps(&mut world)
        .into_iter()
        .filter(|step| step.starts_with('['))
        .collect();
    assert_eq!(loads, [r#"["b", "c", "a"]"#, r#"["b", "c", "a"]"#, r#"["b"]"#]);
    assert!(
        [whole, last]
            .iter()
            .all(|request| matches!(world.written(*request), Some(Ok(_))))
    );
    assert_eq!((world.visible("a"), world.visible("b")), ("2".into(), "3".into()));
}

#[test]
fn verdicts_and_sweeps_go_on_too() {
    let mut world = world();
    let ids: Vec<String> = ["a", "b", "c"].iter().map(|record| world.put(record, "1")).collect();
    world.forget();
    let all = ids.iter().map(|id| format!("\"{id}\"")).collect::<Vec<_>>().join(",");
    world.receive(&format!(
        r#"{{"type":"ack","eventIds":[{all}],"repositories":{{"notes":[{all}]}}}}"#
    ));
    assert_eq!(world.client.pending(), 0);
    assert_eq!(world.own_states(), vec![OwnState::Acked(None); 3]);
    // The new log holds nothing of all that.
    world.give(ClientInput::Resync {
        repository: repository("notes"),
    });
    world.receive(r#"{"type":"sync_complete","repository":"notes","ref":2,"lastSequence":0}"#);
    assert_eq!(world.own_states(), vec![OwnState::Pending; 3]);
    assert!(
        world
            .disk
            .records
            .values()
            .all(|record| record.confirmed.is_none() && record.generation == 1)
    );
    assert_eq!(*world.state(), ConnectionState::Live);
}

#[test]
fn storage_that_loads_nothing_of_what_it_was_asked_fails() {
    let mut world = world();
    world.storing = false;
    world.receive(&page(3, &["a"]));
    let (storage, _) = world.asked.pop_front().unwrap();
    let reply = StorageReply::Loaded {
        records: Vec::new(),
        layers: Vec::new(),
        own: Vec::new(),
        answered_records: 0,
        answered_own: 0,
    };
    let result = Ok(reply);
    world.give(ClientInput::Stored { storage, result });
    assert!(world.asked.is_empty() && world.trace().contains("does not fit the request"));
    world.storing = true;
    world.pass(1_000);
    assert_eq!(world.cursor(), 4);
}
