//! `driftless import`: lines of JSON into a store.

use super::Failure;
use super::store_file::StoreFileArgs;
use crate::store::{ImportError, import};
use driftless_core::name::Namespace;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::PathBuf;

const EXAMPLES: &str = "\
Examples:
  driftless import < events.jsonl
      Into ./driftless-data, which is made if it is not there; stop the server first

  driftless import --store sqlite:new.db events.jsonl
      Into another store

An event that the store has already is not stored twice, so an import that stopped can be run again. It writes the
store's file, not the network. A new store is another history to clients: they fold it again, and push what it
lacks. To put the same history back, use a file that `driftless backup` made.";

/// The flags of `driftless import`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ImportArgs {
    #[command(flatten)]
    store: StoreFileArgs,

    /// The namespace of lines that name none
    #[arg(long, value_name = "NAME", default_value = "default")]
    namespace: Namespace,

    /// Where to read; `-` is stdin
    #[arg(value_name = "FILE", default_value = "-")]
    input: PathBuf,
}

pub(crate) fn run(args: &ImportArgs) -> Result<(), Failure> {
    let store = args.store.path()?;
    let lines: Box<dyn BufRead> = if args.input.as_os_str() == "-" {
        Box::new(io::stdin().lock())
    } else {
        let file = File::open(&args.input)
            .map_err(|error| Failure::usage(format!("cannot read {}: {error}", args.input.display())))?;
        Box::new(BufReader::new(file))
    };
    let imported = import(store, &args.namespace, lines, |_| {}).map_err(|error| failure(&error))?;
    super::note(&format!(
        "imported {} events; {} were there already",
        imported.stored, imported.duplicates
    ));
    if imported.renumbered > 0 {
        super::note(&format!("{} of them have another sequence now", imported.renumbered));
    }
    match imported.first_conflict {
        None => Ok(()),
        Some(line) => Err(Failure::failed(format!(
            "{} events were not imported, because the store has other events with their ids (the first is in line {line})",
            imported.conflicts
        ))),
    }
}

fn failure(error: &ImportError) -> Failure {
    match error {
        ImportError::Store(_) | ImportError::Append(_) => Failure::store(error.to_string()),
        ImportError::Read(_) | ImportError::Line { .. } => Failure::failed(error.to_string()),
    }
}
