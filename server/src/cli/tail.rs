//! `driftless tail`: the events of a repository, one a line.

use super::Failure;
use super::conversation::{Conversation, TargetArgs, failure};
use super::on_one_thread;
use driftless_core::event::{Json, Sequence};
use driftless_core::wire::{ClientMessage, Position, ServerMessage, Subscribe};
use std::io::{self, ErrorKind, Write};

const EXAMPLES: &str = "\
Examples:
  driftless tail --repository users
      Everything so far, then whatever comes, until Ctrl-C

  driftless tail --repository users --after 1200 --no-follow | jq ._data
      Everything behind sequence 1200, and no waiting";

/// The flags of `driftless tail`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct TailArgs {
    #[command(flatten)]
    target: TargetArgs,

    /// Only events behind this server sequence
    #[arg(long, value_name = "N", default_value_t = 0)]
    after: u64,

    /// Wait for new events; this is what happens without a flag
    #[arg(long, overrides_with = "no_follow")]
    follow: bool,

    /// End once everything so far is printed
    #[arg(long, overrides_with = "follow")]
    no_follow: bool,
}

pub(crate) fn run(args: &TailArgs) -> Result<(), Failure> {
    on_one_thread(async {
        let mut conversation = Conversation::open(&args.target).await?;
        conversation.send(subscribe(args)).await?;
        while print_next(args, &mut conversation).await? {}
        conversation.close().await;
        Ok(())
    })
}

fn subscribe(args: &TailArgs) -> ClientMessage {
    let position = Position {
        after: Sequence::new(args.after),
        ..Position::default()
    };
    ClientMessage::Subscribe(Subscribe {
        epoch: None,
        repositories: vec![(args.target.repository.clone(), position)],
    })
}

/// Prints what comes next. False: that was all.
async fn print_next(args: &TailArgs, conversation: &mut Conversation) -> Result<bool, Failure> {
    match conversation.next().await? {
        ServerMessage::Events(events) => print(&events.events),
        ServerMessage::SyncComplete(_) => Ok(!args.no_follow),
        ServerMessage::HistoryChanged { .. } => Err(Failure::failed(format!(
            "the log of {} ends before sequence {}",
            args.target.repository, args.after
        ))),
        ServerMessage::Error(error) => Err(failure(&error)),
        _ => Ok(true),
    }
}

/// False: nobody reads the output any more.
fn print(events: &[Json]) -> Result<bool, Failure> {
    let mut out = io::BufWriter::new(io::stdout().lock());
    let mut write = || -> io::Result<()> {
        for event in events {
            // Line breaks can stand between the fields of an event, and nowhere else in JSON.
            out.write_all(event.replace(['\n', '\r'], " ").as_bytes())?;
            out.write_all(b"\n")?;
        }
        out.flush()
    };
    match write() {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::BrokenPipe => Ok(false),
        Err(error) => Err(Failure::failed(format!("cannot write: {error}"))),
    }
}
