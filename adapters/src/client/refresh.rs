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
