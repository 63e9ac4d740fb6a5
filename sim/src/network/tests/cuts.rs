//! How a connection ends before its time, and who hears of it.

use super::*;

#[test]
fn an_end_whose_peer_dies_hears_of_it_after_a_latency() {
    let (mut world, link) = World::connected(calm());
    world.send(link, End::Client, 10);
    world.abandon(link, End::Client, true);
    world.run();
    assert_eq!(world.story(), ["10 Server frame 10", "10 Server closed None"]);
    assert!(world.network.links.is_empty());
}

#[test]
fn an_end_that_is_not_told_hears_a_round_trip_after_it_has_sent() {
    let (mut world, link) = World::connected(calm());
    world.abandon(link, End::Client, false);
    world.run_to(world.start + 5_000_000);
    assert!(world.story().is_empty());
    assert_eq!(world.fired.times(Fault::HalfOpen), 1);
    world.network.heal(&mut world.scheduler);
    world.send(link, End::Server, 1);
    world.run();
    assert_eq!(world.story(), ["5020 Server closed None"]);
    assert!(world.network.links.is_empty());
}

#[test]
fn a_host_that_sleeps_tells_nobody_before_it_wakes() {
    let (mut world, link) = World::connected(calm());
    world.abandon(link, End::Client, false);
    world.network.asleep(0, world.scheduler.now());
    world.send(link, End::Server, 1);
    world.run_to(world.start + 5_000_000);
    assert!(world.story().is_empty());
    world.network.awake(0, &mut world.scheduler);
    world.run();
    assert_eq!(world.story(), ["5010 Server closed None"]);
}

#[test]
fn a_cut_ends_the_stream_at_any_byte() {
    // Ten frames of 16 bytes (header 6) are under way.
    for percent in 0..=100 {
        let (mut world, link) = World::connected(calm());
        for _ in 0..10 {
            world.send(link, End::Client, 10);
        }
        world.cut(percent, true, true);
        world.run();
        let story = world.story();
        let bytes = 160 * percent / 100;
        let frames = story.iter().filter(|line| *line == "10 Server frame 10").count() as u64;
        let parts = story.iter().filter(|line| *line == "10 Server alive").count() as u64;
        assert_eq!(
            (frames, parts),
            (bytes / 16, u64::from(bytes % 16 > 0)),
            "{percent}%: {story:?}"
        );
        let end = if bytes > 0 {
            "10 Server closed None"
        } else {
            "0 Server closed None"
        };
        assert!(story.contains(&end.to_owned()));
        assert!(story.contains(&"0 Client closed None".to_owned()));
        assert!(world.network.links.is_empty());
    }
}

#[test]
fn an_end_that_a_cut_leaves_untold_finds_out_when_it_sends() {
    for (client_told, server_told) in [(true, false), (false, true), (false, false)] {
        let (mut world, link) = World::connected(calm());
        world.cut(100, client_told, server_told);
        world.run_to(world.start + 1_000_000);
        let told = usize::from(client_told) + usize::from(server_told);
        assert_eq!(world.story(), if told == 0 { vec![] } else { world_told(client_told) });
        assert_eq!(world.fired.times(Fault::HalfOpen), 1);
        world.send(link, End::Client, 2_000);
        world.send(link, End::Server, 2_000);
        world.run();
        let story = world.story();
        assert_eq!(story.len(), 2 - told, "{story:?}");
        assert!(world.network.links.is_empty());
    }
}

fn world_told(client: bool) -> Vec<&'static str> {
    if client {
        vec!["0 Client closed None"]
    } else {
        vec!["0 Server closed None"]
    }
}

#[test]
fn what_a_cut_took_away_is_sent_again_and_finds_nobody() {
    let (mut world, link) = World::connected(calm());
    world.send(link, End::Server, 100);
    world.cut(50, true, false);
    world.run();
    assert_eq!(
        world.story(),
        ["10 Client alive", "10 Client closed None", "20 Server closed None"]
    );
    assert!(world.network.links.is_empty());
}

#[test]
fn an_end_that_does_not_read_hears_of_a_reset_when_it_waits_to_send() {
    let (mut world, link) = World::connected(calm());
    world.network.pause(link, End::Server);
    world.send(link, End::Client, 10);
    world.cut(100, true, true);
    world.run();
    assert_eq!(world.story(), ["0 Client closed None"]);
    world.send(link, End::Server, 2_000);
    world.run();
    assert_eq!(world.story(), ["10 Server closed None"], "what was not read is gone");
}

#[test]
fn a_close_that_a_cut_took_away_leaves_the_other_end_untold() {
    let (mut world, link) = World::connected(calm());
    world.close(link, End::Client);
    world.cut(0, false, false);
    world.run_to(world.start + 1_000_000);
    assert!(world.story().is_empty());
    world.send(link, End::Server, 1);
    world.run();
    assert_eq!(world.story(), ["1020 Server closed None"]);
}

#[test]
fn a_second_cut_takes_no_news_of_the_first_away() {
    let (mut world, _) = World::connected(calm());
    world.cut(100, true, false);
    world.cut(0, true, true);
    world.run();
    assert_eq!(world.story(), ["0 Client closed None", "0 Server closed None"]);
}

#[test]
fn a_cut_meets_a_connect() {
    let mut world = World::new(calm());
    world.connect();
    world.run_to(10_000);
    world.cut(0, true, true);
    world.run();
    assert_eq!(world.story(), ["10 failed 0"]);
    assert!(world.network.links.is_empty());
}

#[test]
fn an_end_that_does_not_read_and_waits_to_send_still_hears_that_its_connection_is_cut() {
    let mut plan = calm();
    plan.socket_bytes = 1;
    let (mut world, link) = World::connected(plan);
    world.network.pause(link, End::Client);
    world.send(link, End::Server, 0);
    world.cut(0, false, false);
    world.send(link, End::Client, 0);
    world.run();
    assert_eq!(world.story(), ["20 Server closed None", "20 Client closed None"]);
    assert!(world.network.links.is_empty(), "{:?}", world.network.links);
}
