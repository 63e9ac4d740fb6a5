//! What lasts for a while: refusals, stalls, partitions, readers that do not read.

use super::*;
use crate::scenario::Way;

fn fired(world: &World, fault: Fault) -> u64 {
    world.fired.times(fault)
}

#[test]
fn a_connect_is_refused_for_a_while_or_while_nobody_listens() {
    let mut world = World::new(calm());
    world.network.refuse(0, MS(100), world.scheduler.now());
    world.connect();
    world.run();
    assert_eq!(world.story(), ["25 failed 0"]);
    assert_eq!(fired(&world, Fault::ConnectRefused), 1);
    world.run_to(100_000);
    world.network.server_listens(false);
    world.connect();
    world.run();
    assert_eq!(world.story(), ["125 failed 1"]);
    assert_eq!(fired(&world, Fault::ConnectRefused), 1);
    world.network.server_listens(true);
    world.connect();
    world.run();
    assert_eq!(world.story(), ["140 accepted 2", "150 connected 2"]);
}

#[test]
fn a_connect_hangs_until_the_client_gives_up() {
    let mut world = World::new(calm());
    world.network.hang(0, MS(100), world.scheduler.now());
    let link = world.connect();
    world.run_to(1_500_000);
    assert!(world.story().is_empty());
    assert_eq!(fired(&world, Fault::ConnectHangs), 1);
    world.close(link, End::Client);
    world.run();
    assert!(world.story().is_empty() && world.network.links.is_empty());
}

#[test]
fn a_connect_that_was_given_up_may_still_be_accepted_and_ends_there() {
    let mut world = World::new(calm());
    let link = world.connect();
    world.run_to(10_000);
    world.close(link, End::Client);
    world.run();
    assert_eq!(world.story(), ["15 accepted 0", "20 Server closed None"]);
    let link = world.connect();
    world.close(link, End::Client);
    world.run();
    assert!(world.story().is_empty(), "it was given up before anything left");
    assert!(world.network.links.is_empty());
}

#[test]
fn a_stall_holds_up_both_directions_and_loses_nothing() {
    let (mut world, link) = World::connected(calm());
    world.send(link, End::Client, 1);
    world.network.stall(0, MS(300), &mut world.scheduler);
    world.send(link, End::Server, 2);
    world.run();
    assert_eq!(world.story(), ["300 Client frame 2", "300 Server frame 1"]);
    assert_eq!(fired(&world, Fault::Stall), 2);
    let other = world.connect();
    world.network.stall(0, MS(300), &mut world.scheduler);
    world.network.heal(&mut world.scheduler);
    world.run();
    assert_eq!(
        world.story(),
        [
            format!("315 accepted {}", other.0),
            format!("325 connected {}", other.0)
        ]
    );
}

#[test]
fn a_partition_stops_data_one_way_and_the_acks_of_the_other() {
    let (mut world, link) = World::connected(calm());
    world.network.partition(0, Way::Up, MS(300), &mut world.scheduler);
    world.send(link, End::Client, 10);
    for _ in 0..3 {
        world.send(link, End::Server, 496);
    }
    world.run_to(world.start + 200_000);
    assert_eq!(
        world.story(),
        ["10 Client frame 496", "10 Client frame 496"],
        "then no ack makes room"
    );
    world.run();
    assert_eq!(world.story(), ["300 Server frame 10", "310 Client frame 496"]);
    assert_eq!(fired(&world, Fault::OneWayPartition), 1);
}

#[test]
fn a_partition_holds_up_new_connects_too() {
    let mut world = World::new(calm());
    world.network.partition(0, Way::Down, MS(300), &mut world.scheduler);
    world.connect();
    world.run();
    assert_eq!(world.story(), ["15 accepted 0", "300 connected 0"]);
}

#[test]
fn bytes_of_a_lingering_connection_arrive_while_its_successor_is_open() {
    let (mut world, old) = World::connected(calm());
    world.network.linger(0, MS(500));
    world.send(old, End::Client, 7);
    world.close(old, End::Client);
    world.connect();
    world.run();
    let story = [
        "15 accepted 1",
        "25 connected 1",
        "500 Server frame 7",
        "500 Server closed Some(1000)",
    ];
    assert_eq!(world.story(), story);
    assert_eq!(fired(&world, Fault::Overlap), 2);
    assert_eq!(fired(&world, Fault::Stall), 0);
}

#[test]
fn a_client_that_does_not_read_is_told_later() {
    let (mut world, link) = World::connected(calm());
    world.network.not_reading(0, MS(400), world.scheduler.now());
    world.send(link, End::Server, 996);
    world.send(link, End::Server, 10);
    world.send(link, End::Client, 5);
    world.run();
    assert_eq!(
        world.story(),
        ["10 Server frame 5", "400 Client frame 996", "420 Client frame 10"]
    );
    assert_eq!(fired(&world, Fault::SlowReader), 1);
}

#[test]
fn what_comes_to_a_host_that_sleeps_waits() {
    let (mut world, link) = World::connected(calm());
    world.network.asleep(0, world.scheduler.now());
    world.send(link, End::Server, 3);
    world.run();
    assert!(world.story().is_empty());
    world.scheduler.advance(Instant::from_micros(world.start + 900_000));
    world.network.awake(0, &mut world.scheduler);
    world.run();
    assert_eq!(world.story(), ["900 Client frame 3"]);
}
