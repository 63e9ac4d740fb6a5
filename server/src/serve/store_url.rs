//! Which store a server is told to use.

use crate::store::Sqlite;
use driftless::store::{Memory, Store};
use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;
use std::sync::Arc;

/// Which store a server is told to use.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreUrl {
    /// `memory:`: lost at the end of the process.
    Memory,
    /// `sqlite:PATH`: one file.
    Sqlite(PathBuf),
}

/// Why a text names no store.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a store is `sqlite:PATH` or `memory:`")]
pub struct StoreUrlError;

impl StoreUrl {
    /// The store that is used where none is named.
    pub const DEFAULT: &'static str = "sqlite:driftless-data/driftless.db";

    /// Opens the store; makes its file, and the folder that it is in, if they do not exist.
    pub fn open(&self) -> Result<Arc<dyn Store>, Box<dyn std::error::Error>> {
        match self {
            Self::Memory => Ok(Arc::new(Memory::new())),
            Self::Sqlite(path) => Ok(Arc::new(Sqlite::open(path)?)),
        }
    }
}

impl FromStr for StoreUrl {
    type Err = StoreUrlError;

    fn from_str(text: &str) -> Result<Self, StoreUrlError> {
        match text.split_once(':') {
            Some(("memory", "")) => Ok(Self::Memory),
            Some(("sqlite", path)) if !path.is_empty() => {
                // `sqlite://PATH` is how others write it.
                let path = path.strip_prefix("//").filter(|path| !path.is_empty()).unwrap_or(path);
                Ok(Self::Sqlite(path.into()))
            }
            _ => Err(StoreUrlError),
        }
    }
}

impl fmt::Display for StoreUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Memory => f.write_str("memory: (nothing is kept)"),
            Self::Sqlite(path) => write!(f, "sqlite:{}", path.display()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_store_is_named_by_kind_and_place() {
        assert_eq!("memory:".parse(), Ok(StoreUrl::Memory));
        assert_eq!("sqlite:a/b.db".parse(), Ok(StoreUrl::Sqlite("a/b.db".into())));
        assert_eq!("sqlite:/a/b.db".parse(), Ok(StoreUrl::Sqlite("/a/b.db".into())));
        assert_eq!("sqlite:///a/b.db".parse(), Ok(StoreUrl::Sqlite("/a/b.db".into())));
        assert!(StoreUrl::DEFAULT.parse::<StoreUrl>().is_ok());
        for wrong in [
            "",
            "memory",
            "memory:x",
            "sqlite",
            "sqlite:",
            "mongodb://localhost",
            "a.db",
        ] {
            assert_eq!(wrong.parse::<StoreUrl>(), Err(StoreUrlError), "{wrong}");
        }
    }
}
