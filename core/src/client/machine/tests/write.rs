//! The application's writes.

use super::*;
use crate::client::{LastWriteWins, MergeFields};

fn bodies(world: &World) -> Vec<String> {
    world.disk.own.values().map(|own| own.body.to_string()).collect()
}

#[test]
fn writes_are_taken_before_storage_is_open() {
    let mut world = World::new(config(&["notes"]));
    let request = world.put_later("a", "1");
    assert_eq!(world.written(request), None);
    world.start();
    assert!(world.written(request).unwrap().is_ok());
}

#[test]
fn the_operation_follows_from_what_the_application_sees() {
    let mut world = World::live(config(&["notes"]));
    world.write(vec![
        upsert("a", "1"),
        upsert("a", "2"),
        delete("a"),
        upsert("a", "3"),
        delete("b"),
    ]);
    let operations: Vec<String> = bodies(&world).iter().map(|body| body[52..66].to_string()).collect();
    let expected = [0, 1, 2, 0, 2].map(|operation| format!(r#""_operation":{operation}"#));
    assert_eq!(operations, expected);
    assert_eq!((world.visible("a"), world.visible("b")), ("3".into(), "deleted".into()));
}

#[test]
fn created_at_is_never_earlier_than_the_records() {
    let mut world = World::live(config(&["notes"]));
    world.write_at(WALL + 5_000, vec![upsert("a", "1")]);
    world.write_at(WALL, vec![upsert("a", "2"), upsert("b", "2")]);
    let created: Vec<bool> = bodies(&world)
        .iter()
        .map(|body| body.contains("10:00:05.000Z"))
        .collect();
    assert_eq!(created, [true, true, false]);
}

#[test]
fn writes_that_wait_share_a_transaction() {
    let mut world = World::live(config(&["notes"]));
    world.storing = false;
    for record in ["a", "b", "c"] {
        world.put_later(record, "1");
    }
    world.storing = true;
    world.disk.commits = 0;
    world.store();
    assert_eq!(world.disk.commits, 2);
    assert_eq!(world.client.pending(), 3);
    let locals: Vec<u64> = world.disk.own.keys().map(|local| local.0).collect();
    assert_eq!(locals, [1, 2, 3]);
}

#[test]
fn a_write_goes_ahead_of_the_next_page_and_never_into_one() {
    let mut world = World::live(config(&["notes"]));
    world.storing = false;
    world.receive(&stream(0, 1, &[event(1, "a", "1")]));
    world.receive(&stream(1, 2, &[event(2, "a", "2")]));
    world.put_later("b", "1");
    world.forget();
    world.storing = true;
    world.store();
    let steps: Vec<&str> = world
        .trace
        .iter()
        .filter_map(|line| line.strip_prefix("storage "))
        .collect();
    let kinds: Vec<&str> = steps
        .iter()
        .map(|step| step.split([';', 'f']).next().unwrap())
        .collect();
    assert!(kinds[0].starts_with("commit cursor 1"), "{steps:?}");
    assert_eq!(steps[1], r#"load ["b"] own []"#);
    assert!(steps[2].starts_with("commit own 1"), "{steps:?}");
    assert_eq!(steps[3], r#"load ["a"] own ["x2"]"#);
}

#[test]
fn pages_are_not_starved_by_writes() {
    let mut world = World::live(config(&["notes"]));
    world.storing = false;
    world.put_later("b", "0");
    world.receive(&stream(0, 1, &[event(1, "a", "1")]));
    for count in 0..100 {
        world.put_later("b", &format!("{count}"));
        world.store();
        if world.cursor() == 1 {
            return;
        }
    }
    panic!("the page was never applied");
}

#[test]
fn a_write_is_whole_or_not_made() {
    let mut config = config(&["notes"]);
    config.limits.event_bytes = 300;
    let mut world = World::live(config);
    let big = format!("\"{}\"", "x".repeat(300));
    let request = world.write(vec![upsert("a", "1"), upsert("b", &big)]);
    assert_eq!(world.written(request), Some(Err(WriteError::TooLarge(300))));
    let mut other = upsert("a", "1");
    other.repository = repository("others");
    let request = world.write(vec![upsert("a", "1"), other]);
    assert_eq!(
        world.written(request),
        Some(Err(WriteError::UnknownRepository(repository("others"))))
    );
    assert_eq!((world.disk.own.len(), world.disk.records.len()), (0, 0));
}

#[test]
fn what_no_server_would_read_is_not_written() {
    let mut world = World::live(config(&["notes"]));
    // The event itself is one level more.
    let nested = |levels: usize| format!("{}{}", "[".repeat(levels), "]".repeat(levels));
    let request = world.write(vec![upsert("a", "1"), upsert("b", &nested(126))]);
    assert_eq!(world.written(request), Some(Err(WriteError::TooDeep(126))));
    assert!(world.disk.own.is_empty());
    let request = world.write(vec![upsert("a", "1"), upsert("b", &nested(125))]);
    assert!(matches!(world.written(request), Some(Ok(_))));
}

#[test]
fn more_writes_than_the_limit_are_refused() {
    let mut config = config(&["notes"]);
    config.limits.writes = 1;
    let mut world = World::live(config);
    world.storing = false;
    world.put_later("a", "1");
    world.put_later("b", "1");
    let request = world.put_later("c", "1");
    assert_eq!(world.written(request), Some(Err(WriteError::Busy)));
}

#[test]
fn a_write_that_storage_fails_is_answered_and_not_made() {
    let mut world = World::live(config(&["notes"]));
    for step in 0..2 {
        world.storing = false;
        let request = world.put_later("a", "1");
        for _ in 0..step {
            world.store();
        }
        world.fail_storage();
        assert!(matches!(world.written(request), Some(Err(WriteError::Storage(_)))));
        assert_eq!((world.client.pending(), world.disk.own.len()), (0, 0));
    }
    world.storing = true;
    world.put("a", "2");
    assert_eq!(world.visible("a"), "2");
}

#[test]
fn writes_go_on_while_other_storage_work_fails() {
    let mut world = World::live(config(&["notes"]));
    world.storing = false;
    world.receive(&stream(0, 1, &[event(1, "a", "1")]));
    world.fail_storage();
    world.storing = true;
    world.put("b", "1");
    assert_eq!(
        world.client.blocked(),
        None,
        "a write that worked shows that storage works"
    );
    world.pass(1_000);
    assert_eq!(world.cursor(), 1);
}

#[test]
fn changed_fields_are_named_only_if_the_policy_or_the_application_wants_it() {
    let old = r#"{"a":1,"b":2,"c":3}"#;
    let new = r#"{"a":1,"b":5,"d":4}"#;
    let mut world = World::live(with_policy(MergeFields));
    world.put("r", old);
    world.put("r", new);
    world.put("r", new);
    let all = bodies(&world);
    assert!(!all[0].contains("_changed"), "{all:?}");
    assert!(all[1].ends_with(r#","_changed":["b","d","c"]}"#), "{all:?}");
    assert!(all[2].ends_with(r#","_changed":[]}"#), "{all:?}");

    let mut world = World::live(with_policy(LastWriteWins));
    world.put("r", old);
    world.put("r", new);
    let mut given = upsert("r", old);
    given.kind = ChangeKind::Upsert {
        data: Json::parse(old).unwrap(),
        changed: Some(vec!["a".into()]),
    };
    world.write(vec![given]);
    let all = bodies(&world);
    assert!(!all[1].contains("_changed"), "{all:?}");
    assert!(all[2].ends_with(r#","_changed":["a"]}"#), "{all:?}");
}

#[test]
fn the_seeds_spelling_is_written_where_it_is_asked_for() {
    let mut config = config(&["notes"]);
    config.spelling = Spelling::Seeds;
    let mut world = World::live(config);
    world.put("a", "{\"n\":1}");
    insta::assert_snapshot!(bodies(&world)[0], @r#"{"eventId":"0194929a-b500-71cb-9e39-e64381da8b37","operation":0,"createdAt":"2025-01-23T10:00:00.000Z","dataId":"a","data":{"n":1}}"#);
}

#[test]
fn the_application_is_told_what_it_sees() {
    let mut world = World::live(config(&["notes"]));
    world.put("a", "1");
    world.write(vec![delete("a")]);
    let changes: Vec<String> = world
        .trace
        .iter()
        .filter(|line| line.contains("Changed"))
        .cloned()
        .collect();
    insta::assert_snapshot!(changes.join("\n"), @r#"
    notify Changed { repository: "notes", record: "a", data: Some(1), origin: Local, sequence: None, pending: true, content: true }
    notify Changed { repository: "notes", record: "a", data: None, origin: Local, sequence: None, pending: true, content: true }
    "#);
}
