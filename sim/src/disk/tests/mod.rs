//! The disks against the plainest models of them.

mod client;
mod naive;
mod store;

use driftless_core::event::{EventId, RecordId};
use driftless_core::name::RepositoryName;

fn repository(number: usize) -> RepositoryName {
    RepositoryName::new(["notes", "counters"][number % 2]).unwrap()
}

fn record(number: u8) -> RecordId {
    RecordId::new(format!("r{number}")).unwrap()
}

fn event_id(number: u8) -> EventId {
    EventId::new(format!("e{number}")).unwrap()
}
