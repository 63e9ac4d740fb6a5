//! Credentials that are bad, expire or change, and whoever decides about them.

use super::{SECOND, calm, passes, survives};
use crate::fault::Fault;
use crate::scenario::What;

#[test]
fn a_client_goes_on_once_its_credentials_are_good_again() {
    let outcome = survives(
        &[(5 * SECOND, What::BadCredentials(1, 6 * SECOND))],
        Fault::BadCredentials,
    );
    assert_eq!(outcome.events, 150);
}

#[test]
fn expired_tokens_are_renewed() {
    let mut scenario = calm(2);
    scenario.add_writes();
    scenario.server.token_valid = Some(4 * SECOND);
    let outcome = passes(&scenario);
    assert_eq!(outcome.events, 100);
    assert!(outcome.fired.times(Fault::TokenExpiry) > 2);
}

#[test]
fn other_rights_come_and_go() {
    let what = [
        (5 * SECOND, What::ScopeChange(1)),
        (6 * SECOND, What::RenewCredentials(1)),
        (8 * SECOND, What::ScopeChange(1)),
        (9 * SECOND, What::RenewCredentials(1)),
    ];
    let outcome = survives(&what, Fault::ScopeChange);
    assert_eq!((outcome.events, outcome.fired.times(Fault::ScopeChange)), (150, 2));
}

#[test]
fn nobody_who_decides_is_waited_for() {
    let what = [
        (4 * SECOND, What::AuthAway(6 * SECOND)),
        (5 * SECOND, What::RenewCredentials(1)),
        (5 * SECOND, What::RenewCredentials(2)),
    ];
    assert_eq!(survives(&what, Fault::AuthUnavailable).events, 150);
}
