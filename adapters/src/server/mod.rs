//! The server's machines bound to sockets and a store.
//!
//! A [`Server`] takes connections whose WebSocket handshake is done and serves them; it also takes events that did not
//! come on a connection. [`Listening`] brings it such connections, with or without TLS; an owner with an HTTP server of
//! its own hands over what that has upgraded.
//!
//! ```no_run
//! # #[cfg(feature = "tokio")]
//! # async fn example() -> std::io::Result<()> {
//! use driftless::Tokio;
//! use driftless::server::{Listening, Server, ServerConfig};
//! use driftless::store::Memory;
//! use std::sync::Arc;
//!
//! let server = Server::start(ServerConfig::new(Arc::new(Memory::new())), Tokio)?;
//! let listening = Listening::bind(server, "127.0.0.1:8080".parse().unwrap()).await?;
//! println!("clients connect to ws://{}/sync", listening.address()?);
//! listening.run(std::future::pending()).await.map_err(std::io::Error::other)?;
//! # Ok(())
//! # }
//! ```

mod authenticator;
mod connection;
mod driver;
mod duplex;
mod embedded;
mod handshake;
mod host;
mod hub_host;
mod listening;
mod mailbox;
mod metrics;
mod observer;
mod outgoing;

pub use authenticator::{Authenticator, Decision, Open, StaticToken};
pub use connection::Opening;
pub use embedded::{Server, ServerConfig};
pub use listening::{Listening, ServerFailed};
pub use metrics::{Counter, Metrics};
pub use observer::{Observer, Unobserved};
