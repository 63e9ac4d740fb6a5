//! A run as it can be looked at afterwards: who did what when, and what everyone held after each step.
//!
//! A run is only recorded when somebody asks for it: the [`Recorder`] of every other run is off, and costs a branch.
//! What nodes hold is kept as [`Change`]s of one step, so that a long run stays small. Times are microseconds from the
//! beginning, in true time; steps, messages and connections name each other by index.

mod connections;
mod incident;
mod label;
mod storage;
mod tape;
#[cfg(test)]
pub(crate) mod tests;

pub use tape::{Ending, Reading, Recorder, Tape};

use crate::scenario::{Scenario, Way};
use serde::Serialize;

/// A place where something happens: a lane of the picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Node {
    /// A client with its disk, by its index in the scenario.
    Client(usize),
    /// The server: sessions and hub.
    Server,
    /// The server's store.
    Store,
}

/// A recorded run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Recording {
    /// What was run.
    pub scenario: Scenario,
    /// Texts of frames, cut to [`Tape::MAX_TEXT`]; each is there once.
    pub texts: Vec<String>,
    /// Connections and attempts, in the order in which they were asked for.
    pub links: Vec<Link>,
    /// Messages, in the order in which they were sent.
    pub messages: Vec<Message>,
    /// Work that takes time: storage requests and appends.
    pub work: Vec<Work>,
    /// What happened, in order.
    pub steps: Vec<Step>,
    /// Which guarantee did not hold, if one did not.
    pub failure: Option<Broken>,
    /// When the run ended.
    pub ended_at: u64,
}

/// A guarantee that did not hold. The last step is its.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Broken {
    /// Its name.
    pub invariant: String,
    /// What was found.
    pub message: String,
    /// When.
    pub at: u64,
}

/// A connection attempt and the connection that came of it. Each field is the step at which it happened.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Link {
    /// Whose.
    pub client: usize,
    /// The client asked for it.
    pub asked: usize,
    /// The server's end is open.
    pub accepted: Option<usize>,
    /// The client's end is open.
    pub connected: Option<usize>,
    /// Nothing came of the attempt, or the connection is over for the client.
    pub client_closed: Option<usize>,
    /// It is over for the server.
    pub server_closed: Option<usize>,
}

/// A frame on its way.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Message {
    /// On which connection.
    pub link: usize,
    /// Which way.
    pub way: Way,
    /// What it is, in a few words.
    pub label: String,
    /// Its repository, by index in the scenario, if it is about one.
    pub repository: Option<usize>,
    /// Its text, by index into [`Recording::texts`].
    pub text: usize,
    /// Its length in bytes.
    pub bytes: usize,
    /// The step at which it was sent.
    pub sent: usize,
    /// The step at which it arrived.
    pub arrived: Option<usize>,
    /// The step at which it was known never to arrive. Neither this nor `arrived`: it was on its way at the end.
    pub lost: Option<usize>,
}

/// Work of a storage.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Work {
    /// Where.
    pub lane: usize,
    /// What, in a few words.
    pub label: String,
    /// The step at which it began.
    pub begun: usize,
    /// The step at which it ended.
    pub ended: Option<usize>,
    /// How it ended.
    pub ending: Option<Ending>,
}

/// Something that happened.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Step {
    /// When.
    pub at: u64,
    /// Where: the index of a client, then the server's, then its store's.
    pub lane: usize,
    /// What.
    pub kind: Kind,
    /// What, in one sentence.
    pub label: String,
    /// The message that was sent or arrived.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub message: Option<usize>,
    /// The connection that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub link: Option<usize>,
    /// The incident of the scenario that did it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub incident: Option<usize>,
    /// What is otherwise than before.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub changes: Vec<Change>,
}

/// What kind of thing a step is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A node starts.
    Start,
    /// A node stops in good order.
    Stop,
    /// A node crashes.
    Crash,
    /// A node falls asleep.
    Sleep,
    /// A node wakes up.
    Awake,
    /// An incident of the scenario takes effect.
    Incident,
    /// A wall clock is set.
    Clock,
    /// The application writes.
    Write,
    /// The application is told something.
    Notice,
    /// A connection is asked for.
    Connect,
    /// An end of a connection is open.
    Open,
    /// An end of a connection is over, or an attempt has failed.
    Close,
    /// A frame is sent.
    Send,
    /// A frame arrives.
    Arrive,
    /// Storage work begins.
    Begin,
    /// Storage work is durable.
    Commit,
    /// Storage work ends in another way: a read is answered, something failed.
    End,
    /// The faults end.
    Heal,
    /// A guarantee did not hold.
    Failure,
    /// Anything else that is worth a line.
    Note,
}

/// What is otherwise after a step. Repositories are indexes into the scenario's.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "is", rename_all = "snake_case")]
pub enum Change {
    /// What a node does.
    Node {
        /// Which lane.
        lane: usize,
        /// What it does now.
        state: NodeState,
    },
    /// What a node's clocks read, and how they go on.
    Clock {
        /// Which lane.
        lane: usize,
        /// What the clocks read at the step's time.
        reading: Reading,
    },
    /// A client's cursor.
    Cursor {
        /// Which client.
        client: usize,
        /// Which repository.
        repository: usize,
        /// Everything up to here is applied.
        after: u64,
        /// How often it was folded from 0.
        generation: u64,
    },
    /// An event of a client's own.
    Own {
        /// Which client.
        client: usize,
        /// Which repository.
        repository: usize,
        /// Its id.
        event: String,
        /// Its record.
        record: String,
        /// Where it stands: `pending`, `acked`, `settled`, `doubted`, `rejected`; `None`: it is forgotten.
        state: Option<&'static str>,
    },
    /// What a client's application sees of a record.
    Record {
        /// Which client.
        client: usize,
        /// Which repository.
        repository: usize,
        /// Which record.
        record: String,
        /// Its data; `None`: it is deleted or was never there.
        data: Option<String>,
        /// Whether an own event of it is not acked.
        pending: bool,
    },
    /// A client's disk is another one from here on: what was known of its cursors, events and records is void.
    Forget {
        /// Which client.
        client: usize,
    },
    /// An event is in the server's log.
    Log {
        /// Which repository.
        repository: usize,
        /// Its place.
        sequence: u64,
        /// Its id.
        event: String,
        /// Its record.
        record: String,
        /// Its data; `None` for a delete.
        data: Option<String>,
    },
    /// The server's log ends here; what was above is gone.
    Head {
        /// Which repository.
        repository: usize,
        /// The last sequence.
        sequence: u64,
    },
    /// The epoch of the server's store.
    Epoch {
        /// Which one.
        epoch: String,
    },
}

/// What a node does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum NodeState {
    /// It runs.
    Running,
    /// It is stopped or has crashed.
    Down,
    /// It sleeps.
    Asleep,
}
