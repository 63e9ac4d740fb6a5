//! What records should be: the shipped policies written once more, the simple way.

use driftless::core::client::State;
use driftless::core::event::{Event, EventId, Json, Operation, Timestamp};
use serde_json::Value;
use std::collections::BTreeMap;

/// A shipped policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Rule {
    ServerOrder,
    LastWriteWins,
    MergeFields,
}

/// What a record is.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Expected {
    pub(crate) event: EventId,
    created_at: Option<Timestamp>,
    /// `None` if it is deleted.
    pub(crate) data: Option<Value>,
}

impl Rule {
    pub(crate) fn fold(self, current: Option<&Expected>, event: &Event) -> Expected {
        let mut new = Expected {
            event: event.id.clone(),
            created_at: event.created_at,
            data: (event.operation != Operation::Delete).then(|| value(event.data.as_ref().unwrap())),
        };
        let Some(current) = current else { return new };
        match self {
            Self::ServerOrder => {}
            Self::LastWriteWins => {
                if event.created_at < current.created_at {
                    return current.clone();
                }
            }
            Self::MergeFields => {
                if let (Some(Value::Object(old)), Some(Value::Object(fields)), Some(changed)) =
                    (&current.data, &new.data, &event.changed)
                {
                    let mut merged = old.clone();
                    for field in changed {
                        match fields.get(&**field) {
                            Some(value) => merged.insert(field.to_string(), value.clone()),
                            None => merged.remove(&**field),
                        };
                    }
                    new.data = Some(Value::Object(merged));
                }
            }
        }
        new
    }

    /// The records that a log makes.
    pub(crate) fn records(self, log: &[Event]) -> BTreeMap<String, Expected> {
        let mut records = BTreeMap::new();
        for event in log {
            let record = event.record_id.to_string();
            let state = self.fold(records.get(&record), event);
            records.insert(record, state);
        }
        records
    }
}

pub(crate) fn value(data: &Json) -> Value {
    serde_json::from_str(data).unwrap()
}

/// What a client keeps of a record, to be compared.
pub(crate) fn kept(state: &State) -> Expected {
    Expected {
        event: state.event.clone(),
        created_at: state.created_at,
        data: state.data.as_ref().map(value),
    }
}
