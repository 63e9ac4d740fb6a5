//! The client on tokio.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use driftless::client::tokio::Client;
//! use driftless::core::client::{MergeFields, Notice, ServerOrder};
//! use driftless::core::event::Json;
//!
//! let client = Client::builder("ws://127.0.0.1:8080/sync")
//!     .repository("users", MergeFields)
//!     .repository("log", ServerOrder)
//!     .sqlite("client.db")
//!     .open()
//!     .await?;
//!
//! let mut notices = client.notices();
//! // Durable here when it returns, with or without a connection.
//! client.upsert("users", "alice", Json::parse(r#"{"name":"Alice"}"#)?).await?;
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
//! A task for the client, one for each socket, a thread for the storage, and one for reads. Each queue between them is
//! bounded:
//!
//! | queue | bound | at the bound |
//! |---|---|---|
//! | writes | `ClientLimits::writes` | the next `write` waits |
//! | other commands | 64 | the caller waits |
//! | reads | 64 | the caller waits |
//! | received frames | 256 KiB, or one frame | the socket is not read |
//! | frames to send | the machine's window and answers | the machine sends no more |
//! | requests to storage | 1 | the machine has one at a time |
//! | notices of a subscriber | 1,024 | it is told how many it missed |
//! | notices of a [`Feed`] | what its reader chose | storage is not gone on with until it has room |

mod builder;
mod counted;
mod error;
mod handle;
mod notices;
mod reads;
mod run;
mod socket;
mod storage;
mod target;

pub use builder::ClientBuilder;
pub use error::{ClientError, CredentialsError, OpenError, UrlError};
pub use handle::{Client, Record};
pub use notices::{Feed, Lagged, Notices};
