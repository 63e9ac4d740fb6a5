//! Peers that are not ours (docs/PROTOCOL.md, sections 3, 4, 7 and 10): they have the habits of the published package,
//! and what the protocol promises to plain peers is checked where they stand.

mod client;
mod frames;
mod server;

pub(crate) use client::{Offer, PlainClient};
pub(crate) use server::{PlainServer, ServerAsks};
