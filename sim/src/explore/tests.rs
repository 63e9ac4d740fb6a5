use super::*;

fn explored(world: SmallWorld) -> Explored {
    explore(&world, &mut |_| {})
}

/// One client and one event from the start on, and one fault.
const ALONE: SmallWorld = SmallWorld {
    name: "alone",
    clients: 1,
    writes: &[0],
    victims: &[0],
    ..SmallWorld::CALM
};

fn assert_holds(world: SmallWorld) -> Explored {
    let explored = explored(world);
    assert_eq!(
        explored.failure,
        None,
        "{}",
        explored.failure.clone().unwrap_or_default()
    );
    explored
}

#[test]
fn a_client_and_an_event_hold_under_every_cut() {
    let cut = assert_holds(SmallWorld { cuts: 1, ..ALONE });
    let calm = assert_holds(ALONE);
    assert!(calm.terminal > 0 && cut.states > 4 * calm.states, "{calm:?} {cut:?}");
}

#[test]
fn a_client_and_an_event_hold_under_every_crash() {
    assert_holds(SmallWorld {
        client_crashes: 1,
        ..ALONE
    });
    assert_holds(SmallWorld {
        server_crashes: 1,
        ..ALONE
    });
}

#[test]
fn two_live_clients_with_an_event_each_hold() {
    let both = assert_holds(SmallWorld::LIVE);
    assert!(both.terminal > 1, "{both:?}");
}

#[test]
fn orders_that_are_left_out_change_no_end() {
    for world in [
        SmallWorld::LIVE,
        SmallWorld { cuts: 1, ..ALONE },
        SmallWorld {
            writes: &[],
            ..SmallWorld::CALM
        },
    ] {
        let some = assert_holds(world);
        let every = assert_holds(SmallWorld {
            every_order: true,
            ..world
        });
        assert_eq!(some.terminal, every.terminal);
        assert!(some.transitions < every.transitions, "{some:?} {every:?}");
    }
}

#[test]
fn a_search_is_the_same_every_time() {
    let world = SmallWorld { cuts: 1, ..ALONE };
    assert_eq!(explored(world), explored(world));
}

#[test]
fn a_store_that_acks_before_it_is_durable_is_noticed() {
    let found = explored(SmallWorld {
        store_lies: true,
        ..ALONE
    });
    let path = found.failure.expect("an ack of what is not durable");
    assert!(path.contains("durable_ack") && path.contains("is durable"), "{path}");
    let last = path.lines().rev().nth(1).expect("a path has steps");
    assert!(last.contains("store: the hub is told"), "{path}");
}

#[test]
fn the_worlds_have_names_of_their_own() {
    let names: std::collections::BTreeSet<&str> = WORLDS.iter().map(|world| world.name).collect();
    assert_eq!(names.len(), WORLDS.len());
}
