//! The client's task: one loop between the machine, the socket, the storage, the application and the clock.

use super::notices::Tap;
use super::reads::Reads;
use super::socket::{Socket, SocketEvent};
use super::storage::StorageThread;
use super::target::Target;
use crate::client::{Command, Driver};
use crate::wall_clock;
use driftless_core::Instant;
use driftless_core::client::{ClientAction, ClientInput, Notice, SocketId};
use std::sync::Arc;
use std::time::Duration;
use tokio::sync::{broadcast, mpsc, watch};
use tokio::task::JoinSet;
use tokio::time;

/// A deadline beyond this is looked at again then; keeps far deadlines within the platform's clock.
const LONGEST_SLEEP: Duration = Duration::from_hours(24);

/// Inputs taken in one turn before others get theirs and frames are flushed.
const INPUTS_A_TURN: usize = 256;

/// Everything that a client's task holds.
pub(super) struct Task {
    pub(super) driver: Driver,
    pub(super) target: Arc<Target>,
    pub(super) storage: StorageThread,
    pub(super) reads: Reads,
    pub(super) commands: mpsc::Receiver<Command>,
    pub(super) notices: broadcast::Sender<Notice>,
    pub(super) tap: Tap,
    /// Dropped when the task has ended and the storage is closed.
    pub(super) ended: watch::Sender<()>,
}

/// The part of a [`Task`] that carries out actions.
struct Host {
    target: Arc<Target>,
    events: mpsc::UnboundedSender<SocketEvent>,
    socket: Option<(SocketId, Socket)>,
    /// The tasks of all sockets, those being closed included; each ends by itself.
    tasks: JoinSet<()>,
    notices: broadcast::Sender<Notice>,
    tap: Tap,
}

/// What a turn of the loop begins with.
enum Event {
    Command(Option<Command>),
    Socket(SocketEvent),
    /// `None`: the storage's thread has ended.
    Stored(Option<ClientInput>),
    Tick,
    HandedOver,
}

impl Task {
    /// Runs until the client is stopped, or its last handle is dropped.
    pub(super) async fn run(self) {
        let Self {
            mut driver,
            target,
            mut storage,
            reads,
            mut commands,
            notices,
            tap,
            ended,
        } = self;
        let clock = Clock::start();
        let (events, mut socket_events) = mpsc::unbounded_channel();
        let mut host = Host::new(target, events, notices, tap);
        let mut storage_lost = false;
        driver.input(clock.now(), ClientInput::Start { wall: wall_clock() });
        loop {
            host.carry_out(&mut driver, &storage);
            if storage_lost && driver.storage_lost(clock.now()) {
                continue;
            }
            if driver.is_finished() {
                break;
            }
            let has_room = host.tap.has_room();
            driver.settle(has_room);
            let event = tokio::select! {
                command = commands.recv(), if !driver.is_stopping() => Event::Command(command),
                Some(event) = socket_events.recv() => Event::Socket(event),
                // An application that does not read its feed is as a storage that does not answer.
                stored = storage.reply(), if !storage_lost && (has_room || driver.is_stopping()) => Event::Stored(stored),
                () = sleep_until(clock, driver.next_wake()) => Event::Tick,
                () = host.tap.hand_over(), if !has_room => Event::HandedOver,
            };
            let now = clock.now();
            storage_lost |= matches!(event, Event::Stored(None));
            handle(&mut driver, now, event);
            take_more(&mut driver, now, &mut commands, &mut socket_events);
        }
        // Who still waits for an answer hears that the client is stopped.
        drop((driver, commands));
        host.finish(storage, reads, ended).await;
    }
}

fn handle(driver: &mut Driver, now: Instant, event: Event) {
    match event {
        Event::Command(Some(command)) => driver.command(now, wall_clock(), command),
        // The last handle is gone.
        Event::Command(None) => driver.command(now, wall_clock(), Command::Stop),
        Event::Socket(event) => driver.input(now, event.input),
        Event::Stored(Some(input)) => driver.input(now, input),
        Event::Tick => driver.input(now, ClientInput::Tick),
        Event::HandedOver | Event::Stored(None) => {}
    }
}

/// Takes what else is there already, so that writes share a transaction and frames a flush.
fn take_more(
    driver: &mut Driver,
    now: Instant,
    commands: &mut mpsc::Receiver<Command>,
    events: &mut mpsc::UnboundedReceiver<SocketEvent>,
) {
    for _ in 0..INPUTS_A_TURN {
        if driver.is_stopping() {
            return;
        }
        if let Ok(command) = commands.try_recv() {
            driver.command(now, wall_clock(), command);
        } else if let Ok(event) = events.try_recv() {
            driver.input(now, event.input);
        } else {
            return;
        }
    }
}

impl Host {
    fn new(
        target: Arc<Target>,
        events: mpsc::UnboundedSender<SocketEvent>,
        notices: broadcast::Sender<Notice>,
        tap: Tap,
    ) -> Self {
        Self {
            target,
            events,
            socket: None,
            tasks: JoinSet::new(),
            notices,
            tap,
        }
    }

    fn carry_out(&mut self, driver: &mut Driver, storage: &StorageThread) {
        while let Some(action) = driver.next_action() {
            match action {
                ClientAction::Connect { socket, credentials } => {
                    while self.tasks.try_join_next().is_some() {}
                    let (handle, task) = Socket::new(socket, self.target.clone(), credentials, self.events.clone());
                    self.tasks.spawn(task);
                    self.socket = Some((socket, handle));
                }
                ClientAction::Send { socket, frame } => {
                    if let Some(open) = self.open(socket) {
                        open.send(frame);
                    }
                }
                ClientAction::Close { socket, code, reason } => {
                    if let Some((_, open)) = self.socket.take_if(|(current, _)| *current == socket) {
                        open.close(code, reason);
                    }
                }
                ClientAction::PauseReading { socket } => self.pause(socket, true),
                ClientAction::ResumeReading { socket } => self.pause(socket, false),
                ClientAction::Storage { storage: id, request } => storage.ask(id, request),
                // The builder registers no filtered repository.
                ClientAction::BuildFilter { .. } => {}
                ClientAction::Notify(notice) => self.notify(notice),
            }
        }
    }

    fn open(&self, socket: SocketId) -> Option<&Socket> {
        let current = self.socket.as_ref().filter(|(current, _)| *current == socket);
        current.map(|(_, open)| open)
    }

    fn pause(&self, socket: SocketId, paused: bool) {
        if let Some(open) = self.open(socket) {
            open.pause(paused);
        }
    }

    fn notify(&mut self, notice: Notice) {
        self.tap.push(&notice);
        // An error means that nobody listens.
        let _ = self.notices.send(notice);
    }

    /// Lets sockets close, closes the storage, says so, and hands over the notices that are left.
    async fn finish(mut self, storage: StorageThread, reads: Reads, ended: watch::Sender<()>) {
        drop(self.socket.take());
        while self.tasks.join_next().await.is_some() {}
        drop(self.notices);
        // The storage last: the last connection to an SQLite file tidies it up, and only a writing one can.
        reads.close().await;
        storage.close().await;
        drop(ended);
        self.tap.finish().await;
    }
}

/// The machine's clock: tokio's, from the start of the client on.
#[derive(Clone, Copy)]
struct Clock {
    start: time::Instant,
}

impl Clock {
    fn start() -> Self {
        Self {
            start: time::Instant::now(),
        }
    }

    fn now(self) -> Instant {
        Instant::ZERO + self.start.elapsed()
    }
}

async fn sleep_until(clock: Clock, wake: Option<Instant>) {
    match wake {
        Some(wake) => time::sleep(wake.since(clock.now()).min(LONGEST_SLEEP)).await,
        None => std::future::pending().await,
    }
}
