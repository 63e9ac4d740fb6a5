//! Driftless for applications: data that is kept on the device, read and written at once with or without a network, and
//! synchronised through a server with everyone else.
//!
//! ```no_run
//! # #[cfg(all(feature = "tokio", feature = "sqlite"))]
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use driftless::core::client::MergeFields;
//! use driftless::{Client, Tokio};
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Todo {
//!     id: String,
//!     title: String,
//! }
//!
//! let client = Client::builder("ws://127.0.0.1:8080/sync")
//!     .repository("todos", MergeFields)
//!     .sqlite("todos.db")
//!     .open(Tokio)
//!     .await?;
//! let todos = client.repository::<Todo>("todos")?;
//! let milk = Todo { id: "milk".into(), title: "Buy milk".into() };
//! let receipt = todos.upsert(&milk).await?; // durable on this device
//! receipt.acked().await?; // durable on the server
//! # Ok(())
//! # }
//! ```
//!
//! **New here?** The [`guide`] says how to use it: [a quick start](guide::quick_start), [offline](guide::offline),
//! [conflicts](guide::conflicts), [credentials](guide::credentials), [when to sync](guide::strategies),
//! [storage](guide::storage), [a server of your own](guide::embedding), [testing](guide::testing), and
//! [coming from Flutter](guide::from_flutter).
//!
//! | module | what it is |
//! |---|---|
//! | [`client`] | the client: the machine of [`driftless_core`] on sockets, over any storage |
//! | `blocking` | the same client with calls that block (feature `blocking`) |
//! | [`server`] | a server to be embedded: the machines on sockets, over any store |
//! | [`storage`] | where a client keeps its records, cursors and outbox |
//! | [`store`] | where a server keeps its logs |
//! | [`runtime`] | what both need of tokio, smol, or plain threads |
//! | `tls` | certificates and authorities (feature `tls`) |
//! | [`core`] | the protocol as state machines: policies, names, events, limits |
//!
//! # Features
//!
//! | feature | default | what it adds | what it brings in |
//! |---|---|---|---|
//! | `tokio` | yes | `Tokio`: client and server on tokio | tokio |
//! | `smol` | | `Smol`: client and server on smol | smol |
//! | `blocking` | | `blocking::Client`, and `Threads` for a server: threads and blocking sockets | nothing |
//! | `tls` | yes | `wss://` for the client, TLS for [`server::Listening`] | rustls, the system's certificate authorities |
//! | `sqlite` | yes | `SqliteStorage` | SQLite, compiled from its source: a C compiler is needed |
//! | `conformance` | | the suites that a [`storage::Storage`] or a [`store::Store`] has to pass | nothing |

#[cfg(feature = "blocking")]
pub mod blocking;
pub mod client;
// Its examples take most features.
#[cfg(any(
    not(doctest),
    all(
        feature = "tokio",
        feature = "smol",
        feature = "blocking",
        feature = "tls",
        feature = "sqlite"
    )
))]
pub mod guide;
pub mod runtime;
pub mod server;
pub mod storage;
pub mod store;
#[cfg(feature = "tls")]
pub mod tls;
mod wall;
mod watched;

pub use client::{Client, ClientBuilder, Repository};
pub use driftless_core as core;
#[cfg(feature = "smol")]
pub use runtime::Smol;
#[cfg(feature = "tokio")]
pub use runtime::Tokio;
pub use wall::wall_clock;

/// The README's example, compiled.
#[cfg(all(doctest, feature = "tokio", feature = "sqlite"))]
#[doc = include_str!("../../README.md")]
struct Readme;
