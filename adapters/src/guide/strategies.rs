//! When a client syncs, where its history begins, and what it tells meanwhile.
//!
//! # When
//!
//! A [`Strategy`](crate::core::client::Strategy) is a set of reasons to connect. They combine.
//!
//! | strategy | when it reads and pushes | in the Flutter packages |
//! |---|---|---|
//! | `Strategy::default()` | always: it stays connected, and what happens is there at once | `WebSocketSyncStrategy` |
//! | `Strategy { every: Some(interval), ..Strategy::manual() }` | at the start, and then so often | `PeriodicSyncStrategy` |
//! | `Strategy::manual()` | when [`sync_now`](crate::Client::sync_now) is called | `ManualSyncStrategy` |
//! | `Strategy { on_connectivity: true, ..Strategy::manual() }` | at the start, and whenever the network comes | `ConnectivitySyncStrategy` |
//!
//! Outside real time a client connects for a *round*: it reads everything, pushes everything, and closes the connection.
//! Nothing is a different kind of sync: order, acks and conflicts are the same, only later. A write does not begin a round.
//! `sync_now` works under every strategy, and returns when at one moment everything was read and pushed.
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use driftless::core::client::{ServerOrder, Strategy};
//! use driftless::{Client, Tokio};
//! use std::time::Duration;
//!
//! let client = Client::builder("ws://127.0.0.1:8080/sync")
//!     .repository("readings", ServerOrder)
//!     .sqlite("readings.db")
//!     .strategy(Strategy {
//!         every: Some(Duration::from_mins(15)),
//!         on_connectivity: true,
//!         ..Strategy::manual()
//!     })
//!     .open(Tokio)
//!     .await?;
//! client.set_connectivity(false).await?; // the system says that the network has gone
//! client.set_connectivity(true).await?; // it is back: a round begins
//! client.sync_now().await?; // somebody has pressed the button
//! # Ok(())
//! # }
//! ```
//!
//! This library does not watch the system's network; an application that can passes on what it is told with
//! [`set_connectivity`](crate::Client::set_connectivity). In real time that is worth doing too: without a network nothing is
//! tried, and when it comes the client connects at once instead of after its delay.
//!
//! Delays and timeouts are [`Timing`](crate::core::client::Timing): reconnects after 3 s, doubling up to a minute; a heartbeat
//! every 30 s. Bounds on memory are [`ClientLimits`](crate::core::client::ClientLimits).
//!
//! # Where the history begins
//!
//! A client reads a repository from its first event on, once, and from then on what is new; where it stands is kept in its
//! storage, in the same transaction as what it has applied. An application that does not want everything that ever happened
//! says where to begin (here: with what was written since the beginning of 2025):
//!
//! ```no_run
//! # async fn example() -> Result<(), Box<dyn std::error::Error>> {
//! use driftless::core::client::{ServerOrder, SyncFilter};
//! use driftless::core::event::Timestamp;
//! use driftless::{Client, Tokio};
//!
//! let client = Client::builder("ws://127.0.0.1:8080/sync")
//!     .repository("messages", ServerOrder)
//!     .sync_filter("messages", || async {
//!         Some(SyncFilter { since: Timestamp::parse("2025-01-01T00:00:00Z"), ..SyncFilter::default() })
//!     })
//!     .on_applied(|page| println!("{}: {} events, now at {}", page.repository, page.events, page.after))
//!     .sqlite("messages.db")
//!     .open(Tokio)
//!     .await?;
//! # Ok(())
//! # }
//! ```
//!
//! [`sync_filter`](crate::ClientBuilder::sync_filter) has the place of `onBuildSyncFilter`, and
//! [`on_applied`](crate::ClientBuilder::on_applied) that of `onSyncCompleted`; what an application does with them differs:
//!
//! | there | here |
//! |---|---|
//! | the filter is asked for at every connection, and the application has to store the last sequence and give it back | it is asked for at every connection too, but the library keeps the sequence: `after` and `since` count only where the history would be read from its first event (at the first start, after `clear` and `resync`, when the server's history has changed) |
//! | `afterSequence` in the map | [`SyncFilter::after`](crate::core::client::SyncFilter::after), for the beginning alone |
//! | `since` in the map | [`SyncFilter::since`](crate::core::client::SyncFilter::since), for the beginning alone, and only with a server of this project |
//! | any other field in the map | [`SyncFilter::fields`](crate::core::client::SyncFilter::fields), sent with every request for the repository; one that is called like a field of the protocol is left out |
//! | `onSyncCompleted` gets the events, to find the highest sequence in them | [`Applied`](crate::client::Applied) says how many events a page had and up to where everything is durable. What has changed is told by [`watch`](crate::client::Select::watch) and [`Notice::Changed`](crate::core::client::Notice::Changed) |
//!
//! *Choosing events in the middle* is not offered: `driftless serve`, and every server of this library, ignores
//! fields of your own, and sends every event behind the beginning. A client knows by an unbroken row of sequences that it has
//! missed nothing, and two clients that leave out different events would make different records of one history. To give a
//! reader a part of the data make it a repository of its own, and give rights by repository. A server of your own may
//! look at the fields; what it leaves out its client never sees.
//!
//! *`since` against a plain server* (one that speaks only what the published package documents) is not sent: the published
//! server ignores it, and its answer cannot be told from events that come by themselves. There `after` alone counts.
//!
//! What lies before the beginning is never seen: a record whose only events are older is not there.
//!
//! # What it tells
//!
//! | what | how | if nobody reads |
//! |---|---|---|
//! | what a question's answer is now | [`Select::watch`](crate::client::Select::watch) | changes come together in the next answer |
//! | every change, ack, rejection | [`Client::notices`](crate::Client::notices) | past 1,024 the oldest are gone, and [`Lagged`](crate::client::Lagged) says how many |
//! | the same without a gap, from the first on | [`open_with_feed`](crate::ClientBuilder::open_with_feed) | the client waits |
//! | each page that was applied | [`on_applied`](crate::ClientBuilder::on_applied) | it is a callback, and must not block |
//! | the connection | [`Client::connection`](crate::Client::connection) | states in between are passed over, never the newest |
