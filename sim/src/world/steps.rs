//! The one place that every call of a machine passes: digest, counts, and the guard against busy loops.

use crate::check::Node;
use crate::digest::Digest;
use bytestring::ByteString;
use driftless_core::Instant;
use std::hash::{Hash, Hasher};

/// Most calls of machines at one instant; more are a busy loop.
const MAX_AT_ONCE: u64 = 200_000;

/// What is known of all calls so far.
#[derive(Debug)]
pub(super) struct Steps {
    digest: Digest,
    /// Calls of machines.
    pub(super) calls: u64,
    /// Whole frames that went into machines.
    pub(super) frames: u64,
    at: Instant,
    at_once: u64,
}

impl Steps {
    pub(super) fn new() -> Self {
        Self {
            digest: Digest::new(),
            calls: 0,
            frames: 0,
            at: Instant::ZERO,
            at_once: 0,
        }
    }

    /// A machine is about to be given something.
    pub(super) fn input(&mut self, now: Instant, node: Node, input: &impl Hash) {
        self.calls += 1;
        if now == self.at {
            self.at_once += 1;
        } else {
            (self.at, self.at_once) = (now, 1);
        }
        self.digest.add(&(now, number(node), input));
    }

    /// A text will pass more than once.
    pub(super) fn shares(&mut self, text: &ByteString) {
        self.digest.share(text);
    }

    /// It has asked for something.
    pub(super) fn action(&mut self, action: &impl Hash) {
        self.digest.add(action);
    }

    /// Whether time does not go on.
    pub(super) fn is_busy_loop(&self) -> bool {
        self.at_once > MAX_AT_ONCE
    }

    pub(super) fn digest(&self) -> u64 {
        self.digest.finish()
    }
}

/// Tells nodes apart in one number.
fn number(node: Node) -> u64 {
    match node {
        Node::Hub => 0,
        Node::Client(client) => 1 + 2 * client as u64,
        Node::Session(link) => 2 + 2 * link,
    }
}
