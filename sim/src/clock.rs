//! A node's own clocks.
//!
//! A wall clock that is off, drifts and jumps, and a monotonic clock that drifts alike, never jumps, and may stand still
//! while the node sleeps. Both are exact functions of the true time, so that the moment at which a machine wants to be
//! woken can be computed instead of looked for.

use crate::scenario::ClockPlan;
use driftless_core::Instant;

/// Parts of a clock's rate: one part is a millionth.
const PARTS: u64 = 1_000_000;

/// The clocks of one node.
#[derive(Clone, Debug)]
pub struct Clock {
    /// Microseconds of the node's clocks in a second of true time.
    rate: u64,
    stops_asleep: bool,
    asleep: bool,
    /// What the wall clock read at true time zero, with all jumps since.
    wall_ms: i64,
    /// True time and monotonic reading when the monotonic clock began to run.
    running_since: (Instant, Instant),
}

impl Clock {
    /// Clocks that a plan describes, at true time zero. `start_wall_ms` is what a wall clock that is right reads then;
    /// the monotonic clock reads zero. A drift slower than half the true time or faster than twice counts as that.
    pub fn new(plan: ClockPlan, start_wall_ms: i64) -> Self {
        let parts = i64::from(plan.drift_ppm).clamp(-500_000, 1_000_000);
        Self {
            rate: PARTS.saturating_add_signed(parts),
            stops_asleep: plan.stops_asleep,
            asleep: false,
            wall_ms: start_wall_ms.saturating_add(plan.offset_ms),
            running_since: (Instant::ZERO, Instant::ZERO),
        }
    }

    /// What the monotonic clock reads.
    pub fn monotonic(&self, now: Instant) -> Instant {
        let (since, reading) = self.running_since;
        if self.asleep && self.stops_asleep {
            return reading;
        }
        let elapsed = now.as_micros().saturating_sub(since.as_micros());
        Instant::from_micros(reading.as_micros().saturating_add(self.of_true(elapsed)))
    }

    /// The earliest true time at which the monotonic clock reads at least this; where it read that before its last
    /// sleep already, the end of that sleep. `None` while the node sleeps, for nothing happens on it.
    pub fn when(&self, monotonic: Instant) -> Option<Instant> {
        if self.asleep {
            return None;
        }
        let (since, reading) = self.running_since;
        let missing = monotonic.as_micros().saturating_sub(reading.as_micros());
        // Whole rates first, so that nothing overflows: the rest is below a rate.
        let (whole, rest) = (missing / self.rate, missing % self.rate);
        let elapsed = whole
            .checked_mul(PARTS)?
            .checked_add((rest * PARTS).div_ceil(self.rate))?;
        Some(Instant::from_micros(since.as_micros().checked_add(elapsed)?))
    }

    /// What the wall clock reads, in milliseconds since 1970.
    pub fn wall_ms(&self, now: Instant) -> i64 {
        let elapsed = self.of_true(now.as_micros()) / 1_000;
        self.wall_ms.saturating_add_unsigned(elapsed)
    }

    /// Sets the wall clock on by so many milliseconds, or back.
    pub fn jump(&mut self, ms: i64) {
        self.wall_ms = self.wall_ms.saturating_add(ms);
    }

    /// The node goes to sleep.
    pub fn sleep(&mut self, now: Instant) {
        if self.asleep {
            return;
        }
        if self.stops_asleep {
            self.running_since = (now, self.monotonic(now));
        }
        self.asleep = true;
    }

    /// The node goes on.
    pub fn resume(&mut self, now: Instant) {
        if self.asleep && self.stops_asleep {
            self.running_since.0 = now;
        }
        self.asleep = false;
    }

    /// Whether the node sleeps.
    pub const fn is_asleep(&self) -> bool {
        self.asleep
    }

    /// Microseconds of this node's clocks in so many of true time, rounded down.
    fn of_true(&self, micros: u64) -> u64 {
        let (whole, rest) = (micros / PARTS, micros % PARTS);
        whole.saturating_mul(self.rate).saturating_add(rest * self.rate / PARTS)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const YEAR_MS: i64 = 365 * 86_400_000;
    const YEAR: u64 = 365 * 86_400 * 1_000_000;

    fn at(micros: u64) -> Instant {
        Instant::from_micros(micros)
    }

    fn plan(drift_ppm: i32, stops_asleep: bool) -> ClockPlan {
        ClockPlan {
            offset_ms: YEAR_MS,
            drift_ppm,
            stops_asleep,
        }
    }

    #[derive(Clone, Copy, Debug)]
    enum Step {
        Pass(u64),
        Jump(i64),
        Sleep,
        Resume,
    }

    fn steps() -> impl Strategy<Value = Vec<Step>> {
        let pass = prop_oneof![0..10_u64, 0..2_000_000_u64, 0..YEAR];
        let step = prop_oneof![
            3 => pass.prop_map(Step::Pass),
            1 => (-YEAR_MS..YEAR_MS).prop_map(Step::Jump),
            1 => Just(Step::Sleep),
            2 => Just(Step::Resume),
        ];
        prop::collection::vec(step, 0..20)
    }

    proptest! {
        #[test]
        fn a_monotonic_clock_never_goes_back_and_when_is_its_inverse(
            drift in -1_000..=1_000,
            stops in any::<bool>(),
            steps in steps(),
            ahead in prop_oneof![0..100_u64, 0..10_000_000_u64, 0..YEAR],
        ) {
            let mut clock = Clock::new(plan(drift, stops), 0);
            let (mut now, mut last) = (Instant::ZERO, Instant::ZERO);
            for step in steps {
                let before = (clock.monotonic(now), clock.wall_ms(now));
                match step {
                    Step::Pass(micros) => now = at(now.as_micros() + micros),
                    Step::Jump(ms) => {
                        clock.jump(ms);
                        prop_assert_eq!(clock.wall_ms(now), before.1 + ms);
                    }
                    Step::Sleep => clock.sleep(now),
                    Step::Resume => clock.resume(now),
                }
                if !matches!(step, Step::Pass(_)) {
                    prop_assert_eq!(clock.monotonic(now), before.0, "only time moves a monotonic clock");
                }
                prop_assert!(clock.monotonic(now) >= last);
                last = clock.monotonic(now);
            }
            let wanted = at(last.as_micros() + ahead);
            let Some(when) = clock.when(wanted) else {
                prop_assert!(clock.is_asleep());
                return Ok(());
            };
            prop_assert!(clock.monotonic(when) >= wanted);
            prop_assert!(when <= now || clock.monotonic(at(when.as_micros() - 1)) < wanted, "not the earliest");
        }
    }

    #[test]
    fn drift_offset_and_jumps_are_what_the_plan_says() {
        let mut clock = Clock::new(plan(200, false), 1_000);
        let day = at(86_400_000_000);
        assert_eq!(clock.monotonic(day), at(86_400_000_000 + 86_400 * 200));
        assert_eq!(clock.wall_ms(day), YEAR_MS + 1_000 + 86_400_000 + 17_280);
        clock.jump(-5);
        assert_eq!(clock.wall_ms(Instant::ZERO), YEAR_MS + 995);
    }

    #[test]
    fn a_monotonic_clock_may_stand_still_asleep() {
        for stops in [false, true] {
            let mut clock = Clock::new(plan(0, stops), 0);
            clock.sleep(at(10));
            assert_eq!(clock.when(at(20)), None);
            assert_eq!(clock.monotonic(at(110)), at(if stops { 10 } else { 110 }));
            clock.resume(at(110));
            assert_eq!(clock.when(at(20)), Some(at(if stops { 120 } else { 20 })));
            assert_eq!(
                clock.wall_ms(at(5_000)),
                YEAR_MS + 5,
                "the wall clock never stands still"
            );
        }
    }

    #[test]
    fn the_end_of_time_is_never_reached() {
        let clock = Clock::new(plan(-1_000, true), 0);
        assert_eq!(clock.when(at(u64::MAX)), None);
        assert!(clock.monotonic(at(u64::MAX)) < at(u64::MAX));
    }
}
