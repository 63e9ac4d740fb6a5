//! This machine's wall clock.

use driftless_core::event::Timestamp;
use std::time::{SystemTime, UNIX_EPOCH};

/// This machine's wall clock, to the millisecond: for the `createdAt` of events and for people, never for timers. A
/// clock before 1970 counts as 1970.
#[expect(clippy::missing_panics_doc, reason = "there is a moment 1970")]
pub fn wall_clock() -> Timestamp {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let millis = i64::try_from(since.as_millis()).unwrap_or_default();
    Timestamp::from_millis(millis)
        .or_else(|| Timestamp::from_millis(0))
        .expect("1970 is a moment")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_wall_clock_is_shown_as_utc_with_milliseconds() {
        let text = wall_clock().to_string();
        let shape = "2025-01-23T10:00:00.000Z";
        assert!(text.ends_with('Z') && text.len() == shape.len(), "{text}");
    }
}
