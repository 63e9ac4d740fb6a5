//! The clients' half of a small world.

use super::digest::Part;
use super::node::{Item, Link};
use super::world::World;
use crate::check::Invariant;
use driftless_core::client::{
    Change, ChangeKind, Client, ClientAction, ClientInput, Notice, RequestId, SocketId, StorageReply, Write,
};
use driftless_core::event::{Json, RecordId, Timestamp};
use driftless_core::name::Namespace;
use driftless_core::server::{ConnectionId, Session};
use driftless_core::{Actions, Machine};
use std::sync::Arc;

/// What every wall clock reads, always: 2025-01-23T10:00:00Z.
const WALL_MS: i64 = 1_737_626_400_000;

impl World {
    pub(super) fn start_client(&mut self, index: usize) {
        let mut config = self.fixed.client.clone();
        let node = self.clients[index].change();
        node.starts += 1;
        // Another seed at every start, as from the operating system.
        config.seed[0] = u8::try_from(index).unwrap_or(u8::MAX);
        config.seed[1] = node.starts;
        node.machine = Some(Client::new(config));
        self.client(index, ClientInput::Start { wall: wall() });
    }

    pub(super) fn crash_client(&mut self, index: usize, kept: bool, sent: bool) {
        let node = self.clients[index].change();
        node.machine = None;
        node.storage = None;
        node.connecting = None;
        node.disk.crash_with(kept);
        for link in self.links.values_mut().filter(|link| link.client == index) {
            if !link.down.closed {
                let link = link.change();
                link.up.end(sent);
                link.down.closed = true;
            }
        }
        self.drop_links();
        self.check_client(index);
    }

    /// The application writes: every write changes the one record that there is.
    pub(super) fn write(&mut self, index: usize) {
        let node = self.clients[index].change();
        node.asked += 1;
        let data = format!(r#"{{"id":"r","by":{index},"write":{}}}"#, node.asked);
        let change = Change {
            repository: self.fixed.repository.clone(),
            record: RecordId::new("r").expect("a short text is an id"),
            kind: ChangeKind::Upsert {
                data: Json::parse(data).expect("written as JSON"),
                changed: None,
            },
        };
        let write = Write {
            request: RequestId(node.asked as u64),
            wall: wall(),
            changes: vec![change],
            dismiss: Vec::new(),
        };
        self.client(index, ClientInput::Write(write));
    }

    pub(super) fn end_connect(&mut self, index: usize) {
        let node = self.clients[index].change();
        let Some(socket) = node.connecting.take() else {
            return;
        };
        if self.server.hub.is_none() {
            let reason = "connection refused".to_owned();
            let input = ClientInput::Disconnected {
                socket,
                code: None,
                reason,
            };
            return self.client(index, input);
        }
        node.connections += 1;
        let connection = ConnectionId(index as u64 * 100 + node.connections);
        let config = Arc::clone(&self.fixed.session);
        let session = Session::new(self.now, config, connection, Namespace::default(), None);
        self.server.change().sessions.insert(connection, Part::new(session));
        self.links.insert(connection, Part::new(Link::new(index, socket)));
        self.client(index, ClientInput::Connected { socket });
    }

    pub(super) fn finish_storage(&mut self, index: usize) {
        let node = self.clients[index].change();
        let Some(storage) = node.storage.take() else {
            return;
        };
        let result = node.disk.finish();
        let committed = result == Ok(StorageReply::Committed);
        if committed || result.is_err() {
            self.check_client(index);
        }
        self.client(index, ClientInput::Stored { storage, result });
    }

    pub(super) fn frame_for_client(&mut self, connection: ConnectionId) {
        let Some(link) = self.links.get_mut(&connection) else {
            return;
        };
        let (client, socket) = (link.client, link.socket);
        let link = link.change();
        let input = match link.down.items.pop_front() {
            None => return,
            Some(Item::Frame(frame)) => ClientInput::Frame { socket, frame },
            Some(Item::Close(code, reason)) => {
                link.down.closed = true;
                ClientInput::Disconnected {
                    socket,
                    code: Some(code),
                    reason,
                }
            }
            Some(Item::End) => {
                link.down.closed = true;
                let reason = "the connection is gone".to_owned();
                ClientInput::Disconnected {
                    socket,
                    code: None,
                    reason,
                }
            }
        };
        self.drop_links();
        self.client(client, input);
    }

    /// Gives a client one input and carries out what it asks for.
    pub(super) fn client(&mut self, index: usize, input: ClientInput) {
        let mut inputs = vec![input];
        while let Some(input) = inputs.pop() {
            let now = self.now;
            let Some(machine) = &mut self.clients[index].change().machine else {
                return;
            };
            let mut actions = Actions::new();
            machine.handle(now, input, &mut actions);
            let wake = machine.next_wake();
            self.check_wake(wake);
            for action in actions.drain() {
                inputs.extend(self.client_action(index, action));
            }
        }
    }

    /// Carries out an action; gives what the client hears of it at once.
    fn client_action(&mut self, index: usize, action: ClientAction) -> Option<ClientInput> {
        match action {
            ClientAction::Connect { socket, .. } => self.clients[index].change().connecting = Some(socket),
            ClientAction::Send { socket, frame } => {
                let bytes = frame.len();
                self.link_of(index, socket)?.up.send(Item::Frame(frame));
                return Some(ClientInput::Flushed { socket, bytes });
            }
            ClientAction::Close { socket, code, reason } => {
                if self.clients[index].connecting == Some(socket) {
                    self.clients[index].change().connecting = None;
                }
                if let Some(link) = self.link_of(index, socket) {
                    link.up.send(Item::Close(code, reason));
                    link.down.closed = true;
                }
                self.drop_links();
            }
            ClientAction::PauseReading { socket } => self.link_of(index, socket)?.down.paused = true,
            ClientAction::ResumeReading { socket } => self.link_of(index, socket)?.down.paused = false,
            ClientAction::Storage { storage, request } => {
                let node = self.clients[index].change();
                node.disk.begin(request);
                node.storage = Some(storage);
            }
            // No world has a filtered repository.
            ClientAction::BuildFilter { .. } => {}
            ClientAction::Notify(notice) => self.notice(index, notice),
        }
        None
    }

    fn notice(&mut self, index: usize, notice: Notice) {
        match notice {
            Notice::Written { result: Ok(events), .. } => {
                self.clients[index].change().written.extend(events);
                self.check_client(index);
            }
            Notice::Written { result: Err(error), .. } => {
                self.fail(
                    Invariant::NothingLost,
                    format!("client {index}: a write is refused: {error}"),
                );
            }
            Notice::Acked { events, .. } => {
                for event in events {
                    if self.server.store.log(&self.fixed.repository).find(&event).is_none() {
                        let message = format!("client {index}: {event} is acked and not in the log");
                        self.fail(Invariant::DurableAck, message);
                    }
                    self.clients[index].change().acked.push(event);
                }
            }
            Notice::Rejected { event, message, .. } => {
                self.fail(
                    Invariant::NothingLost,
                    format!("client {index}: {event} is rejected: {message}"),
                );
            }
            Notice::HistoryChanged { .. } => {
                let message = format!("client {index}: another history, where there is but one");
                self.fail(Invariant::ChangedHistoryNoticed, message);
            }
            _ => {}
        }
    }

    fn link_of(&mut self, index: usize, socket: SocketId) -> Option<&mut Link> {
        let link = self
            .links
            .values_mut()
            .find(|link| link.client == index && link.socket == socket)?;
        Some(link.change())
    }

    /// Forgets connections that are over for both ends.
    pub(super) fn drop_links(&mut self) {
        self.links.retain(|_, link| !link.up.closed || !link.down.closed);
    }
}

fn wall() -> Timestamp {
    Timestamp::from_millis(WALL_MS).expect("a moment of this century")
}
