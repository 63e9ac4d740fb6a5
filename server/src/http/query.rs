//! The query of `GET /api/events/{repository}`.

use super::answer::Refused;
use driftless_core::event::{Sequence, Timestamp};

/// Events in an answer where the request does not say.
const DEFAULT_LIMIT: usize = 100;

/// Most events in an answer, whatever the request says.
const MAX_LIMIT: usize = 1_000;

/// Which events are asked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct EventsQuery {
    pub(super) after: Sequence,
    pub(super) since: Option<Timestamp>,
    pub(super) limit: usize,
}

impl EventsQuery {
    /// Reads a query string. Unknown parameters are ignored; `afterSequence` counts before `seq`.
    pub(super) fn read(query: Option<&str>) -> Result<Self, Refused> {
        let (mut after, mut seq, mut since, mut limit) = (None, None, None, None);
        for (name, value) in form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
            match &*name {
                "afterSequence" => after = Some(number("afterSequence", &value)?),
                "seq" => seq = Some(number("seq", &value)?),
                "since" => since = Some(moment(&value)?),
                "limit" => limit = Some(number("limit", &value)?),
                _ => {}
            }
        }
        let limit = limit.map_or(DEFAULT_LIMIT, |limit| usize::try_from(limit).unwrap_or(MAX_LIMIT));
        Ok(Self {
            after: Sequence::new(after.or(seq).unwrap_or_default()),
            since,
            limit: limit.min(MAX_LIMIT),
        })
    }
}

fn number(name: &str, value: &str) -> Result<u64, Refused> {
    value
        .parse()
        .map_err(|_| Refused::bad(format!("`{name}` is not a whole number from 0 on")))
}

/// ISO 8601 text or epoch milliseconds. A `+` of an offset that nobody encoded has become a space.
fn moment(value: &str) -> Result<Timestamp, Refused> {
    let millis = || value.parse().ok().and_then(Timestamp::from_millis);
    Timestamp::parse(value)
        .or_else(|| Timestamp::parse(&value.replace(' ', "+")))
        .or_else(millis)
        .ok_or_else(|| Refused::bad("`since` is not an ISO 8601 date and time"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> EventsQuery {
        EventsQuery::read(Some(query)).unwrap()
    }

    #[test]
    fn everything_has_a_default() {
        let expected = EventsQuery {
            after: Sequence::ZERO,
            since: None,
            limit: 100,
        };
        assert_eq!(EventsQuery::read(None).unwrap(), expected);
        assert_eq!(read("unknown=1&"), expected);
    }

    #[test]
    fn seq_is_another_name_for_after_sequence() {
        assert_eq!(read("seq=7").after, Sequence::new(7));
        assert_eq!(read("afterSequence=8&seq=7").after, Sequence::new(8));
    }

    #[test]
    fn a_limit_above_the_largest_counts_as_the_largest() {
        assert_eq!(read("limit=5").limit, 5);
        assert_eq!(read("limit=1001").limit, 1_000);
        assert_eq!(read("limit=18446744073709551615").limit, 1_000);
    }

    #[test]
    fn since_takes_encoded_and_raw_offsets_and_milliseconds() {
        let expected = Timestamp::parse("2025-01-23T10:00:00+02:00");
        assert!(expected.is_some());
        assert_eq!(read("since=2025-01-23T10:00:00%2B02:00").since, expected);
        assert_eq!(read("since=2025-01-23T10:00:00+02:00").since, expected);
        assert_eq!(read("since=1737619200000").since, expected);
    }

    #[test]
    fn what_cannot_be_read_is_told_by_name() {
        for (query, name) in [
            ("afterSequence=x", "afterSequence"),
            ("seq=-1", "seq"),
            ("limit=1.5", "limit"),
            ("since=soon", "since"),
        ] {
            let body = serde_json::to_string(&EventsQuery::read(Some(query)).unwrap_err().body()).unwrap();
            assert!(body.contains(&format!("`{name}`")), "{body}");
        }
    }
}
