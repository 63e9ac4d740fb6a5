//! What can happen next.

use driftless_core::server::{AppendId, AuthId, ConnectionId, ReadId};
use std::fmt;

/// One thing that can happen in a small world.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// A client's application writes its next event.
    Write(usize),
    /// A client's connection attempt ends: the server takes it, or is not there.
    Connect(usize),
    /// A client's storage request is done.
    Storage(usize),
    /// The next thing on a connection reaches the server.
    ToServer(ConnectionId),
    /// The next thing on a connection reaches the client.
    ToClient(ConnectionId),
    /// Credentials are decided about.
    Authenticate(ConnectionId, AuthId),
    /// The store makes an append durable.
    Append {
        /// Which one.
        append: AppendId,
        /// Whether the hub hears that it is done before it hears of the new events.
        done_first: bool,
    },
    /// The store answers a read.
    Read {
        /// Which one.
        read: ReadId,
        /// Whether with what it held when it was asked, and not with what it holds now.
        stale: bool,
    },
    /// The hub hears the next thing that the store has to tell.
    Tell,
    /// A connection is cut: each direction with or without what is on its way.
    Cut {
        /// Which one.
        connection: ConnectionId,
        /// Whether what is on its way to the server arrives.
        up: bool,
        /// Whether what is on its way to the client arrives.
        down: bool,
    },
    /// A client crashes.
    CrashClient {
        /// Which one.
        client: usize,
        /// Whether the disk keeps the commit under way.
        kept: bool,
        /// Whether what it has sent still arrives.
        sent: bool,
    },
    /// A client starts on what its disk holds.
    StartClient(usize),
    /// The server crashes.
    CrashServer {
        /// Whether the store keeps the append under way.
        kept: bool,
        /// Whether what it has sent still arrives.
        sent: bool,
    },
    /// The server starts on what its store holds.
    StartServer,
    /// Nothing else is left to happen: time passes until a machine wants to be woken.
    Wait,
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Write(client) => write!(f, "client {client}: the application writes"),
            Self::Connect(client) => write!(f, "client {client}: the connection attempt ends"),
            Self::Storage(client) => write!(f, "client {client}: storage is done"),
            Self::ToServer(link) => write!(f, "connection {}: to the server", link.0),
            Self::ToClient(link) => write!(f, "connection {}: to the client", link.0),
            Self::Authenticate(link, _) => write!(f, "connection {}: the credentials are decided about", link.0),
            Self::Append { append, done_first } => {
                let order = if *done_first { ", told before its events" } else { "" };
                write!(f, "store: append {} is durable{order}", append.0)
            }
            Self::Read { read, stale } => {
                let when = if *stale { ", as of when it was asked" } else { "" };
                write!(f, "store: read {} is done{when}", read.0)
            }
            Self::Tell => write!(f, "store: the hub is told"),
            Self::Cut { connection, up, down } => {
                let (up, down) = (arrives(*up), arrives(*down));
                write!(f, "connection {}: cut; up: {up}, down: {down}", connection.0)
            }
            Self::CrashClient { client, kept, sent } => {
                write!(
                    f,
                    "client {client}: crashes; commit {}, sent: {}",
                    keeps(*kept),
                    arrives(*sent)
                )
            }
            Self::StartClient(client) => write!(f, "client {client}: starts"),
            Self::CrashServer { kept, sent } => {
                write!(f, "server: crashes; append {}, sent: {}", keeps(*kept), arrives(*sent))
            }
            Self::StartServer => write!(f, "server: starts"),
            Self::Wait => write!(f, "time passes"),
        }
    }
}

const fn arrives(arrives: bool) -> &'static str {
    if arrives { "arrives" } else { "lost" }
}

const fn keeps(keeps: bool) -> &'static str {
    if keeps { "kept" } else { "lost" }
}
