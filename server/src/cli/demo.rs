//! A demonstration: two clients syncing through a server, one of them going offline and coming back.

use super::Failure;

/// The flags of `driftless demo`.
#[derive(Debug, clap::Args)]
pub(crate) struct DemoArgs {}

pub(crate) fn run(args: &DemoArgs) -> Result<(), Failure> {
    let DemoArgs {} = args;
    Err(Failure::failed("`driftless demo` is not part of this build"))
}
