//! A server in a process of your own.
//!
//! [`Server`](crate::server::Server) is the part that speaks the protocol; [`Listening`](crate::server::Listening) brings it
//! connections, with or without TLS. They run on any [runtime](crate::runtime), over any [`Store`](crate::store::Store).
//!
//! ```no_run
//! use driftless::Tokio;
//! use driftless::core::server::{Access, AuthRefusal, Credentials, Grant, Rights};
//! use driftless::server::{Authenticator, Decision, Listening, Server, ServerConfig};
//! use driftless::store::Memory;
//! use driftless::tls::Identity;
//! use std::sync::Arc;
//!
//! /// Editors may do everything, everybody else may read.
//! struct Editors;
//!
//! impl Authenticator for Editors {
//!     fn authenticate(&self, shown: Credentials, decide: Decision) {
//!         let write = match shown.token.as_deref() {
//!             Some("editor") => Access::All,
//!             Some(_) => Access::Only([].into()),
//!             None => return decide(Err(AuthRefusal::Refused("A token is required".into()))),
//!         };
//!         decide(Ok(Grant {
//!             subject: shown.token.unwrap_or_default(),
//!             // Equal scopes mean equal read rights.
//!             rights: Arc::new(Rights { write, ..Rights::all() }),
//!             valid_for: None,
//!         }));
//!     }
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let config = ServerConfig {
//!         authenticator: Arc::new(Editors),
//!         ..ServerConfig::new(Arc::new(Memory::new()))
//!     };
//!     let server = Server::start(config, Tokio)?;
//!     let identity = Identity::pem(&std::fs::read("server.pem")?, &std::fs::read("server.key")?)?;
//!     let listening = Listening::bind(server, "0.0.0.0:8443".parse()?).await?.tls(identity);
//!     listening.run(std::future::pending()).await?;
//!     Ok(())
//! }
//! ```
//!
//! - **The store.** [`Memory`](crate::store::Memory) keeps the logs as long as the process runs. The durable one is in the
//!   crate `driftless-server`; one of your own implements [`Store`](crate::store::Store) and has to pass the suite in
//!   `store::conformance`.
//! - **Who may connect.** [`Open`](crate::server::Open) (the default: everyone who can reach the address),
//!   [`StaticToken`](crate::server::StaticToken), or an [`Authenticator`](crate::server::Authenticator) of your own, which may
//!   answer later and from any thread. Rights are for whole repositories.
//! - **Web pages** of any origin may connect only after
//!   [`Listening::allow_web_pages`](crate::server::Listening::allow_web_pages).
//! - **Limits** are [`ServerLimits`](crate::core::server::ServerLimits), each with what happens at it.
//! - **Events that come another way** (from a form, from another system) are stored with
//!   [`Server::push`](crate::server::Server::push), and reach every client like any other.
//! - **An HTTP server of your own** does the WebSocket handshake, and hands the socket to
//!   [`Server::serve_socket`](crate::server::Server::serve_socket). `driftless-server` is such a one, on hyper.
//! - **To stop**, let the future that [`Listening::run`](crate::server::Listening::run) was given end: what is under way is
//!   finished, connections close with 1012, and clients come back by themselves.
//!
//! The example `embedded_server` of this crate is a whole program.
