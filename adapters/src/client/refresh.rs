//! Asking the application for other credentials.

use crate::runtime::{Runtime, within};
use driftless_core::client::{ClientCredentials, Timing};
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

/// Is asked for other credentials once the server has refused those that it was shown, or they have expired; it is
/// given the server's sentence. `None`: there are none, and the client waits for `update_credentials`.
pub(super) type Callback = Arc<dyn Fn(String) -> Answer + Send + Sync>;

/// The credentials that the application answers with.
pub(super) type Answer = Pin<Box<dyn Future<Output = Option<ClientCredentials>> + Send>>;

/// Asks the application for credentials, one question at a time.
#[derive(Default)]
pub(super) struct Refresh {
    callback: Option<Callback>,
    asking: Option<Answer>,
    /// Questions since credentials were last good for something.
    questions: u32,
    /// Since when the server accepts them.
    accepted: Option<Instant>,
    delay: Duration,
    delay_max: Duration,
}

impl Refresh {
    pub(super) fn new(callback: Option<Callback>, timing: &Timing) -> Self {
        Self {
            callback,
            delay: timing.reconnect_delay,
            delay_max: timing.reconnect_delay_max,
            ..Self::default()
        }
    }

    /// The server has accepted credentials.
    pub(super) fn accepted(&mut self) {
        self.accepted.get_or_insert_with(Instant::now);
    }

    /// The application has given others by itself: it is not asked any more.
    pub(super) fn forget(&mut self) {
        self.asking = None;
        self.questions = 0;
    }

    /// The server wants others. The first question is asked at once; an application whose answers are refused as well
    /// is asked again after a delay that doubles, so that nobody is kept busy by it.
    pub(super) fn ask(&mut self, runtime: &Arc<dyn Runtime>, message: String) {
        let Some(callback) = self.callback.clone().filter(|_| self.asking.is_none()) else {
            return;
        };
        // Those that are accepted and refused again at once count as refused.
        if self.accepted.take().is_some_and(|at| at.elapsed() >= self.delay) {
            self.questions = 0;
        }
        let delay = match self.questions {
            0 => Duration::ZERO,
            before => self.delay.saturating_mul(1 << (before - 1).min(16)).min(self.delay_max),
        };
        self.questions = self.questions.saturating_add(1);
        let runtime = runtime.clone();
        self.asking = Some(Box::pin(async move {
            if !delay.is_zero() {
                within(&*runtime, delay, std::future::pending::<()>()).await;
            }
            callback(message).await
        }));
    }

    /// The application's answer, if it has given one.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<ClientCredentials>> {
        let Some(asking) = &mut self.asking else {
            return Poll::Pending;
        };
        let answer = std::task::ready!(asking.as_mut().poll(cx));
        self.asking = None;
        Poll::Ready(answer)
    }
}

impl fmt::Debug for Refresh {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Refresh")
            .field("questions", &self.questions)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::runtime::{Listener, Pending, Socket, Timer};
    use futures_util::FutureExt;
    use std::io;
    use std::net::SocketAddr;
    use std::sync::Mutex;

    /// Timers that are due at once, and what they were set for.
    #[derive(Clone, Debug, Default)]
    struct Hasty(Arc<Mutex<Vec<Instant>>>);

    impl Timer for Hasty {
        fn set(&mut self, at: Instant) {
            self.0.lock().unwrap().push(at);
        }

        fn poll(&mut self, _: &mut Context<'_>) -> Poll<()> {
            Poll::Ready(())
        }
    }

    impl Runtime for Hasty {
        fn spawn(&self, _: &'static str, _: Pending<'static, ()>) -> io::Result<()> {
            unreachable!("nothing is spawned")
        }

        fn timer(&self) -> Box<dyn Timer> {
            Box::new(self.clone())
        }

        fn resolve(&self, _: String, _: u16) -> Pending<'static, io::Result<Vec<SocketAddr>>> {
            unreachable!("nothing is looked up")
        }

        fn connect(&self, _: SocketAddr) -> Pending<'static, io::Result<Box<dyn Socket>>> {
            unreachable!("nothing is connected to")
        }

        fn listen(&self, _: SocketAddr) -> Pending<'static, io::Result<Box<dyn Listener>>> {
            unreachable!("nobody listens")
        }
    }

    fn token(token: &str) -> ClientCredentials {
        ClientCredentials {
            token: Some(token.to_owned()),
            headers: Vec::new(),
        }
    }

    /// Answers every question with a token made of the server's sentence.
    fn answering() -> Refresh {
        let callback: Callback = Arc::new(|message| std::future::ready(Some(token(&message))).boxed());
        let timing = Timing {
            reconnect_delay: Duration::from_secs(100),
            reconnect_delay_max: Duration::from_secs(700),
            ..Timing::default()
        };
        Refresh::new(Some(callback), &timing)
    }

    fn poll(refresh: &mut Refresh) -> Poll<Option<ClientCredentials>> {
        refresh.poll(&mut Context::from_waker(std::task::Waker::noop()))
    }

    /// Asks once, and says after how many seconds the callback was called.
    fn asked_after(refresh: &mut Refresh, timers: &Hasty) -> u64 {
        let (runtime, start): (Arc<dyn Runtime>, _) = (Arc::new(timers.clone()), Instant::now());
        refresh.ask(&runtime, "refused".to_owned());
        assert_eq!(poll(refresh), Poll::Ready(Some(token("refused"))));
        let took = start.elapsed();
        let set = timers.0.lock().unwrap().drain(..).next();
        let Some(at) = set else { return 0 };
        // Set for a delay from some moment in between.
        let latest = at.duration_since(start);
        let delay = Duration::from_secs(latest.as_secs());
        assert!(delay >= latest.saturating_sub(took), "{latest:?}");
        delay.as_secs()
    }

    #[test]
    fn credentials_that_are_refused_again_are_asked_for_after_a_growing_delay() {
        let (mut refresh, timers) = (answering(), Hasty::default());
        let mut delays = || asked_after(&mut refresh, &timers);
        let first: Vec<u64> = (0..6).map(|_| delays()).collect();
        assert_eq!(first, [0, 100, 200, 400, 700, 700]);
        for _ in 0..100 {
            assert_eq!(delays(), 700, "however often");
        }
        refresh.accepted();
        assert_eq!(asked_after(&mut refresh, &timers), 700, "accepted for no time at all");
        refresh.accepted = Instant::now().checked_sub(refresh.delay);
        assert_eq!(asked_after(&mut refresh, &timers), 0, "as at first");
        assert_eq!(asked_after(&mut refresh, &timers), 100);
    }

    #[test]
    fn an_application_that_gives_others_by_itself_is_not_asked_any_more() {
        let (mut refresh, timers) = (answering(), Hasty::default());
        let runtime: Arc<dyn Runtime> = Arc::new(timers.clone());
        refresh.ask(&runtime, "refused".to_owned());
        refresh.forget();
        assert_eq!(poll(&mut refresh), Poll::Pending);
        assert_eq!(asked_after(&mut refresh, &timers), 0);
    }

    #[test]
    fn one_question_is_asked_at_a_time() {
        let (sender, receiver) = futures_channel::oneshot::channel();
        let answer = Mutex::new(Some(receiver));
        let callback: Callback = Arc::new(move |message| {
            assert_eq!(message, "first", "another question");
            let answer = answer.lock().unwrap().take().unwrap();
            async move { answer.await.unwrap() }.boxed()
        });
        let mut refresh = Refresh::new(Some(callback), &Timing::default());
        let runtime: Arc<dyn Runtime> = Arc::new(Hasty::default());
        assert_eq!(poll(&mut refresh), Poll::Pending, "nothing was asked");
        refresh.ask(&runtime, "first".to_owned());
        refresh.ask(&runtime, "second".to_owned());
        assert_eq!(poll(&mut refresh), Poll::Pending);
        sender.send(None).unwrap();
        assert_eq!(poll(&mut refresh), Poll::Ready(None), "there are none");
        assert_eq!(poll(&mut refresh), Poll::Pending);
    }

    #[test]
    fn without_a_callback_nobody_is_asked() {
        let mut refresh = Refresh::new(None, &Timing::default());
        let runtime: Arc<dyn Runtime> = Arc::new(Hasty::default());
        refresh.ask(&runtime, "refused".to_owned());
        assert_eq!(poll(&mut refresh), Poll::Pending);
    }
}
