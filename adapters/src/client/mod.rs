//! The client for applications: the client machine of [`driftless_core::client`] bound to sockets and local storage.
//!
//! ```no_run
//! # #[cfg(all(feature = "tokio", feature = "sqlite"))]
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use driftless::core::client::{MergeFields, Notice, ServerOrder};
//! use driftless::core::event::Json;
//! use driftless::{Client, Tokio};
//!
//! let client = Client::builder("ws://127.0.0.1:8080/sync")
//!     .repository("users", MergeFields)
//!     .repository("log", ServerOrder)
//!     .sqlite("client.db")
//!     .open(Tokio)
//!     .await?;
//!
//! let mut notices = client.notices();
//! // Durable here when it returns, with or without a connection.
//! let receipt = client.upsert("users", "alice", Json::parse(r#"{"name":"Alice"}"#)?).await?;
//! receipt.acked().await?; // durable on the server
//! for user in client.query("users").await? {
//!     println!("{}: {:?}", user.id, user.data);
//! }
//! // What others change, and what becomes of what was written here.
//! while let Some(Ok(notice)) = notices.next().await {
//!     if let Notice::Changed { record, data, .. } = notice {
//!         println!("{record} is now {data:?}");
//!     }
//! }
//! client.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! # What runs
//!
//! A task for the client, with its socket; a thread for the storage, and one for reads. The task is one loop around a
//! [`Driver`], which holds the machine and the answers that the application waits for; it is the same on every
//! [runtime](crate::runtime). Each queue between them is bounded:
//!
//! | queue | bound | at the bound |
//! |---|---|---|
//! | writes | `ClientLimits::writes` | the next `write` waits |
//! | other commands | 64 | the caller waits |
//! | reads | 64 | the caller waits |
//! | received frames | one | the socket is not read |
//! | frames to send | the machine's window and answers | the machine sends no more |
//! | requests to storage | 1 | the machine has one at a time |
//! | notices of a subscriber | 1,024 | it is told how many it missed |
//! | notices of a [`Feed`] | what its reader chose | storage is not gone on with until it has room |

mod builder;
mod command;
mod counted;
mod driver;
mod error;
mod handle;
mod hooks;
mod journal;
mod notices;
mod queue;
mod reads;
mod receipt;
mod refresh;
mod socket;
mod state;
mod storage;
mod target;
mod task;
mod typed;

pub use builder::ClientBuilder;
pub use command::{Command, Done, Status, SyncFailed, WriteResult};
pub use driver::Driver;
pub use error::{ClientError, CredentialsError, OpenError, UrlError};
pub use handle::{Client, Record};
pub use hooks::Applied;
pub use journal::{Journal, JournalEntry};
pub use notices::{Feed, Lagged, Notices};
pub use receipt::{NotAcked, Receipt, Rejection};
pub use state::{Connection, Connections, Progress};
pub use typed::{Batch, ExportError, ImportError, Item, Repository, Results, Select, Unreadable, Watch};
