//! Durable stores, and what a person does with one: back it up, export it, import it.
//!
//! | item | what it is |
//! |---|---|
//! | [`Sqlite`] | the store in one SQLite file, for one server process |
//! | [`backup()`] | a copy of such a file while it is in use |
//! | [`export()`], [`import()`] | its events as lines of JSON, out and in |

mod answer;
mod backup;
mod batch;
mod checkpoint;
mod error;
mod export;
mod import;
mod key;
mod line;
mod lock;
mod queries;
mod readers;
mod records;
mod schema;
mod sqlite;
mod writer;

pub use backup::{BackupError, BackupProgress, backup};
pub use error::OpenError;
pub use export::{ExportError, ExportFilter, Exported, export};
pub use import::{ImportError, Imported, import};
pub use line::LineError;
pub use sqlite::Sqlite;
