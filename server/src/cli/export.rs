//! `driftless export`: a store's events as lines of JSON.

use super::Failure;
use super::store_file::StoreFileArgs;
use crate::store::{ExportError, ExportFilter, export};
use driftless_core::name::{Namespace, RepositoryName};
use std::fs::File;
use std::io::{self, BufWriter, ErrorKind, Write};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  driftless export > events.jsonl
      Everything in ./driftless-data; the server may go on meanwhile

  driftless export --store sqlite:/var/lib/driftless/log.db --repository users --output users.jsonl
      One repository of another store

Each line is {\"namespace\",\"repository\",\"event\"}, in the order of the log. It reads the store's file, not the
network: run it on the server's machine. `driftless import` reads it back.";

/// The flags of `driftless export`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    store: StoreFileArgs,

    /// Only this namespace
    #[arg(long, value_name = "NAME")]
    namespace: Option<Namespace>,

    /// Only the repository of this name
    #[arg(long, short, value_name = "NAME")]
    repository: Option<RepositoryName>,

    /// Where to write; `-` is stdout
    #[arg(long, short, value_name = "FILE", default_value = "-")]
    output: PathBuf,
}

pub(crate) fn run(args: &ExportArgs) -> Result<(), Failure> {
    let store = args.store.path()?;
    let filter = ExportFilter {
        namespace: args.namespace.clone(),
        repository: args.repository.clone(),
    };
    let mut out: Box<dyn Write> = if args.output.as_os_str() == "-" {
        Box::new(BufWriter::new(io::stdout().lock()))
    } else {
        let file = File::create_new(&args.output)
            .map_err(|error| Failure::failed(format!("cannot make {}: {error}", args.output.display())))?;
        Box::new(BufWriter::new(file))
    };
    let exported = export(store, &filter, &mut out).and_then(|exported| {
        out.flush()?;
        Ok(exported)
    });
    match exported {
        Ok(exported) => {
            let (events, repositories) = (exported.events, exported.repositories);
            super::note(&format!("exported {events} events of {repositories} repositories"));
            Ok(())
        }
        // Whoever reads the pipe has seen enough.
        Err(ExportError::Write(error)) if error.kind() == ErrorKind::BrokenPipe => Ok(()),
        Err(error @ ExportError::Write(_)) => Err(Failure::failed(error.to_string())),
        Err(error) => Err(Failure::store(error.to_string())),
    }
}
