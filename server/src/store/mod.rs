//! Durable stores, and what a person does with one: back it up, export it, import it.
//!
//! | module | what it is |
//! |---|---|
//! | [`Sqlite`] | the store in one SQLite file, for one server process |

mod batch;
mod checkpoint;
mod error;
mod key;
mod lock;
mod queries;
mod readers;
mod records;
mod schema;
mod sqlite;
mod writer;

pub use error::OpenError;
pub use sqlite::Sqlite;
