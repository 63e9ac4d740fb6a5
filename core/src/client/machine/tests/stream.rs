//! Reading from an extended server.

use super::*;
use crate::event::Sequence;

fn closes(world: &World) -> bool {
    world.trace.iter().any(|line| line.starts_with("close"))
}

#[test]
fn one_subscription_names_every_repository_with_epoch_and_what_was_seen() {
    let mut world = World::live(config(&["notes", "users"]));
    world.receive(&stream(0, 7, &[event(3, "a", "1")]));
    world.disconnect(None);
    world.give(ClientInput::Connectivity(true));
    world.open();
    world.forget();
    world.receive(AUTH_SUCCESS);
    insta::assert_snapshot!(world.frame(), @r#"{"type":"subscribe","ref":2,"epoch":"e1","repositories":{"notes":{"afterSequence":7,"seen":[3,"x3"]},"users":{"afterSequence":0}}}"#);
    assert_eq!(world.frames(), [""; 0]);
}

#[test]
fn a_frame_becomes_one_load_and_one_commit() {
    let mut world = World::live(config(&["notes"]));
    world.receive(&stream(0, 2, &[event(1, "a", "1"), event(2, "a", "2")]));
    insta::assert_snapshot!(world.trace(), @r#"
    storage load ["a"] own []
    storage commit cursor 2 of generation 0; record a = Some(2)@2 / Some(2)@2
    notify Changed { repository: "notes", record: "a", data: Some(2), origin: Remote, sequence: Some(Sequence(2)), pending: false, content: true }
    notify Applied { repository: "notes", after: Sequence(2), events: 2 }
    "#);
}

#[test]
fn a_page_of_two_repositories_is_told_of_each_and_a_page_without_events_too() {
    let mut world = World::online(config(&["notes", "users"]));
    world.storing = false;
    world.receive(&stream(0, 1, &[event(1, "a", "1")]));
    world.receive(&stream(1, 3, &[event(3, "a", "2")]));
    world.receive(&stream(0, 4, &[]).replace("notes", "users"));
    world.receive(&stream(3, 4, &[event(4, "b", "1")]));
    world.storing = true;
    while !world.asked.is_empty() {
        world.store();
    }
    let told = world.notices.iter().filter_map(|notice| match notice {
        Notice::Applied {
            repository,
            after,
            events,
        } => Some((repository.to_string(), after.get(), *events)),
        _ => None,
    });
    let told: Vec<(String, u64, usize)> = told.collect();
    // The first frame was a page of its own; the rest waited for it.
    let expected = [("notes", 1, 1), ("notes", 4, 2), ("users", 4, 0)];
    assert_eq!(
        told,
        expected.map(|(name, after, events)| (name.to_string(), after, events))
    );
    assert!(matches!(world.notices[0], Notice::Changed { .. }));
}

#[test]
fn frames_that_wait_are_applied_in_one_transaction_up_to_the_limit() {
    let mut config = config(&["notes", "users"]);
    config.limits.apply_events = 5;
    let mut world = World::live(config);
    world.receive(r#"{"type":"sync_complete","repository":"users"}"#);
    world.forget();
    world.storing = false;
    for sequence in 1..=9 {
        world.receive(&stream(sequence - 1, sequence, &[event(sequence, "a", "1")]));
    }
    world.receive(&stream(0, 1, &[event(1, "a", "1")]).replace("notes", "users"));
    world.storing = true;
    world.store();
    let commits: Vec<_> = world
        .trace
        .iter()
        .filter(|line| line.contains("commit"))
        .cloned()
        .collect();
    insta::assert_snapshot!(commits.join("\n"), @r"
    storage commit cursor 1 of generation 0; record a = Some(1)@1 / Some(1)@1
    storage commit cursor 6 of generation 0; record a = Some(1)@6 / Some(1)@6
    storage commit cursor 9 of generation 0; cursor 1 of generation 0; record a = Some(1)@9 / Some(1)@9; record a = Some(1)@1 / Some(1)@1
    ");
}

#[test]
fn a_frame_of_more_events_than_a_transaction_is_split() {
    let mut config = config(&["notes"]);
    config.limits.apply_events = 2;
    let mut world = World::live(config);
    world.disk.commits = 0;
    let events: Vec<String> = (1..=5).map(|sequence| event(sequence, "a", "1")).collect();
    world.receive(&stream(0, 9, &events));
    assert_eq!((world.disk.commits, world.cursor()), (3, 9));
}

#[test]
fn reading_pauses_while_too_much_waits_and_resumes_at_half() {
    let mut config = config(&["notes"]);
    let frame = |sequence: u64| stream(sequence - 1, sequence, &[event(sequence, "a", "1")]);
    config.limits.received_bytes = frame(1).len() * 2;
    config.limits.apply_events = 1;
    let mut world = World::live(config);
    world.storing = false;
    for sequence in 1..=3 {
        assert!(!world.client.link.paused);
        world.receive(&frame(sequence));
    }
    assert_eq!(world.trace.last().unwrap(), "pause");
    // Frames that were read already are kept all the same.
    world.receive(&frame(4));
    while world.client.link.paused {
        world.store();
    }
    assert_eq!(world.cursor(), 3);
    assert!(world.trace.contains(&"resume".to_string()));
    world.storing = true;
    world.store();
    assert_eq!(world.cursor(), 4);
}

#[test]
fn the_cursor_moves_only_when_the_commit_is_done() {
    let mut world = World::live(config(&["notes"]));
    world.storing = false;
    world.receive(&stream(0, 1, &[event(1, "a", "1")]));
    world.store();
    assert_eq!(world.cursor(), 0);
    world.store();
    assert_eq!(world.cursor(), 1);
}

#[test]
fn a_page_is_tried_again_until_storage_takes_it() {
    let mut world = World::live(config(&["notes"]));
    world.storing = false;
    world.receive(&stream(0, 1, &[event(1, "a", "1")]));
    world.receive(&stream(1, 2, &[event(2, "a", "2")]));
    world.forget();
    world.fail_storage();
    insta::assert_snapshot!(world.trace(), @r#"notify Trouble { message: "local storage failed: disk full" }"#);
    world.pass(999);
    assert!(world.asked.is_empty());
    world.pass(1);
    world.store();
    // The commit fails too; the delay doubles.
    world.fail_storage();
    world.pass(1_999);
    assert!(world.asked.is_empty());
    world.pass(1);
    world.storing = true;
    world.store();
    assert_eq!((world.cursor(), world.visible("a")), (2, "2".into()));
    assert_eq!(world.client.jobs.failed, None);
}

#[test]
fn a_frame_that_leaves_a_gap_ends_the_connection() {
    let bad = [
        stream(1, 2, &[event(2, "a", "1")]),
        stream(0, 2, &[event(3, "a", "1")]),
        stream(0, 2, &[event(2, "a", "1"), event(1, "a", "1")]),
        stream(0, 2, &[event(1, "a", "1").replace(r#","serverSequence":1"#, "")]),
        stream(0, 1, &[event(1, "a", "1")]).replace(r#""afterSequence":0,"#, ""),
    ];
    for frame in bad {
        let mut world = World::live(config(&["notes"]));
        world.receive(&frame);
        assert!(world.trace[0].starts_with("close 1 4400"), "{frame}");
        assert_eq!(world.cursor(), 0);
    }
}

#[test]
fn an_overlap_without_a_new_subscription_ends_the_connection() {
    let mut world = World::live(config(&["notes"]));
    world.receive(&stream(0, 1, &[event(1, "a", "1")]));
    world.receive(&stream(0, 1, &[event(1, "a", "1")]));
    assert!(closes(&world));
}

#[test]
fn what_was_received_and_not_applied_comes_again_after_a_cut() {
    let mut world = World::live(config(&["notes"]));
    world.storing = false;
    world.receive(&stream(0, 1, &[event(1, "a", "1")]));
    world.receive(&stream(1, 2, &[event(2, "a", "2")]));
    world.disconnect(None);
    world.give(ClientInput::Connectivity(true));
    world.open();
    world.sent.clear();
    world.receive(AUTH_SUCCESS);
    // The page under way moves the cursor: the subscription waits for it.
    assert_eq!(world.frames(), [""; 0]);
    world.storing = true;
    world.store();
    assert!(world.frame().contains(r#""afterSequence":1"#));
    world.receive(&stream(1, 2, &[event(2, "a", "2")]));
    assert_eq!(world.visible("a"), "2");
}

#[test]
fn frames_of_others_repositories_and_of_no_use_are_ignored() {
    let mut world = World::live(config(&["notes"]));
    for frame in [
        &*stream(0, 1, &[event(1, "a", "1")]).replace("notes", "others"),
        r#"{"type":"sync_complete","repository":"others"}"#,
        r#"{"type":"sync_complete"}"#,
        r#"{"type":"history_changed","repository":"others","epoch":"e2"}"#,
        r#"{"type":"ack","eventIds":["unknown"],"repositories":{"notes":["unknown"],"others":["x"]}}"#,
        AUTH_SUCCESS,
    ] {
        world.receive(frame);
    }
    assert_eq!(world.trace(), "");
    assert_eq!(*world.state(), ConnectionState::Live);
}

#[test]
fn a_frame_that_is_no_message_is_told_and_survived() {
    let mut world = World::live(config(&["notes"]));
    world.receive("{");
    assert!(matches!(world.notices[..], [Notice::Trouble { .. }]));
    assert_eq!(*world.state(), ConnectionState::Live);
}

#[test]
fn an_event_that_cannot_be_read_is_told_and_passed() {
    let mut world = World::live(config(&["notes"]));
    world.receive(&stream(0, 2, &["{\"serverSequence\":1}".into(), event(2, "a", "1")]));
    assert!(
        world
            .notices
            .iter()
            .any(|notice| matches!(notice, Notice::Trouble { .. }))
    );
    assert_eq!((world.cursor(), world.visible("a")), (2, "1".into()));
}

#[test]
fn a_repository_that_cannot_be_read_holds_nothing_else_up() {
    for code in ["forbidden", "invalid_repository"] {
        let mut world = World::online(config(&["notes", "secret"]));
        world.receive(&format!(
            r#"{{"type":"error","ref":1,"message":"Not yours.","code":"{code}","retryable":false,"repository":"secret"}}"#
        ));
        assert_eq!(
            world.notices,
            [Notice::Trouble {
                message: "Not yours.".into()
            }]
        );
        assert_eq!(*world.state(), ConnectionState::CatchingUp);
        world.receive(&stream(0, 1, &[event(1, "a", "1")]));
        world.receive(r#"{"type":"sync_complete","repository":"notes","ref":1}"#);
        assert_eq!(*world.state(), ConnectionState::Live);
        assert_eq!(world.cursor(), 1);
    }
}

#[test]
fn a_subscription_that_is_refused_for_now_is_tried_again() {
    let mut world = World::online(config(&["notes"]));
    world.receive(
        r#"{"type":"error","ref":1,"message":"Later.","code":"store_unavailable","retryable":true,"repository":"notes"}"#,
    );
    world.pass(1_000);
    assert!(world.frame().contains("subscribe"));
    world.receive(r#"{"type":"sync_complete","repository":"notes","ref":2}"#);
    assert_eq!(*world.state(), ConnectionState::Live);
}

#[test]
fn an_event_below_what_a_record_is_folded_to_changes_nothing() {
    let mut world = World::live(config(&["notes"]));
    world.receive(&stream(0, 5, &[event(5, "a", "5")]));
    world.disk.cursors.get_mut(&repository("notes")).unwrap().after = Sequence::new(3);
    let mut again = World::on(world.disk.clone(), config(&["notes"]));
    again.start();
    again.open();
    again.receive(AUTH_SUCCESS);
    again.receive(&stream(3, 5, &[event(4, "a", "4"), event(5, "a", "6")]));
    assert_eq!((again.cursor(), again.visible("a")), (5, "5".into()));
}

#[test]
fn nothing_grows_with_the_number_of_records() {
    let mut world = World::live(config(&["notes"]));
    let mut sizes = Vec::new();
    for round in 0..4_u64 {
        let base = round * 1_000;
        let id = world.put(&format!("own{round}"), "1");
        let mut events: Vec<String> = (base + 1..base + 1_000)
            .map(|at| event(at, &format!("r{at}"), "1"))
            .collect();
        let last = base + 1_000;
        events.push(event(last, &format!("own{round}"), "1").replace(&format!("x{last}"), &id));
        world.receive(&stream(base, last, &events));
        world.receive(&ack(&id, last));
        sizes.push(format!("{:?}", world.client).len());
    }
    assert!(world.disk.records.len() > 3_900);
    let spread = sizes.iter().max().unwrap() - sizes.iter().min().unwrap();
    assert!(spread < 200, "{sizes:?}");
}

#[test]
fn late_and_unknown_completions_of_storage_are_ignored() {
    let mut world = World::live(config(&["notes"]));
    world.storing = false;
    world.receive(&stream(0, 1, &[event(1, "a", "1")]));
    for id in [0, 1, 999] {
        world.give(ClientInput::Stored {
            storage: StorageId(id),
            result: Ok(crate::client::StorageReply::Committed),
        });
    }
    assert_eq!((world.asked.len(), world.client.ignored()), (1, 3));
    world.storing = true;
    world.store();
    assert_eq!(world.cursor(), 1);
}

#[test]
fn an_answer_of_storage_that_does_not_fit_counts_as_a_failure() {
    let mut world = World::live(config(&["notes"]));
    world.storing = false;
    world.receive(&stream(0, 1, &[event(1, "a", "1")]));
    let (storage, _) = world.asked.pop_front().unwrap();
    world.give(ClientInput::Stored {
        storage,
        result: Ok(crate::client::StorageReply::Committed),
    });
    world.storing = true;
    world.pass(1_000);
    assert_eq!((world.cursor(), world.visible("a")), (1, "1".into()));
}

#[test]
fn an_own_events_id_on_another_record_settles_nothing() {
    let mut world = World::live(config(&["notes"]));
    let id = world.put("a", "1");
    let other = event(1, "b", "2").replace("x1", &id);
    world.receive(&stream(0, 1, &[other]));
    assert_eq!((&*world.visible("a"), &*world.visible("b")), ("1", "2"));
    assert_eq!(world.own_states(), [OwnState::Pending]);
    world.receive(&format!(
        r#"{{"type":"error","message":"Taken.","code":"event_id_conflict","retryable":false,"repository":"notes","eventIds":["{id}"]}}"#
    ));
    assert!(matches!(world.own_states()[..], [OwnState::Rejected { .. }]));
    assert!(world.record("a").is_none());
}

#[test]
fn the_changes_of_a_page_are_told_in_the_order_of_the_log() {
    let mut world = World::live(config(&["notes"]));
    let events = [
        event(1, "c", "1"),
        event(2, "a", "2"),
        event(3, "b", "3"),
        event(4, "c", "4"),
    ];
    world.receive(&stream(0, 4, &events));
    let told = world.trace.iter().filter(|line| line.starts_with("notify Changed"));
    let records: Vec<&str> = told.filter_map(|line| line.split('"').nth(3)).collect();
    assert_eq!(records, ["a", "b", "c"]);
}

#[test]
fn subscriptions_are_cut_by_what_the_server_reads() {
    let names: Vec<String> = (0..40).map(|n| format!("r{n:02}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let mut world = World::new(config(&names));
    world.start();
    world.open();
    world.forget();
    world.receive(&AUTH_SUCCESS.replace("16777216", "2048"));
    let frames = world.frames();
    assert_eq!(frames.len(), 5);
    assert!(frames.iter().all(|frame| frame.len() <= 2_048));
    for name in &names {
        let count = frames
            .iter()
            .filter(|frame| frame.contains(&format!("\"{name}\"")))
            .count();
        assert_eq!(count, 1);
    }
    // Each is answered under the `ref` of its message.
    for (index, name) in names.iter().enumerate() {
        let reference = 1 + index / 8;
        world.receive(&format!(
            r#"{{"type":"sync_complete","repository":"{name}","ref":{reference}}}"#
        ));
    }
    assert_eq!(*world.state(), ConnectionState::Live);
}
