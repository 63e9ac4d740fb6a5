//! When a machine is called although nothing happens.

use driftless_core::Instant;

/// The entry of a machine on the scheduler.
///
/// Deadlines move at almost every step, mostly into the future. So an entry is planned only when the machine wants to
/// be woken earlier than planned; one that finds on its time that the machine wants it later plans the next one.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Alarm {
    planned: Option<Instant>,
}

impl Alarm {
    /// The machine wants to be woken at `wanted`, in true time; a moment that is past, as after a sleep, counts as now.
    /// Says when to plan an entry, if one is needed.
    pub(super) fn want(&mut self, now: Instant, wanted: Option<Instant>) -> Option<Instant> {
        let wanted = wanted?.max(now);
        if self.planned.is_some_and(|planned| planned <= wanted) {
            return None;
        }
        self.planned = Some(wanted);
        self.planned
    }

    /// An entry is due. Says whether it is the one that counts: every other was planned for an earlier wish.
    pub(super) fn rings(&mut self, now: Instant) -> bool {
        let counts = self.planned == Some(now);
        if counts {
            self.planned = None;
        }
        counts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_earlier_wish_is_planned_and_only_the_last_plan_counts() {
        let at = Instant::from_micros;
        let mut alarm = Alarm::default();
        assert_eq!(alarm.want(at(1), None), None);
        assert_eq!(alarm.want(at(1), Some(at(9))), Some(at(9)));
        assert_eq!(alarm.want(at(1), Some(at(12))), None, "the entry at 9 will ask again");
        assert_eq!(alarm.want(at(1), Some(at(5))), Some(at(5)));
        assert!(alarm.rings(at(5)));
        assert!(!alarm.rings(at(9)), "it was planned for an earlier wish");
        assert_eq!(alarm.want(at(10), Some(at(12))), Some(at(12)));
        assert_eq!(alarm.want(at(11), Some(at(3))), Some(at(11)), "it is due already");
        assert!(alarm.rings(at(11)));
    }
}
