//! What an application holds of a write until the server has it.

use driftless_core::client::Notice;
use driftless_core::event::{EventId, Json};
use driftless_core::name::RepositoryName;
use driftless_core::wire::ErrorCode;
use futures_channel::oneshot;
use std::collections::BTreeMap;

/// A write that is durable on this device. It can be dropped: the write is sent all the same.
#[derive(Debug)]
pub struct Receipt {
    events: Vec<EventId>,
    verdict: oneshot::Receiver<Result<(), NotAcked>>,
}

/// Why waiting for an ack has ended without one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotAcked {
    /// The server refused an event of the write for good.
    #[error(transparent)]
    Rejected(#[from] Rejection),
    /// The repository was cleared before the server had the write.
    #[error("the repository was cleared before the server had the write")]
    Cleared,
    /// The client was stopped. What is pending stays in storage, and is sent by the next client that opens it.
    #[error("the client is stopped; what is pending is sent when it runs again")]
    Stopped,
}

/// An own event that a server refused for good. It has left the outbox, and what the application sees does not show it;
/// it is kept until the application dismisses it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the server refused event {event} of `{repository}`: {message}")]
pub struct Rejection {
    /// Which repository.
    pub repository: RepositoryName,
    /// Which event.
    pub event: EventId,
    /// The event as it was sent.
    pub body: Json,
    /// The server's code, if it gave one.
    pub code: Option<ErrorCode>,
    /// The server's sentence.
    pub message: String,
}

impl Receipt {
    /// The ids of the events of the write, in order of its changes.
    pub fn events(&self) -> &[EventId] {
        &self.events
    }

    /// Returns when every event of the write is durable on the server, or the first one is known not to become so.
    /// Without a connection that takes until there is one.
    pub async fn acked(self) -> Result<(), NotAcked> {
        self.verdict.await.unwrap_or(Err(NotAcked::Stopped))
    }
}

/// The receipts that are waited for.
#[derive(Debug, Default)]
pub(super) struct Receipts {
    waiting: BTreeMap<u64, Waiting>,
    /// Which of them waits for an event.
    by_event: BTreeMap<(RepositoryName, EventId), u64>,
    last: u64,
    /// How many there may be before those that were dropped are looked for.
    sweep_at: usize,
}

#[derive(Debug)]
struct Waiting {
    /// Its events.
    events: Vec<(RepositoryName, EventId)>,
    /// How many of them are not acked.
    left: usize,
    sender: oneshot::Sender<Result<(), NotAcked>>,
}

/// Receipts that are kept before the first look for dropped ones.
const SWEEP_MIN: usize = 64;

impl Receipts {
    /// A receipt for a write's events in their repositories. It is kept only if `give` does not drop it.
    pub(super) fn issue(&mut self, events: Vec<(RepositoryName, EventId)>, give: impl FnOnce(Receipt)) {
        let (sender, verdict) = oneshot::channel();
        let ids = events.iter().map(|(_, event)| event.clone()).collect();
        give(Receipt { events: ids, verdict });
        if events.is_empty() {
            // Nobody may wait for it.
            let _ = sender.send(Ok(()));
        } else if !sender.is_canceled() {
            self.last += 1;
            self.by_event
                .extend(events.iter().cloned().map(|event| (event, self.last)));
            let left = events.len();
            self.waiting.insert(self.last, Waiting { events, left, sender });
            self.sweep();
        }
    }

    /// Learns from what the application is told.
    pub(super) fn hear(&mut self, notice: &Notice) {
        match notice {
            Notice::Acked { repository, events } => {
                for event in events {
                    self.acked(repository, event);
                }
            }
            Notice::Rejected {
                repository,
                event,
                body,
                code,
                message,
            } => {
                let rejection = Rejection {
                    repository: repository.clone(),
                    event: event.clone(),
                    body: body.clone(),
                    code: *code,
                    message: message.clone(),
                };
                self.settle(repository, event, Err(rejection.into()));
            }
            Notice::Cleared { repository } => self.cleared(repository),
            _ => {}
        }
    }

    fn cleared(&mut self, repository: &RepositoryName) {
        let of_it = |(event, _): &(&(RepositoryName, EventId), &u64)| event.0 == *repository;
        let events: Vec<EventId> = self
            .by_event
            .iter()
            .filter(of_it)
            .map(|(key, _)| key.1.clone())
            .collect();
        for event in events {
            self.settle(repository, &event, Err(NotAcked::Cleared));
        }
    }

    fn acked(&mut self, repository: &RepositoryName, event: &EventId) {
        let key = (repository.clone(), event.clone());
        let Some(waiting) = self.by_event.get(&key).and_then(|id| self.waiting.get_mut(id)) else {
            return;
        };
        waiting.left -= 1;
        if waiting.left == 0 {
            self.settle(repository, event, Ok(()));
        } else {
            self.by_event.remove(&key);
        }
    }

    fn settle(&mut self, repository: &RepositoryName, event: &EventId, verdict: Result<(), NotAcked>) {
        let Some(id) = self.by_event.remove(&(repository.clone(), event.clone())) else {
            return;
        };
        if let Some(waiting) = self.waiting.remove(&id) {
            for event in &waiting.events {
                self.by_event.remove(event);
            }
            // Nobody may wait any more.
            let _ = waiting.sender.send(verdict);
        }
    }

    /// Forgets receipts that were dropped, so that an outbox of millions costs no memory.
    fn sweep(&mut self) {
        if self.waiting.len() < self.sweep_at.max(SWEEP_MIN) {
            return;
        }
        self.waiting.retain(|_, waiting| !waiting.sender.is_canceled());
        let waiting = &self.waiting;
        self.by_event.retain(|_, id| waiting.contains_key(id));
        self.sweep_at = 2 * self.waiting.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn key(event: &str) -> (RepositoryName, EventId) {
        (RepositoryName::new("r").unwrap(), EventId::new(event).unwrap())
    }

    fn issue(receipts: &mut Receipts, events: &[&str]) -> Receipt {
        let mut issued = None;
        receipts.issue(events.iter().map(|event| key(event)).collect(), |receipt| {
            issued = Some(receipt);
        });
        issued.unwrap()
    }

    fn ack(receipts: &mut Receipts, events: &[&str]) {
        receipts.hear(&Notice::Acked {
            repository: RepositoryName::new("r").unwrap(),
            events: events.iter().map(|event| EventId::new(*event).unwrap()).collect(),
        });
    }

    #[test]
    fn a_write_is_acked_once_all_of_its_events_are() {
        let mut receipts = Receipts::default();
        let (two, one) = (issue(&mut receipts, &["a", "b"]), issue(&mut receipts, &["c"]));
        ack(&mut receipts, &["b", "x"]);
        let mut two = std::pin::pin!(two.acked());
        assert_eq!(two.as_mut().now_or_never(), None);
        ack(&mut receipts, &["a", "c"]);
        assert_eq!(two.now_or_never(), Some(Ok(())));
        assert_eq!(one.acked().now_or_never(), Some(Ok(())));
        assert_eq!(issue(&mut receipts, &[]).acked().now_or_never(), Some(Ok(())));
    }

    #[test]
    fn a_rejected_event_decides_the_whole_write() {
        let mut receipts = Receipts::default();
        let receipt = issue(&mut receipts, &["a", "b"]);
        ack(&mut receipts, &["a"]);
        receipts.hear(&Notice::Rejected {
            repository: RepositoryName::new("r").unwrap(),
            event: EventId::new("b").unwrap(),
            body: Json::parse("{}").unwrap(),
            code: Some(ErrorCode::Forbidden),
            message: "no".to_owned(),
        });
        let verdict = receipt.acked().now_or_never().unwrap();
        assert!(matches!(verdict, Err(NotAcked::Rejected(_))), "{verdict:?}");
        assert!(receipts.by_event.is_empty() && receipts.waiting.is_empty());
    }

    #[test]
    fn receipts_that_nobody_keeps_cost_nothing() {
        let mut receipts = Receipts::default();
        let mut kept = Vec::new();
        for number in 0..10_000 {
            let receipt = issue(&mut receipts, &[&number.to_string()]);
            if number % 100 == 0 {
                kept.push(receipt);
            }
        }
        assert!(receipts.waiting.len() <= 200 + SWEEP_MIN, "{}", receipts.waiting.len());
        drop(receipts);
        let stopped = kept.pop().unwrap().acked().now_or_never();
        assert_eq!(stopped, Some(Err(NotAcked::Stopped)));
    }
}
