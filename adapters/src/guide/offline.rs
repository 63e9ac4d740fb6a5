//! What is durable when, what waits, and what to do with a change that the server refused.
//!
//! # When is a change safe?
//!
//! | when | where it is | what says so |
//! |---|---|---|
//! | the write returns | on this device, in one transaction: the record, and the event in the *outbox* | `Ok` with a [`Receipt`](crate::client::Receipt) |
//! | the server has acked it | on the server's disk too | [`Receipt::acked`](crate::client::Receipt::acked), [`Notice::Acked`](crate::core::client::Notice::Acked), `pending` of the record |
//!
//! There may be years between the two. A write never waits for the network, reads never do, and what was written offline is
//! sent in the order in which it was written. The outbox survives the end of the process, also by a crash: the next client
//! that opens the file sends it. (With [`MemoryStorage`](crate::storage::MemoryStorage), the default, all of it is gone with
//! the process.) An event is sent again until it is acked; the server stores each event id once.
//!
//! ```
//! # use driftless::{Client, ClientBuilder, Tokio};
//! # use driftless::core::client::ServerOrder;
//! # #[derive(serde::Serialize, serde::Deserialize)] struct Todo { id: String, title: String }
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! // Nobody listens there.
//! let client = Client::builder("ws://127.0.0.1:9/sync").repository("todos", ServerOrder).open(Tokio).await?;
//! let todos = client.repository::<Todo>("todos")?;
//! todos.upsert(&Todo { id: "milk".into(), title: "Buy milk".into() }).await?;
//!
//! let milk = todos.get("milk").await?.expect("it was written");
//! assert_eq!(milk.value.title, "Buy milk");
//! assert!(milk.pending); // no server has it
//! assert_eq!(client.pending().await?.len(), 1);
//! # client.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! A receipt can be dropped: the change is sent all the same. [`Client::flush`](crate::Client::flush) waits for everything
//! that was written before it. Receipts do not outlive the process; [`Client::pending`](crate::Client::pending) and
//! [`Client::rejections`](crate::Client::rejections) do. A [`Batch`](crate::client::Batch) makes changes of several
//! repositories durable together; they are sent in order, and the server may store them in several commits.
//!
//! [`Client::status`](crate::Client::status) says how many events wait and why: offline, credentials refused, catching up,
//! refused for now, or the disk fails ([`Blocked`](crate::core::client::Blocked)).
//!
//! # Where the connection stands
//!
//! [`Client::connection`](crate::Client::connection) gives the state of now and each one after it. For a green or red dot
//! [`is_connected`](crate::client::Connection::is_connected) is enough: connected means that the server has accepted the
//! credentials.
//!
//! | [`Connection`](crate::client::Connection) | what to show |
//! |---|---|
//! | `Offline { retry_in }` | offline; the next attempt, if one is planned |
//! | `Connecting`, `Authenticating` | connecting |
//! | `CatchingUp(progress)` | how many of the repositories are current, and how many events were applied so far |
//! | `Live` | everything is here, and what others write comes as it happens |
//! | `AuthenticationFailed { message }` | sign in again: see [`credentials`](super::credentials) |
//!
//! How many events are still to come is not told.
//!
//! ```no_run
//! # async fn example(client: driftless::Client) {
//! use driftless::client::Connection;
//!
//! let mut states = client.connection();
//! while let Some(state) = states.next().await {
//!     match state {
//!         Connection::CatchingUp(progress) => {
//!             println!("{} of {} repositories, {} events", progress.current, progress.repositories, progress.events);
//!         }
//!         Connection::Offline { retry_in: Some(delay) } => println!("offline; next attempt in {} s", delay.as_secs()),
//!         other => println!("{other:?}"),
//!     }
//! }
//! # }
//! ```
//!
//! # A change that the server refused
//!
//! Some refusals are for now (the server is busy, its disk fails): the client sends again. Others are for good: no right to
//! write there, an event that is too large. Such a change is *rejected*. It leaves the outbox, so that what was written after
//! it is not held up, and what the application sees does not show it any more. It is not forgotten: the storage keeps it,
//! across restarts, until the application says what is to become of it.
//!
//! - **Inspect.** [`Client::rejections`](crate::Client::rejections) lists them, with the event and the server's sentence;
//!   `rejected` of an [`Item`](crate::client::Item) says that a record has one;
//!   [`Notice::Rejected`](crate::core::client::Notice::Rejected) and the receipt tell when it happens.
//! - **Retry.** [`Client::retry`](crate::Client::retry) makes the same change once more, as a new event at the end of the
//!   outbox.
//! - **Revise.** [`Client::revise`](crate::Client::revise) writes other data in its place.
//! - **Dismiss.** [`Client::dismiss`](crate::Client::dismiss) forgets it.
//!
//! Each is one transaction: a crash leaves the rejection, or what took its place, never both and never neither.
//!
//! ```no_run
//! # async fn example(client: driftless::Client) -> Result<(), driftless::client::ClientError> {
//! use driftless::core::event::Json;
//! use driftless::core::wire::ErrorCode;
//!
//! for rejection in client.rejections().await? {
//!     println!("{rejection}"); // the server refused event … of `todos`: …
//!     match rejection.code {
//!         Some(ErrorCode::Forbidden) => client.dismiss(&rejection).await?,
//!         Some(ErrorCode::EventTooLarge) => {
//!             let shorter = Json::parse(r#"{"id":"milk","title":"Buy milk"}"#).expect("it is JSON");
//!             client.revise(&rejection, shorter).await?;
//!         }
//!         _ => {
//!             client.retry(&rejection).await?;
//!         }
//!     }
//! }
//! # Ok(())
//! # }
//! ```
