//! Which faults a seed has.

use super::Profile;
use super::profile::Repositories;
use crate::fault::Fault;
use crate::random::Random;
use std::collections::BTreeSet;

/// In how many of 100 wild seeds a fault of the profile is enabled.
const WILD: u64 = 85;

/// What makes no sense beside a published server: it has no epoch to notice a changed history by, no scopes, no
/// tokens that expire, and is no machine of ours whose limits or store could be played with.
const NOT_WITH_PLAIN_SERVER: &[Fault] = &[
    Fault::Restore,
    Fault::CopiedDevice,
    Fault::UnknownCommit,
    Fault::UntoldCommit,
    Fault::StoreFails,
    Fault::BadCredentials,
    Fault::TokenExpiry,
    Fault::AuthUnavailable,
    Fault::ScopeChange,
    Fault::PlainClient,
    Fault::OtherVersion,
];

/// Draws the faults of a seed. Each has a stream of its own: other odds of one leave all others as they were.
pub(super) fn faults(seed: u64, profile: &Profile) -> BTreeSet<Fault> {
    let mut mood = Random::new(seed, "mood", 0);
    let mood = mood.below(100);
    let mut faults = BTreeSet::new();
    if mood < profile.calm {
        return faults;
    }
    let is_wild = mood < profile.calm + profile.wild;
    for fault in profile.faults() {
        let odds = profile.odds(fault);
        let wilder = if is_wild && fault != Fault::PlainServer {
            odds.max(WILD)
        } else {
            odds
        };
        if Random::new(seed, "fault", fault as u64).percent(wilder) {
            faults.insert(fault);
        }
    }
    exclude(&mut faults, profile);
    faults
}

/// Takes out what the protocol makes no promise about together.
fn exclude(faults: &mut BTreeSet<Fault>, profile: &Profile) {
    if !only_server_order_is_fine(profile) {
        faults.remove(&Fault::PlainServer);
    }
    if faults.contains(&Fault::PlainServer) {
        faults.retain(|fault| !NOT_WITH_PLAIN_SERVER.contains(fault));
    }
}

/// A published server answers with a record's newest event alone: only where the later one wins is that the whole.
fn only_server_order_is_fine(profile: &Profile) -> bool {
    match &profile.repositories {
        Repositories::Drawn(_) => true,
        Repositories::Fixed(plans) => plans.iter().all(|plan| plan.policy == "server_order"),
    }
}
