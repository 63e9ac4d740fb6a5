//! Repositories of an application's own types.

mod batch;
mod item;
mod lines;
mod rejected;
mod repository;
mod select;
mod watch;

pub use batch::Batch;
pub use item::{Item, Results, Unreadable};
pub use lines::{ExportError, ImportError};
pub use repository::Repository;
pub use select::Select;
pub use watch::Watch;
