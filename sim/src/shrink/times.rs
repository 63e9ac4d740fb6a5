//! Shorter and rounder times.

use super::{Attempts, what};
use crate::scenario::{Scenario, What, When};

/// Round times, in microseconds, from a millisecond to a day.
const ROUND: [u64; 15] = [
    1_000,
    2_000,
    5_000,
    10_000,
    20_000,
    50_000,
    100_000,
    200_000,
    500_000,
    1_000_000,
    2_000_000,
    5_000_000,
    10_000_000,
    60_000_000,
    3_600_000_000,
];

/// Shorter waits between incidents, shorter incidents, an early end of the faults, then round numbers.
///
/// How long everyone has to settle is not touched: less time for it is another failure, not a smaller one.
pub(super) fn times(search: &mut impl Attempts) -> bool {
    let mut smaller = waits(search);
    for index in 0..search.best().incidents.len() {
        smaller |= duration(search, index) | jump(search, index);
    }
    smaller | heal(search) | round(search)
}

/// The times at which something happens by the clock, in order.
fn moments(scenario: &Scenario) -> Vec<u64> {
    let mut moments: Vec<u64> = scenario
        .incidents
        .iter()
        .filter_map(|incident| at(incident.when))
        .collect();
    moments.sort_unstable();
    moments.dedup();
    moments
}

const fn at(when: When) -> Option<u64> {
    match when {
        When::At(at) => Some(at),
        _ => None,
    }
}

/// Lets everything from a moment on happen earlier.
fn shift(scenario: &mut Scenario, from: u64, by: u64) {
    for incident in &mut scenario.incidents {
        if let When::At(at) = &mut incident.when
            && *at >= from
        {
            *at -= by;
        }
    }
    for client in &mut scenario.clients {
        client.joins_at = client
            .joins_at
            .map(|at| if at >= from && at > 0 { at - by.min(at) } else { at });
    }
    scenario.heal_at -= by.min(scenario.heal_at);
}

/// Shortens each wait between two moments, from the last on.
fn waits(search: &mut impl Attempts) -> bool {
    let mut smaller = false;
    for index in (0..moments(search.best()).len()).rev() {
        let moments = moments(search.best());
        let (Some(&moment), before) = (
            moments.get(index),
            index.checked_sub(1).map_or(0, |before| moments[before]),
        ) else {
            continue;
        };
        let wait = moment - before;
        smaller |= ROUND
            .into_iter()
            .take_while(|shorter| *shorter < wait)
            .any(|shorter| search.edit(&|scenario| shift(scenario, moment, wait - shorter)));
    }
    smaller
}

fn duration(search: &mut impl Attempts, index: usize) -> bool {
    let mut what = search.best().incidents[index].what.clone();
    let Some(&mut time) = what::duration(&mut what) else {
        return false;
    };
    ROUND.into_iter().take_while(|shorter| *shorter < time).any(|shorter| {
        search.edit(&|scenario| {
            if let Some(time) = what::duration(&mut scenario.incidents[index].what) {
                *time = shorter;
            }
        })
    })
}

/// A clock's jump becomes a second, a minute or an hour in the same direction.
fn jump(search: &mut impl Attempts, index: usize) -> bool {
    let (What::Jump(_, ms) | What::ServerJump(ms)) = search.best().incidents[index].what else {
        return false;
    };
    [1_000, 60_000, 3_600_000]
        .into_iter()
        .take_while(|shorter| *shorter < ms.abs())
        .any(|shorter| {
            search.edit(&|scenario| {
                if let What::Jump(_, ms) | What::ServerJump(ms) = &mut scenario.incidents[index].what {
                    *ms = shorter * ms.signum();
                }
            })
        })
}

/// Faults end soon after the last moment.
fn heal(search: &mut impl Attempts) -> bool {
    let last = moments(search.best()).last().copied().unwrap_or_default();
    let wait = search.best().heal_at.saturating_sub(last);
    let waits = ROUND.into_iter().take_while(|shorter| *shorter < wait);
    waits
        .into_iter()
        .any(|shorter| search.edit(&|scenario| scenario.heal_at = last + shorter))
}

/// Rounds moments down to the coarsest unit at which it still fails, never past an earlier one.
fn round(search: &mut impl Attempts) -> bool {
    let mut smaller = false;
    for index in 0..search.best().incidents.len() {
        let earlier = search.best().incidents[..index].iter();
        let earliest = earlier
            .filter_map(|incident| at(incident.when))
            .max()
            .unwrap_or_default();
        if let Some(at) = at(search.best().incidents[index].when) {
            smaller |= rounder(at)
                .filter(|rounder| *rounder >= earliest)
                .any(|rounder| search.edit(&|scenario| scenario.incidents[index].when = When::At(rounder)));
        }
    }
    smaller | rounder(search.best().heal_at).any(|rounder| search.edit(&|scenario| scenario.heal_at = rounder))
}

/// A time in whole seconds, tenths, hundredths and thousandths, as far as it has more than that.
fn rounder(time: u64) -> impl Iterator<Item = u64> {
    let units = [1_000_000, 100_000, 10_000, 1_000].into_iter();
    units
        .map(move |unit| time - time % unit)
        .take_while(move |rounder| *rounder != time)
}
