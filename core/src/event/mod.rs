//! Events: one change to one record each, opaque JSON apart from an envelope of a few fields.
//!
//! An event stays the bytes that its author sent, from the author's socket to the disk and to every reader's socket.
//! [`Envelope`] reads the fields that matter out of those bytes without building a tree; [`NewEvent`] is an event on
//! its way into a log; [`EventBatch`] is a run of stored events of one log in the form in which they are sent;
//! [`Event`] is what a client folds into its records.

mod batch;
mod envelope;
mod id;
mod json;
pub(crate) mod members;
mod new_event;
mod replicated;
mod timestamp;

pub use batch::{EventBatch, EventBatchBuilder, StoredEvent};
pub use envelope::{Envelope, EnvelopeError, Operation, Spelling, event_id};
pub use id::{EventId, IdError, RecordId, Sequence};
pub use json::{Json, JsonError, MAX_DEPTH, depth_exceeds};
pub use new_event::NewEvent;
pub use replicated::Event;
pub use timestamp::Timestamp;
