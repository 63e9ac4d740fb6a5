//! `driftless backup`: a copy of a store that a server may be using.

use super::Failure;
use super::store_file::StoreFileArgs;
use crate::store::{BackupError, backup};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  driftless backup backup.db
      Copies ./driftless-data as it is now; the server may go on meanwhile

  driftless backup --store sqlite:/var/lib/driftless/log.db /backups/$(date +%F).db
      In a nightly job

To restore, stop the server, put the copy in the place of the store's file, remove the files beside it that end in
-wal and -shm, and start the server. Clients that are ahead of the copy notice, and push again what it lacks.";

/// The flags of `driftless backup`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct BackupArgs {
    #[command(flatten)]
    store: StoreFileArgs,

    /// The file to make; nothing is overwritten
    #[arg(value_name = "FILE")]
    destination: PathBuf,
}

pub(crate) fn run(args: &BackupArgs) -> Result<(), Failure> {
    let mut pages = 0;
    backup(args.store.path()?, &args.destination, |progress| pages = progress.pages).map_err(|error| match error {
        BackupError::Exists { .. } | BackupError::Io { .. } => Failure::failed(error.to_string()),
        BackupError::Source(_) | BackupError::Copy(_) => Failure::store(error.to_string()),
    })?;
    super::note(&format!("copied {pages} pages to {}", args.destination.display()));
    Ok(())
}
