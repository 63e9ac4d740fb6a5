//! Fewer incidents.

use super::Attempts;
use crate::scenario::When;

/// Without all that was to happen after the failure; one try.
pub(super) fn behind_the_failure(search: &mut impl Attempts) -> bool {
    let end = search.failure().at.as_micros();
    search.edit(&|scenario| {
        scenario.incidents.retain(|incident| match incident.when {
            When::At(at) => at <= end,
            _ => true,
        });
    })
}

/// Delta debugging (Zeller and Hildebrandt, 2002), by complements: pieces of half the list go first, then ever smaller
/// ones, until no single incident can go. Late incidents are tried first: early ones are more often what the rest
/// stands on.
pub(super) fn incidents(search: &mut impl Attempts) -> bool {
    let mut smaller = search.edit(&|scenario| scenario.incidents.clear());
    let mut size = search.best().incidents.len().div_ceil(2).max(1);
    loop {
        let went = pieces(search, size);
        smaller |= went;
        if size > 1 {
            size = size.div_ceil(2);
        } else if !went {
            return smaller;
        }
    }
}

/// Tries to go without each piece of a size, from the end on.
fn pieces(search: &mut impl Attempts, size: usize) -> bool {
    let mut smaller = false;
    let mut end = search.best().incidents.len();
    while end > 0 {
        let start = end.saturating_sub(size);
        smaller |= search.edit(&|scenario| drop(scenario.incidents.drain(start..end)));
        end = start;
    }
    smaller
}
