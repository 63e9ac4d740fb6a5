//! The client on tokio against a scripted server on a loopback socket.

#![allow(clippy::unwrap_used, reason = "these are tests")]

mod connecting;
mod local;
mod peer;
mod pressure;
mod syncing;

use driftless::client::{Client, ClientBuilder, Feed};
use driftless::core::client::{ConnectionState, Notice, ServerOrder, Timing};
use driftless::core::event::Json;
use peer::Peers;
use std::future::Future;
use std::time::Duration;
use tokio::time::timeout;

/// Far longer than any of these steps takes: what is not there by then will not come.
const DEADLINE: Duration = Duration::from_secs(20);

/// Waits for something that has to happen.
async fn soon<T>(what: &str, future: impl Future<Output = T>) -> T {
    timeout(DEADLINE, future)
        .await
        .unwrap_or_else(|_| panic!("{what}: not within {DEADLINE:?}"))
}

/// Delays as short as tests want them.
fn quick() -> Timing {
    Timing {
        reconnect_delay: Duration::from_millis(10),
        reconnect_delay_max: Duration::from_millis(50),
        retry_delay: Duration::from_millis(10),
        // Machines that build something else at the same time are slow.
        connect_timeout: Duration::from_secs(10),
        auth_timeout: Duration::from_secs(10),
        ..Timing::default()
    }
}

fn builder(peers: &Peers) -> ClientBuilder {
    Client::builder(peers.url())
        .repository("users", ServerOrder)
        .timing(quick())
}

fn json(text: &str) -> Json {
    Json::parse(text.to_owned()).unwrap()
}

/// The next notice that `pick` takes.
async fn told<T>(feed: &mut Feed, what: &str, pick: impl Fn(Notice) -> Option<T>) -> T {
    soon(what, async {
        loop {
            let notice = feed.next().await.expect("the client has ended");
            if let Some(picked) = pick(notice) {
                return picked;
            }
        }
    })
    .await
}

async fn told_state(feed: &mut Feed, what: &str, is: impl Fn(&ConnectionState) -> bool) -> ConnectionState {
    told(feed, what, |notice| match notice {
        Notice::Connection(state) if is(&state) => Some(state),
        _ => None,
    })
    .await
}
