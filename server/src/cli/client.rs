//! A headless client for scripts and other languages.

use super::Failure;

/// The flags of `driftless client`.
#[derive(Debug, clap::Args)]
pub(crate) struct ClientArgs {}

pub(crate) fn run(args: &ClientArgs) -> Result<(), Failure> {
    let ClientArgs {} = args;
    Err(Failure::failed("`driftless client` is not part of this build"))
}
