//! Where the connection stands, for the application to watch.

use crate::watched::Watched;
use async_broadcast::{InactiveReceiver, Receiver, RecvError, Sender};
use std::sync::Arc;
use std::time::Duration;

/// States kept for a subscriber that does not read; past it the oldest are passed over.
const STATES: usize = 64;

/// Where the connection stands.
///
/// ```text
///            ┌──────────────── failure, close, silence ────────────────┐
///            ▼                                                         │
///  Offline ──delay──▶ Connecting ──open──▶ Authenticating ──success──▶ CatchingUp ──head──▶ Live
///                                               │  ▲                        ▲                │
///                                            refused │ other credentials      └── behind again ┘
///                                               ▼  │
///                                        AuthenticationFailed
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Connection {
    /// Not connected.
    Offline {
        /// The delay before the next attempt; `None` if none is planned.
        retry_in: Option<Duration>,
    },
    /// Opening a connection.
    Connecting,
    /// Connected; the credentials are not accepted yet.
    Authenticating,
    /// Authenticated; not every repository is current.
    CatchingUp(Progress),
    /// Every repository is current, and what others write comes as it happens.
    Live,
    /// The credentials were refused; waits for others.
    AuthenticationFailed {
        /// The server's sentence.
        message: String,
    },
}

/// How far a client is in catching up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Progress {
    /// How many repositories the client keeps.
    pub repositories: usize,
    /// How many of them are current.
    pub current: usize,
    /// How many events were applied since it began to catch up.
    pub events: u64,
}

impl Connection {
    /// The plain view: connected means authenticated.
    pub const fn is_connected(&self) -> bool {
        matches!(self, Self::CatchingUp(_) | Self::Live)
    }
}

/// The client's end.
#[derive(Debug)]
pub(super) struct StateSender {
    current: Arc<Watched<Connection>>,
    states: Sender<Connection>,
}

/// The application's end.
#[derive(Clone, Debug)]
pub(super) struct StateReader {
    current: Arc<Watched<Connection>>,
    states: InactiveReceiver<Connection>,
}

pub(super) fn channel() -> (StateSender, StateReader) {
    let (mut states, receiver) = async_broadcast::broadcast(STATES);
    states.set_overflow(true);
    let current = Arc::new(Watched::new(Connection::Offline { retry_in: None }));
    let sender = StateSender {
        current: current.clone(),
        states,
    };
    let states = receiver.deactivate();
    (sender, StateReader { current, states })
}

impl StateSender {
    /// Tells of a state, if it is another one.
    pub(super) fn tell(&self, state: Connection) {
        let mut current = self.current.lock();
        if *current != state {
            *current = state.clone();
            // Under the lock, so that a subscriber misses none. An error means that nobody listens.
            let _ = self.states.try_broadcast(state);
        }
    }
}

/// A client that has ended, in whatever way, is not connected.
impl Drop for StateSender {
    fn drop(&mut self) {
        self.tell(Connection::Offline { retry_in: None });
    }
}

impl StateReader {
    pub(super) fn now(&self) -> Connection {
        self.current.lock().clone()
    }

    pub(super) fn subscribe(&self) -> Connections {
        let current = self.current.lock();
        Connections {
            first: Some(current.clone()),
            states: self.states.activate_cloned(),
        }
    }
}

/// The states of a client's connection: the one of now first, then each as it comes.
#[derive(Debug)]
pub struct Connections {
    first: Option<Connection>,
    states: Receiver<Connection>,
}

impl Connections {
    /// The next state; `None` once the client has stopped. A subscriber that does not read for long misses states in
    /// between, never the newest. Nothing is lost when the future is dropped.
    pub async fn next(&mut self) -> Option<Connection> {
        if let Some(first) = self.first.take() {
            return Some(first);
        }
        loop {
            match self.states.recv_direct().await {
                Ok(state) => return Some(state),
                Err(RecvError::Overflowed(_)) => {}
                Err(RecvError::Closed) => return None,
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;

    fn offline(seconds: u64) -> Connection {
        let retry_in = Some(Duration::from_secs(seconds));
        Connection::Offline { retry_in }
    }

    /// What a subscriber hears without waiting.
    fn heard(states: &mut Connections) -> Vec<Connection> {
        std::iter::from_fn(|| states.next().now_or_never().flatten()).collect()
    }

    #[test]
    fn a_subscriber_hears_of_the_state_of_now_and_of_each_after_it() {
        let (sender, reader) = channel();
        let mut early = reader.subscribe();
        sender.tell(Connection::Connecting);
        sender.tell(Connection::Authenticating);
        let mut late = reader.subscribe();
        sender.tell(Connection::Live);
        let begun = Connection::Offline { retry_in: None };
        let (connecting, authenticating) = (Connection::Connecting, Connection::Authenticating);
        assert_eq!(
            heard(&mut early),
            [begun, connecting, authenticating.clone(), Connection::Live]
        );
        assert_eq!(heard(&mut late), [authenticating, Connection::Live]);
        assert_eq!(reader.now(), Connection::Live);
    }

    #[test]
    fn a_state_is_told_once_until_there_is_another() {
        let (sender, reader) = channel();
        let mut states = reader.subscribe();
        for state in [offline(1), offline(1), offline(2), offline(2), offline(1)] {
            sender.tell(state);
        }
        assert_eq!(heard(&mut states)[1..], [offline(1), offline(2), offline(1)]);
        let progress = |events| {
            Connection::CatchingUp(Progress {
                events,
                ..Progress::default()
            })
        };
        sender.tell(progress(1));
        sender.tell(progress(1));
        sender.tell(progress(2));
        assert_eq!(heard(&mut states), [progress(1), progress(2)]);
    }

    #[test]
    fn a_subscriber_that_does_not_read_misses_old_states_and_never_the_newest() {
        let (sender, reader) = channel();
        let mut states = reader.subscribe();
        for number in 0..1_000 {
            sender.tell(offline(number));
        }
        let heard = heard(&mut states);
        assert!(heard.len() <= STATES + 1, "{}", heard.len());
        assert!(heard.ends_with(&[offline(998), offline(999)]));
    }

    #[test]
    fn the_states_end_with_the_client_behind_the_last() {
        let (sender, reader) = channel();
        let mut states = reader.subscribe();
        let mut unborn = reader.subscribe();
        sender.tell(Connection::Live);
        drop(sender);
        // A client that is gone is not connected, whatever it said last.
        let gone = Connection::Offline { retry_in: None };
        assert_eq!(heard(&mut states).last(), Some(&gone));
        assert_eq!(states.next().now_or_never(), Some(None));
        assert_eq!(heard(&mut unborn), [gone.clone(), Connection::Live, gone.clone()]);
        // Who comes afterwards still learns of the last one.
        let mut late = reader.subscribe();
        assert_eq!(heard(&mut late), [gone]);
        assert_eq!(late.next().now_or_never(), Some(None));
    }

    #[test]
    fn connected_is_authenticated() {
        let refused = Connection::AuthenticationFailed { message: String::new() };
        let not = [offline(1), Connection::Connecting, Connection::Authenticating, refused];
        assert!(!not.iter().any(Connection::is_connected));
        assert!(Connection::Live.is_connected() && Connection::CatchingUp(Progress::default()).is_connected());
    }
}
