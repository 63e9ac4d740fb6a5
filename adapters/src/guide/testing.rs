//! Tests of your application without a server, with one in the process, and with bad days.
//!
//! # Without a server
//!
//! A client needs none. With [`MemoryStorage`](crate::storage::MemoryStorage), the default, it leaves nothing behind, and a
//! manual strategy keeps it from trying to connect.
//!
//! ```
//! use driftless::core::client::{ServerOrder, Strategy};
//! use driftless::{Client, Tokio};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let client = Client::builder("ws://localhost/sync")
//!     .repository("todos", ServerOrder)
//!     .strategy(Strategy::manual())
//!     .open(Tokio)
//!     .await?;
//! let todos = client.repository::<serde_json::Value>("todos")?;
//! todos.upsert_as("milk", &serde_json::json!({"title": "Buy milk"})).await?;
//! assert_eq!(todos.query().count().await?, 1);
//! client.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! # With a server in the process
//!
//! The real server on a free port, with its logs in memory. It takes milliseconds. Wait for what has to happen
//! ([`Receipt::acked`](crate::client::Receipt::acked), [`sync_now`](crate::Client::sync_now),
//! [`watch`](crate::client::Select::watch)), not for some time to pass.
//!
//! ```
//! use driftless::core::client::ServerOrder;
//! use driftless::server::{Listening, Server, ServerConfig};
//! use driftless::store::Memory;
//! use driftless::{Client, Tokio};
//! use serde_json::{Value, json};
//! use std::sync::Arc;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let server = Server::start(ServerConfig::new(Arc::new(Memory::new())), Tokio)?;
//! let listening = Listening::bind(server, "127.0.0.1:0".parse()?).await?;
//! let url = format!("ws://{}/sync", listening.address()?);
//! let running = tokio::spawn(listening.run(std::future::pending()));
//!
//! let open = async || Client::builder(&url).repository("todos", ServerOrder).open(Tokio).await;
//! let (one, other) = (open().await?, open().await?);
//! let todos = one.repository::<Value>("todos")?;
//! todos.upsert_as("milk", &json!({"title": "Buy milk"})).await?.acked().await?;
//! other.sync_now().await?;
//! let there = other.repository::<Value>("todos")?.get("milk").await?.expect("it was acked and read");
//! assert_eq!(there.value["title"], "Buy milk");
//! # one.stop().await;
//! # other.stop().await;
//! # running.abort();
//! # Ok(())
//! # }
//! ```
//!
//! To test what an application does when the server refuses something, give the server an
//! [`Authenticator`](crate::server::Authenticator) that grants less, see [`embedding`](super::embedding).
//!
//! # With bad days
//!
//! Networks that fail, crashes, wrong clocks and their combinations are the simulator's: the crate `driftless-sim` runs the
//! same machines in virtual time, thousands of days a minute, and checks every guarantee at every step. An application needs
//! it for a conflict policy of its own, or to see whether its way of writing converges to something useful:
//!
//! ```text
//! Simulation::new()
//!     .clients(3)
//!     .repository("scores", HighScore)
//!     .workload(|random, client| vec![Change::upsert(0, "game", &random.below(1000).to_string())])
//!     .profile(Profile::storms())
//!     .seeds(0..200)
//!     .assert_converges();
//! ```
//!
//! `cargo run --release -p driftless-sim --example own_policy` is a whole one. What fails is told as a seed, made smaller, and
//! can be looked at as a page.
//!
//! # What has happened
//!
//! [`ClientBuilder::journal`](crate::ClientBuilder::journal) is given the configuration of a client's machine, everything that
//! goes into it and everything that comes out. A fresh machine of that configuration, given the same inputs at the same times,
//! does the same, on any runtime: the journal of a device in the field is a test. It holds tokens and data: treat it like them.
