//! How notices reach the application: subscribers that may miss some, and one feed that misses none.

use async_broadcast::{InactiveReceiver, Receiver, RecvError, Sender};
use driftless_core::client::Notice;
use std::collections::VecDeque;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// Notices kept for a subscriber that does not read; past it the oldest are gone and it is told how many.
const NOTICES: usize = 1_024;

/// Notices that may wait for a feed's reader beyond its own queue. Those of records and events come only with an
/// answer of the storage, which is held back while anything waits; past this, of what is left, only the newest state
/// of the connection is kept.
const WAITING: usize = 4_096;

/// Where a client's notices go, and where they can be heard. Nobody waits for anybody.
pub(super) fn channel() -> (Sender<Notice>, InactiveReceiver<Notice>) {
    let (mut sender, receiver) = async_broadcast::broadcast(NOTICES);
    sender.set_overflow(true);
    (sender, receiver.deactivate())
}

/// A subscription to a client's notices, from the moment it was made. A client never waits for it.
#[derive(Debug)]
pub struct Notices(Receiver<Notice>);

/// A subscriber was too slow: this many notices are gone. It reads records again to know where it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0} notices were missed")]
pub struct Lagged(pub u64);

impl Notices {
    pub(super) fn new(notices: &InactiveReceiver<Notice>) -> Self {
        Self(notices.activate_cloned())
    }

    /// The next notice; `None` once the client has stopped. Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Result<Notice, Lagged>> {
        match self.0.recv_direct().await {
            Ok(notice) => Some(Ok(notice)),
            Err(RecvError::Overflowed(missed)) => Some(Err(Lagged(missed))),
            Err(RecvError::Closed) => None,
        }
    }

    /// The next notice, if there is one now.
    pub fn try_next(&mut self) -> Option<Result<Notice, Lagged>> {
        match self.0.try_recv() {
            Ok(notice) => Some(Ok(notice)),
            Err(async_broadcast::TryRecvError::Overflowed(missed)) => Some(Err(Lagged(missed))),
            Err(_) => None,
        }
    }
}

/// Every notice of a client, from the first on. A feed that is not read holds the client's storage back, and with it
/// everything that it receives and writes.
#[derive(Debug)]
pub struct Feed(async_channel::Receiver<Notice>);

impl Feed {
    /// The next notice; `None` once the client has stopped and all are read. Nothing is lost when the future is
    /// dropped.
    pub async fn next(&mut self) -> Option<Notice> {
        self.0.recv().await.ok()
    }

    /// The next notice, if there is one now.
    pub fn try_next(&mut self) -> Option<Notice> {
        self.0.try_recv().ok()
    }
}

/// A notice on its way into a feed that was full.
type Sending = Pin<Box<dyn Future<Output = bool> + Send>>;

/// The client's end of a [`Feed`].
#[derive(Default)]
pub(super) struct Tap {
    sender: Option<async_channel::Sender<Notice>>,
    sending: Option<Sending>,
    waiting: VecDeque<Notice>,
}

impl Tap {
    /// A feed whose queue holds `capacity` notices, and its tap.
    pub(super) fn new(capacity: usize) -> (Self, Feed) {
        let (sender, receiver) = async_channel::bounded(capacity.max(1));
        let tap = Self {
            sender: Some(sender),
            ..Self::default()
        };
        (tap, Feed(receiver))
    }

    pub(super) fn has_room(&self) -> bool {
        self.sending.is_none() && self.waiting.is_empty()
    }

    pub(super) fn push(&mut self, notice: &Notice) {
        let Some(sender) = &self.sender else {
            return;
        };
        if !self.has_room() {
            return self.wait(notice.clone());
        }
        match sender.try_send(notice.clone()) {
            Ok(()) => {}
            Err(async_channel::TrySendError::Full(notice)) => self.wait(notice),
            Err(async_channel::TrySendError::Closed(_)) => self.sender = None,
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

    /// Hands over what waits, as far as there is room. Ready once nothing waits.
    pub(super) fn poll_hand_over(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            if self.sending.is_none() {
                let (Some(sender), Some(notice)) = (self.sender.clone(), self.waiting.pop_front()) else {
                    self.waiting.clear();
                    return Poll::Ready(());
                };
                self.sending = Some(Box::pin(async move { sender.send(notice).await.is_ok() }));
            }
            if let Some(sending) = &mut self.sending {
                let Poll::Ready(is_heard) = sending.as_mut().poll(cx) else {
                    return Poll::Pending;
                };
                self.sending = None;
                if !is_heard {
                    self.sender = None;
                }
            }
        }
    }

    /// Hands over everything that waits.
    pub(super) async fn finish(mut self) {
        std::future::poll_fn(|cx| self.poll_hand_over(cx)).await;
    }
}

impl fmt::Debug for Tap {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tap")
            .field("waiting", &self.waiting.len())
            .finish_non_exhaustive()
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

    fn once(tap: &mut Tap) {
        let mut cx = Context::from_waker(std::task::Waker::noop());
        let _ = tap.poll_hand_over(&mut cx);
    }

    #[test]
    fn a_feed_misses_nothing_and_holds_back_while_it_is_full() {
        let (mut tap, mut feed) = Tap::new(2);
        for number in 0..5 {
            tap.push(&trouble(&number.to_string()));
        }
        assert!(!tap.has_room());
        let mut read = vec![feed.try_next().unwrap()];
        once(&mut tap);
        tap.push(&trouble("5"));
        while !tap.has_room() {
            read.extend(feed.try_next());
            once(&mut tap);
        }
        drop(tap);
        while let Some(notice) = feed.try_next() {
            read.push(notice);
        }
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
