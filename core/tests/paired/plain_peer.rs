//! The published client's habits against our server.

use crate::client_host::repository;
use crate::world::World;
use std::time::Duration;

const SECOND: Duration = Duration::from_secs(1);

/// An authenticated plain peer.
fn plain(world: &mut World) -> usize {
    let peer = world.add_peer();
    world.say(peer, r#"{"type":"auth","Authorization":"Bearer t"}"#);
    world.run_for(Duration::from_millis(20));
    assert_eq!(world.heard(peer), [r#"{"type":"auth_success"}"#]);
    peer
}

fn writer(world: &mut World) -> usize {
    let client = world.add_client(&["users", "counter_log"]);
    world.start(client);
    world.run_for(SECOND);
    client
}

/// The sequences in the frames, in order.
fn sequences(frames: &[String]) -> Vec<u64> {
    let numbers = |frame: &String| {
        let after = frame.split("\"serverSequence\":").skip(1);
        after
            .map(|rest| rest.split(['}', ',']).next().unwrap().parse().unwrap())
            .collect::<Vec<u64>>()
    };
    frames
        .iter()
        .filter(|frame| frame.starts_with(r#"{"type":"events""#))
        .flat_map(numbers)
        .collect()
}

#[test]
fn live_events_do_not_overtake_the_first_request() {
    let mut world = World::new();
    let client = writer(&mut world);
    for n in 0..3 {
        world.upsert(client, "users", &format!("u{n}"), "{}");
    }
    world.run_for(SECOND);
    let peer = plain(&mut world);
    world.upsert(client, "users", "live", "{}");
    world.run_for(Duration::from_millis(500));
    assert_eq!(world.heard(peer), [""; 0], "nothing before the first request");
    world.say(
        peer,
        r#"{"type":"request_events","repository":"users","afterSequence":1}"#,
    );
    world.run_for(Duration::from_millis(100));
    let heard = world.heard(peer);
    assert_eq!(sequences(&heard), [2, 3, 4]);
    assert!(
        heard
            .last()
            .unwrap()
            .starts_with(r#"{"type":"sync_complete","repository":"users""#),
        "{heard:?}"
    );
    world.upsert(client, "users", "later", "{}");
    world.run_for(SECOND);
    assert_eq!(sequences(&world.heard(peer)), [5]);
}

#[test]
fn without_a_request_a_repository_is_heard_of_after_a_second() {
    let mut world = World::new();
    let client = writer(&mut world);
    world.upsert(client, "users", "before", "{}");
    world.run_for(SECOND);
    let peer = plain(&mut world);
    world.upsert(client, "users", "after", "{}");
    world.run_for(Duration::from_millis(900));
    assert_eq!(world.heard(peer), [""; 0]);
    world.run_for(Duration::from_millis(200));
    assert_eq!(
        sequences(&world.heard(peer)),
        [2],
        "from the head as of auth_success on"
    );
}

#[test]
fn what_a_limit_cut_off_follows_a_second_later() {
    let mut world = World::new();
    let client = writer(&mut world);
    for n in 0..12 {
        world.upsert(client, "counter_log", &format!("c{n}"), "{}");
    }
    world.run_for(SECOND);
    let peer = plain(&mut world);
    world.say(
        peer,
        r#"{"type":"request_events","repository":"counter_log","afterSequence":0,"limit":5}"#,
    );
    world.run_for(Duration::from_millis(500));
    let heard = world.heard(peer);
    assert_eq!(sequences(&heard), [1, 2, 3, 4, 5]);
    assert!(heard.last().unwrap().contains(r#""hasMore":true"#), "{heard:?}");
    world.upsert(client, "counter_log", "live", "{}");
    world.run_for(SECOND);
    assert_eq!(sequences(&world.heard(peer)), (6..=13).collect::<Vec<_>>());
}

#[test]
fn a_cursor_above_the_head_is_answered_from_the_beginning() {
    let mut world = World::new();
    let client = writer(&mut world);
    world.upsert(client, "users", "u", "{}");
    world.run_for(SECOND);
    let peer = plain(&mut world);
    world.say(
        peer,
        r#"{"type":"request_events","repository":"users","afterSequence":900}"#,
    );
    world.run_for(Duration::from_millis(100));
    assert_eq!(sequences(&world.heard(peer)), [1]);
}

#[test]
fn a_whole_queue_in_one_frame_is_acked_and_comes_back_in_the_stream() {
    let mut world = World::new();
    let peer = plain(&mut world);
    world.say(peer, r#"{"type":"request_all_events"}"#);
    let events: Vec<_> = (0..2_000)
        .map(|n| {
            format!(
                r#"{{"_event_id":"e{n}","_operation":0,"_created_at":"2025-01-23T10:00:00Z","_data":{{"id":"{n}"}}}}"#
            )
        })
        .collect();
    world.say(
        peer,
        &format!(
            r#"{{"type":"push_events_batch","repository":"users","events":[{}]}}"#,
            events.join(",")
        ),
    );
    world.run_for(5 * SECOND);
    let heard = world.heard(peer);
    assert_eq!(sequences(&heard), (1..=2_000).collect::<Vec<_>>());
    let acks: Vec<_> = heard
        .iter()
        .filter(|frame| frame.starts_with(r#"{"type":"ack""#))
        .collect();
    assert_eq!(acks.len(), 1);
    assert!(
        acks[0].contains(r#""repositories":{"users":["e0","e1","#),
        "{}",
        &acks[0][..200]
    );
    assert_eq!(world.store.log(&repository("users")).len(), 2_000);
}

#[test]
fn a_repeat_is_acked_stored_once_and_sent_to_nobody() {
    let mut world = World::new();
    let (peer, listener) = (plain(&mut world), plain(&mut world));
    for (id, n) in [("e", 1), ("e", 1), ("e", 2)] {
        let push =
            format!(r#"{{"type":"push_event","repository":"users","event":{{"eventId":"{id}","data":{{"n":{n}}}}}}}"#);
        world.say(peer, &push);
    }
    world.run_for(5 * SECOND);
    let heard = world.heard(peer);
    let acks = heard
        .iter()
        .filter(|frame| frame.starts_with(r#"{"type":"ack""#))
        .count();
    assert_eq!((acks, sequences(&heard)), (3, vec![1]), "{heard:?}");
    assert_eq!(sequences(&world.heard(listener)), [1]);
}

#[test]
fn a_frame_never_mixes_events_that_the_package_reads_with_others() {
    let mut world = World::new();
    let peer = plain(&mut world);
    let package = |n: usize| {
        format!(r#"{{"_event_id":"e{n}","_operation":0,"_created_at":"2025-01-23T10:00:00Z","_data":{{}}}}"#)
    };
    let seeds = |n: usize| format!(r#"{{"eventId":"e{n}"}}"#);
    let events: Vec<_> = (0..12)
        .map(|n| if n / 2 % 2 == 0 { package(n) } else { seeds(n) })
        .collect();
    world.say(
        peer,
        &format!(
            r#"{{"type":"push_events_batch","repository":"users","events":[{}]}}"#,
            events.join(",")
        ),
    );
    world.run_for(3 * SECOND);
    world.say(peer, r#"{"type":"request_events","repository":"users"}"#);
    world.run_for(SECOND);
    let heard = world.heard(peer);
    let frames: Vec<_> = heard
        .iter()
        .filter(|frame| frame.starts_with(r#"{"type":"events""#))
        .collect();
    assert!(
        frames
            .iter()
            .all(|frame| frame.contains("_event_id") != frame.contains(r#""eventId""#)),
        "{frames:?}"
    );
    assert_eq!(sequences(&heard).len(), 24, "once live and once as asked for");
}

#[test]
fn a_peer_that_does_not_read_costs_a_bounded_buffer_and_gets_everything_later() {
    let mut world = World::new();
    let client = writer(&mut world);
    let peer = plain(&mut world);
    world.say(peer, r#"{"type":"request_all_events"}"#);
    world.run_for(SECOND);
    world.heard(peer);
    world.listen(peer, false);
    let text = "x".repeat(1_000);
    for n in 0..1_000 {
        world.upsert(client, "users", &format!("u{n}"), &format!(r#"{{"t":"{text}"}}"#));
    }
    world.run_for(20 * SECOND);
    let connection = world.peers[peer].connection;
    let most = world.links[&connection].to_client.bytes();
    let bound = world.limits.stream_bytes + world.limits.page_bytes + world.limits.reply_bytes;
    assert!(most <= bound, "{most} bytes wait for the peer");
    world.listen(peer, true);
    world.run_for(5 * SECOND);
    assert_eq!(sequences(&world.heard(peer)), (1..=1_000).collect::<Vec<_>>());
}

#[test]
fn a_peer_that_never_reads_again_is_closed() {
    let mut world = World::new();
    let peer = plain(&mut world);
    world.listen(peer, false);
    world.run_for(100 * SECOND);
    let open = &world.server.as_ref().unwrap().sessions;
    assert!(open.is_empty(), "the server has let it go");
}
