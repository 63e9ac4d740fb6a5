//! The client.

mod action;
mod input;

pub use action::{Blocked, ClientAction, ConnectionState, Notice, Origin, WriteError};
pub use input::{Change, ChangeKind, ClientInput, RequestId, SocketId, Write};

use super::ClientConfig;
use crate::event::Sequence;
use crate::machine::{Actions, Instant, Machine, Wake};
use crate::name::RepositoryName;

/// The client.
#[derive(Debug)]
pub struct Client {
    _config: ClientConfig,
}

impl Client {
    /// A client that has not started.
    pub fn new(config: ClientConfig) -> Self {
        Self { _config: config }
    }

    /// The connection's state.
    pub fn connection(&self) -> &ConnectionState {
        todo!()
    }

    /// How many own events are not acked, over all repositories.
    pub fn pending(&self) -> u64 {
        todo!()
    }

    /// Why the outbox does not move; `None` if it does or is empty.
    pub fn blocked(&self) -> Option<Blocked> {
        todo!()
    }

    /// The durable cursor of a repository; `None` before storage is open or for one that is not registered.
    pub fn cursor(&self, _repository: &RepositoryName) -> Option<Sequence> {
        todo!()
    }
}

impl Machine for Client {
    type Input = ClientInput;
    type Action = ClientAction;

    fn handle(&mut self, _now: Instant, _input: ClientInput, _out: &mut Actions<ClientAction>) {
        todo!()
    }

    fn next_wake(&self) -> Option<Wake> {
        todo!()
    }
}
