//! The client for programs without an asynchronous runtime: the same client on [`Threads`], whose calls block.
//!
//! ```no_run
//! # #[cfg(feature = "sqlite")]
//! # fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use driftless::blocking::Client;
//! use driftless::core::client::ServerOrder;
//!
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Todo {
//!     id: String,
//!     title: String,
//! }
//!
//! let client = Client::open(Client::builder("ws://127.0.0.1:8080/sync").repository("todos", ServerOrder).sqlite("todos.db"))?;
//! let todos = client.repository::<Todo>("todos")?;
//! let milk = Todo { id: "milk".into(), title: "Buy milk".into() };
//! let receipt = todos.upsert(&milk)?; // durable here
//! receipt.acked()?; // durable on the server
//! for answer in todos.query().watch() {
//!     println!("{} todos", answer?.len());
//! }
//! # Ok(())
//! # }
//! ```
//!
//! What is not here is on the [asynchronous client](crate::Client), which [`Client::inner`] gives and [`block_on`] waits
//! for.

mod client;
mod repository;
mod select;

pub use crate::runtime::{Threads, block_on};
pub use client::{Batch, Client, Connections, Feed, Notices, Receipt};
pub use repository::Repository;
pub use select::{Select, Watch, Watching};
