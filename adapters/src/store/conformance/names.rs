//! Names, ids and bodies are bytes: nothing folds, trims or normalises them.

use super::Subject;
use super::fixture::{Ask, Duplicate, Stored, at, event, event_of, log, sent, texts, with_body};

/// Texts that some databases, file systems or languages take for one another, or for something else than text.
const LOOK_ALIKES: &[&str] = &[
    "users",
    "Users",
    "USERS",
    "users ",
    " users",
    "straße",
    "strasse",
    "STRASSE",
    "caf\u{e9}",
    "cafe\u{301}",
    "\u{212b}ngstr\u{f6}m",
    "\u{c5}ngstr\u{f6}m",
    "a/b",
    "a\\b",
    "a//b",
    "../a",
    ".",
    "..",
    "a.b",
    "a$b",
    "$a",
    "a'b",
    "a''b",
    "a\"b",
    "a`b",
    "a;DROP TABLE events",
    "a%b",
    "a_b",
    "a*b",
    "%",
    "?1",
    ":name",
    "NULL",
    "null",
    "1",
    "01",
    "1.0",
    "1e0",
    "日本語",
    "😀",
    "\u{200b}",
    "\u{feff}users",
    "con",
    "-rf",
];

/// Repository names that differ in a byte are different repositories.
pub fn repository_names_are_compared_byte_for_byte(subject: &mut dyn Subject) {
    let store = subject.create();
    let longest = "x".repeat(128);
    let names = || LOOK_ALIKES.iter().copied().chain([longest.as_str(), &longest[1..]]);
    for name in names() {
        assert_eq!(
            store.append_to(&log(name), vec![event(name)]),
            [Stored(at(1))],
            "{name:?}"
        );
    }
    for name in names() {
        assert_eq!(
            texts(&store.whole(&log(name)).events),
            [sent(&event(name), 1)],
            "{name:?}"
        );
    }
    let listed = store.list("default");
    let mut wanted: Vec<_> = names().collect();
    wanted.sort_unstable();
    assert_eq!(listed.iter().map(|summary| &*summary.name).collect::<Vec<_>>(), wanted);
}

/// Event ids that differ in a byte are different events.
pub fn event_ids_are_compared_byte_for_byte(subject: &mut dyn Subject) {
    let (store, users) = (subject.create(), log("users"));
    let longest = "x".repeat(256);
    let control = ["a\u{0}", "a\u{0}b", "a", "\u{0}", "\u{7f}", "\n"];
    let ids = || {
        LOOK_ALIKES
            .iter()
            .chain(&control)
            .copied()
            .chain([longest.as_str(), &longest[1..]])
    };
    for (id, sequence) in ids().zip(1..) {
        assert_eq!(
            store.append_to(&users, vec![event_of(id, "r")]),
            [Stored(at(sequence))],
            "{id:?}"
        );
    }
    for (id, sequence) in ids().zip(1..) {
        assert_eq!(
            store.append_to(&users, vec![event_of(id, "r")]),
            [Duplicate(at(sequence))],
            "{id:?}"
        );
        assert_eq!(
            store.find(&users, id),
            Some(sent(&event_of(id, "r"), sequence)),
            "{id:?}"
        );
    }
}

/// Record ids that differ in a byte are different records.
pub fn record_ids_are_compared_byte_for_byte(subject: &mut dyn Subject) {
    let (store, users) = (subject.create(), log("users"));
    let longest = "x".repeat(1024);
    let control = ["a\u{0}", "a\u{0}b", "a", "\u{0}"];
    let records = || {
        LOOK_ALIKES
            .iter()
            .chain(&control)
            .copied()
            .chain([longest.as_str(), &longest[1..]])
    };
    let event = |sequence: u64, record| event_of(&format!("e{sequence}"), record);
    for (record, sequence) in records().zip(1..) {
        store.append_to(&users, vec![event(sequence, record)]);
    }
    for (record, sequence) in records().zip(1..) {
        let wanted = sent(&event(sequence, record), sequence);
        assert_eq!(store.newest_of(&users, record), Some(wanted), "{record:?}");
    }
}

/// What was pushed comes back byte for byte, with `serverSequence` added, and so does what is known about it.
pub fn bodies_come_back_byte_for_byte(subject: &mut dyn Subject) {
    let (store, users) = (subject.create(), log("users"));
    let bodies = [
        r#"{"eventId":"0","n":123456789012345678901234567890,"f":1.0,"e":1e400,"z":-0,"m":1E+2}"#,
        r#"{"z":1,"a":2,"eventId":"1","m":{"z":1,"a":2}}"#,
        "{ \"eventId\" :\t\"2\" ,\r\n \"data\" : [ 1 , 2 ] }",
        "{\"eventId\":\"3\"\n\n}",
        r#"{"eventId":"4","text":"\u0000\ud83d\ude00\/\"\\","u":"ü日本😀","nel":""}"#,
        r#"{"eventId":"5","serverSequences":7,"data":{"serverSequence":9,"_id":1}}"#,
        r#"{"eventId":"6","twice":1,"twice":2,"":null}"#,
        r#"{"eventId":"7","quotes":"'';--","percent":"%s%n"}"#,
    ];
    let mut events: Vec<_> = (0..)
        .zip(bodies)
        .map(|(n, body)| with_body(&format!("{n}"), "r", body))
        .collect();
    for event in events.iter_mut().step_by(3) {
        event.package_complete = true;
    }
    store.append_to(&users, events.clone());
    let page = store.whole(&users).events;
    for (index, event) in events.iter().enumerate() {
        let sequence = index as u64 + 1;
        let stored = page.event(index).expect("as many events as were pushed");
        assert_eq!(stored.text, sent(event, sequence));
        assert_eq!(stored.sequence, at(sequence));
        assert_eq!(stored.package_complete, event.package_complete);
        assert_eq!(store.find(&users, &event.id), Some(sent(event, sequence)));
    }
    assert_eq!(
        store.append_to(&users, events),
        [1, 2, 3, 4, 5, 6, 7, 8].map(|n| Duplicate(at(n)))
    );
    assert_eq!(store.append_to(&users, vec![event_of("8", "r")]), [Stored(at(9))]);
}
