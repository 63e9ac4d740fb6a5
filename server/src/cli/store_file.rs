//! Which store file a command works on.

use super::Failure;
use crate::serve::StoreUrl;
use std::path::Path;

/// The flag for a store file.
#[derive(Debug, clap::Args)]
pub(crate) struct StoreFileArgs {
    /// The store, as the server is told it: `sqlite:PATH`
    #[arg(long, env = "DRIFTLESS_STORE", value_name = "URL", default_value = StoreUrl::DEFAULT)]
    store: StoreUrl,
}

impl StoreFileArgs {
    /// The file.
    pub(crate) fn path(&self) -> Result<&Path, Failure> {
        match &self.store {
            StoreUrl::Sqlite(path) => Ok(path),
            StoreUrl::Memory => Err(Failure::usage("--store memory: has no file; name one as sqlite:PATH")),
        }
    }
}
