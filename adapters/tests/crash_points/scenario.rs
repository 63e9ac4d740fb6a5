//! What the application and the others do: everything that changes records, cursor or outbox.

use crate::application::{Step, delete, upsert};
use serde_json::{Value, json};

/// Somebody else's event, made in a second of the scenario; without data a delete.
fn other(id: &str, second: u32, record: &str, data: Option<Value>, changed: Option<&[&str]>) -> String {
    let (minutes, seconds) = (second / 60, second % 60);
    let mut event = json!({
        "_event_id": id,
        "_operation": if data.is_some() { 1 } else { 2 },
        "_created_at": format!("2025-01-23T10:{minutes:02}:{seconds:02}.000Z"),
        "_data_id": record,
    });
    if let Some(data) = data {
        event["_data"] = data;
    }
    if let Some(changed) = changed {
        event["_changed"] = json!(changed);
    }
    event.to_string()
}

pub(crate) fn steps() -> Vec<Step> {
    [written_offline(), written_live(), rejected(), cleared(), resynced()].concat()
}

/// A log of several pages is read, and an outbox of several frames is pushed.
fn written_offline() -> Vec<Step> {
    let log = vec![
        other("o1", 0, "a", Some(json!({"title": "a", "n": 1})), None),
        other("o2", 1, "b", Some(json!({"title": "b", "n": 1})), None),
        other("o3", 2, "c", Some(json!({"title": "c"})), None),
        // Its author's clock is ahead.
        other("o4", 3_000, "a", Some(json!({"title": "a", "n": 2})), Some(&["n"])),
        other("o5", 3, "d", Some(json!({"title": "d"})), None),
        other("o6", 4, "d", None, None),
        other("o7", 5, "e", Some(json!({"title": "e", "n": 7})), None),
    ];
    vec![
        Step::Others("tasks", log),
        Step::Write(vec![
            vec![upsert("tasks", "a", r#"{"title":"mine","n":1}"#)],
            vec![upsert("tasks", "new", r#"{"title":"new"}"#)],
            vec![upsert("tasks", "a", r#"{"title":"mine again","n":1}"#)],
        ]),
        Step::Write(vec![vec![
            delete("tasks", "c"),
            upsert("tasks", "d", r#"{"title":"back"}"#),
            upsert("notes", "first", r#"{"text":"of a batch"}"#),
        ]]),
        Step::Online,
        Step::Current,
    ]
}

/// Both sides write at once.
fn written_live() -> Vec<Step> {
    vec![
        Step::Others(
            "tasks",
            vec![
                other(
                    "o8",
                    20,
                    "a",
                    Some(json!({"title": "theirs", "n": 3})),
                    Some(&["title"]),
                ),
                other("o9", 21, "new", None, None),
            ],
        ),
        Step::Write(vec![
            vec![upsert("tasks", "a", r#"{"title":"mine","n":4}"#), delete("tasks", "b")],
            vec![upsert("tasks", "new", r#"{"title":"kept","n":0}"#)],
        ]),
        Step::Others(
            "tasks",
            vec![other("o10", 22, "b", Some(json!({"title": "b", "n": 5})), Some(&["n"]))],
        ),
        Step::Current,
    ]
}

/// The server takes nothing for one repository.
fn rejected() -> Vec<Step> {
    vec![
        Step::Write(vec![
            vec![upsert("closed", "x", "1"), upsert("tasks", "f", r#"{"n":1}"#)],
            vec![upsert("closed", "x", "2")],
        ]),
        Step::Current,
        Step::Dismiss(vec![upsert("notes", "x", r#"{"text":"1"}"#)]),
        Step::Dismiss(Vec::new()),
        Step::Current,
    ]
}

/// A repository is cleared with events pending, in flight and acked, and written to again.
fn cleared() -> Vec<Step> {
    vec![
        Step::Offline,
        Step::Write(vec![
            vec![upsert("notes", "first", r#"{"text":"pending"}"#)],
            vec![
                upsert("notes", "lost", r#"{"text":"lost"}"#),
                upsert("tasks", "g", r#"{"n":1}"#),
            ],
        ]),
        Step::Clear("notes"),
        Step::Write(vec![vec![upsert("notes", "after", r#"{"text":"after"}"#)]]),
        Step::Online,
        Step::Current,
        Step::Write(vec![vec![upsert("notes", "first", r#"{"text":"in flight"}"#)]]),
        Step::Clear("notes"),
        Step::Write(vec![vec![delete("notes", "x")]]),
        Step::Current,
    ]
}

/// The log is folded again from 0 while both sides write, and the connection breaks.
fn resynced() -> Vec<Step> {
    vec![
        Step::Write(vec![vec![upsert("tasks", "a", r#"{"title":"before","n":9}"#)]]),
        Step::Resync("tasks"),
        Step::Write(vec![
            vec![upsert("tasks", "a", r#"{"title":"during","n":9}"#)],
            vec![upsert("tasks", "h", r#"{"title":"h"}"#)],
        ]),
        Step::Others("tasks", vec![other("o11", 40, "e", None, None)]),
        Step::Current,
        Step::Offline,
        Step::Others(
            "tasks",
            vec![
                other("o12", 50, "h", Some(json!({"title": "theirs"})), Some(&["title"])),
                other("o13", 51, "i", Some(json!({"title": "i"})), None),
                other("o14", 52, "g", Some(json!({"n": 2})), Some(&["n"])),
                other("o15", 53, "i", Some(json!({"title": "i", "n": 1})), None),
            ],
        ),
        Step::Resync("tasks"),
        Step::Write(vec![vec![
            delete("tasks", "h"),
            upsert("tasks", "e", r#"{"title":"e"}"#),
        ]]),
        Step::Online,
        Step::Current,
    ]
}
