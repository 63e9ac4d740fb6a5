//! The commands of `driftless`, their flags and their help.
//!
//! Every command is a module with its flags (`…Args`) and a `run` function that ends in a [`Failure`] or not at all.

mod backup;
mod client;
mod conversation;
mod demo;
mod destination;
mod export;
mod failure;
mod health;
mod import;
mod push;
mod serve;
mod store_file;
mod tail;
mod token;

pub use failure::Failure;

use clap::{Parser, Subcommand};
use std::future::Future;
use std::io::Write;
use std::process::ExitCode;

/// Real-time, offline-first synchronisation: a durable server and the tools around it.
#[derive(Debug, Parser)]
#[command(name = "driftless", version, max_term_width = 100, after_help = failure::EXIT_STATUS_HELP)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Run the server.
    Serve(serve::ServeArgs),
    /// Push events.
    Push(push::PushArgs),
    /// Print the events of a repository as they come.
    Tail(tail::TailArgs),
    /// Write a store's events as lines of JSON.
    Export(export::ExportArgs),
    /// Read lines of JSON into a store.
    Import(import::ImportArgs),
    /// Copy a store while its server runs.
    Backup(backup::BackupArgs),
    /// Tell whether a server is up, by the exit status.
    Health(health::HealthArgs),
    /// Run a headless client that scripts drive with JSON lines.
    Client(client::ClientArgs),
    /// Show two clients syncing through a server, one of them going offline and coming back.
    Demo(demo::DemoArgs),
}

/// Parses the command line, runs the command and says how the process ends.
pub fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Serve(args) => serve::run(&args),
        Command::Push(args) => push::run(&args),
        Command::Tail(args) => tail::run(&args),
        Command::Export(args) => export::run(&args),
        Command::Import(args) => import::run(&args),
        Command::Backup(args) => backup::run(&args),
        Command::Health(args) => health::run(&args),
        Command::Client(args) => client::run(&args),
        Command::Demo(args) => demo::run(&args),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            // Nobody is left to tell when stderr is gone.
            let _ = writeln!(std::io::stderr(), "driftless: {failure}");
            failure.exit_code()
        }
    }
}

/// Tells a person what was done, beside what a program reads from stdout.
fn note(text: &str) {
    // Nobody is left to tell when stderr is gone.
    let _ = writeln!(std::io::stderr(), "{text}");
}

/// Runs a command that is one client's work: one thread is enough.
pub fn on_one_thread(command: impl Future<Output = Result<(), Failure>>) -> Result<(), Failure> {
    tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("cannot start: {error}")))?
        .block_on(command)
}
