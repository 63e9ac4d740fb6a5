//! Small worlds in which everything is tried that can happen.
//!
//! The machines of the simulator under a model checker. A world has one or two clients, a server, an event or two, and
//! faults that may strike at any moment: a connection is cut, a client or the server crashes. From every state each thing
//! that could happen next is tried ([`Choice`]): a frame arrives, a storage request or an append is done, a read is
//! answered with what the store holds or with what it held when it was asked, credentials are decided about, the
//! application writes, a fault strikes with or without what is on its way. Only when nothing else is left to happen, time
//! passes to the next timer.
//!
//! Every state is checked: what is acked is durable, a cursor's fold is the confirmed records, what was told as written
//! is in the outbox or in the log, the frames of a stream go on from one another and hold what the log holds. Where nothing is
//! left to happen everyone has to be live, with empty outboxes, showing what the log says, and everything has to be in the
//! log once.
//!
//! The [`WORLDS`] have some 900,000 states with more than one way to go on (or none), 4.5 million steps between them,
//! and are up to 72 steps deep; that takes about a minute of one core.
//!
//! # What is left out
//!
//! What sessions and the hub say to each other arrives at once; so does what a socket has taken (`Flushed`). Timers
//! fire only in an idle world, and all that are due at one moment fire together. Wall clocks stand still, so that states
//! meet. Faults strike the first client (and the server), not the second one: the clients are the same but for their names.
//! Orders that come to the same are tried once (`reduction.rs`). The swarm of seeds is for all of this.
//!
//! # Why not stateright
//!
//! The crate `stateright` (0.31) would do it: its `Model` takes any state that can be hashed. But it brings 45 crates,
//! among them a web server for its page, an older `rand` and a concurrent map, without a feature to leave them out; its
//! fingerprints have 64 bits; and it tries every order of every step, where a persistent set of steps is enough here. What
//! is needed of it is a depth-first search and a set of hashes (`search.rs`): less code than the properties and the
//! `Hash` that it would ask for.

mod choice;
mod clients;
mod digest;
mod laws;
mod met;
mod node;
mod reduction;
mod search;
mod servers;
#[cfg(test)]
mod tests;
mod world;

pub use choice::Choice;

/// A world small enough to try everything that can happen in it.
#[derive(Clone, Copy, Debug)]
pub struct SmallWorld {
    /// Its name.
    pub name: &'static str,
    /// How many clients.
    pub clients: usize,
    /// Who writes; a client writes its events in order, at any time.
    pub writes: &'static [usize],
    /// How often a connection of the victims may be cut.
    pub cuts: u8,
    /// How often one of the victims may crash.
    pub client_crashes: u8,
    /// How often the server may crash.
    pub server_crashes: u8,
    /// Whose connections are cut and who crashes.
    pub victims: &'static [usize],
    /// Whether everything before everyone is live happens in one order only.
    pub from_live: bool,
    /// Whether the store tells of an append before it is durable. To see that it is noticed.
    store_lies: bool,
    /// Whether orders that come to the same are tried all the same. To see that they do.
    every_order: bool,
}

/// What was found.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Explored {
    /// Different states in which there was more than one way to go on, or none.
    pub states: u64,
    /// Steps from one state to another.
    pub transitions: u64,
    /// States in which everything is said and done.
    pub terminal: u64,
    /// The longest path.
    pub depth: u64,
    /// The first path on which a guarantee does not hold, as text.
    pub failure: Option<String>,
}

/// The worlds that are tried.
pub const WORLDS: &[SmallWorld] = &[
    SmallWorld::CALM,
    SmallWorld {
        name: "alone",
        clients: 1,
        writes: &[0],
        cuts: 1,
        client_crashes: 1,
        server_crashes: 1,
        victims: &[0],
        ..SmallWorld::CALM
    },
    SmallWorld {
        name: "cut",
        cuts: 1,
        ..SmallWorld::LIVE
    },
    SmallWorld {
        name: "client_crash",
        client_crashes: 1,
        ..SmallWorld::LIVE
    },
    SmallWorld {
        name: "server_crash",
        server_crashes: 1,
        ..SmallWorld::LIVE
    },
    SmallWorld {
        name: "cut_and_client_crash",
        cuts: 1,
        client_crashes: 1,
        ..SmallWorld::LIVE
    },
    SmallWorld {
        name: "cut_and_server_crash",
        cuts: 1,
        server_crashes: 1,
        ..SmallWorld::LIVE
    },
];

impl SmallWorld {
    /// Two clients start, connect, and each writes an event; no fault strikes.
    const CALM: Self = Self {
        name: "calm",
        clients: 2,
        writes: &[0, 1],
        cuts: 0,
        client_crashes: 0,
        server_crashes: 0,
        victims: &[],
        from_live: false,
        store_lies: false,
        every_order: false,
    };

    /// Two clients are live, and each writes an event; what strikes strikes the first.
    const LIVE: Self = Self {
        name: "live",
        victims: &[0],
        from_live: true,
        ..Self::CALM
    };
}

/// Tries everything that can happen in a world, until a guarantee does not hold.
pub fn explore(world: &SmallWorld, progress: &mut dyn FnMut(&Explored)) -> Explored {
    search::explore(world, progress)
}
