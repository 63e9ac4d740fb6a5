//! How notices reach the application: subscribers that may miss some, and one feed that misses none.

use driftless_core::client::Notice;
use std::collections::VecDeque;
use tokio::sync::{broadcast, mpsc};

/// Notices kept for a subscriber that does not read; past it the oldest are gone and it is told how many.
pub(super) const NOTICES: usize = 1_024;

/// Notices that may wait for a feed's reader beyond its own queue. Those of records and events come only with an
/// answer of the storage, which is held back while anything waits; past this, of what is left, only the newest state
/// of the connection is kept.
const WAITING: usize = 4_096;

/// A subscription to a client's notices, from the moment it was made. A client never waits for it.
#[derive(Debug)]
pub struct Notices(broadcast::Receiver<Notice>);

/// A subscriber was too slow: this many notices are gone. It reads records again to know where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} notices were missed")]
pub struct Lagged(pub u64);

impl Notices {
    pub(super) fn new(receiver: broadcast::Receiver<Notice>) -> Self {
        Self(receiver)
    }

    /// A subscription to a client that has stopped.
    pub(super) fn ended() -> Self {
        Self(broadcast::channel(1).1)
    }

    /// The next notice; `None` once the client has stopped. Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Result<Notice, Lagged>> {
        match self.0.recv().await {
            Ok(notice) => Some(Ok(notice)),
            Err(broadcast::error::RecvError::Lagged(missed)) => Some(Err(Lagged(missed))),
            Err(broadcast::error::RecvError::Closed) => None,
        }
    }
}

/// Every notice of a client, from the first on. A feed that is not read holds the client's storage back, and with it
/// everything that it receives and writes.
#[derive(Debug)]
pub struct Feed(mpsc::Receiver<Notice>);

impl Feed {
    /// The next notice; `None` once the client has stopped and all are read. Nothing is lost when the future is
    /// dropped.
    pub async fn next(&mut self) -> Option<Notice> {
        self.0.recv().await
    }

    /// The next notice, if there is one now.
    pub fn try_next(&mut self) -> Option<Notice> {
        self.0.try_recv().ok()
    }
}

/// The client's end of a [`Feed`].
#[derive(Debug, Default)]
pub(super) struct Tap {
    sender: Option<mpsc::Sender<Notice>>,
    waiting: VecDeque<Notice>,
}

impl Tap {
    /// A feed whose queue holds `capacity` notices, and its tap.
    pub(super) fn new(capacity: usize) -> (Self, Feed) {
        let (sender, receiver) = mpsc::channel(capacity.max(1));
        let tap = Self {
            sender: Some(sender),
            waiting: VecDeque::new(),
        };
        (tap, Feed(receiver))
    }

    pub(super) fn has_room(&self) -> bool {
        self.waiting.is_empty()
    }

    pub(super) fn push(&mut self, notice: &Notice) {
        let Some(sender) = &self.sender else {
            return;
        };
        if !self.waiting.is_empty() {
            return self.wait(notice.clone());
        }
        match sender.try_send(notice.clone()) {
            Ok(()) => {}
            Err(mpsc::error::TrySendError::Full(notice)) => self.wait(notice),
            Err(mpsc::error::TrySendError::Closed(_)) => self.sender = None,
        }
    }

    fn wait(&mut self, notice: Notice) {
        if self.waiting.len() >= WAITING {
            match &notice {
                Notice::Trouble { .. } => return,
                Notice::Connection(_) => {
                    let state = |one: &Notice| matches!(one, Notice::Connection(_));
                    if let Some(older) = self.waiting.iter().rposition(state) {
                        self.waiting.remove(older);
                    }
                }
                _ => {}
            }
        }
        self.waiting.push_back(notice);
    }

    /// Hands over one notice that waits, as soon as there is room. Nothing is lost when the future is dropped.
    pub(super) async fn hand_over(&mut self) {
        let Some(sender) = &self.sender else {
            return self.waiting.clear();
        };
        let Ok(permit) = sender.reserve().await else {
            self.sender = None;
            return self.waiting.clear();
        };
        if let Some(notice) = self.waiting.pop_front() {
            permit.send(notice);
        }
    }

    /// Hands over everything that waits.
    pub(super) async fn finish(mut self) {
        while !self.waiting.is_empty() {
            self.hand_over().await;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use driftless_core::client::ConnectionState;

    fn trouble(message: &str) -> Notice {
        Notice::Trouble {
            message: message.to_owned(),
        }
    }

    #[tokio::test]
    async fn a_feed_misses_nothing_and_holds_back_while_it_is_full() {
        let (mut tap, mut feed) = Tap::new(2);
        for number in 0..5 {
            tap.push(&trouble(&number.to_string()));
        }
        assert!(!tap.has_room());
        let mut read = vec![feed.try_next().unwrap()];
        tap.hand_over().await;
        tap.push(&trouble("5"));
        let finish = tap.finish();
        let rest = async {
            while let Some(notice) = feed.next().await {
                read.push(notice);
            }
        };
        futures_util::future::join(finish, rest).await;
        let expected: Vec<Notice> = (0..6).map(|number| trouble(&number.to_string())).collect();
        assert_eq!(read, expected);
    }

    #[test]
    fn what_comes_without_storage_does_not_pile_up_behind_a_stalled_feed() {
        let (mut tap, _feed) = Tap::new(1);
        for _ in 0..3 * WAITING {
            tap.push(&Notice::Connection(ConnectionState::Connecting));
            tap.push(&trouble("again"));
        }
        assert!(tap.waiting.len() <= WAITING, "{}", tap.waiting.len());
        assert_eq!(
            tap.waiting.back(),
            Some(&Notice::Connection(ConnectionState::Connecting))
        );
    }

    #[test]
    fn a_feed_that_is_dropped_holds_nothing_back() {
        let (mut tap, feed) = Tap::new(1);
        drop(feed);
        tap.push(&trouble("gone"));
        assert!(tap.has_room() && tap.sender.is_none());
    }
}
