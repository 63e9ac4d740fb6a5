//! Clients that crash, stop, leave, join, sleep, and whose disks fail.

use super::{MILLIS, SECOND, calm, passes, survives};
use crate::fault::Fault;
use crate::scenario::{Incident, StrategyPlan, What, When};

#[test]
fn a_crash_loses_only_the_writes_of_the_time_it_was_down() {
    let outcome = survives(&[(5 * SECOND, What::Crash(1, 2 * SECOND))], Fault::ClientCrash);
    // 7 writes fall into the two seconds, and one may have been under way.
    assert!((142..=144).contains(&outcome.events), "{} events", outcome.events);
}

#[test]
fn a_crash_half_way_through_a_commit_keeps_or_loses_it() {
    let mut seen = std::collections::BTreeSet::new();
    for commit in 10..20 {
        let mut scenario = calm(2);
        scenario.seed = commit;
        scenario.add_writes();
        let (when, what) = (When::ClientCommit(1, commit), What::Crash(1, SECOND));
        scenario.incidents.push(Incident { when, what });
        let outcome = passes(&scenario);
        assert_eq!(outcome.fired.times(Fault::ClientCrash), 1);
        seen.insert(outcome.events);
    }
    assert!(seen.len() > 1, "some writes were kept and some lost: {seen:?}");
}

#[test]
fn a_client_that_stops_comes_back() {
    let outcome = survives(&[(5 * SECOND, What::Stop(1, 3 * SECOND))], Fault::LongOffline);
    assert!((139..=141).contains(&outcome.events), "{} events", outcome.events);
}

#[test]
fn a_client_that_leaves_is_not_waited_for() {
    let mut scenario = calm(3);
    scenario.add_writes();
    scenario.add(5 * SECOND, What::Leave(1));
    let outcome = passes(&scenario);
    assert!((116..=118).contains(&outcome.events), "{} events", outcome.events);
}

#[test]
fn a_client_that_joins_late_gets_everything() {
    let mut scenario = calm(3);
    scenario.add_writes();
    scenario.clients[2].joins_at = Some(14 * SECOND);
    let outcome = passes(&scenario);
    assert_eq!((outcome.events, outcome.fired.times(Fault::LateJoin)), (103, 1));
}

#[test]
fn a_copied_device_goes_on_with_what_it_was_given() {
    let mut scenario = calm(3);
    scenario.add_writes();
    scenario.clients[2].joins_at = None;
    scenario.add(5 * SECOND, What::CopyDevice { from: 0, to: 2 });
    let outcome = passes(&scenario);
    assert_eq!(outcome.fired.times(Fault::CopiedDevice), 1);
    assert!(outcome.events >= 133, "{} events", outcome.events);
}

#[test]
fn what_comes_to_a_sleeping_node_waits() {
    for stops_asleep in [false, true] {
        let mut scenario = calm(3);
        scenario.clients[1].clock.stops_asleep = stops_asleep;
        scenario.add_writes();
        scenario.add(5 * SECOND, What::Sleep(1, 4 * SECOND));
        let outcome = passes(&scenario);
        assert_eq!((outcome.events, outcome.fired.times(Fault::Sleep)), (150, 1));
    }
}

#[test]
fn a_sleep_of_an_hour_is_survived() {
    let mut scenario = calm(3);
    scenario.add_writes();
    scenario.add(5 * SECOND, What::Sleep(1, 3_600 * SECOND));
    scenario.heal_at = 2 * 3_600 * SECOND;
    assert_eq!(passes(&scenario).events, 150);
}

#[test]
fn a_node_may_lose_its_power_while_it_sleeps() {
    let what = [
        (5 * SECOND, What::Sleep(1, 4 * SECOND)),
        (6 * SECOND, What::Crash(1, SECOND)),
    ];
    survives(&what, Fault::ClientCrash);
}

#[test]
fn a_disk_that_fails_is_asked_again() {
    let outcome = survives(&[(5 * SECOND, What::DiskFails(1, 3))], Fault::DiskFails);
    assert_eq!(outcome.fired.times(Fault::DiskFails), 3);
    assert!(outcome.events >= 147, "{} events", outcome.events);
}

#[test]
fn clocks_that_jump_and_drift_move_no_event() {
    let mut scenario = calm(3);
    scenario.add_writes();
    scenario.clients[0].clock.offset_ms = -86_400_000;
    scenario.clients[1].clock.drift_ppm = 300;
    scenario.add(5 * SECOND, What::Jump(1, 3_600_000));
    scenario.add(6 * SECOND, What::Jump(1, -7_200_000));
    let outcome = passes(&scenario);
    assert_eq!((outcome.events, outcome.fired.times(Fault::ClockJump)), (150, 2));
    assert_eq!(
        outcome.fired.times(Fault::ClockOffset) + outcome.fired.times(Fault::ClockDrift),
        2
    );
}

#[test]
fn a_repository_is_folded_again_from_the_beginning() {
    assert_eq!(
        survives(&[(10 * SECOND, What::Resync(1, 0))], Fault::Resync).events,
        150
    );
}

#[test]
fn a_repository_that_is_cleared_is_read_again() {
    let outcome = survives(&[(10 * SECOND, What::Clear(1, 0))], Fault::Clear);
    // One write may have been on its way.
    assert!((149..=150).contains(&outcome.events), "{} events", outcome.events);
}

#[test]
fn a_client_without_a_network_comes_back_with_it() {
    let outcome = survives(&[(5 * SECOND, What::NoNetwork(1, 4 * SECOND))], Fault::Connectivity);
    assert_eq!(outcome.events, 150);
}

#[test]
fn clients_that_connect_for_rounds_have_everything_in_the_end() {
    let strategies = [
        StrategyPlan::Every(3 * SECOND),
        StrategyPlan::OnConnectivity,
        StrategyPlan::OnDemand,
    ];
    for strategy in strategies {
        let mut scenario = calm(3);
        scenario.clients[1].strategy = strategy;
        scenario.add_writes();
        scenario.add(8 * SECOND, What::SyncNow(1));
        let outcome = passes(&scenario);
        let rounds = outcome.fired.times(Fault::Rounds);
        assert!(outcome.events == 150 && rounds > 0, "{strategy:?}: {rounds} rounds");
    }
}

#[test]
fn tiny_limits_delay_and_lose_nothing() {
    let mut scenario = calm(3);
    scenario.server.tiny_limits = true;
    for client in &mut scenario.clients {
        client.tiny_limits = true;
        client.disk = crate::random::Delay::Fixed(20 * MILLIS);
    }
    scenario.add_writes();
    let outcome = passes(&scenario);
    assert!(outcome.fired.times(Fault::TinyLimits) > 0 && outcome.fired.times(Fault::SlowDisk) > 0);
    // The tiny queue of writes may refuse some.
    assert!(outcome.events > 50, "{} events", outcome.events);
}

#[test]
fn what_names_nobody_does_nothing() {
    let mut scenario = calm(2);
    scenario.add_writes();
    let undisturbed = passes(&scenario).digest;
    for what in [
        What::Crash(9, SECOND),
        What::Sleep(9, SECOND),
        What::Leave(9),
        What::Stall(9, SECOND),
        What::BadCredentials(9, SECOND),
        What::ScopeChange(9),
        What::Resync(0, 9),
        What::DiskFails(9, 1),
        What::Jump(9, 1),
        What::CopyDevice { from: 0, to: 9 },
        What::CopyDevice { from: 0, to: 1 },
        What::Restore {
            down: SECOND,
            new_epoch: true,
        },
        What::Write(9, Vec::new()),
    ] {
        scenario.add(SECOND, what);
    }
    assert_eq!(passes(&scenario).digest, undisturbed);
}
