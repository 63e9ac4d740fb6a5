//! Where a filtered repository begins.

use super::*;

fn filtered() -> ClientConfig {
    let mut config = config(&["notes"]);
    config.repositories[0].filtered = true;
    config
}

fn after(sequence: u64) -> SyncFilter {
    let after = Some(Sequence::new(sequence));
    SyncFilter {
        after,
        ..SyncFilter::default()
    }
}

fn since() -> SyncFilter {
    SyncFilter {
        since: Timestamp::from_millis(WALL),
        ..SyncFilter::default()
    }
}

fn answer(world: &mut World, result: impl Into<Option<SyncFilter>>) {
    let (filter, result) = (world.filter, result.into());
    world.give(ClientInput::FilterBuilt { filter, result });
}

/// The last frame that was sent.
fn last(world: &mut World) -> String {
    world.frames().pop().unwrap_or_default()
}

fn reconnect(world: &mut World) {
    world.disconnect(None);
    world.give(ClientInput::Connectivity(true));
    world.open();
    world.forget();
    world.receive(AUTH_SUCCESS);
}

#[test]
fn the_stream_begins_behind_the_sequence_and_stays_there() {
    let mut world = World::online(filtered());
    assert_eq!((world.filter, last(&mut world).as_str()), (FilterId(1), ""));
    answer(&mut world, after(5));
    assert_eq!(world.cursor(), 5);
    assert!(last(&mut world).contains(r#""notes":{"afterSequence":5}"#));
    world.receive(&stream(5, 6, &[event(6, "a", "1")]));
    assert_eq!((world.cursor(), world.visible("a")), (6, "1".into()));
    // The application is asked on each connection; where it begins is not asked any more.
    reconnect(&mut world);
    assert_eq!((world.filter, last(&mut world).as_str()), (FilterId(2), ""));
    answer(&mut world, after(50));
    assert!(last(&mut world).contains(r#""afterSequence":6"#));
}

#[test]
fn fields_of_the_application_go_with_every_request_and_take_the_place_of_none() {
    let field = |name: &str, value: &'static str| (name.into(), Json::parse(value).unwrap());
    let filter = || SyncFilter {
        fields: vec![
            field("team", r#"["a",1]"#),
            field("afterSequence", "99"),
            field("seen", "1"),
        ],
        ..SyncFilter::default()
    };
    let mut world = World::online(filtered());
    answer(&mut world, filter());
    assert!(last(&mut world).contains(r#""notes":{"afterSequence":0,"team":["a",1]}"#));
    world.receive(&stream(0, 1, &[event(1, "a", "1")]));
    reconnect(&mut world);
    answer(&mut world, filter());
    let asked = last(&mut world);
    assert!(
        asked.contains(r#""afterSequence":1,"seen":[1,"#) && asked.contains(r#"],"team":["a",1]}"#),
        "{asked}"
    );
    let mut world = World::plain(filtered());
    answer(&mut world, filter());
    let asked = last(&mut world);
    assert!(
        asked.contains(r#""afterSequence":0,"team":["a",1],"seen":1}"#),
        "{asked}"
    );
}

#[test]
fn a_beginning_where_nothing_was_read_is_kept() {
    let mut world = World::online(filtered());
    answer(&mut world, after(5));
    reconnect(&mut world);
    answer(&mut world, None);
    assert!(last(&mut world).contains(r#""afterSequence":5"#));
}

#[test]
fn without_a_filter_it_begins_with_the_first_event() {
    for result in [None, Some(SyncFilter::default()), Some(after(0))] {
        let mut world = World::online(filtered());
        answer(&mut world, result);
        assert!(last(&mut world).contains(r#""notes":{"afterSequence":0}"#));
    }
}

#[test]
fn by_time_it_begins_with_the_first_event_that_the_server_names() {
    let mut world = World::online(filtered());
    answer(&mut world, since());
    let asked = last(&mut world);
    assert!(
        asked.contains("request_events") && asked.contains(r#""limit":1"#),
        "{asked}"
    );
    assert!(
        asked.contains(r#""ref":1"#) && asked.contains("2025-01-23T10:00:00"),
        "{asked}"
    );
    let first = stream(0, 7, &[event(7, "a", "1")]).replace(r#""type""#, r#""ref":1,"type""#);
    world.receive(&first);
    world.receive(r#"{"type":"sync_complete","repository":"notes","ref":1,"lastSequence":7,"hasMore":true}"#);
    assert_eq!((world.cursor(), world.visible("a")), (6, "none".into()));
    assert!(last(&mut world).contains(r#""afterSequence":6"#));
}

#[test]
fn by_time_it_begins_at_the_end_where_nothing_is_that_late() {
    let mut world = World::online(filtered());
    answer(&mut world, since());
    world.receive(r#"{"type":"sync_complete","repository":"notes","ref":1,"lastSequence":9}"#);
    assert!(last(&mut world).contains(r#""afterSequence":9"#));
}

#[test]
fn a_question_that_is_refused_is_asked_again_or_not() {
    let mut world = World::online(filtered());
    answer(&mut world, since());
    world.receive(r#"{"type":"error","code":"store_unavailable","message":"No.","ref":1,"retryable":true}"#);
    world.pass(1_000);
    assert_eq!(world.filter, FilterId(2));
    answer(&mut world, since());
    world.receive(r#"{"type":"error","code":"forbidden","message":"No.","ref":2,"retryable":false}"#);
    assert_eq!(*world.state(), ConnectionState::Live);
    world.pass_answered(60_000);
    assert_eq!(world.filter, FilterId(2));
}

#[test]
fn a_beginning_beyond_the_head_is_given_up_for_the_first_event() {
    let mut world = World::online(filtered());
    answer(&mut world, after(5));
    world.forget();
    world.receive(r#"{"type":"history_changed","repository":"notes","epoch":"e1","ref":1}"#);
    assert!(last(&mut world).contains(r#""notes":{"afterSequence":0}"#));
    assert_eq!(world.filter, FilterId(1));
    assert!(
        !world
            .notices
            .iter()
            .any(|notice| matches!(notice, Notice::HistoryChanged { .. }))
    );
    world.receive(&stream(0, 2, &[event(1, "a", "1"), event(2, "b", "1")]));
    world.receive(r#"{"type":"sync_complete","repository":"notes","ref":2}"#);
    assert_eq!((world.cursor(), world.state()), (2, &ConnectionState::Live));
}

#[test]
fn a_repository_that_is_folded_again_or_cleared_asks_again() {
    let mut world = World::online(filtered());
    answer(&mut world, after(5));
    world.receive(&stream(5, 6, &[event(6, "a", "1")]));
    let (one, other) = (repository("notes"), repository("notes"));
    world.give(ClientInput::Resync { repository: one });
    assert_eq!(world.filter, FilterId(2));
    answer(&mut world, after(3));
    assert!(last(&mut world).contains(r#""afterSequence":3"#));
    world.give(ClientInput::Clear { repository: other });
    assert_eq!(world.filter, FilterId(3));
    world.receive(r#"{"type":"history_changed","repository":"notes","epoch":"e1"}"#);
    assert_eq!(world.filter, FilterId(4));
}

#[test]
fn others_do_not_wait_and_late_answers_count_as_ignored() {
    let mut config = config(&["notes", "users"]);
    config.repositories[0].filtered = true;
    let mut world = World::new(config);
    world.start();
    world.open();
    world.receive(AUTH_SUCCESS);
    let subscribed = last(&mut world);
    assert!(
        subscribed.contains("users") && !subscribed.contains("notes"),
        "{subscribed}"
    );
    let late = world.filter;
    reconnect(&mut world);
    assert_eq!(world.filter, FilterId(2));
    world.give(ClientInput::FilterBuilt {
        filter: late,
        result: Some(after(5)),
    });
    assert_eq!((world.client.ignored(), world.cursor()), (1, 0));
    answer(&mut world, after(5));
    answer(&mut world, after(6));
    assert_eq!((world.client.ignored(), world.cursor()), (2, 5));
}

#[test]
fn a_beginning_that_is_not_durable_is_asked_for_again_and_a_failure_is_repeated() {
    let mut world = World::online(filtered());
    world.storing = false;
    while !world.asked.is_empty() {
        world.store();
    }
    answer(&mut world, after(5));
    world.fail_storage();
    world.storing = true;
    world.pass(1_000);
    assert_eq!(world.cursor(), 5);
    let mut world = World::online(filtered());
    world.storing = false;
    answer(&mut world, after(5));
    world.fail_storage();
    let mut again = World::on(world.disk.clone(), filtered());
    again.start();
    again.open();
    again.receive(AUTH_SUCCESS);
    assert_eq!((again.filter, again.cursor()), (FilterId(1), 0));
}

#[test]
fn a_plain_server_is_read_from_the_sequence_and_not_asked_by_time() {
    let mut world = World::plain(filtered());
    assert_eq!(last(&mut world), "");
    let by_both = SyncFilter {
        after: Some(Sequence::new(5)),
        ..since()
    };
    answer(&mut world, by_both);
    let asked = last(&mut world);
    assert!(
        asked.contains(r#""afterSequence":5"#) && !asked.contains("since"),
        "{asked}"
    );
}
