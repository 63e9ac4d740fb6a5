//! What the acceptance tests drive and observe the program with.

pub(crate) mod client;
pub(crate) mod event;
pub(crate) mod http;
pub(crate) mod load;
pub(crate) mod memory;
pub(crate) mod peer;
pub(crate) mod plain_server;
pub(crate) mod proxy;
pub(crate) mod random;
pub(crate) mod server;
pub(crate) mod wait;

pub(crate) use client::Client;
pub(crate) use peer::Peer;
pub(crate) use server::Server;
