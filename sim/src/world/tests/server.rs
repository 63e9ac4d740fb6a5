//! Servers that crash, restart and are restored, and stores that fail.

use super::{MILLIS, SECOND, calm, passes, survives};
use crate::fault::Fault;
use crate::random::Delay;
use crate::scenario::{Incident, What, When};

#[test]
fn everyone_gets_over_a_crash_of_the_server() {
    let outcome = survives(&[(5 * SECOND, What::ServerCrash(2 * SECOND))], Fault::ServerCrash);
    assert_eq!(outcome.events, 150);
}

#[test]
fn a_crash_half_way_through_a_commit_keeps_or_loses_it_and_nobody_notices() {
    for commit in 10..16 {
        let mut scenario = calm(2);
        scenario.server.commit = Delay::Fixed(30 * MILLIS);
        scenario.add_writes();
        let (when, what) = (When::ServerCommit(commit), What::ServerCrash(SECOND));
        scenario.incidents.push(Incident { when, what });
        let outcome = passes(&scenario);
        assert_eq!((outcome.events, outcome.fired.times(Fault::ServerCrash)), (100, 1));
        assert!(outcome.fired.times(Fault::SlowStore) > 0);
    }
}

#[test]
fn a_restart_in_good_order_loses_nothing() {
    let outcome = survives(&[(5 * SECOND, What::ServerRestart(2 * SECOND))], Fault::ServerRestart);
    assert_eq!(outcome.events, 150);
}

#[test]
fn a_crash_may_meet_a_server_that_is_stopping() {
    let what = [
        (5 * SECOND, What::ServerRestart(2 * SECOND)),
        (5 * SECOND + 2 * MILLIS, What::ServerCrash(SECOND)),
    ];
    survives(&what, Fault::ServerRestart);
}

#[test]
fn a_store_that_fails_is_asked_again() {
    let outcome = survives(&[(5 * SECOND, What::StoreFails(3 * SECOND))], Fault::StoreFails);
    assert_eq!(outcome.events, 150);
}

#[test]
fn commits_of_unknown_outcome_are_stored_once() {
    let outcome = survives(&[(5 * SECOND, What::UnknownCommits(3))], Fault::UnknownCommit);
    assert_eq!((outcome.events, outcome.fired.times(Fault::UnknownCommit)), (150, 3));
}

#[test]
fn commits_that_nobody_tells_of_are_found() {
    let outcome = survives(&[(5 * SECOND, What::UntoldCommits(3 * SECOND))], Fault::UntoldCommit);
    assert_eq!(outcome.events, 150);
}

#[test]
fn an_old_backup_gets_back_what_the_clients_have_kept() {
    for new_epoch in [false, true] {
        let what = [
            (5 * SECOND, What::Backup),
            (
                10 * SECOND,
                What::Restore {
                    down: SECOND,
                    new_epoch,
                },
            ),
        ];
        let outcome = survives(&what, Fault::Restore);
        assert!(outcome.events >= 150, "{} events", outcome.events);
    }
}
