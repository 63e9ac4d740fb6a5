//! When things happen: bursts of activity, with silence between them.

use super::When;
use crate::random::{Delay, Random};

/// Microseconds in a second.
pub(super) const SECOND: u64 = 1_000_000;
const MINUTE: u64 = 60 * SECOND;
const HOUR: u64 = 60 * MINUTE;

/// The longest burst. What happens has to happen close together to meet.
const BURST_MAX: u64 = 3 * MINUTE;

/// Bursts of activity. Machines and faults meet only where things happen close together, and some faults show only
/// after a silence: a seed has a few bursts, and between them anything from seconds to days.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Calendar {
    /// Beginning and end of each, in order.
    bursts: Vec<(u64, u64)>,
}

impl Calendar {
    /// A few bursts.
    pub(super) fn bursts(random: &mut Random) -> Self {
        let mut bursts = Vec::new();
        let mut begin = 0;
        for _ in 0..random.between(1, 4) {
            let end = begin + random.micros(Delay::LongTail(6 * SECOND)).min(BURST_MAX);
            bursts.push((begin, end));
            begin = end + silence(random);
        }
        Self { bursts }
    }

    /// One burst of a fixed length.
    pub(super) fn steady(length: u64) -> Self {
        Self {
            bursts: vec![(0, length)],
        }
    }

    /// The end of the last burst.
    pub(super) fn end(&self) -> u64 {
        self.bursts.last().map_or(0, |(_, end)| *end)
    }

    /// A time: mostly within a burst, at times in a silence.
    pub(super) fn any(&self, random: &mut Random) -> u64 {
        match random.one_of(&self.bursts) {
            Some(&(begin, end)) if random.percent(90) => random.between(begin, end),
            _ => random.below(self.end()),
        }
    }

    /// A time, as an incident has it.
    pub(super) fn at(&self, random: &mut Random) -> When {
        When::At(self.any(random))
    }

    /// Shortly after the beginning of a burst; the very first counts too.
    pub(super) fn opening(&self, random: &mut Random) -> u64 {
        let begin = random.one_of(&self.bursts).map_or(0, |(begin, _)| *begin);
        begin + random.below(SECOND)
    }
}

/// How long nothing is planned between two bursts.
fn silence(random: &mut Random) -> u64 {
    match random.below(1_000) {
        0..600 => random.micros(Delay::LongTail(4 * SECOND)),
        600..930 => random.between(20 * SECOND, 4 * MINUTE),
        930..996 => random.between(10 * MINUTE, HOUR),
        _ => random.between(24 * HOUR, 48 * HOUR),
    }
}
