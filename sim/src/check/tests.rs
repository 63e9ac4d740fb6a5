//! Hand-made histories: right ones pass, wrong ones fail with the name of what is broken.

use crate::model::Repository;
use driftless_core::event::{EventBatch, EventBatchBuilder, Json, NewEvent, Sequence};

/// A body as a client writes it.
pub(super) fn body(id: &str, record: &str) -> String {
    format!(
        r#"{{"_event_id":"{id}","_operation":1,"_created_at":"2025-01-23T10:00:00.000Z","_data_id":"{record}","_data":{{"of":"{id}"}}}}"#
    )
}

/// Stored events.
pub(super) fn batch(first: u64, events: &[(&str, &str)]) -> EventBatch {
    let mut builder = EventBatchBuilder::new(Sequence::new(first));
    for (id, record) in events {
        builder.append(&NewEvent::read(&Json::parse(body(id, record)).unwrap()).unwrap());
    }
    builder.build()
}

/// An empty repository.
pub(super) fn repository() -> Repository {
    Repository::for_tests()
}
