//! `driftless health`: whether a server is up, as an exit status.

use super::destination::{Destination, HTTP};
use super::{Failure, on_one_thread};
use futures_util::{AsyncReadExt, AsyncWriteExt};
use hyper::Uri;
use std::io::{self, Write};
use std::time::Duration;
use tokio::time::timeout;

const EXAMPLES: &str = "\
Examples:
  driftless health
      Ends with 0 if the server on this machine is up and can use its store, with 5 if not

  HEALTHCHECK CMD [\"driftless\", \"health\"]
      In a container's recipe";

/// The flags of `driftless health`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct HealthArgs {
    /// The server
    #[arg(
        long,
        env = "DRIFTLESS_HEALTH_URL",
        value_name = "URL",
        default_value = "http://127.0.0.1:8080"
    )]
    url: Uri,

    /// How long to wait, in seconds
    #[arg(long, value_name = "SECONDS", default_value_t = 5)]
    timeout: u64,
}

/// Longest answer that is read.
const ANSWER_BYTES: u64 = 16 << 10;

pub(crate) fn run(args: &HealthArgs) -> Result<(), Failure> {
    on_one_thread(async {
        let destination = Destination::of(&args.url, HTTP)?;
        let patience = Duration::from_secs(args.timeout.max(1));
        let asked = timeout(patience, ask(&destination, &args.url)).await;
        let answer = asked
            .unwrap_or_else(|_| Err(io::Error::other("no answer in time")))
            .map_err(|error| Failure::unreachable(format!("cannot reach {}: {error}", args.url)))?;
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
        if head.split(' ').nth(1) != Some("200") {
            return Err(Failure::unreachable(format!("{} is not healthy: {body}", args.url)));
        }
        // A closed stdout does not make the server unhealthy.
        let _ = writeln!(io::stdout(), "{body}");
        Ok(())
    })
}

async fn ask(destination: &Destination, url: &Uri) -> io::Result<String> {
    let mut socket = destination.connect().await?;
    let authority = url.authority().map_or("", |authority| authority.as_str());
    let host = authority.rsplit('@').next().unwrap_or_default();
    let head = format!("GET /api/health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n");
    socket.write_all(head.as_bytes()).await?;
    socket.flush().await?;
    let mut answer = String::new();
    socket.take(ANSWER_BYTES).read_to_string(&mut answer).await?;
    Ok(answer)
}
