//! A headless client for scripts and other languages: JSON lines in, JSON lines out.

mod input;
mod line;
mod session;
mod stdio;
mod writes;

use super::token::TokenArgs;
use super::{Failure, on_one_thread};
use crate::serve::Signals;
use driftless::Tokio;
use driftless::client::{Client, ClientBuilder, Feed, OpenError};
use driftless_core::client::{ClientCredentials, LastWriteWins, MergeFields, Policy, ServerOrder, Timing};
use driftless_core::event::Spelling;
use driftless_core::name::RepositoryName;
use session::Session;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

/// Notices between the client and stdout. Past it the client waits for whoever reads stdout; nothing is dropped.
const FEED_NOTICES: usize = 1_024;

/// The longest delay between two attempts to connect, in delays: as much more as the default's, 60 s after 3 s.
const LONGEST_DELAY: u32 = 20;

const PROTOCOL: &str = "\
One JSON object a line. An optional \"request\" value comes back on the answer.

In:
  {\"op\":\"upsert\",\"repository\":R,\"id\":I,\"data\":{..}}   answered by the record's `changed`
  {\"op\":\"delete\",\"repository\":R,\"id\":I}               likewise
  {\"op\":\"get\",\"repository\":R,\"id\":I}                  answered by `record`; data null: not there
  {\"op\":\"query\",\"repository\":R}                       answered by `records`
  {\"op\":\"status\"}                                     answered by `status`
  {\"op\":\"flush\"}                                      answered by `flushed` when the outbox is empty
  {\"op\":\"token\",\"token\":T}                            another token from now on
  {\"op\":\"stop\"}                                       ends now

The end of stdin ends it too, once every `flush` is answered.

Out:
  {\"event\":\"connection\",\"connected\":true|false}
  {\"event\":\"changed\",\"repository\":R,\"id\":I,\"data\":{..}|null,\"origin\":\"local\"|\"remote\",\"sequence\":n|null}
  {\"event\":\"acked\",\"repository\":R,\"eventIds\":[..]}
  {\"event\":\"rejected\",\"repository\":R,\"eventId\":E,\"code\":C|null,\"message\":M,\"body\":{..}}
  {\"event\":\"history_changed\",\"repository\":R}
  {\"event\":\"record\",\"repository\":R,\"id\":I,\"data\":{..}|null,\"pending\":b,\"sequence\":n|null}
  {\"event\":\"records\",\"repository\":R,\"records\":[..]}
  {\"event\":\"status\",\"connected\":b,\"pending\":[event ids],\"blocked\":null|\"why\",\"cursors\":{R:n}}
  {\"event\":\"flushed\"}
  {\"event\":\"error\",\"message\":M}                       bad input, or trouble; the client goes on

A line of stdin takes effect after those before it: a `get` sees the `upsert` before it. A `changed`
line comes after the change is durable in --db. Stopping sends nothing more: what is not acked
stays in --db and is sent by the next client on that file. Without --db it is lost.";

/// The flags of `driftless client`.
#[derive(Debug, clap::Args)]
#[command(after_help = PROTOCOL)]
pub(crate) struct ClientArgs {
    /// The server, such as `ws://127.0.0.1:8080/sync`
    #[arg(
        long,
        env = "DRIFTLESS_URL",
        value_name = "URL",
        default_value = "ws://127.0.0.1:8080/sync"
    )]
    url: String,

    /// The file that keeps records, cursors and outbox. It belongs to one client at a time. Without it they are in memory
    #[arg(long, value_name = "FILE")]
    db: Option<PathBuf>,

    /// A repository to keep; may be given several times
    #[arg(long = "repository", value_name = "NAME", required = true)]
    repositories: Vec<RepositoryName>,

    #[command(flatten)]
    token: TokenArgs,

    /// A header for the handshake and the authentication; may be given several times
    #[arg(long = "header", value_name = "NAME=VALUE", value_parser = header)]
    headers: Vec<(String, String)>,

    /// How long to wait before connecting again. Doubles with each failure, up to 20 times as much
    #[arg(long, value_name = "N")]
    reconnect_delay_ms: Option<u64>,

    /// How often to make sure that the server is still there
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    heartbeat_ms: Option<u64>,

    /// How conflicts are decided, in every repository. All clients of a repository need the same
    #[arg(long, value_enum, default_value_t)]
    policy: PolicyName,

    /// In which spelling of the protocol events are written
    #[arg(long, value_enum, default_value_t)]
    spelling: SpellingName,
}

/// The policies that have a name.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum PolicyName {
    /// The later in the server's log wins
    #[default]
    ServerOrder,
    /// The later by the writers' clocks wins
    LastWriteWins,
    /// A change takes over only the fields that it changed
    MergeFields,
}

/// The two spellings.
#[derive(Clone, Copy, Debug, Default, clap::ValueEnum)]
enum SpellingName {
    /// `_event_id`, `_operation`, …: the published package's
    #[default]
    Package,
    /// `eventId`, `operation`, …: the seed documents'
    Seeds,
}

pub(crate) fn run(args: &ClientArgs) -> Result<(), Failure> {
    on_one_thread(async {
        let signals = Signals::listen();
        let signals = signals.map_err(|error| Failure::failed(format!("cannot watch signals: {error}")))?;
        let (client, feed) = open(args).await?;
        let credentials = args.credentials()?;
        let session = Session::new(client, credentials, args.repositories.iter().cloned().collect());
        session.run(feed, stdio::lines(), stdio::Output::start(), signals).await
    })
}

async fn open(args: &ClientArgs) -> Result<(Client, Feed), Failure> {
    let mut builder = Client::builder(&args.url)
        .timing(args.timing())
        .spelling(args.spelling.spelling());
    for repository in &args.repositories {
        builder = builder.repository_under(repository, args.policy.policy());
    }
    let credentials = args.credentials()?;
    if let Some(token) = credentials.token {
        builder = builder.token(token);
    }
    for (name, value) in credentials.headers {
        builder = builder.header(name, value);
    }
    let builder = args.place(builder);
    builder
        .open_with_feed(Tokio, FEED_NOTICES)
        .await
        .map_err(|error| match error {
            OpenError::Url(error) => Failure::usage(format!("--url: {error}")),
            OpenError::Credentials(error) => Failure::usage(error.to_string()),
            OpenError::Sqlite(error) => Failure::store(format!("--db: {error}")),
            other => Failure::failed(other.to_string()),
        })
}

impl ClientArgs {
    fn credentials(&self) -> Result<ClientCredentials, Failure> {
        Ok(ClientCredentials {
            token: self.token.read()?,
            headers: self.headers.clone(),
        })
    }

    fn timing(&self) -> Timing {
        let mut timing = Timing::default();
        if let Some(delay) = self.reconnect_delay_ms {
            timing.reconnect_delay = Duration::from_millis(delay);
            timing.reconnect_delay_max = timing.reconnect_delay * LONGEST_DELAY;
        }
        if let Some(interval) = self.heartbeat_ms {
            timing.heartbeat_interval = Duration::from_millis(interval);
        }
        timing
    }

    fn place(&self, builder: ClientBuilder) -> ClientBuilder {
        match &self.db {
            Some(path) => builder.sqlite(path),
            None => builder.memory(),
        }
    }
}

impl PolicyName {
    fn policy(self) -> Arc<dyn Policy> {
        match self {
            Self::ServerOrder => Arc::new(ServerOrder),
            Self::LastWriteWins => Arc::new(LastWriteWins),
            Self::MergeFields => Arc::new(MergeFields),
        }
    }
}

impl SpellingName {
    fn spelling(self) -> Spelling {
        match self {
            Self::Package => Spelling::Package,
            Self::Seeds => Spelling::Seeds,
        }
    }
}

fn header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once('=').ok_or("a header is NAME=VALUE")?;
    Ok((name.to_owned(), value.to_owned()))
}
