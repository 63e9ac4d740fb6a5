//! Every message of the protocol, decoded from and encoded to text frames (PROTOCOL.md sections 1, 4 and 5).
//!
//! Decoding keeps events as slices of the frame. Encoding writes fields in a fixed order, so that equal messages are
//! equal bytes.

mod client;
mod code;
mod frame;
mod object;
mod server;

pub use client::{
    Auth, ClientMessage, ClientRequest, DecodeError, MAX_AUTH_FIELDS, MAX_REF_BYTES, MAX_REPOSITORIES, Position,
    RequestEvents, Subscribe,
};
pub use code::{CloseCode, ErrorCode};
pub use frame::MAX_FRAME_EVENTS;
pub use server::{
    Ack, AuthSuccess, Events, Extended, Limits, ServerError, ServerMessage, ServerReply, SyncComplete, encode_ack,
    encode_events,
};

pub(crate) use object::push_string;

use alloc::string::String;
use alloc::sync::Arc;
use core::fmt;

/// The version of the protocol that an extended peer negotiates.
pub const PROTOCOL_VERSION: u64 = 1;

/// The random id that a store keeps from its creation; another epoch is another history.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Epoch(Arc<str>);

impl Epoch {
    /// Longest epoch that is read from a peer, in bytes.
    pub const MAX_BYTES: usize = 128;

    /// Takes 1 to 128 bytes of text; `None` otherwise.
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        (!text.is_empty() && text.len() <= Self::MAX_BYTES).then(|| Self(text.into()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Epoch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.0, f)
    }
}
