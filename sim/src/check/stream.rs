//! One repository's stream on one connection, as the server sends it (PROTOCOL.md 6.3).
//!
//! A request (`subscribe`, or for a plain peer `request_events`) moves the stream, but not before the hub has taken it
//! up, and frames of the old position may come until then. Frames do not say which request they belong to, so all
//! places where the stream may stand are followed; almost always that is one.

use crate::model::History;

/// A request that moves the stream.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    /// Its `ref`.
    pub(super) reference: Option<Box<str>>,
    /// From where.
    pub(super) after: u64,
    /// Whether it may be answered from 0 as well: a plain peer above the head.
    pub(super) or_zero: bool,
    /// Whether the answer may leave events out, because it is for those `since` a moment.
    pub(super) loose: bool,
    /// The head when the server got it.
    pub(super) head: u64,
    /// What the client says about its history.
    pub(super) claim: Claim,
    /// Whether that was so when the server got it.
    pub(super) was_true: bool,
}

/// What a client says about the history that its position belongs to.
#[derive(Clone, Debug, Default)]
pub(super) struct Claim {
    /// It is of another epoch.
    pub(super) other_epoch: bool,
    /// Everything up to here is applied.
    pub(super) after: u64,
    /// The last event applied: its sequence, and the number of its id if it was ever in a log.
    pub(super) seen: Option<(u64, Option<u32>)>,
}

impl Claim {
    /// Whether the log is the one that the client has read.
    pub(super) fn is_true(&self, log: &History) -> bool {
        if self.after == 0 && self.seen.is_none() {
            return true;
        }
        let shown = |(sequence, id): (u64, Option<u32>)| id.is_some_and(|id| log.place(id) == Some(sequence));
        !self.other_epoch && self.after <= log.len() && self.seen.is_none_or(shown)
    }
}

/// What is wrong with a frame.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Wrong {
    /// It does not continue the stream.
    Order(String),
    /// It answers a client of another history as if it were of this one, or the other way round.
    History(String),
}

/// A stream.
#[derive(Clone, Debug)]
pub(super) struct Stream {
    asked: Vec<Asked>,
    /// Where it may stand; never empty.
    at: Vec<At>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct At {
    /// How many of the requests were taken up or dropped for later ones.
    taken: usize,
    place: Place,
    /// Whether the head was announced, or the request answered.
    complete: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Place {
    /// There is no stream.
    Nowhere,
    /// Nothing was sent yet, and it may start anywhere: a plain peer's.
    Anywhere,
    /// Everything up to here was sent.
    At(u64),
    /// Up to here was looked at; events may be left out.
    Loose(u64),
}

impl Place {
    fn takes(self, after: u64) -> bool {
        match self {
            Self::Nowhere => false,
            Self::Anywhere => true,
            Self::At(place) => place == after,
            Self::Loose(place) => place <= after,
        }
    }

    fn moved(self, last: u64) -> Self {
        match self {
            Self::Loose(_) => Self::Loose(last),
            Self::Nowhere | Self::Anywhere | Self::At(_) => Self::At(last),
        }
    }
}

impl Stream {
    /// Of an extended peer: nothing without a `subscribe`.
    pub(super) fn extended() -> Self {
        Self::from(Place::Nowhere)
    }

    /// It is a plain peer's: it gets everything from its first frame on. Once more with each `auth_success`, because
    /// another subject starts anew.
    pub(super) fn becomes_plain(&mut self) {
        for at in &mut self.at {
            at.place = Place::Anywhere;
        }
    }

    fn from(place: Place) -> Self {
        let at = At {
            taken: 0,
            place,
            complete: false,
        };
        Self {
            asked: Vec::new(),
            at: vec![at],
        }
    }

    /// The server got a request.
    pub(super) fn ask(&mut self, asked: Asked) {
        self.asked.push(asked);
    }

    /// Whether an answer may leave events out.
    pub(super) fn is_loose(&self) -> bool {
        self.asked.iter().any(|asked| asked.loose)
    }

    /// The server sent the events of (after, last].
    pub(super) fn moves(&mut self, after: u64, last: u64, log: &History) -> Result<(), Wrong> {
        if let [only] = &mut self.at[..]
            && only.taken == self.asked.len()
            && only.place == Place::At(after)
        {
            only.place = Place::At(last);
            return Ok(());
        }
        let is_from = |place: Place, or_zero: bool| place.takes(after) || (or_zero && after == 0);
        self.step(log, |at, or_zero| {
            is_from(at.place, or_zero).then(|| At {
                place: at.place.moved(last),
                ..at
            })
        })
        .map_err(|wrong| self.explain(wrong, &format!("a frame holds ({after}, {last}]")))
    }

    /// The server sent a `sync_complete` for the repository.
    pub(super) fn completes(&mut self, reference: Option<&str>, last: u64, log: &History) -> Result<(), Wrong> {
        if reference.is_some() && !self.asked.iter().any(|asked| asked.reference.as_deref() == reference) {
            // The end of a one-off read.
            return Ok(());
        }
        let asked = self.asked.clone();
        self.step(log, |at, _| {
            let request = asked.get(at.taken.checked_sub(1)?)?;
            let fits = at.place == Place::At(last)
                || matches!(at.place, Place::Loose(place) if place <= last)
                || (request.or_zero && last == 0);
            let is_it = request.reference.as_deref() == reference && !at.complete;
            // A request that is cut by its `limit` ends before the head, and only a stream announces it.
            let is_head = request.reference.is_none() || last >= request.head;
            (fits && is_it && is_head).then_some(At {
                taken: at.taken,
                place: Place::At(last),
                complete: true,
            })
        })
        .map_err(|wrong| self.explain(wrong, &format!("a sync_complete says {last}")))
    }

    /// The server sent a `history_changed`.
    pub(super) fn changed(&mut self, reference: Option<&str>) -> Result<(), Wrong> {
        let of = |asked: &&Asked| asked.reference.as_deref() == reference;
        if let Some(asked) = self.asked.iter().rfind(of)
            && asked.was_true
        {
            let claim = &asked.claim;
            return Err(Wrong::History(format!(
                "a client of this history is told another one: {claim:?}"
            )));
        }
        let taken = self
            .asked
            .iter()
            .rposition(|asked| asked.reference.as_deref() == reference);
        self.at = vec![At {
            taken: taken.map_or(self.asked.len(), |index| index + 1),
            place: Place::Nowhere,
            complete: true,
        }];
        self.compact();
        Ok(())
    }

    /// Follows every place by `next`, which says where it leads; with requests taken up as they may be.
    fn step(&mut self, log: &History, next: impl Fn(At, bool) -> Option<At>) -> Result<(), bool> {
        let mut reached: Vec<At> = Vec::new();
        let mut is_other_history = false;
        for at in &self.at {
            let last_zero = at.taken.checked_sub(1).and_then(|last| self.asked.get(last));
            let fresh_zero = last_zero.is_some_and(|asked| asked.or_zero && at.place == Place::At(asked.after));
            reached.extend(next(*at, fresh_zero));
            for (index, asked) in self.asked.iter().enumerate().skip(at.taken) {
                let taken = At {
                    taken: index + 1,
                    place: if asked.loose {
                        Place::Loose(asked.after)
                    } else {
                        Place::At(asked.after)
                    },
                    complete: false,
                };
                let Some(to) = next(taken, asked.or_zero) else { continue };
                if asked.claim.is_true(log) || asked.or_zero {
                    reached.push(to);
                } else {
                    is_other_history = true;
                }
            }
        }
        if reached.is_empty() {
            return Err(is_other_history);
        }
        reached.dedup();
        self.at = reached;
        self.compact();
        Ok(())
    }

    /// Forgets requests that no place can go back to, but the last one taken up.
    fn compact(&mut self) {
        let least = self.at.iter().map(|at| at.taken).min().unwrap_or(0);
        if let Some(done) = least.checked_sub(1).filter(|done| *done > 0) {
            self.asked.drain(..done);
            self.at.iter_mut().for_each(|at| at.taken -= done);
        }
    }

    fn explain(&self, is_other_history: bool, what: &str) -> Wrong {
        if is_other_history {
            let claims: Vec<_> = self.asked.iter().map(|asked| &asked.claim).collect();
            return Wrong::History(format!("{what} for a client of another history: {claims:?}"));
        }
        let places: Vec<_> = self.at.iter().map(|at| at.place).collect();
        let waiting = self.at.iter().map(|at| at.taken).min().unwrap_or(0);
        let asked: Vec<_> = self.asked[waiting..].iter().map(|asked| asked.after).collect();
        Wrong::Order(format!(
            "{what}, but the stream stands at {places:?}, asked for from {asked:?}"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::check::tests::{batch, repository};

    fn log() -> History {
        let mut repository = repository();
        let ids: Vec<String> = (1..=9).map(|number| format!("e{number}")).collect();
        repository
            .append(&batch(1, &ids.iter().map(|id| (&**id, "r")).collect::<Vec<_>>()))
            .unwrap();
        repository.log().clone()
    }

    fn asked(reference: &str, after: u64) -> Asked {
        Asked {
            reference: Some(reference.into()),
            after,
            or_zero: false,
            loose: false,
            head: 0,
            claim: Claim::default(),
            was_true: true,
        }
    }

    fn is_order(result: &Result<(), Wrong>) -> bool {
        matches!(result, Err(Wrong::Order(_)))
    }

    #[test]
    fn a_stream_has_no_gap_and_nothing_twice() {
        let log = log();
        let mut stream = Stream::extended();
        assert!(is_order(&stream.clone().moves(0, 1, &log)), "nothing was asked for");
        stream.ask(asked("1", 0));
        stream.moves(0, 3, &log).unwrap();
        assert!(is_order(&stream.clone().moves(4, 5, &log)), "a gap");
        assert!(is_order(&stream.clone().moves(0, 3, &log)), "twice");
        stream.moves(3, 5, &log).unwrap();
        stream.completes(Some("1"), 5, &log).unwrap();
        assert!(is_order(&stream.completes(Some("1"), 5, &log)), "two ends");
    }

    #[test]
    fn a_moved_stream_may_go_on_at_its_old_place_until_it_is_moved() {
        let log = log();
        let mut stream = Stream::extended();
        stream.ask(asked("1", 0));
        stream.moves(0, 5, &log).unwrap();
        stream.ask(asked("2", 5));
        stream.ask(asked("3", 2));
        stream.moves(5, 6, &log).unwrap();
        let mut other = stream.clone();
        stream.moves(6, 7, &log).unwrap();
        stream.moves(2, 4, &log).unwrap();
        assert!(is_order(&stream.moves(7, 8, &log)), "the old place is gone");
        other.completes(Some("2"), 6, &log).unwrap();
        other.moves(2, 4, &log).unwrap();
    }

    #[test]
    fn the_head_is_not_announced_early() {
        let log = log();
        let mut stream = Stream::extended();
        stream.ask(Asked {
            head: 4,
            ..asked("1", 0)
        });
        stream.moves(0, 3, &log).unwrap();
        assert!(is_order(&stream.clone().completes(Some("1"), 3, &log)));
        stream.moves(3, 4, &log).unwrap();
        stream.completes(Some("1"), 4, &log).unwrap();
    }

    #[test]
    fn a_client_of_another_history_is_told_so_and_one_of_this_is_not() {
        let log = log();
        let mut stream = Stream::extended();
        let claim = Claim {
            other_epoch: false,
            after: 3,
            seen: Some((3, None)),
        };
        stream.ask(Asked {
            claim,
            was_true: false,
            ..asked("1", 3)
        });
        assert!(matches!(stream.clone().moves(3, 4, &log), Err(Wrong::History(_))));
        stream.changed(Some("1")).unwrap();
        assert!(is_order(&stream.clone().moves(3, 4, &log)));
        stream.ask(asked("2", 0));
        assert!(matches!(stream.clone().changed(Some("2")), Err(Wrong::History(_))));
        stream.moves(0, 4, &log).unwrap();
    }

    #[test]
    fn a_plain_peer_starts_anywhere_and_is_moved_by_requests() {
        let log = log();
        let mut stream = Stream::extended();
        stream.becomes_plain();
        stream.moves(2, 3, &log).unwrap();
        assert!(is_order(&stream.clone().moves(4, 5, &log)));
        let request = |after| Asked {
            reference: None,
            ..asked("", after)
        };
        stream.ask(request(0));
        stream.moves(0, 4, &log).unwrap();
        stream.completes(None, 4, &log).unwrap();
        stream.moves(4, 5, &log).unwrap();
        stream.ask(Asked {
            or_zero: true,
            ..request(40)
        });
        stream.moves(0, 5, &log).unwrap();
        stream.moves(5, 6, &log).unwrap();
        stream.ask(Asked {
            loose: true,
            ..request(0)
        });
        stream.moves(3, 4, &log).unwrap();
        stream.moves(6, 7, &log).unwrap();
        stream.completes(None, 9, &log).unwrap();
        assert!(is_order(&stream.moves(7, 8, &log)));
    }
}
