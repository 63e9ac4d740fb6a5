//! A demonstration: two clients syncing through a server, one of them going offline and coming back.

mod folder;
mod network;
mod person;
mod server;
mod stage;
mod story;

use super::{Failure, on_one_thread};
use stage::Stage;

/// The flags of `driftless demo`.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Needs nothing and leaves nothing behind: the server takes a free port of this machine, the \
                        data is in a folder for temporary files that is removed at the end."
)]
pub(crate) struct DemoArgs {
    /// Without the pauses for reading
    #[arg(long)]
    fast: bool,
}

pub(crate) fn run(args: &DemoArgs) -> Result<(), Failure> {
    let stage = Stage::new(!args.fast);
    on_one_thread(async {
        tokio::select! {
            outcome = story::play(stage) => outcome,
            // Leaving early still removes the folder.
            _ = tokio::signal::ctrl_c() => Ok(()),
        }
    })
}
