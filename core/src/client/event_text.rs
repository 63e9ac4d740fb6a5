//! The client's own events as text, in either spelling (PROTOCOL.md section 3).

use crate::event::{Event, Json, Operation, Spelling};
use crate::wire::push_string;
use alloc::string::{String, ToString};

/// The names of the envelope's fields.
struct Names {
    id: &'static str,
    operation: &'static str,
    created_at: &'static str,
    record: &'static str,
    data: &'static str,
    changed: &'static str,
}

const PACKAGE: Names = Names {
    id: "_event_id",
    operation: "_operation",
    created_at: "_created_at",
    record: "_data_id",
    data: "_data",
    changed: "_changed",
};

const SEEDS: Names = Names {
    id: "eventId",
    operation: "operation",
    created_at: "createdAt",
    record: "dataId",
    data: "data",
    changed: "changed",
};

/// An own event as it is kept and sent. Reading it gives `event` back; a sequence is not written.
pub(super) fn event_text(event: &Event, spelling: Spelling) -> Json {
    let names = match spelling {
        Spelling::Package => PACKAGE,
        Spelling::Seeds => SEEDS,
    };
    let data_len = event.data.as_ref().map_or(0, |data| data.len());
    let mut text = String::with_capacity(data_len + 192);
    text.push('{');
    push_member(&mut text, names.id, |text| push_string(text, &event.id));
    push_member(&mut text, names.operation, |text| text.push(operation(event.operation)));
    if let Some(created_at) = event.created_at {
        push_member(&mut text, names.created_at, |text| {
            push_string(text, &created_at.to_string());
        });
    }
    push_member(&mut text, names.record, |text| push_string(text, &event.record_id));
    if let Some(data) = &event.data {
        push_member(&mut text, names.data, |text| text.push_str(data));
    }
    if let Some(changed) = &event.changed {
        push_member(&mut text, names.changed, |text| push_names(text, changed));
    }
    text.push('}');
    Json::trusted(text.into())
}

fn push_member(text: &mut String, name: &str, value: impl FnOnce(&mut String)) {
    if text.len() > 1 {
        text.push(',');
    }
    push_string(text, name);
    text.push(':');
    value(text);
}

fn push_names(text: &mut String, names: &[bytestring::ByteString]) {
    text.push('[');
    for (index, name) in names.iter().enumerate() {
        if index > 0 {
            text.push(',');
        }
        push_string(text, name);
    }
    text.push(']');
}

const fn operation(operation: Operation) -> char {
    match operation {
        Operation::Insert => '0',
        Operation::Update => '1',
        Operation::Delete => '2',
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::event::{EventId, RecordId, Timestamp};
    use proptest::prelude::*;

    fn event() -> Event {
        Event {
            id: EventId::new("e\"1").unwrap(),
            record_id: RecordId::new("r/ä").unwrap(),
            operation: Operation::Update,
            created_at: Timestamp::from_millis(1_737_626_400_000),
            data: Some(Json::parse(r#"{"n":1.0,"big":12345678901234567890}"#).unwrap()),
            changed: Some(["n".into()].into()),
            sequence: None,
        }
    }

    #[test]
    fn an_update_in_both_spellings() {
        insta::assert_snapshot!(event_text(&event(), Spelling::Package), @r#"{"_event_id":"e\"1","_operation":1,"_created_at":"2025-01-23T10:00:00.000Z","_data_id":"r/ä","_data":{"n":1.0,"big":12345678901234567890},"_changed":["n"]}"#);
        insta::assert_snapshot!(event_text(&event(), Spelling::Seeds), @r#"{"eventId":"e\"1","operation":1,"createdAt":"2025-01-23T10:00:00.000Z","dataId":"r/ä","data":{"n":1.0,"big":12345678901234567890},"changed":["n"]}"#);
    }

    #[test]
    fn a_delete_carries_no_data() {
        let delete = Event {
            operation: Operation::Delete,
            data: None,
            changed: None,
            ..event()
        };
        insta::assert_snapshot!(event_text(&delete, Spelling::Package), @r#"{"_event_id":"e\"1","_operation":2,"_created_at":"2025-01-23T10:00:00.000Z","_data_id":"r/ä"}"#);
    }

    proptest! {
        #[test]
        fn what_is_written_reads_as_the_same_event(id in ".{1,40}", record in ".{1,40}", seeds: bool, field in ".*", millis in -1_000_000_000_000..4_000_000_000_000_i64) {
            let event = Event {
                id: EventId::new(id).unwrap(),
                record_id: RecordId::new(record).unwrap(),
                created_at: Timestamp::from_millis(millis),
                changed: Some([field.into()].into()),
                ..event()
            };
            let spelling = if seeds { Spelling::Seeds } else { Spelling::Package };
            prop_assert_eq!(Event::read(&event_text(&event, spelling)).unwrap(), event);
        }
    }
}
