//! Event ids: `UUIDv7`, ascending within a client.

use crate::event::{EventId, Timestamp};
use rand_chacha::ChaCha8Rng;
use rand_core::{Rng, SeedableRng};
use uuid::fmt::Hyphenated;

/// Makes event ids that ascend as text, also within a millisecond and while the wall clock runs backwards.
///
/// The 12 bits behind the time (`rand_a` of RFC 9562 section 5.7) count within a millisecond from a random start;
/// when they run out, the time is advanced.
#[derive(Clone, Debug)]
pub(super) struct EventIds {
    random: ChaCha8Rng,
    millis: u64,
    counter: u16,
}

/// The counter's last value.
const COUNTER_MAX: u16 = 0x0fff;
/// The counter starts at or below this, so that a millisecond has room for at least 2,048 ids.
const COUNTER_START_MAX: u16 = 0x07ff;
/// The last moment that 48 bits hold.
const MILLIS_MAX: u64 = (1 << 48) - 1;

impl EventIds {
    pub(super) fn new(seed: [u8; 32]) -> Self {
        Self {
            random: ChaCha8Rng::from_seed(seed),
            millis: 0,
            counter: COUNTER_MAX,
        }
    }

    /// The next id, for an event made at `wall`.
    pub(super) fn next(&mut self, wall: Timestamp) -> EventId {
        let wall = u64::try_from(wall.as_millis()).unwrap_or(0);
        if wall > self.millis || self.counter >= COUNTER_MAX {
            self.millis = wall.max(self.millis + 1).min(MILLIS_MAX);
            self.counter = u16::try_from(self.random.next_u32() >> 16).unwrap_or_default() & COUNTER_START_MAX;
        } else {
            self.counter += 1;
        }
        let mut bytes = [0; 10];
        self.random.fill_bytes(&mut bytes);
        bytes[..2].copy_from_slice(&self.counter.to_be_bytes());
        let uuid = uuid::Builder::from_unix_timestamp_millis(self.millis, &bytes).into_uuid();
        let mut text = [0; Hyphenated::LENGTH];
        EventId::new(&*uuid.hyphenated().encode_lower(&mut text)).expect("a UUID is 36 bytes of text")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_ascend_within_a_millisecond_and_across_clock_steps() {
        let mut ids = EventIds::new([7; 32]);
        let walls = [5, 5, 5, 4, -3, 9, 9, 1_000_000_000_000, 7];
        let many = core::iter::repeat_n(8, 10_000);
        let mut last: Option<EventId> = None;
        for millis in walls.into_iter().chain(many) {
            let id = ids.next(Timestamp::from_millis(millis).unwrap());
            assert!(last.as_ref() < Some(&id), "{last:?} {id:?}");
            last = Some(id);
        }
    }

    #[test]
    fn an_id_is_a_uuid_of_version_7_with_the_wall_clock_in_it() {
        let id = EventIds::new([0; 32]).next(Timestamp::from_millis(1_737_626_400_000).unwrap());
        assert_eq!(&id[..14], "0194929a-b500-");
        assert_eq!(&id[14..15], "7");
        assert!(matches!(&id[19..20], "8" | "9" | "a" | "b"), "{id}");
    }

    #[test]
    fn other_seeds_make_other_ids() {
        let wall = Timestamp::from_millis(1).unwrap();
        assert_ne!(EventIds::new([0; 32]).next(wall), EventIds::new([1; 32]).next(wall));
    }
}
