//! Files, users, queries, indexes, copies, starting over.
//!
//! # Where the data is
//!
//! | builder | where |
//! |---|---|
//! | [`sqlite`](crate::ClientBuilder::sqlite) | one SQLite file, with `-wal`, `-shm` and `-lock` beside it, for this client alone |
//! | [`sqlite_namespace`](crate::ClientBuilder::sqlite_namespace) | the file of a namespace in a folder: another user is another file |
//! | [`memory`](crate::ClientBuilder::memory) | this process; the default |
//! | [`storage`](crate::ClientBuilder::storage) | an implementation of [`Storage`](crate::storage::Storage) of your own, which the suite in `storage::conformance` tests |
//!
//! A commit is on the disk when a write returns (`synchronous=FULL`). A second client on the same file is refused, in this
//! process and in another. Other programs may read the file with any SQLite while the client runs.
//!
//! # Users
//!
//! To switch users stop the client, and open another on the other namespace with the other credentials. Whatever was made
//! from the stopped one fails with [`Stopped`](crate::client::ClientError::Stopped), so that nothing of one user lands in the
//! data of another. On the server a namespace is a part of the address: `ws://HOST/sync/NAMESPACE`.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use driftless::core::client::ServerOrder;
//! use driftless::core::name::Namespace;
//! use driftless::storage::SqliteStorage;
//! use driftless::{Client, Tokio};
//!
//! let open = async |user: &str, token: &str| {
//!     Client::builder("ws://127.0.0.1:8080/sync")
//!         .repository("todos", ServerOrder)
//!         .sqlite_namespace("data", user)
//!         .token(token)
//!         .open(Tokio)
//!         .await
//! };
//! let alice = open("alice", "hers").await?;
//! alice.stop().await;
//! let bob = open("bob", "his").await?;
//! // Alice will not come back: everything of hers on this device goes, what was never sent too.
//! SqliteStorage::delete_namespace("data", &Namespace::new("alice")?)?;
//! # bob.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Queries and indexes
//!
//! A query is answered in the storage; records that it does not return are not read into memory. See
//! [`storage::query`](crate::storage::query) for how values compare.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! # use driftless::core::client::ServerOrder;
//! # use driftless::{Client, Tokio};
//! # #[derive(serde::Serialize, serde::Deserialize)] struct Todo { id: String, list: String, due: String }
//! use driftless::storage::{Comparison, Direction};
//!
//! let client = Client::builder("ws://127.0.0.1:8080/sync")
//!     .repository("todos", ServerOrder)
//!     .index("todos", ["list", "due"]) // made now if it is missing; dropped once it is declared no more
//!     .sqlite("todos.db")
//!     .open(Tokio)
//!     .await?;
//! let next = client
//!     .repository::<Todo>("todos")?
//!     .query()
//!     .filter("list", Comparison::equal("groceries"))
//!     .filter("due", Comparison::less("2025-06-01"))
//!     .order_by("due", Direction::Ascending)
//!     .limit(20);
//! println!("{} in all", next.count().await?);
//! for item in next.all().await? {
//!     println!("{} {}", item.value.due, item.id);
//! }
//! # Ok(())
//! # }
//! ```
//!
//! With the [`Index`](crate::storage::Index) such a query goes through the records that it returns; without one through the
//! whole repository. Only top-level fields can be asked for.
//!
//! # When your types change
//!
//! Data is JSON, and there is no schema. A new field needs a default (`#[serde(default)]`); one that is gone is ignored by
//! serde. What is no value of the type any more is left out of the items of an answer and stands in its
//! [`unreadable`](crate::client::Results::unreadable), instead of hiding everything else. Other clients may run an older
//! version of your application: what you write has to be readable for them, too.
//!
//! A client's file is brought up to date by the version of this library that opens it, in one transaction. One that a later
//! version has written is refused ([`SqliteOpenError::NewerSchema`](crate::storage::SqliteOpenError::NewerSchema)).
//!
//! # Copies
//!
//! [`Repository::export`](crate::Repository::export) writes every record as a line `{"id": …, "data": …}`, and
//! [`import`](crate::Repository::import) reads such lines; what it reads are writes like any other, durable and sent.
//!
//! ```
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # use driftless::core::client::ServerOrder;
//! # use driftless::{Client, Tokio};
//! # let client = Client::builder("ws://127.0.0.1:9/sync").repository("todos", ServerOrder).open(Tokio).await?;
//! let todos = client.repository::<serde_json::Value>("todos")?;
//! let mut lines: &[u8] = b"{\"id\":\"milk\",\"data\":{\"title\":\"Buy milk\"}}\n";
//! assert_eq!(todos.import(&mut lines).await?, 1);
//! let mut copy = Vec::new();
//! todos.export(&mut copy).await?;
//! assert_eq!(copy, b"{\"id\":\"milk\",\"data\":{\"title\":\"Buy milk\"}}\n");
//! # client.stop().await;
//! # Ok(())
//! # }
//! ```
//!
//! # Starting over
//!
//! | call | records | what was never sent |
//! |---|---|---|
//! | [`resync`](crate::Client::resync) | read again from the server; the old ones are shown until the new ones are there | stays, and is sent |
//! | [`clear`](crate::Client::clear) | forgotten at once, and read again | **lost** |
//! | [`SqliteStorage::delete_namespace`](crate::storage::SqliteStorage::delete_namespace) | the file is removed, of a client that is stopped | **lost** |
//!
//! Neither is needed in normal operation: a server whose history has changed, because it was restored from a backup, is noticed,
//! and the client resyncs by itself and sends again what the server has lost, as far as it is kept
//! ([`Timing::keep_acked`](crate::core::client::Timing::keep_acked), 7 days).
