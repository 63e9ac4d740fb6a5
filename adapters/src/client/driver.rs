//! The part of a client that is the same on every runtime.

use super::command::{Command, Done, Status, SyncFailed, WriteResult};
use super::journal::{Journal, JournalEntry};
use super::receipt::Receipts;
use super::state::{Connection, Progress};
use driftless_core::client::{
    Client, ClientAction, ClientConfig, ClientInput, ConnectionState, Notice, RequestId, StorageFailure, StorageId,
    Write,
};
use driftless_core::event::{Sequence, Timestamp};
use driftless_core::name::RepositoryName;
use driftless_core::{Actions, Instant, Machine};
use std::collections::BTreeMap;
use std::fmt;

/// The client machine together with the answers that its application waits for. Does no input or output: a binding
/// calls it from its one loop.
///
/// After every [`input`](Self::input) and [`command`](Self::command) the binding carries out
/// [`next_action`](Self::next_action) until there is none, then calls [`settle`](Self::settle); it calls
/// `input(.., ClientInput::Tick)` at [`next_wake`](Self::next_wake), and ends at [`is_finished`](Self::is_finished).
///
/// Its queues: writes that wait are bounded by
/// [`ClientLimits::writes`](driftless_core::client::ClientLimits::writes), flushes and status requests by what the
/// binding's command queue lets through; actions are drained after each call.
///
/// ```
/// use driftless::client::Driver;
/// use driftless::wall_clock;
/// use driftless::core::Instant;
/// use driftless::core::client::{
///     ClientAction, ClientConfig, ClientCredentials, ClientInput, ClientLimits, RepositoryConfig, Strategy, Timing,
/// };
/// use driftless::core::event::Spelling;
/// use driftless::storage::{MemoryStorage, Storage};
///
/// let mut storage = MemoryStorage::new();
/// let mut driver = Driver::new(ClientConfig {
///     repositories: vec![RepositoryConfig::new("users".parse()?)],
///     credentials: ClientCredentials::default(),
///     spelling: Spelling::Package,
///     strategy: Strategy::default(),
///     timing: Timing::default(),
///     limits: ClientLimits::default(),
///     seed: [7; 32], // a real binding asks the operating system
/// });
/// let now = Instant::ZERO; // a real binding reads a monotonic clock
/// driver.input(now, ClientInput::Start { wall: wall_clock() });
/// while let Some(action) = driver.next_action() {
///     match action {
///         ClientAction::Storage { storage: id, request } => {
///             let result = storage.request(request);
///             driver.input(now, ClientInput::Stored { storage: id, result });
///         }
///         ClientAction::Notify(notice) => println!("{notice:?}"),
///         other => println!("a real binding would use its socket: {other:?}"),
///     }
/// }
/// driver.settle(true);
/// # Ok::<(), driftless::core::name::NameError>(())
/// ```
pub struct Driver {
    machine: Client,
    repositories: Vec<RepositoryName>,
    actions: Actions<ClientAction>,
    writes: BTreeMap<RequestId, Pending>,
    receipts: Receipts,
    flushes: Vec<Flush>,
    statuses: Vec<Done<Status>>,
    clears: Vec<(RepositoryName, Done<()>)>,
    syncs: Vec<Done<Result<(), SyncFailed>>>,
    storing: Option<StorageId>,
    /// Whether storage is open, or has failed to open at least once.
    opened: Opening,
    stopped: bool,
    /// The sum of the cursors when the client began to catch up.
    caught_up_from: u64,
    journal: Option<Journal>,
}

/// A write whose answer is waited for.
struct Pending {
    /// The repository of each of its changes.
    repositories: Vec<RepositoryName>,
    done: Done<WriteResult>,
}

struct Flush {
    /// The last write that waited for storage when it was asked for.
    after: Option<RequestId>,
    done: Done<()>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Opening {
    UnderWay,
    Failing,
    Open,
}

impl Driver {
    /// A client that has not started: its first input is [`ClientInput::Start`].
    pub fn new(config: ClientConfig) -> Self {
        Self {
            repositories: config.repositories.iter().map(|one| one.name.clone()).collect(),
            machine: Client::new(config),
            actions: Actions::new(),
            writes: BTreeMap::new(),
            receipts: Receipts::default(),
            flushes: Vec::new(),
            statuses: Vec::new(),
            clears: Vec::new(),
            syncs: Vec::new(),
            storing: None,
            opened: Opening::UnderWay,
            stopped: false,
            caught_up_from: 0,
            journal: None,
        }
    }

    /// As [`Self::new`], and writes down every input and action.
    pub fn with_journal(config: ClientConfig, mut journal: Journal) -> Self {
        journal(JournalEntry::Start(&config));
        Self {
            journal: Some(journal),
            ..Self::new(config)
        }
    }

    /// Something has happened.
    pub fn input(&mut self, now: Instant, input: ClientInput) {
        match &input {
            ClientInput::Stored { storage, .. } if self.storing == Some(*storage) => self.storing = None,
            ClientInput::Stop => self.stopped = true,
            _ => {}
        }
        if let Some(journal) = &mut self.journal {
            journal(JournalEntry::Input(now, &input));
        }
        self.machine.handle(now, input, &mut self.actions);
    }

    /// The application asks for something. `wall` is the wall clock.
    pub fn command(&mut self, now: Instant, wall: Timestamp, command: Command) {
        match command {
            Command::Write {
                request,
                changes,
                dismiss,
                done,
            } => {
                let repositories = changes.iter().map(|change| change.repository.clone()).collect();
                self.writes.insert(request, Pending { repositories, done });
                let write = Write {
                    request,
                    wall,
                    changes,
                    dismiss,
                };
                self.input(now, ClientInput::Write(write));
            }
            Command::Flush { done } => {
                let after = self.writes.last_key_value().map(|(request, _)| *request);
                self.flushes.push(Flush { after, done });
            }
            Command::Status { done } => self.statuses.push(done),
            Command::Credentials(credentials) => self.input(now, ClientInput::Credentials(credentials)),
            Command::Resync(repository) => self.input(now, ClientInput::Resync { repository }),
            // There is nothing to clear.
            Command::Clear { repository, done } if !self.repositories.contains(&repository) => done(()),
            Command::Clear { repository, done } => {
                self.clears.push((repository.clone(), done));
                self.input(now, ClientInput::Clear { repository });
            }
            Command::Sync { done } => {
                self.syncs.push(done);
                self.input(now, ClientInput::SyncNow);
            }
            Command::Connectivity(there) => self.input(now, ClientInput::Connectivity(there)),
            Command::Stop => self.input(now, ClientInput::Stop),
        }
    }

    /// What the binding has to do next. Writes are answered on the way.
    pub fn next_action(&mut self) -> Option<ClientAction> {
        let action = self.actions.pop()?;
        if let Some(journal) = &mut self.journal {
            journal(JournalEntry::Action(&action));
        }
        match &action {
            ClientAction::Storage { storage, .. } => self.storing = Some(*storage),
            ClientAction::Notify(notice) => self.hear(notice),
            _ => {}
        }
        Some(action)
    }

    fn hear(&mut self, notice: &Notice) {
        match notice {
            Notice::Opened => self.opened = Opening::Open,
            Notice::Trouble { .. } if self.opened == Opening::UnderWay => self.opened = Opening::Failing,
            Notice::Connection(ConnectionState::Authenticating) => self.caught_up_from = self.applied(),
            Notice::Written { request, result } => {
                let Some(Pending { repositories, done }) = self.writes.remove(request) else {
                    return;
                };
                match result {
                    Ok(events) => {
                        let events = repositories.into_iter().zip(events.iter().cloned()).collect();
                        self.receipts.issue(events, |receipt| done(Ok(receipt)));
                    }
                    Err(error) => done(Err(error.clone())),
                }
            }
            Notice::Synced => self.synced(&Ok(())),
            Notice::SyncFailed { message } => self.synced(&Err(SyncFailed(message.clone()))),
            Notice::Cleared { repository } => {
                self.receipts.hear(notice);
                let cleared = |clear: &mut (RepositoryName, Done<()>)| clear.0 == *repository;
                // One answer for each request, the oldest first.
                if let Some((_, done)) = self.clears.extract_if(.., cleared).next() {
                    done(());
                }
            }
            notice => self.receipts.hear(notice),
        }
    }

    fn synced(&mut self, result: &Result<(), SyncFailed>) {
        for done in std::mem::take(&mut self.syncs) {
            done(result.clone());
        }
    }

    /// How many events are applied, over all repositories.
    fn applied(&self) -> u64 {
        let cursors = self.repositories.iter().filter_map(|name| self.machine.cursor(name));
        cursors.map(Sequence::get).sum()
    }

    /// Where the connection stands.
    pub fn connection(&mut self) -> Connection {
        let state = self.machine.connection().clone();
        self.connection_in(&state)
    }

    /// A state of the connection, which was told in a notice, as the application sees it.
    pub(super) fn connection_in(&mut self, state: &ConnectionState) -> Connection {
        match state {
            ConnectionState::Offline { retry_in } => Connection::Offline { retry_in: *retry_in },
            ConnectionState::Connecting => Connection::Connecting,
            ConnectionState::Authenticating => Connection::Authenticating,
            ConnectionState::CatchingUp => Connection::CatchingUp(self.progress()),
            ConnectionState::Live => Connection::Live,
            ConnectionState::AuthenticationFailed { message } => {
                let message = message.clone();
                Connection::AuthenticationFailed { message }
            }
        }
    }

    fn progress(&mut self) -> Progress {
        let applied = self.applied();
        // Folding again from 0 begins anew.
        self.caught_up_from = self.caught_up_from.min(applied);
        Progress {
            repositories: self.repositories.len(),
            current: self.machine.current_repositories(),
            events: applied - self.caught_up_from,
        }
    }

    /// Answers what can be answered. Called when all actions are carried out; `told` says whether all notices are with
    /// the application, so that it hears of an ack before it hears that nothing is pending.
    pub fn settle(&mut self, told: bool) {
        if self.opened != Opening::UnderWay {
            for done in std::mem::take(&mut self.statuses) {
                done(self.status());
            }
        }
        let idle = self.opened == Opening::Open && self.machine.pending() == 0;
        if self.flushes.is_empty() || !idle || !told {
            return;
        }
        let oldest = self.writes.first_key_value().map(|(request, _)| *request);
        let written = |flush: &mut Flush| oldest.is_none() || flush.after < oldest;
        for flush in self.flushes.extract_if(.., written) {
            (flush.done)(());
        }
    }

    /// How the client stands.
    pub fn status(&self) -> Status {
        let cursor = |name: &RepositoryName| self.machine.cursor(name).map(|at| (name.clone(), at));
        Status {
            connection: self.machine.connection().clone(),
            pending: self.machine.pending(),
            blocked: self.machine.blocked(),
            cursors: self.repositories.iter().filter_map(cursor).collect(),
        }
    }

    /// When the machine wants to be ticked.
    pub fn next_wake(&self) -> Option<Instant> {
        self.machine.next_wake().map(|wake| wake.at)
    }

    /// Whether the client was told to stop. It takes no commands any more.
    pub fn is_stopping(&self) -> bool {
        self.stopped
    }

    /// Whether the client has stopped and storage has answered everything: the binding ends.
    pub fn is_finished(&self) -> bool {
        self.stopped && self.storing.is_none() && self.actions.is_empty()
    }

    /// Storage is gone for good: answers what it was asked last, if that is not answered. Says whether it was so.
    pub fn storage_lost(&mut self, now: Instant) -> bool {
        let Some(storage) = self.storing else {
            return false;
        };
        let detail = "the storage has ended".to_owned();
        let result = Err(StorageFailure { detail });
        self.input(now, ClientInput::Stored { storage, result });
        true
    }
}

impl fmt::Debug for Driver {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Driver")
            .field("machine", &self.machine)
            .field("writes", &self.writes.len())
            .field("flushes", &self.flushes.len())
            .field("storing", &self.storing)
            .field("opened", &self.opened)
            .field("stopped", &self.stopped)
            .finish_non_exhaustive()
    }
}
