//! `driftless serve`: the server.

use super::Failure;
use super::token::TokenArgs;
use crate::http::{HttpLimits, Origins};
use crate::serve::{Listening, LogFormat, LogObserver, ServeConfig, Signals, StoreUrl, start_logging};
use clap::builder::FalseyValueParser;
use driftless::server::{Authenticator, Open, ServerConfig, StaticToken};
use driftless::store::Store;
use driftless_core::server::ServerLimits;
use std::io::{self, ErrorKind, Write};
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::time::Duration;

const EXAMPLES: &str = "\
Examples:
  driftless serve
      Data in ./driftless-data, for this machine only, at ws://127.0.0.1:8080/sync

  DRIFTLESS_TOKEN=$(openssl rand -hex 32) driftless serve --listen 0.0.0.0:8080
      For the network, to whoever shows the token. Put a reverse proxy with TLS in front.

  driftless serve --store sqlite:/var/lib/driftless/log.db --log-format json
      For a service manager or a container

  driftless serve --store memory: --listen 127.0.0.1:0
      For a test: nothing is kept, the system picks the port, the first lines say which";

/// The flags of `driftless serve`.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct ServeArgs {
    /// Where to listen. Beyond this machine (0.0.0.0, ::) only with a token or --insecure-no-auth
    #[arg(
        long,
        env = "DRIFTLESS_LISTEN",
        value_name = "ADDR:PORT",
        default_value = "127.0.0.1:8080",
        value_parser = listen_address
    )]
    listen: SocketAddr,

    /// Where to keep the data: `sqlite:PATH` (the file and its folder are made), or `memory:` (lost at the end)
    #[arg(long, env = "DRIFTLESS_STORE", value_name = "URL", default_value = StoreUrl::DEFAULT)]
    store: StoreUrl,

    #[command(flatten)]
    token: TokenArgs,

    /// Let anyone who can reach the server read and write everything
    #[arg(
        long,
        env = "DRIFTLESS_INSECURE_NO_AUTH",
        value_parser = FalseyValueParser::new(),
        conflicts_with_all = ["token", "token_file"]
    )]
    insecure_no_auth: bool,

    /// Also let web pages of this origin call (`https://app.example.com`, or `*`). Needed only without a token: with
    /// one, pages of any origin may. A server for this machine that is reached under another name (behind a proxy)
    /// wants that name's origin, too
    #[arg(long, env = "DRIFTLESS_ALLOW_ORIGIN", value_name = "ORIGIN", value_delimiter = ',')]
    allow_origin: Vec<String>,

    /// Most connections at once; one more gets 503. The system has to allow as many open files (ulimit -n)
    #[arg(long, env = "DRIFTLESS_MAX_CONNECTIONS", value_name = "N", default_value_t = 20_000)]
    max_connections: usize,

    /// How often a connection is asked for a sign of life, in milliseconds
    #[arg(long, env = "DRIFTLESS_HEARTBEAT_MS", value_name = "N", default_value_t = 30_000,
        value_parser = clap::value_parser!(u64).range(1..))]
    heartbeat_ms: u64,

    /// How long after that it may stay silent before it is closed, in milliseconds
    #[arg(long, env = "DRIFTLESS_HEARTBEAT_TIMEOUT_MS", value_name = "N", default_value_t = 10_000,
        value_parser = clap::value_parser!(u64).range(1..))]
    heartbeat_timeout_ms: u64,

    /// How a line of the log (on stderr) looks
    #[arg(long, env = "DRIFTLESS_LOG_FORMAT", value_enum, default_value_t)]
    log_format: LogFormat,

    /// What is logged: error, warn, info, debug or trace, or a filter as `info,driftless_server=debug`
    #[arg(long, env = "DRIFTLESS_LOG_LEVEL", value_name = "LEVEL", default_value = "info")]
    log_level: String,
}

/// How long threads may still be busy once the server has stopped.
const RUNTIME_TIMEOUT: Duration = Duration::from_secs(2);

pub(crate) fn run(args: &ServeArgs) -> Result<(), Failure> {
    start_logging(args.log_format, &args.log_level)
        .map_err(|error| Failure::usage(format!("--log-level `{}`: {error}", args.log_level)))?;
    let token = args.token.read()?;
    check_exposure(args, token.is_some())?;
    let origins = Origins::new(token.is_some(), args.listen.ip().is_loopback(), &args.allow_origin)
        .map_err(|error| Failure::usage(format!("--allow-origin: {error}")))?;
    let store = args.store.open().map_err(|error| Failure::store(error.to_string()))?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Failure::failed(format!("cannot start: {error}")))?;
    let config = ServeConfig {
        server: ServerConfig {
            store: store.clone(),
            authenticator: authenticator(token.as_deref()),
            limits: limits(args),
            observer: Arc::new(LogObserver),
        },
        origins,
        http: HttpLimits::default(),
        max_connections: args.max_connections,
    };
    let outcome = runtime.block_on(serve(args, config, token.is_some()));
    runtime.shutdown_timeout(RUNTIME_TIMEOUT);
    close(store);
    outcome
}

fn limits(args: &ServeArgs) -> ServerLimits {
    let heartbeat_interval = Duration::from_millis(args.heartbeat_ms);
    let heartbeat_timeout = Duration::from_millis(args.heartbeat_timeout_ms);
    ServerLimits {
        heartbeat_interval,
        heartbeat_timeout,
        // A socket that takes nothing takes no `ping` either.
        stall_timeout: heartbeat_interval.saturating_add(heartbeat_timeout),
        ..ServerLimits::default()
    }
}

/// An address, or a name of this machine such as `localhost`.
fn listen_address(text: &str) -> Result<SocketAddr, String> {
    let mut addresses = text
        .to_socket_addrs()
        .map_err(|_| "write ADDRESS:PORT, as 127.0.0.1:8080, [::]:8080 or localhost:8080".to_owned())?;
    addresses.next().ok_or_else(|| "the name has no address".to_owned())
}

/// Whoever listens on a network without asking for a token has to say that it is meant.
fn check_exposure(args: &ServeArgs, authenticated: bool) -> Result<(), Failure> {
    if authenticated || args.insecure_no_auth || args.listen.ip().is_loopback() {
        return Ok(());
    }
    Err(Failure::usage(format!(
        "{} can be reached from other machines, and without a token anyone could read and write everything: \
         set DRIFTLESS_TOKEN (or --token-file), or say --insecure-no-auth if that is meant",
        args.listen
    )))
}

fn authenticator(token: Option<&str>) -> Arc<dyn Authenticator> {
    match token.and_then(StaticToken::new) {
        Some(token) => Arc::new(token),
        None => Arc::new(Open),
    }
}

async fn serve(args: &ServeArgs, config: ServeConfig, authenticated: bool) -> Result<(), Failure> {
    let mut signals = Signals::listen().map_err(|error| Failure::failed(format!("cannot watch signals: {error}")))?;
    let listening = Listening::bind(args.listen, config)
        .await
        .map_err(|error| listen_failure(args.listen, &error))?;
    let address = listening.address().unwrap_or(args.listen);
    announce(args, address, authenticated);
    let stop = async {
        let signal = signals.next().await;
        tracing::info!(signal, "stopping; once more ends at once");
        tokio::spawn(async move {
            signals.next().await;
            std::process::exit(130);
        });
    };
    if !listening.run(stop).await {
        return Err(Failure::failed(
            "the server has failed; everything that was acked is in the store",
        ));
    }
    tracing::info!("stopped");
    Ok(())
}

fn listen_failure(address: SocketAddr, error: &io::Error) -> Failure {
    let why = match error.kind() {
        ErrorKind::AddrInUse => format!(
            "another process listens there; --listen {}:0 picks a free port",
            address.ip()
        ),
        ErrorKind::PermissionDenied => "ports below 1024 need a right of their own; choose a higher one".to_owned(),
        ErrorKind::AddrNotAvailable => "this machine does not have that address".to_owned(),
        _ => error.to_string(),
    };
    Failure::listen(format!("cannot listen on {address}: {why}"))
}

/// Tells people and scripts where the server is: on stdout, or as a line of the log where logs are for programs.
fn announce(args: &ServeArgs, address: SocketAddr, authenticated: bool) {
    let store = &args.store;
    if args.log_format == LogFormat::Json {
        tracing::info!(%address, %store, authenticated, "listening");
        return;
    }
    let access = match (authenticated, address.ip().is_loopback()) {
        (true, _) => "the token is required",
        (false, true) => "no token: every program on this machine may read and write",
        (false, false) => "NO TOKEN: anyone who can reach this address may read and write",
    };
    let banner = format!(
        "Driftless {version}\n\
         \x20 listening  {address}\n\
         \x20 sync       ws://{address}/sync\n\
         \x20 http       http://{address}/api\n\
         \x20 store      {store}\n\
         \x20 access     {access}\n\
         \x20 stop       Ctrl-C\n",
        version = env!("CARGO_PKG_VERSION"),
    );
    let mut stdout = io::stdout().lock();
    // A closed stdout is no reason not to serve.
    let _ = stdout.write_all(banner.as_bytes()).and_then(|()| stdout.flush());
}

/// Closes the store: the last reference to it writes what is left.
fn close(store: Arc<dyn Store>) {
    if Arc::strong_count(&store) > 1 {
        tracing::warn!("the store is still in use; everything acked is durable all the same");
    }
    drop(store);
}
