//! The server's machines bound to sockets and a store.
//!
//! A `Server` takes connections whose WebSocket handshake is done and serves them; it also takes events that did not
//! come on a connection. What surrounds it (listening, HTTP, TLS) is its owner's.
//!
//! The parts that know no runtime (the hub's host, a connection, their queues) are apart from the drivers that give
//! them turns.

mod authenticator;
mod clock;
mod connection;
mod duplex;
mod host;
mod hub_host;
mod mailbox;
mod metrics;
mod observer;
mod outgoing;
mod tokio;

pub use self::tokio::{Server, ServerConfig};
pub use authenticator::{Authenticator, Decision, Open, StaticToken};
pub use connection::Opening;
pub use metrics::{Counter, Metrics};
pub use observer::{Observer, Unobserved};
