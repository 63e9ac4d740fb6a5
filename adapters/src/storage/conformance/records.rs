//! Rules on records.

use super::{
    Place, add_all, event_id, ids, key, load, load_some, locals, opened, own, reader, record, record_id, repository,
    settled, state, write_all,
};
use crate::storage::Storage;
use driftless_core::client::{Cursor, LocalSequence, OwnState, State, StorageReply, StorageRequest, StoredRecord};
use driftless_core::event::{RecordId, Sequence, Timestamp};
use std::sync::Arc;

/// A new storage holds nothing, and says so of every repository asked for, in the order asked.
pub fn a_new_storage_is_empty(place: &mut dyn Place) {
    let mut storage = place.open();
    let opened = opened(&mut *storage, &["b", "a"]);
    assert_eq!(opened.last_local, LocalSequence(0));
    let names: Vec<&str> = opened.repositories.iter().map(|row| &*row.name).collect();
    assert_eq!(names, ["b", "a"]);
    for row in &opened.repositories {
        assert_eq!((&row.cursor, row.pending), (&Cursor::default(), 0));
    }
    assert_eq!(load(&mut *storage, vec![key("a", "x")], Vec::new()), Default::default());
    assert_eq!(reader(&*storage).record(&key("a", "x")), Ok(None));
}

/// Both layers, deleted states, odd moments and odd text come back.
pub fn a_record_is_read_as_it_was_written(place: &mut dyn Place) {
    let precise = State {
        created_at: Timestamp::parse("2025-01-23T10:00:00.123456789Z"),
        sequence: None,
        ..state(
            "e2",
            Some("{\"n\":1e400,\"ä\":\"\\u0000\",\"big\":123456789012345678901234567890}"),
        )
    };
    let timeless = State {
        created_at: None,
        sequence: Some(Sequence::MAX),
        ..state("e3", None)
    };
    let ancient = State {
        created_at: Timestamp::from_millis(-1),
        ..state("e4", Some("[]"))
    };
    let layers = [
        (Some(precise.clone()), Some(precise.clone())),
        (Some(precise.clone()), Some(timeless.clone())),
        (None, Some(ancient.clone())),
        (Some(timeless), None),
        (Some(ancient), Some(precise)),
    ];
    let written: Vec<StoredRecord> = layers
        .into_iter()
        .zip(["a", "b \u{0} c", "ä/\u{1F600}", "d", "e"])
        .map(|((confirmed, visible), id)| StoredRecord {
            key: key("r", id),
            pending: visible.is_some() && confirmed != visible,
            confirmed: confirmed.map(Arc::new),
            visible: visible.map(Arc::new),
            generation: 3,
        })
        .collect();
    let mut storage = place.open();
    write_all(&mut *storage, written.clone());
    for expected in written {
        let (found, _, _) = load(&mut *storage, vec![expected.key.clone()], Vec::new());
        assert_eq!(found.first(), Some(&expected));
        assert_eq!(reader(&*storage).record(&expected.key), Ok(Some(expected)));
    }
}

/// A record with neither layer is removed.
pub fn a_record_without_states_is_gone(place: &mut dyn Place) {
    let mut storage = place.open();
    write_all(
        &mut *storage,
        vec![record("r", "a", Some("1")), record("r", "b", Some("2"))],
    );
    let nothing = StoredRecord {
        confirmed: None,
        visible: None,
        ..record("r", "a", None)
    };
    write_all(&mut *storage, vec![nothing]);
    let (found, _, _) = load(&mut *storage, vec![key("r", "a"), key("r", "b")], Vec::new());
    assert_eq!(found, [record("r", "b", Some("2"))]);
    assert_eq!(stale(&mut *storage, 1, None, 9).len(), 1);
}

/// The same record id in two repositories is two records.
pub fn records_of_two_repositories_are_apart(place: &mut dyn Place) {
    let mut storage = place.open();
    write_all(
        &mut *storage,
        vec![record("r", "a", Some("1")), record("s", "a", Some("2"))],
    );
    let (found, _, _) = load(&mut *storage, vec![key("s", "a")], Vec::new());
    assert_eq!(found, [record("s", "a", Some("2"))]);
    let listed = reader(&*storage).records(&repository("r"), None, 9);
    assert_eq!(listed, Ok(vec![record("r", "a", Some("1"))]));
}

/// Unknown records, events and repositories are left out of an answer.
pub fn what_is_not_there_is_not_loaded(place: &mut dyn Place) {
    let mut storage = place.open();
    write_all(&mut *storage, vec![record("r", "a", Some("1"))]);
    let keys = vec![key("r", "a"), key("r", "b"), key("unknown", "a")];
    let events = vec![
        (repository("r"), event_id("event")),
        (repository("unknown"), event_id("event")),
    ];
    let (records, layers, own) = load(&mut *storage, keys, events);
    assert_eq!((ids(&records), layers, own), (vec!["a"], Vec::new(), Vec::new()));
    assert_eq!(
        reader(&*storage).records(&repository("unknown"), None, 9),
        Ok(Vec::new())
    );
}

/// Several events of one record make one key of a request.
pub fn a_key_asked_for_twice_is_answered_once(place: &mut dyn Place) {
    let mut storage = place.open();
    write_all(&mut *storage, vec![record("r", "a", Some("1"))]);
    let (records, _, _) = load(&mut *storage, vec![key("r", "a"), key("r", "a")], Vec::new());
    assert_eq!(records.len(), 1);
}

/// The first records asked for, with their layers, as far as their bytes allow; the first always. What is not there
/// has no bytes.
pub fn records_are_loaded_in_the_order_asked_as_far_as_their_bytes_allow(place: &mut dyn Place) {
    let mut storage = place.open();
    // Four bytes each: twice two of data.
    write_all(
        &mut *storage,
        ["a", "b", "c"].map(|id| record("r", id, Some("12"))).to_vec(),
    );
    let event = own(1, "r", "b", OwnState::Pending);
    let body = event.body.len();
    add_all(&mut *storage, vec![event, own(2, "r", "b", settled(1))]);
    let mut some = |names: &[&str], max_bytes| {
        let keys = names.iter().map(|name| key("r", name)).collect();
        let ((records, layers, _), answered) = load_some(&mut *storage, keys, Vec::new(), max_bytes);
        (ids(&records).join(" "), locals(&layers), answered.0)
    };
    let all = ["c", "none", "a", "b", "c", "none"];
    assert_eq!(some(&all, 12 + body), ("c a b".to_owned(), vec![1], 6));
    assert_eq!(some(&all, 11 + body), ("c a".to_owned(), vec![], 3));
    assert_eq!(some(&all, 7), ("c".to_owned(), vec![], 2));
    assert_eq!(some(&all, 0), ("c".to_owned(), vec![], 1));
    assert_eq!(some(&["b", "a"], 0), ("b".to_owned(), vec![1], 1));
}

/// Deleted and invisible records are not listed; pages continue behind the last.
pub fn a_reader_lists_what_is_visible_in_pages(place: &mut dyn Place) {
    let mut storage = place.open();
    let invisible = StoredRecord {
        visible: None,
        ..record("r", "c", Some("3"))
    };
    let deleted_locally = StoredRecord {
        visible: Some(Arc::new(state("e", None))),
        ..record("r", "d", Some("4"))
    };
    let made_locally = StoredRecord {
        confirmed: None,
        visible: Some(Arc::new(state("e", Some("5")))),
        ..record("r", "e", None)
    };
    write_all(
        &mut *storage,
        vec![
            record("r", "f", Some("6")),
            record("r", "a", Some("1")),
            record("r", "b", None),
            invisible,
            deleted_locally,
            made_locally,
        ],
    );
    let mut reader = reader(&*storage);
    let mut page = |after: Option<&str>, max| {
        let after: Option<RecordId> = after.map(record_id);
        let records = reader.records(&repository("r"), after.as_ref(), max);
        let records = records.expect("a reader reads");
        ids(&records).join(" ")
    };
    assert_eq!(page(None, 9), "a e f");
    assert_eq!(page(None, 2), "a e");
    assert_eq!(page(Some("e"), 2), "f");
    assert_eq!(page(Some("f"), 2), "");
    assert_eq!(page(Some("b"), 1), "e");
}

/// The order is that of the bytes, not of any language.
pub fn records_are_ordered_by_the_bytes_of_their_ids(place: &mut dyn Place) {
    let mut storage = place.open();
    let names = ["a", "Z", "ä", "\u{1F600}", "10", "9", "a\u{0}", "aa"];
    let records = names.map(|id| record("r", id, Some("1"))).to_vec();
    write_all(&mut *storage, records);
    let mut expected = names;
    expected.sort_unstable();
    let listed = reader(&*storage)
        .records(&repository("r"), None, 99)
        .expect("a reader reads");
    assert_eq!(ids(&listed), expected);
    assert_eq!(texts(&stale(&mut *storage, 1, None, 99)), expected);
}

/// A sweep sees the records of every older generation, each once, in pages.
pub fn stale_records_of_all_generations_come_in_order(place: &mut dyn Place) {
    let mut storage = place.open();
    let of = |id: &str, generation| StoredRecord {
        generation,
        ..record("r", id, Some("1"))
    };
    let records = vec![of("e", 0), of("a", 2), of("c", 1), of("b", 0), of("d", 1), of("f", 3)];
    write_all(&mut *storage, records);
    assert_eq!(texts(&stale(&mut *storage, 2, None, 9)), ["b", "c", "d", "e"]);
    assert_eq!(texts(&stale(&mut *storage, 2, None, 2)), ["b", "c"]);
    assert_eq!(texts(&stale(&mut *storage, 2, Some("c"), 2)), ["d", "e"]);
    assert_eq!(texts(&stale(&mut *storage, 3, Some("e"), 2)), [""; 0]);
    assert_eq!(texts(&stale(&mut *storage, 0, None, 2)), [""; 0]);
}

/// Writing a record in the new generation takes it out of the sweep.
pub fn a_rewritten_record_is_stale_no_more(place: &mut dyn Place) {
    let mut storage = place.open();
    write_all(
        &mut *storage,
        vec![record("r", "a", Some("1")), record("r", "b", Some("1"))],
    );
    let fresh = StoredRecord {
        generation: 1,
        ..record("r", "a", Some("2"))
    };
    write_all(&mut *storage, vec![fresh.clone()]);
    assert_eq!(texts(&stale(&mut *storage, 1, None, 9)), ["b"]);
    assert_eq!(reader(&*storage).record(&key("r", "a")), Ok(Some(fresh)));
}

fn texts(ids: &[RecordId]) -> Vec<&str> {
    ids.iter().map(|id| &**id).collect()
}

fn stale(storage: &mut dyn Storage, generation: u64, after: Option<&str>, max_records: usize) -> Vec<RecordId> {
    let request = StorageRequest::Stale {
        repository: repository("r"),
        generation,
        after: after.map(record_id),
        max_records,
    };
    match storage.request(request) {
        Ok(StorageReply::Stale(records)) => records,
        other => panic!("Stale was answered with {other:?}"),
    }
}
