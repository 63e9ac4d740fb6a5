//! `driftless health`: whether a server is up, as an exit status.

use super::Failure;
use super::conversation::host_and_port;
use hyper::Uri;
use std::io::{self, Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::time::Duration;

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
    let (host, port) = host_and_port(&args.url, "http")?;
    let answer = ask(host, port, Duration::from_secs(args.timeout.max(1)))
        .map_err(|error| Failure::unreachable(format!("cannot reach {}: {error}", args.url)))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    if head.split(' ').nth(1) != Some("200") {
        return Err(Failure::unreachable(format!("{} is not healthy: {body}", args.url)));
    }
    // A closed stdout does not make the server unhealthy.
    let _ = writeln!(io::stdout(), "{body}");
    Ok(())
}

fn ask(host: &str, port: u16, patience: Duration) -> io::Result<String> {
    let address = (host, port)
        .to_socket_addrs()?
        .next()
        .ok_or_else(|| io::Error::other("the name has no address"))?;
    let mut stream = TcpStream::connect_timeout(&address, patience)?;
    stream.set_read_timeout(Some(patience))?;
    stream.set_write_timeout(Some(patience))?;
    let head = format!("GET /api/health HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(head.as_bytes())?;
    let mut answer = String::new();
    stream.take(ANSWER_BYTES).read_to_string(&mut answer)?;
    Ok(answer)
}
