//! What goes into a session and what comes out.

use crate::server::{AuthRefusal, Credentials, Grant, HubReply, HubRequest};
use crate::wire::CloseCode;
use alloc::string::String;
use bytestring::ByteString;

/// Names a question to the host's authenticator; minted by the session.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AuthId(pub u64);

/// What can happen to a [`super::Session`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SessionInput {
    /// A text frame came.
    Frame(ByteString),
    /// A binary frame came.
    Binary,
    /// Bytes came that are not yet a frame, or a WebSocket ping or pong: the peer is alive.
    Alive,
    /// A frame came that is over [`crate::server::ServerLimits::frame_bytes`].
    TooBig,
    /// The socket has taken this many bytes of [`SessionAction::Send`] payload since the last report.
    Flushed {
        /// Bytes of payload.
        bytes: usize,
    },
    /// A [`SessionAction::Authenticate`] is done.
    Authenticated {
        /// Which question.
        auth: AuthId,
        /// The answer.
        result: Result<Grant, AuthRefusal>,
        /// The server's wall clock as ISO 8601 text, for `auth_success.serverTime`.
        server_time: String,
    },
    /// The hub says something.
    Hub(HubReply),
    /// The server is stopping: finish what is under way, then close with 1012.
    Shutdown,
    /// The connection is gone.
    Closed,
    /// Time has passed.
    Tick,
}

/// What a [`super::Session`] asks its host to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum SessionAction {
    /// Send a text frame; report its payload's length with [`SessionInput::Flushed`] once the socket has taken it.
    Send(ByteString),
    /// Send what was sent before this, then close. The last action of a session.
    Close {
        /// The status code.
        code: CloseCode,
        /// One short sentence, at most 123 bytes.
        reason: String,
    },
    /// Read no more frames. Frames that were read already are handled all the same.
    PauseReading,
    /// Read again.
    ResumeReading,
    /// Decide about credentials, then complete with [`SessionInput::Authenticated`].
    Authenticate {
        /// Names it in the completion.
        auth: AuthId,
        /// What the peer showed.
        credentials: Credentials,
    },
    /// Give this to the hub.
    Hub(HubRequest),
}
