//! The client for applications: the client machine of [`driftless_core::client`] bound to sockets and local storage.
//!
//! | part | what it is |
//! |---|---|
//! | [`tokio`] (feature `tokio`) | the client that applications use, on tokio |
//! | [`Driver`] | what every binding shares: the machine, and the answers that the application waits for |
//! | [`Command`] | what a binding's handle asks of the driver |
//!
//! A binding keeps one loop, which gives the driver what happened (commands of the application, bytes from the socket,
//! answers of the storage, the passing of time), and carries out the actions that come back. Reads of the application
//! do not pass through it: they go to a reader of the storage on a thread of their own.

mod command;
mod driver;
#[cfg(feature = "tokio")]
pub mod tokio;

pub use command::{Command, Done, Status, WriteResult};
pub use driver::Driver;
