//! A client from nothing.
//!
//! A client keeps *repositories*. A repository is a set of *records*, each an id and a JSON value, and is shared by everyone
//! who connects to the same server. Your application reads and writes the records on its own device; the client sends what
//! was written and brings what others wrote.
//!
//! # On tokio
//!
//! ```toml
//! [dependencies]
//! driftless = { path = "../driftless/adapters" }
//! serde = { version = "1", features = ["derive"] }
//! tokio = { version = "1", features = ["macros", "rt-multi-thread"] }
//! ```
//!
//! ```no_run
//! use driftless::core::client::MergeFields;
//! use driftless::storage::{Comparison, Direction};
//! use driftless::{Client, Tokio};
//! use serde::{Deserialize, Serialize};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Todo {
//!     id: String,
//!     title: String,
//!     done: bool,
//! }
//!
//! #[tokio::main]
//! async fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let client = Client::builder("ws://127.0.0.1:8080/sync")
//!         .repository("todos", MergeFields)
//!         .sqlite("todos.db")
//!         .open(Tokio)
//!         .await?;
//!     let todos = client.repository::<Todo>("todos")?;
//!
//!     // Write. The id of the record is the field `id`.
//!     let milk = Todo { id: "milk".into(), title: "Buy milk".into(), done: false };
//!     todos.upsert(&milk).await?;
//!     todos.delete("bread").await?;
//!
//!     // Read.
//!     let open = todos
//!         .query()
//!         .filter("done", Comparison::equal(false))
//!         .order_by("title", Direction::Ascending);
//!     for item in open.all().await? {
//!         println!("{}", item.value.title);
//!     }
//!
//!     // Watch: the answer of now, and another whenever a change has made another of it.
//!     let mut answers = open.watch();
//!     while let Some(answer) = answers.next().await {
//!         println!("{} are open", answer?.len());
//!     }
//!     client.stop().await;
//!     Ok(())
//! }
//! ```
//!
//! The client runs in the background until [`stop`](crate::Client::stop), or until the last thing that was made from it is
//! dropped. It never has to be told to connect.
//!
//! # On smol
//!
//! The feature `smol`, and another runtime at the end of the builder. Everything else is the same.
//!
//! ```no_run
//! use driftless::core::client::MergeFields;
//! use driftless::{Client, Smol};
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     smol::block_on(async {
//!         let builder = Client::builder("ws://127.0.0.1:8080/sync").repository("todos", MergeFields);
//!         let client = builder.sqlite("todos.db").open(Smol).await?;
//!         println!("{} records", client.query("todos").await?.len());
//!         client.stop().await;
//!         Ok(())
//!     })
//! }
//! ```
//!
//! # Without a runtime
//!
//! The feature `blocking`, and a client whose calls block; what is awaited elsewhere is an iterator here.
//!
//! ```no_run
//! use driftless::blocking::Client;
//! use driftless::core::client::MergeFields;
//!
//! fn main() -> Result<(), Box<dyn std::error::Error>> {
//!     let builder = Client::builder("ws://127.0.0.1:8080/sync").repository("todos", MergeFields);
//!     let client = Client::open(builder.sqlite("todos.db"))?;
//!     let todos = client.repository::<serde_json::Value>("todos")?;
//!     for answer in todos.query().watch() {
//!         println!("{} todos", answer?.len());
//!     }
//!     Ok(())
//! }
//! ```
//!
//! # Without types
//!
//! [`Client::upsert`](crate::Client::upsert), [`get`](crate::Client::get) and [`query`](crate::Client::query) take and
//! give JSON as text, [`Json`](crate::core::event::Json), which nothing has parsed and nothing can have damaged. A repository
//! of `serde_json::Value` is between the two.
//!
//! # To run
//!
//! The examples `todo_tokio`, `todo_smol`, `todo_blocking` and `embedded_server` of this crate are whole programs:
//! `cargo run -p driftless --example todo_tokio -- --help`.
