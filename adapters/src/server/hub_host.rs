//! The host of the hub: hands it what comes, carries its requests to the store and its replies to the connections.

use super::host::{Host, HubMail, Replies};
use crate::store::Store;
use driftless_core::server::{
    AppendOutcome, Appended, ConnectionId, Hub, HubAction, HubConfig, HubInput, HubRequest, SessionInput,
};
use driftless_core::{Actions, Instant, Machine};
use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

/// The hub with its store and its connections. A runtime gives it turns; it never waits.
pub(crate) struct HubHost {
    hub: Hub,
    host: Arc<Host>,
    store: Arc<dyn Store>,
    connections: HashMap<ConnectionId, Replies>,
    actions: Actions<HubAction>,
    stopping: bool,
}

impl HubHost {
    /// A hub without connections, which hears of the store's commits from now on.
    pub(crate) fn new(host: Arc<Host>, store: Arc<dyn Store>) -> Self {
        let hub = Hub::new(HubConfig {
            epoch: host.session.epoch.clone(),
            limits: host.session.limits.clone(),
            lanes: store.lanes(),
        });
        let inbox = host.hub.clone();
        store.watch(Arc::new(move |committed| {
            inbox.post(HubMail::Input(HubInput::Committed(committed)));
        }));
        Self {
            hub,
            host,
            store,
            connections: HashMap::new(),
            actions: Actions::new(),
            stopping: false,
        }
    }

    /// Takes one round of mail, then does what the hub asks for. False: the server is gone.
    pub(crate) fn take(&mut self, mail: &mut Vec<HubMail>) -> bool {
        let now = self.host.clock.now();
        let mut goes_on = true;
        for mail in mail.drain(..) {
            match mail {
                HubMail::Opened(connection, replies) => self.opened(connection, replies),
                HubMail::Gone(connection) => self.gone(now, connection),
                HubMail::Input(input) => self.input(now, input),
                HubMail::Shutdown => self.shut_down(),
                HubMail::Stop => {
                    self.shut_down();
                    goes_on = false;
                }
            }
        }
        self.carry_out();
        goes_on
    }

    /// Lets time pass.
    pub(crate) fn tick(&mut self) {
        self.hub
            .handle(self.host.clock.now(), HubInput::Tick, &mut self.actions);
        self.carry_out();
    }

    /// When the next [`Self::tick`] is due.
    pub(crate) fn next_wake(&self) -> Option<Instant> {
        self.hub.next_wake().map(|wake| wake.at)
    }

    fn opened(&mut self, connection: ConnectionId, replies: Replies) {
        if self.stopping {
            replies.post(SessionInput::Shutdown);
        }
        self.connections.insert(connection, replies);
    }

    fn gone(&mut self, now: Instant, connection: ConnectionId) {
        let request = HubRequest::Detach;
        self.input(now, HubInput::Session { connection, request });
        self.connections.remove(&connection);
    }

    fn shut_down(&mut self) {
        self.stopping = true;
        for replies in self.connections.values() {
            replies.post(SessionInput::Shutdown);
        }
    }

    fn input(&mut self, now: Instant, input: HubInput) {
        self.count(&input);
        self.hub.handle(now, input, &mut self.actions);
    }

    fn carry_out(&mut self) {
        while let Some(action) = self.actions.pop() {
            match action {
                HubAction::Reply { connection, reply } => {
                    if let Some(replies) = self.connections.get(&connection) {
                        replies.post(SessionInput::Hub(reply));
                    }
                }
                HubAction::Append { append, events } => {
                    let done = self.completion(move |result| HubInput::Appended { append, result });
                    self.store.append(events, done);
                }
                HubAction::Read { read, page } => {
                    let done = self.completion(move |result| HubInput::PageRead { read, result });
                    self.store.read(page, done);
                }
                HubAction::ListRepositories { read, namespace } => {
                    let done = self.completion(move |result: Result<Vec<crate::store::RepositorySummary>, _>| {
                        let result = result.map(|list| list.into_iter().map(|summary| summary.name).collect());
                        HubInput::Repositories { read, result }
                    });
                    self.store.repositories(namespace, done);
                }
            }
        }
    }

    /// A callback that posts what a store answers.
    fn completion<T>(&self, input: impl FnOnce(T) -> HubInput + Send + 'static) -> Box<dyn FnOnce(T) + Send> {
        let inbox = self.host.hub.clone();
        Box::new(move |result| inbox.post(HubMail::Input(input(result))))
    }

    fn count(&self, input: &HubInput) {
        let metrics = &self.host.metrics;
        match input {
            HubInput::Appended {
                result: Ok(appended), ..
            } => self.count_outcomes(appended),
            HubInput::Committed(committed) => metrics.events_committed.add_count(committed.events.len()),
            HubInput::PageRead { result: Ok(_), .. } => metrics.pages_read.add(1),
            HubInput::Appended {
                result: Err(failure), ..
            }
            | HubInput::PageRead {
                result: Err(failure), ..
            }
            | HubInput::Repositories {
                result: Err(failure), ..
            } => {
                metrics.store_failures.add(1);
                self.host.observer.store_failed(failure);
            }
            HubInput::Session { .. } | HubInput::Repositories { .. } | HubInput::Tick => {}
        }
    }

    fn count_outcomes(&self, appended: &Appended) {
        let metrics = &self.host.metrics;
        let (mut stored, mut duplicate, mut conflicting) = (0, 0, 0);
        for outcome in &appended.outcomes {
            match outcome {
                AppendOutcome::Stored(_) => stored += 1,
                AppendOutcome::Duplicate(_) => duplicate += 1,
                AppendOutcome::Conflict(_) => conflicting += 1,
            }
        }
        metrics.commits.add(1);
        metrics.events_appended.add(stored);
        metrics.events_duplicate.add(duplicate);
        metrics.events_conflicting.add(conflicting);
    }
}

impl fmt::Debug for HubHost {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let connections = &self.connections.len();
        f.debug_struct("HubHost")
            .field("connections", connections)
            .finish_non_exhaustive()
    }
}
