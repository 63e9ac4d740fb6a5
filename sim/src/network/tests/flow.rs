//! What a connection does while nothing is wrong, and how it ends.

use super::*;

#[test]
fn a_connection_opens_carries_frames_and_closes_in_order() {
    let mut world = World::new(calm());
    let link = world.network.connect(0, &mut world.scheduler);
    world.run();
    let accepted = (15_000, NetworkEvent::Accepted { link });
    let connected = (25_000, NetworkEvent::Connected { link });
    assert_eq!(std::mem::take(&mut world.told), [accepted, connected]);
    world.send(link, End::Client, 10);
    world.send(link, End::Client, 20);
    world.close(link, End::Client);
    world.run();
    let flushed = |bytes| NetworkEvent::Flushed {
        link,
        end: End::Client,
        bytes,
    };
    let frame = |bytes: usize| NetworkEvent::Frame {
        link,
        end: End::Server,
        frame: "x".repeat(bytes).into(),
    };
    let closed = NetworkEvent::Closed {
        link,
        end: End::Server,
        code: Some(CloseCode::NORMAL),
        reason: "done".into(),
    };
    assert_eq!(
        world.told,
        [
            (25_000, flushed(10)),
            (25_000, flushed(20)),
            (35_000, frame(10)),
            (35_000, frame(20)),
            (35_000, closed)
        ]
    );
    assert!(world.network.is_idle() && world.network.links.is_empty());
}

fn flushed(world: &mut World) -> Vec<(u64, usize)> {
    let start = world.start;
    let told = std::mem::take(&mut world.told).into_iter();
    let flushed = told.filter_map(|(at, event)| match event {
        NetworkEvent::Flushed { bytes, .. } => Some(((at - start) / 1_000, bytes)),
        _ => None,
    });
    flushed.collect()
}

#[test]
fn a_full_socket_takes_more_when_it_hears_that_the_other_end_has_read() {
    let (mut world, link) = World::connected(calm());
    world.send(link, End::Server, 700);
    world.send(link, End::Server, 500);
    assert_eq!(
        flushed(&mut world),
        [(0, 700), (0, 292)],
        "1000 bytes less two headers of 4"
    );
    world.run();
    assert_eq!(flushed(&mut world), [(20, 208)]);
}

#[test]
fn a_frame_larger_than_the_socket_comes_in_parts() {
    let (mut world, link) = World::connected(calm());
    world.send(link, End::Server, 2_500);
    world.run();
    assert_eq!(
        world.story(),
        ["10 Client alive", "30 Client alive", "50 Client frame 2500"]
    );
}

#[test]
fn who_does_not_read_keeps_the_other_end_from_sending() {
    let (mut world, link) = World::connected(calm());
    world.network.pause(link, End::Client);
    for _ in 0..3 {
        world.send(link, End::Server, 396);
    }
    world.run();
    assert_eq!(flushed(&mut world), [(0, 396), (0, 396), (0, 196)]);
    world.network.resume(link, End::Client, &mut world.scheduler);
    world.run();
    assert_eq!(flushed(&mut world), [(20, 200)]);
}

#[test]
fn a_frame_that_is_answered_with_a_pause_is_the_last_one() {
    let (mut world, link) = World::connected(calm());
    world.send(link, End::Server, 1);
    world.send(link, End::Server, 2);
    let due = world.scheduler.pop().unwrap();
    world
        .network
        .due(due, &mut world.scheduler, &mut world.out, &mut world.fired);
    world.network.pause(link, End::Client);
    world.take();
    world.run();
    assert_eq!(world.story(), ["10 Client frame 1"]);
    world.network.resume(link, End::Client, &mut world.scheduler);
    world.run();
    assert_eq!(world.story(), ["10 Client frame 2"]);
}

#[test]
fn a_narrow_link_carries_so_many_bytes_a_second() {
    let mut plan = calm();
    (plan.bandwidth, plan.socket_bytes) = (Some(1_000), 100_000);
    let (mut world, link) = World::connected(plan);
    world.send(link, End::Server, 996);
    world.send(link, End::Server, 496);
    world.run();
    let story = world.story();
    assert_eq!(
        story,
        ["510 Client alive", "1010 Client frame 996", "1510 Client frame 496"]
    );
    assert!(world.fired.times(Fault::NarrowLink) >= 2);
}

#[test]
fn latency_varies_and_nothing_overtakes() {
    let mut plan = calm();
    plan.latency = Delay::LongTail(10_000);
    plan.socket_bytes = 100_000;
    let (mut world, link) = World::connected(plan);
    for bytes in 0..100 {
        world.send(link, End::Client, bytes);
    }
    world.run();
    let frames = |(_, event): &(u64, NetworkEvent)| match event {
        NetworkEvent::Frame { frame, .. } => Some(frame.len()),
        _ => None,
    };
    let sizes: Vec<_> = world.told.iter().filter_map(frames).collect();
    assert_eq!(sizes, (0..100).collect::<Vec<_>>());
    assert!(world.fired.times(Fault::Jitter) > 50);
}

#[test]
fn a_close_comes_behind_what_waits_for_room() {
    let (mut world, link) = World::connected(calm());
    world.send(link, End::Server, 1_500);
    world.close(link, End::Server);
    world.send(link, End::Client, 5);
    world.run();
    assert_eq!(
        world.story(),
        [
            "10 Client alive",
            // The server has closed: its host may still read what was on its way.
            "10 Server late 5",
            "30 Client frame 1500",
            "30 Client closed Some(1000)"
        ]
    );
    assert!(world.network.links.is_empty());
}

#[test]
fn ends_that_close_at_once_are_both_done() {
    let (mut world, link) = World::connected(calm());
    world.close(link, End::Server);
    world.close(link, End::Client);
    world.run();
    assert!(world.story().is_empty() && world.network.links.is_empty());
}

#[test]
fn a_lossy_connection_drops_whole_frames() {
    let mut plan = calm();
    plan.lossy_percent = 50;
    plan.socket_bytes = 100_000;
    let (mut world, link) = World::connected(plan);
    for _ in 0..100 {
        world.send(link, End::Client, 1);
    }
    world.run();
    assert!((30..70).contains(&world.story().len()));
}
