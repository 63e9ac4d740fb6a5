//! The client's task: one loop between the machine, the socket, the storage, the application and the clock.

use super::hooks::Hooks;
use super::notices::Tap;
use super::queue::Queue;
use super::reads::Reads;
use super::refresh::Refresh;
use super::socket::{Connection, Unconnected, connect};
use super::state::StateSender;
use super::storage::StorageThread;
use super::target::{Target, headers};
use crate::client::{Command, Driver};
use crate::runtime::{Alarm, Clock, Pending, Runtime};
use crate::wall_clock;
use crate::watched::Watched;
use async_broadcast::Sender;
use async_channel::Receiver;
use driftless_core::client::{ClientAction, ClientCredentials, ClientInput, ConnectionState, Notice, SocketId};
use driftless_core::wire::CloseCode;
use futures_util::stream::{FuturesUnordered, Stream, StreamExt};
use std::future::poll_fn;
use std::pin::Pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

/// Inputs of one kind taken in one turn before the other kinds get theirs.
const INPUTS_A_TURN: usize = 64;

/// Turns before other tasks of the runtime get theirs.
const TURNS_A_POLL: usize = 16;

/// What a client's task begins with.
pub(super) struct Parts {
    pub(super) driver: Driver,
    pub(super) runtime: Arc<dyn Runtime>,
    pub(super) target: Arc<Target>,
    /// [`ClientLimits::frame_bytes`](driftless_core::client::ClientLimits::frame_bytes).
    pub(super) frame_bytes: usize,
    /// [`Timing::close_timeout`](driftless_core::client::Timing::close_timeout).
    pub(super) close_timeout: Duration,
    pub(super) storage: StorageThread,
    pub(super) reads: Reads,
    pub(super) commands: Receiver<Command>,
    /// What waits for the task, which goes with it.
    pub(super) queue: Queue<Command>,
    pub(super) notices: Sender<Notice>,
    pub(super) tap: Tap,
    pub(super) state: StateSender,
    pub(super) refresh: Refresh,
    pub(super) hooks: Hooks,
    /// What is shown to the server, as the application last said.
    pub(super) credentials: Arc<Mutex<ClientCredentials>>,
    pub(super) ended: Ended,
}

/// Runs a client until it is stopped, or its last handle is dropped.
pub(super) async fn run(parts: Parts) {
    let clock = Clock::start();
    let mut task = Task {
        alarm: Alarm::new(&*parts.runtime, clock),
        clock,
        driver: parts.driver,
        host: Host {
            runtime: parts.runtime,
            target: parts.target,
            frame_bytes: parts.frame_bytes,
            close_timeout: parts.close_timeout,
            link: Link::None,
            closing: FuturesUnordered::new(),
            storage: parts.storage,
            notices: parts.notices,
            tap: parts.tap,
            state: parts.state,
            refresh: parts.refresh,
            hooks: parts.hooks,
        },
        storage_lost: false,
        _queue: parts.queue,
        commands: Box::pin(parts.commands),
        credentials: parts.credentials,
    };
    task.input(ClientInput::Start { wall: wall_clock() });
    poll_fn(|cx| task.poll(cx)).await;
    // Who still waits for an answer hears that the client is stopped.
    let host = task.end();
    host.finish(parts.reads, parts.ended).await;
}

/// Tells that the task has ended and the storage is closed, however it ends, also if it never began.
pub(super) struct Ended(pub(super) Arc<Watched<bool>>);

impl Drop for Ended {
    fn drop(&mut self) {
        self.0.update(|ended| *ended = true);
    }
}

struct Task {
    driver: Driver,
    clock: Clock,
    alarm: Alarm,
    host: Host,
    storage_lost: bool,
    commands: Pin<Box<Receiver<Command>>>,
    /// What waits when the task ends goes with it.
    _queue: Queue<Command>,
    credentials: Arc<Mutex<ClientCredentials>>,
}

/// The part of a [`Task`] that carries out actions.
struct Host {
    runtime: Arc<dyn Runtime>,
    target: Arc<Target>,
    frame_bytes: usize,
    close_timeout: Duration,
    link: Link,
    /// Connections that are being closed; each ends by itself.
    closing: FuturesUnordered<Pending<'static, ()>>,
    storage: StorageThread,
    notices: Sender<Notice>,
    tap: Tap,
    state: StateSender,
    refresh: Refresh,
    hooks: Hooks,
}

/// The connection that the machine knows.
enum Link {
    None,
    Connecting(SocketId, Pending<'static, Result<Box<Connection>, Unconnected>>),
    Open(Box<Connection>),
}

impl Task {
    fn end(self) -> Host {
        self.host
    }

    /// Ready once the client has ended.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        for _ in 0..TURNS_A_POLL {
            if self.driver.is_finished() {
                return Poll::Ready(());
            }
            if !self.turn(cx) {
                return Poll::Pending;
            }
        }
        cx.waker().wake_by_ref();
        Poll::Pending
    }

    /// One turn of everything that may have something. Says whether anything had.
    fn turn(&mut self, cx: &mut Context<'_>) -> bool {
        let mut progress = self.take_commands(cx);
        progress |= self.take_replies(cx);
        progress |= self.take_from_socket(cx);
        if let Poll::Ready(answer) = self.host.refresh.poll(cx) {
            progress = true;
            self.refreshed(answer);
        }
        while let Poll::Ready(built) = self.host.hooks.poll(cx) {
            progress = true;
            self.input(built);
        }
        if self.alarm.poll_due(cx, self.driver.next_wake()) {
            progress = true;
            self.input(ClientInput::Tick);
        }
        while let Poll::Ready(Some(())) = self.host.closing.poll_next_unpin(cx) {}
        if !self.host.tap.has_room() && self.host.tap.poll_hand_over(cx).is_ready() {
            progress = true;
        }
        self.driver.settle(self.host.tap.has_room());
        self.host.state.tell(self.driver.connection());
        progress
    }

    fn input(&mut self, input: ClientInput) {
        self.driver.input(self.clock.now(), input);
        self.host.carry_out(&mut self.driver);
    }

    fn command(&mut self, command: Command) {
        let command = match command {
            // What was said last counts, in whichever order two changes were taken on.
            Command::Credentials(_) => {
                self.host.refresh.forget();
                let shown = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
                Command::Credentials(shown.clone())
            }
            other => other,
        };
        let is_write = matches!(command, Command::Write { .. });
        self.driver.command(self.clock.now(), wall_clock(), command);
        // Writes wait for each other, so that they share a transaction.
        if !is_write {
            self.host.carry_out(&mut self.driver);
        }
    }

    fn take_commands(&mut self, cx: &mut Context<'_>) -> bool {
        let mut progress = false;
        for _ in 0..INPUTS_A_TURN {
            if self.driver.is_stopping() {
                break;
            }
            match self.commands.as_mut().poll_next(cx) {
                Poll::Ready(Some(command)) => self.command(command),
                // The last handle is gone.
                Poll::Ready(None) => self.command(Command::Stop),
                Poll::Pending => break,
            }
            progress = true;
        }
        self.host.carry_out(&mut self.driver);
        progress
    }

    fn take_replies(&mut self, cx: &mut Context<'_>) -> bool {
        // An application that does not read its feed is as a storage that does not answer.
        let is_wanted = self.host.tap.has_room() || self.driver.is_stopping();
        if self.storage_lost {
            let lost = self.driver.storage_lost(self.clock.now());
            self.host.carry_out(&mut self.driver);
            return lost;
        }
        if !is_wanted {
            return false;
        }
        match self.host.storage.poll_reply(cx) {
            Poll::Ready(Some(input)) => self.input(input),
            Poll::Ready(None) => self.storage_lost = true,
            Poll::Pending => return false,
        }
        true
    }

    fn take_from_socket(&mut self, cx: &mut Context<'_>) -> bool {
        let mut progress = false;
        for _ in 0..INPUTS_A_TURN {
            let Poll::Ready(input) = self.host.poll_link(cx) else {
                break;
            };
            progress = true;
            self.driver.input(self.clock.now(), input);
            // At once: it may stop reading, or close the socket.
            self.host.carry_out(&mut self.driver);
        }
        progress
    }

    fn refreshed(&mut self, answer: Option<ClientCredentials>) {
        let Some(credentials) = answer else { return };
        if let Err(error) = headers(&credentials) {
            let message = format!("the application's new credentials cannot be sent: {error}");
            self.host.notify(Notice::Trouble { message });
            return;
        }
        let mut shown = self.credentials.lock().unwrap_or_else(PoisonError::into_inner);
        shown.clone_from(&credentials);
        drop(shown);
        self.input(ClientInput::Credentials(credentials));
    }
}

impl Host {
    fn carry_out(&mut self, driver: &mut Driver) {
        while let Some(action) = driver.next_action() {
            match action {
                ClientAction::Connect { socket, credentials } => self.connect(socket, credentials),
                ClientAction::Send { socket, frame } => {
                    if let Some(open) = self.open(socket) {
                        open.send(frame);
                    }
                }
                ClientAction::Close { socket, code, reason } => self.close(socket, code, reason),
                ClientAction::PauseReading { socket } => self.pause(socket, true),
                ClientAction::ResumeReading { socket } => self.pause(socket, false),
                ClientAction::Storage { storage, request } => self.storage.ask(storage, request),
                ClientAction::BuildFilter { filter, repository } => self.hooks.build(filter, repository),
                ClientAction::Notify(notice) => {
                    if let Notice::Connection(state) = &notice {
                        // Each one: the next may follow before this turn ends.
                        self.state.tell(driver.connection_in(state));
                    }
                    self.notify(notice);
                }
            }
        }
    }

    fn connect(&mut self, socket: SocketId, credentials: ClientCredentials) {
        let connecting = connect(
            socket,
            self.runtime.clone(),
            self.target.clone(),
            self.frame_bytes,
            credentials,
        );
        let boxed = async { connecting.await.map(Box::new) };
        self.link = Link::Connecting(socket, Box::pin(boxed));
    }

    fn open(&mut self, socket: SocketId) -> Option<&mut Connection> {
        match &mut self.link {
            Link::Open(open) if open.id() == socket => Some(open),
            _ => None,
        }
    }

    fn pause(&mut self, socket: SocketId, paused: bool) {
        if let Some(open) = self.open(socket) {
            open.pause(paused);
        }
    }

    fn close(&mut self, socket: SocketId, code: CloseCode, reason: String) {
        match std::mem::replace(&mut self.link, Link::None) {
            Link::Open(open) if open.id() == socket => {
                let closing = open.close(self.runtime.clone(), self.close_timeout, Some((code, reason)));
                self.closing.push(Box::pin(closing));
            }
            Link::Connecting(id, _) if id == socket => {}
            other => self.link = other,
        }
    }

    /// What happens on the connection next.
    fn poll_link(&mut self, cx: &mut Context<'_>) -> Poll<ClientInput> {
        match &mut self.link {
            Link::None => Poll::Pending,
            Link::Connecting(socket, connecting) => {
                let socket = *socket;
                let Poll::Ready(connected) = connecting.as_mut().poll(cx) else {
                    return Poll::Pending;
                };
                Poll::Ready(match connected {
                    Ok(open) => {
                        self.link = Link::Open(open);
                        ClientInput::Connected { socket }
                    }
                    Err(Unconnected { code, reason }) => {
                        self.link = Link::None;
                        ClientInput::Disconnected { socket, code, reason }
                    }
                })
            }
            Link::Open(open) => {
                let input = std::task::ready!(open.poll(cx));
                if matches!(input, ClientInput::Disconnected { .. }) {
                    self.hang_up();
                }
                Poll::Ready(input)
            }
        }
    }

    /// The server has closed: answers, as far as it listens.
    fn hang_up(&mut self) {
        if let Link::Open(open) = std::mem::replace(&mut self.link, Link::None) {
            self.closing
                .push(Box::pin(open.close(self.runtime.clone(), self.close_timeout, None)));
        }
    }

    fn notify(&mut self, notice: Notice) {
        match &notice {
            Notice::Connection(ConnectionState::CatchingUp | ConnectionState::Live) => self.refresh.accepted(),
            Notice::CredentialsNeeded { message } => self.refresh.ask(&self.runtime, message.clone()),
            _ => {}
        }
        self.hooks.hear(&notice);
        self.tap.push(&notice);
        // An error means that nobody listens.
        let _ = self.notices.try_broadcast(notice);
    }

    /// Lets sockets close, closes the storage, says so, and hands over the notices that are left.
    async fn finish(mut self, reads: Reads, ended: Ended) {
        self.link = Link::None;
        while self.closing.next().await.is_some() {}
        drop((self.notices, self.state));
        // The storage last: the last connection to an SQLite file tidies it up, and only a writing one can.
        reads.close().await;
        self.storage.close().await;
        drop(ended);
        self.tap.finish().await;
    }
}
