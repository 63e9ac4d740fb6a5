//! The server's two machines and what passes between them.
//!
//! ```text
//!   socket ──frames──▶ Session ──HubRequest──▶ Hub ──Append, Read──▶ store
//!   socket ◀─frames── Session ◀──HubReply──── Hub ◀──Committed────── store
//! ```
//!
//! [`Session`] is one a connection: it decodes, authenticates, validates and limits, keeps the heartbeat and the flow
//! of bytes. [`Hub`] is a shard of repositories: it orders appends, groups them into commits, and gives every reader
//! one ordered stream. The host moves [`HubRequest`] and [`HubReply`] between them through queues; credit
//! ([`HubRequest::Flushed`]) bounds what can be in a queue, so neither machine waits for the other.

mod hub;
mod limits;
mod message;
mod rights;
mod session;
mod store;

pub use hub::{Hub, HubAction, HubConfig, HubInput};
pub use limits::ServerLimits;
pub use message::{
    ConnectionId, Failure, HubReply, HubRequest, Peer, PushId, PushResult, Read, Refusal, RequestKind, Subscription,
};
pub use rights::{Access, AuthRefusal, Credentials, Grant, Rights};
pub use session::{AuthId, Session, SessionAction, SessionConfig, SessionInput};
pub use store::{
    Append, AppendId, AppendOutcome, AppendRun, Appended, Committed, Page, PageRequest, ReadId, StoreFailure,
};
