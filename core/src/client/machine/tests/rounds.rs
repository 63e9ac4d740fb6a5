//! When a client connects and when it hangs up, by its strategy.

use super::outbox::pushed;
use super::*;
use crate::client::Strategy;

const COMPLETE: &str = r#"{"type":"sync_complete","repository":"notes"}"#;

fn with(strategy: Strategy) -> ClientConfig {
    let mut config = config(&["notes"]);
    config.strategy = strategy;
    config
}

fn every(seconds: u64) -> Strategy {
    Strategy {
        every: Some(Duration::from_secs(seconds)),
        ..Strategy::manual()
    }
}

fn on_connectivity() -> Strategy {
    Strategy {
        on_connectivity: true,
        ..Strategy::manual()
    }
}

/// A client with this strategy that has been started.
fn started(strategy: Strategy) -> World {
    let mut world = World::new(with(strategy));
    world.start();
    world
}

/// The connection that is being made opens, and reaches the head.
fn catch_up(world: &mut World) {
    assert_eq!(*world.state(), ConnectionState::Connecting);
    world.open();
    world.receive(AUTH_SUCCESS);
    world.receive(COMPLETE);
}

fn count(world: &World, wanted: &Notice) -> usize {
    world.notices.iter().filter(|notice| *notice == wanted).count()
}

fn failures(world: &World) -> usize {
    let failed = |notice: &&Notice| matches!(notice, Notice::SyncFailed { .. });
    world.notices.iter().filter(failed).count()
}

/// Whether nothing is connected and nothing planned.
fn is_idle(world: &World) -> bool {
    *world.state() == ConnectionState::Offline { retry_in: None } && world.client.next_wake().is_none()
}

fn retry_in(world: &World) -> u64 {
    match world.state() {
        ConnectionState::Offline { retry_in: Some(delay) } => delay.as_secs(),
        state => panic!("{state:?}"),
    }
}

#[test]
fn a_manual_client_does_nothing_until_it_is_told() {
    let mut world = started(Strategy::manual());
    world.put("a", "1");
    world.give(ClientInput::Connectivity(true));
    world.pass(600_000);
    assert!(is_idle(&world));
    assert_eq!(world.client.blocked(), Some(Blocked::Offline));
    assert!(!world.trace().contains("connect"));
}

#[test]
fn a_round_reads_and_pushes_everything_and_hangs_up() {
    let mut world = started(Strategy::manual());
    let first = world.put("a", "1");
    world.give(ClientInput::SyncNow);
    catch_up(&mut world);
    assert_eq!(pushed(&mut world), ["a"]);
    // What is written meanwhile goes along.
    let second = world.put("b", "1");
    world.receive(&ack(&first, 1));
    assert_eq!((count(&world, &Notice::Synced), world.client.pending()), (0, 1));
    world.forget();
    world.receive(&ack(&second, 2));
    insta::assert_snapshot!(
        world
            .trace()
            .lines()
            .filter(|line| !line.starts_with("storage"))
            .collect::<Vec<_>>()
            .join("\n")
    );
    assert!(is_idle(&world));
    assert_eq!(world.client.link.failures, 0);
    world.put("c", "1");
    world.pass(600_000);
    assert!(is_idle(&world));
}

#[test]
fn a_round_waits_for_a_write_that_is_not_durable_yet() {
    let mut world = started(Strategy::manual());
    world.give(ClientInput::SyncNow);
    world.open();
    world.receive(AUTH_SUCCESS);
    world.storing = false;
    world.put_later("a", "1");
    world.receive(COMPLETE);
    world.store();
    assert_eq!(count(&world, &Notice::Synced), 0);
    world.storing = true;
    while !world.asked.is_empty() {
        world.store();
    }
    assert_eq!((count(&world, &Notice::Synced), world.client.pending()), (0, 1));
    assert_eq!(*world.state(), ConnectionState::Live);
}

#[test]
fn a_failed_attempt_of_a_round_is_repeated_until_the_round_is_done() {
    let mut world = started(Strategy::manual());
    world.give(ClientInput::SyncNow);
    world.disconnect(None);
    assert_eq!(retry_in(&world), 3);
    world.pass(3_000);
    world.open();
    world.receive(AUTH_SUCCESS);
    world.disconnect(None);
    world.pass(60_000);
    // Asked once more, it skips the delay and is the same round.
    world.give(ClientInput::SyncNow);
    catch_up(&mut world);
    assert_eq!((count(&world, &Notice::Synced), failures(&world)), (1, 0));
    assert!(is_idle(&world));
}

#[test]
fn in_real_time_it_skips_the_delay_and_tells_when_it_is_done() {
    let mut world = started(Strategy::default());
    world.disconnect(None);
    world.give(ClientInput::SyncNow);
    catch_up(&mut world);
    assert_eq!(count(&world, &Notice::Synced), 1);
    assert_eq!(*world.state(), ConnectionState::Live);
    let id = world.put("a", "1");
    assert_eq!(count(&world, &Notice::Synced), 1);
    world.give(ClientInput::SyncNow);
    assert_eq!(count(&world, &Notice::Synced), 1);
    world.receive(&ack(&id, 1));
    assert_eq!(count(&world, &Notice::Synced), 2);
    world.give(ClientInput::SyncNow);
    assert_eq!((count(&world, &Notice::Synced), failures(&world)), (3, 0));
    assert_eq!(*world.state(), ConnectionState::Live);
}

#[test]
fn refused_credentials_fail_a_round_and_others_finish_it() {
    let mut world = started(Strategy::manual());
    world.give(ClientInput::SyncNow);
    world.open();
    world.receive(r#"{"type":"error","code":"auth_failed","message":"No."}"#);
    assert_eq!(failures(&world), 1);
    world.give(ClientInput::SyncNow);
    assert_eq!(failures(&world), 2);
    world.pass(600_000);
    assert_eq!(world.client.next_wake(), None);
    world.give(ClientInput::Credentials(ClientCredentials::default()));
    catch_up(&mut world);
    assert_eq!(count(&world, &Notice::Synced), 1);
    assert!(is_idle(&world));
}

#[test]
fn credentials_that_expire_in_a_round_fail_it_and_others_finish_it() {
    let mut world = started(Strategy::manual());
    world.put("a", "1");
    world.give(ClientInput::SyncNow);
    world.open();
    world.receive(AUTH_SUCCESS);
    world.receive(r#"{"type":"error","code":"token_expired","message":"No."}"#);
    world.give(ClientInput::SyncNow);
    assert_eq!(failures(&world), 2);
    world.give(ClientInput::Credentials(ClientCredentials::default()));
    world.receive(AUTH_SUCCESS);
    world.receive(r#"{"type":"sync_complete","repository":"notes","ref":2}"#);
    let id = world.disk.own.values().next().unwrap().id.to_string();
    world.receive(&ack(&id, 1));
    assert_eq!(count(&world, &Notice::Synced), 1);
}

#[test]
fn a_stop_fails_a_round_and_the_next_start_knows_nothing_of_it() {
    let mut world = started(Strategy::manual());
    world.give(ClientInput::SyncNow);
    world.give(ClientInput::Stop);
    assert_eq!(failures(&world), 1);
    world.give(ClientInput::SyncNow);
    assert_eq!(failures(&world), 2);
    world.start();
    assert!(is_idle(&world));
}

#[test]
fn a_round_that_is_wanted_before_storage_is_open_begins_then() {
    let mut world = World::new(with(Strategy::manual()));
    world.storing = false;
    world.give(ClientInput::SyncNow);
    world.start();
    assert_eq!(*world.state(), ConnectionState::Offline { retry_in: None });
    world.store();
    assert_eq!(*world.state(), ConnectionState::Connecting);
}

#[test]
fn a_periodic_client_begins_at_the_start_and_then_every_so_often() {
    let mut world = started(every(60));
    catch_up(&mut world);
    assert_eq!((count(&world, &Notice::Synced), retry_in(&world)), (1, 60));
    world.pass(59_999);
    assert_eq!(retry_in(&world), 60);
    world.pass(1);
    world.pass(1_000);
    catch_up(&mut world);
    // A second of this round is gone.
    assert_eq!((count(&world, &Notice::Synced), retry_in(&world)), (2, 59));
    // What is told to happen in between moves nothing.
    world.pass(10_000);
    world.give(ClientInput::SyncNow);
    catch_up(&mut world);
    assert_eq!((count(&world, &Notice::Synced), retry_in(&world)), (3, 49));
}

#[test]
fn a_periodic_round_that_lasts_longer_than_its_period_is_followed_by_one_more() {
    let mut world = started(every(10));
    world.open();
    world.receive(AUTH_SUCCESS);
    world.pass_answered(25_000);
    world.receive(COMPLETE);
    let at_once = Some(DELAY_MIN);
    assert_eq!(*world.state(), ConnectionState::Offline { retry_in: at_once });
    world.pass(10);
    catch_up(&mut world);
    assert_eq!(retry_in(&world), 9);
    // However short the period, the host is not kept busy.
    let mut world = started(Strategy {
        every: Some(Duration::ZERO),
        ..Strategy::manual()
    });
    catch_up(&mut world);
    let wake = world.client.next_wake().unwrap();
    assert_eq!(wake.at.since(world.now), DELAY_MIN);
}

#[test]
fn without_a_network_nothing_is_tried_whatever_the_strategy() {
    for strategy in [Strategy::default(), every(60), on_connectivity()] {
        let mut world = started(strategy.clone());
        world.give(ClientInput::Connectivity(false));
        assert!(world.trace().contains("close 1 1001"));
        assert!(is_idle(&world), "{strategy:?}");
        world.pass(3_600_000);
        world.give(ClientInput::SyncNow);
        world.give(ClientInput::Connectivity(false));
        world.pass(3_600_000);
        assert!(is_idle(&world), "{strategy:?}: {}", world.trace());
        world.give(ClientInput::Connectivity(true));
        catch_up(&mut world);
        assert_eq!(count(&world, &Notice::Synced), 1, "{strategy:?}");
    }
}

#[test]
fn a_network_that_goes_during_a_connection_or_a_delay_ends_both() {
    let mut world = World::live(config(&["notes"]));
    world.give(ClientInput::Connectivity(false));
    assert!(is_idle(&world));
    world.give(ClientInput::Connectivity(true));
    assert_eq!(*world.state(), ConnectionState::Connecting);
    world.disconnect(None);
    world.give(ClientInput::Connectivity(false));
    assert!(is_idle(&world));
    // Refused credentials are another matter.
    world.give(ClientInput::Connectivity(true));
    world.open();
    world.receive(r#"{"type":"error","code":"auth_failed","message":"No."}"#);
    world.give(ClientInput::Connectivity(false));
    world.give(ClientInput::Credentials(ClientCredentials::default()));
    assert!(is_idle(&world));
    world.give(ClientInput::Connectivity(true));
    catch_up(&mut world);
    assert_eq!(*world.state(), ConnectionState::Live);
}

#[test]
fn a_client_told_before_its_start_that_there_is_no_network_waits_for_one() {
    let mut world = World::new(with(every(60)));
    world.give(ClientInput::Connectivity(false));
    world.start();
    assert!(is_idle(&world));
    world.give(ClientInput::Connectivity(true));
    catch_up(&mut world);
    assert_eq!(retry_in(&world), 60);
}

#[test]
fn a_periodic_round_that_was_missed_without_a_network_begins_when_there_is_one() {
    let mut world = started(every(60));
    catch_up(&mut world);
    world.give(ClientInput::Connectivity(false));
    world.pass(30_000);
    world.give(ClientInput::Connectivity(true));
    assert_eq!(retry_in(&world), 30);
    world.give(ClientInput::Connectivity(false));
    world.pass(300_000);
    world.give(ClientInput::Connectivity(true));
    world.pass(10);
    catch_up(&mut world);
}

#[test]
fn a_client_on_connectivity_begins_a_round_whenever_a_network_comes() {
    let mut world = started(on_connectivity());
    catch_up(&mut world);
    assert!(is_idle(&world));
    world.put("a", "1");
    world.give(ClientInput::Connectivity(false));
    world.pass(60_000);
    assert!(is_idle(&world));
    world.give(ClientInput::Connectivity(true));
    catch_up(&mut world);
    assert_eq!(pushed(&mut world).pop().unwrap(), "a");
    let id = world.disk.own.values().next().unwrap().id.to_string();
    world.receive(&ack(&id, 1));
    assert_eq!(count(&world, &Notice::Synced), 2);
    assert!(is_idle(&world));
}

#[test]
fn a_round_with_a_plain_server_ends_too() {
    let mut world = started(Strategy::manual());
    let id = world.put("a", "1");
    world.give(ClientInput::SyncNow);
    world.open();
    world.receive(r#"{"type":"auth_success"}"#);
    world.receive(COMPLETE);
    assert_eq!(pushed(&mut world).pop().unwrap(), "a");
    world.receive(&format!(
        r#"{{"type":"ack","eventIds":["{id}"],"repositories":{{"notes":["{id}"]}}}}"#
    ));
    // The event was acked without a place: the next round tells where it is.
    assert!(is_idle(&world), "{}", world.trace());
    assert_eq!(world.own_states(), [OwnState::Acked(None)]);
    world.give(ClientInput::SyncNow);
    world.open();
    world.receive(r#"{"type":"auth_success"}"#);
    world.receive(&plain_events(&[event(1, "a", "1").replace("x1", &id)]));
    world.receive(COMPLETE);
    world.receive(COMPLETE);
    assert!(matches!(world.own_states()[..], [OwnState::Settled { .. }]));
    assert!(is_idle(&world), "{}", world.trace());
}
