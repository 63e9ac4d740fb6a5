//! Why a store cannot be opened, and why it did not do what it was asked.

use driftless_core::server::StoreFailure;
use rusqlite::ErrorCode;
use std::io;
use std::path::{Path, PathBuf};

/// Why a store cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// Another process has it open to write.
    #[error("the store {} is in use by another driftless process{holder}; stop it, or use another file", path.display())]
    InUse {
        /// The file.
        path: PathBuf,
        /// Which process, as far as it is known: empty, or ` (process 1234)`.
        holder: String,
    },
    /// The file is something else.
    #[error("{} is not a driftless store: {reason}; name another file", path.display())]
    NotAStore {
        /// The file.
        path: PathBuf,
        /// What it is instead.
        reason: &'static str,
    },
    /// A later version of driftless has changed the file's layout.
    #[error(
        "the store {} has layout {found}, and this version of driftless knows layouts up to {known}; \
         use the version that wrote it or a later one",
        path.display()
    )]
    NewerLayout {
        /// The file.
        path: PathBuf,
        /// The layout of the file.
        found: i64,
        /// The newest layout that this version knows.
        known: i64,
    },
    /// There is no such file.
    #[error("there is no store {}", path.display())]
    Missing {
        /// The file.
        path: PathBuf,
    },
    /// The file is damaged.
    #[error("the store {} is damaged ({detail}); restore a backup", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        detail: String,
    },
    /// The operating system refuses the file, its lock or its directory.
    #[error("cannot open the store {}: {source}", path.display())]
    Io {
        /// The file or directory.
        path: PathBuf,
        /// What the operating system says.
        source: io::Error,
    },
    /// SQLite refuses the file.
    #[error("cannot open the store {}: {source}", path.display())]
    Sqlite {
        /// The file.
        path: PathBuf,
        /// What SQLite says.
        source: rusqlite::Error,
    },
}

impl OpenError {
    pub(super) fn io(path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { path, source }
    }

    pub(super) fn sqlite(path: &Path) -> impl FnOnce(rusqlite::Error) -> Self {
        let path = path.to_owned();
        move |source| match source.sqlite_error_code() {
            Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => Self::Damaged {
                path,
                detail: source.to_string(),
            },
            _ => Self::Sqlite { path, source },
        }
    }
}

/// Why one request was not carried out.
#[derive(Debug, thiserror::Error)]
pub(super) enum Fault {
    /// SQLite, or the disk below it, failed.
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    /// The keys of the layout are used up.
    #[error("the store has no room for more {0}")]
    Full(&'static str),
    /// The file's content contradicts itself.
    #[error("the store is damaged: {0}")]
    Damaged(String),
}

impl From<Fault> for StoreFailure {
    fn from(fault: Fault) -> Self {
        Self {
            detail: fault.to_string(),
        }
    }
}
