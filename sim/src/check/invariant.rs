//! The names of what is checked.

use driftless_core::Instant;
use serde::{Deserialize, Serialize};

macro_rules! invariants {
    ($($(#[doc = $doc:literal])+ $name:ident = $text:literal,)+) => {
        /// A guarantee (docs/PROTOCOL.md, section 6), or a law of the machines themselves.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(rename_all = "snake_case")]
        pub enum Invariant { $($(#[doc = $doc])+ $name,)+ }

        impl Invariant {
            /// All of them.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// Its name in reports.
            pub const fn name(self) -> &'static str {
                match self { $(Self::$name => $text,)+ }
            }
        }
    };
}

invariants! {
    /// 6.1: an ack leaves only after its events are durable, and names their places.
    DurableAck = "durable_ack",
    /// 6.2: sequences are dense, and what is seen is what is durable.
    DenseSequences = "dense_sequences",
    /// 6.3: one stream a connection and repository, in order, none skipped, none twice.
    OrderedDelivery = "ordered_delivery",
    /// 6.4: an event id is stored once; a repeat gets the first sequence and reaches nobody.
    IdempotentPush = "idempotent_push",
    /// 6.5: a client's confirmed records are the fold of the log up to its durable cursor, at every commit.
    ExactlyOnceEffect = "exactly_once_effect",
    /// 6.6: what the application was told is written stays in the outbox until it is in the log or refused for good.
    NothingLost = "nothing_lost",
    /// 6.6, 4: one client's events are in the log in the order in which it wrote them.
    WriterOrder = "writer_order",
    /// 6.7: equal cursors and an empty local layer show equal records, those of the model.
    Convergence = "convergence",
    /// 6.8: no queue is over its limit.
    BoundedQueues = "bounded_queues",
    /// 6.9: once faults have ended everyone is equal and idle in time.
    Liveness = "liveness",
    /// 6.10: other wall clocks make no difference to what is delivered.
    NoClockInDelivery = "no_clock_in_delivery",
    /// 6.11: a client whose history is another one notices before it applies an event of the new one.
    ChangedHistoryNoticed = "changed_history_noticed",
    /// A machine asks to be woken later than now, does not loop, and never acts for a connection that is gone.
    MachineContract = "machine_contract",
}

/// How often each invariant was checked.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counts([u64; Invariant::ALL.len()]);

impl Counts {
    /// Counts one check.
    pub fn count(&mut self, invariant: Invariant) {
        self.0[invariant as usize] += 1;
    }

    /// Adds the checks of another run.
    pub fn add(&mut self, other: &Self) {
        for (times, more) in self.0.iter_mut().zip(other.0) {
            *times += more;
        }
    }

    /// How often one was checked.
    pub fn times(&self, invariant: Invariant) -> u64 {
        self.0[invariant as usize]
    }
}

/// What a run that failed says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{}: {message} (at {} us)", invariant.name(), at.as_micros())]
pub struct Failure {
    /// Which guarantee did not hold.
    pub invariant: Invariant,
    /// When, in true time.
    pub at: Instant,
    /// What was found, in one sentence with the names and numbers that matter.
    pub message: String,
}
