//! What has to be so whenever no process runs, and in the end.

use crate::application::{Application, Own, names};
use crate::model::{Expected, Rule, kept, value};
use crate::world::World;
use driftless::core::client::{
    ChangeKind, Cursor, LocalSequence, OwnEvent, OwnState, RecordKey, StorageReply, StorageRequest, StoredRecord,
};
use driftless::core::event::{Event, EventId, RecordId};
use driftless::core::name::RepositoryName;
use std::collections::{BTreeMap, BTreeSet};

/// One repository as the disk has it, beside the log.
struct Kept<'a> {
    rule: Rule,
    log: &'a [Event],
    cursor: &'a Cursor,
    records: &'a BTreeMap<String, StoredRecord>,
    own: &'a [OwnEvent],
}

/// Checks that records, cursors and outbox agree with each other, with the log, and with what the application knows.
pub(crate) fn agrees(application: &Application, world: &mut World, rule: Rule) {
    for name in names() {
        let log = world.server.log(&name);
        let (records, own, cursor) = contents(world, application, &name);
        let kept = Kept {
            rule,
            log: &log,
            cursor: &cursor,
            records: &records,
            own: &own,
        };
        kept.check_cursor();
        kept.check_records(application, &name);
        kept.check_own(application, world, &name);
        let shown = world.disk.reader().records(&name, None, usize::MAX).unwrap();
        let visible = records
            .values()
            .filter(|record| record.visible.as_ref().is_some_and(|state| state.data.is_some()));
        assert!(shown.iter().eq(visible), "{name}: what a reader sees");
    }
}

/// Checks that a client that has come to rest shows what the log says, and that the log has everything once.
pub(crate) fn is_complete(application: &Application, world: &mut World, rule: Rule) {
    agrees(application, world, rule);
    for name in names() {
        let log = world.server.log(&name);
        let (records, own, cursor) = contents(world, application, &name);
        assert_eq!(
            (cursor.after.get(), cursor.refolding),
            (log.len() as u64, false),
            "{name}"
        );
        assert!(
            records.values().all(|record| record.generation == cursor.generation),
            "{name}"
        );
        let is_done = |own: &OwnEvent| matches!(own.state, OwnState::Settled { .. } | OwnState::Rejected { .. });
        assert!(own.iter().all(is_done), "{name}: {own:?}");
        let visible = records.iter().map(|(id, record)| (id.clone(), kept_visible(record)));
        assert_eq!(visible.collect::<BTreeMap<_, _>>(), rule.records(&log), "{name}");
        let ids: BTreeSet<&EventId> = log.iter().map(|event| &event.id).collect();
        assert_eq!(ids.len(), log.len(), "{name}: an event is in the log once");
        let mine = |own: &&Own| own.change.repository == name;
        let known: BTreeSet<&EventId> = application
            .own
            .iter()
            .map(|own| &own.event)
            .chain(&application.others)
            .collect();
        assert!(ids.is_subset(&known), "{name}: events that nobody wrote");
        for own in application.own.iter().filter(mine) {
            let may_be_missing = own.cleared || *name == *"closed";
            assert!(may_be_missing || ids.contains(&own.event), "{name}: {own:?} is lost");
        }
    }
}

fn kept_visible(record: &StoredRecord) -> Expected {
    kept(record.visible.as_ref().expect("a record is visible in the end"))
}

/// Everything that the disk has of a repository.
pub(crate) fn contents(
    world: &mut World,
    application: &Application,
    name: &RepositoryName,
) -> (BTreeMap<String, StoredRecord>, Vec<OwnEvent>, Cursor) {
    let log = world.server.log(name);
    let mine = || application.own.iter().filter(|own| own.change.repository == *name);
    let mut ids: BTreeSet<RecordId> = mine().map(|own| own.change.record.clone()).collect();
    ids.extend(log.iter().map(|event| event.record_id.clone()));
    let pending = world.disk.reader().pending(LocalSequence(0), usize::MAX).unwrap();
    let pending = pending.iter().filter(|event| event.key.repository == *name);
    let mut own: BTreeSet<EventId> = mine().map(|own| own.event.clone()).collect();
    own.extend(pending.map(|event| event.id.clone()));
    let storage = world.disk.storage();
    let repositories = vec![name.clone()];
    let StorageReply::Opened(opened) = storage.request(StorageRequest::Open { repositories }).unwrap() else {
        panic!("another answer")
    };
    let load = StorageRequest::Load {
        records: ids
            .into_iter()
            .map(|record| RecordKey {
                repository: name.clone(),
                record,
            })
            .collect(),
        own: own.into_iter().map(|event| (name.clone(), event)).collect(),
        max_bytes: usize::MAX,
    };
    let StorageReply::Loaded {
        records,
        layers,
        mut own,
        ..
    } = storage.request(load).unwrap()
    else {
        panic!("another answer")
    };
    own.sort_by_key(|event| event.local);
    let layer: Vec<OwnEvent> = own.iter().filter(|event| is_in_layer(event)).cloned().collect();
    let mut layers = layers;
    layers.sort_by_key(|event| event.local);
    assert_eq!(layers, layer, "{name}: the local layers");
    let row = &opened.repositories[0];
    let pending = layer.iter().filter(|event| event.state == OwnState::Pending).count();
    assert_eq!(row.pending, pending as u64, "{name}: the number of pending events");
    let by_id = |record: StoredRecord| (record.key.record.to_string(), record);
    (records.into_iter().map(by_id).collect(), own, row.cursor.clone())
}

fn is_in_layer(event: &OwnEvent) -> bool {
    matches!(event.state, OwnState::Pending | OwnState::Acked(_))
}

impl Kept<'_> {
    fn below_cursor(&self) -> &[Event] {
        &self.log[..usize::try_from(self.cursor.after.get()).unwrap()]
    }

    fn check_cursor(&self) {
        assert!(self.cursor.after.get() <= self.log.len() as u64, "{:?}", self.cursor);
        let last = self.below_cursor().last();
        let seen = last.map(|event| (event.sequence.unwrap(), event.id.clone()));
        assert_eq!(self.cursor.seen, seen, "{:?}", self.cursor);
    }

    /// Both layers of every record.
    fn check_records(&self, application: &Application, name: &RepositoryName) {
        let confirmed = self.rule.records(self.below_cursor());
        let mut ids: BTreeSet<&String> = self.records.keys().chain(confirmed.keys()).collect();
        let layer: Vec<(String, Event)> = self.layer(application, name);
        ids.extend(layer.iter().map(|(record, _)| record));
        let mut older = BTreeMap::new();
        for id in ids {
            let record = self.records.get(id);
            let below = record.and_then(|record| record.confirmed.as_ref());
            if record.is_some_and(|record| record.generation < self.cursor.generation) {
                assert!(
                    self.cursor.refolding && !confirmed.contains_key(id),
                    "{name}: {record:?}"
                );
                older.insert(id.clone(), below.map(|state| kept(state)));
            } else {
                assert_eq!(
                    below.map(|state| kept(state)).as_ref(),
                    confirmed.get(id),
                    "{name} {id}: below {:?}",
                    self.cursor
                );
                let last = self.below_cursor().iter().rfind(|event| *event.record_id == **id);
                let sequence = last.and_then(|event| event.sequence);
                assert_eq!(below.and_then(|state| state.sequence), sequence, "{name} {id}");
            }
            let mut visible = below.map(|state| kept(state));
            for (_, event) in layer.iter().filter(|(record, _)| record == id) {
                visible = Some(self.rule.fold(visible.as_ref(), event));
            }
            let shown = record
                .and_then(|record| record.visible.as_ref())
                .map(|state| kept(state));
            assert_eq!(shown, visible, "{name} {id}: both layers, {:?}", self.cursor);
            let pending = self
                .own
                .iter()
                .any(|own| *own.key.record == **id && own.state == OwnState::Pending);
            assert_eq!(record.is_some_and(|record| record.pending), pending, "{name} {id}");
        }
        // What a refold has not come to yet is as it was at some earlier time, all of it at the same one.
        let as_at = |head: usize| {
            let then = self.rule.records(&self.log[..head]);
            older.iter().all(|(id, state)| then.get(id) == state.as_ref())
        };
        assert!(
            (self.below_cursor().len()..=self.log.len()).any(as_at),
            "{name}: {older:?}"
        );
    }

    /// The local layer in the order in which it was written, checked to hold what was written.
    fn layer(&self, application: &Application, name: &RepositoryName) -> Vec<(String, Event)> {
        let mut layer = Vec::new();
        for own in application.own.iter().filter(|own| own.change.repository == *name) {
            let Some(stored) = self.own.iter().find(|stored| stored.id == own.event) else {
                continue;
            };
            let event = Event::read(&stored.body).unwrap();
            assert_eq!((&event.id, &event.record_id), (&own.event, &own.change.record));
            match &own.change.kind {
                ChangeKind::Upsert { data, .. } => assert_eq!(event.data.as_ref().map(value), Some(value(data))),
                ChangeKind::Delete => assert_eq!(event.data, None),
            }
            if is_in_layer(stored) {
                layer.push((own.change.record.to_string(), event));
            }
        }
        layer
    }

    /// Where each own event stands, and that the outbox has what was written and is not acked, in that order.
    fn check_own(&self, application: &Application, world: &mut World, name: &RepositoryName) {
        let (acked, rejected) = Application::told(world);
        let mut outbox = Vec::new();
        for own in application.own.iter().filter(|own| own.change.repository == *name) {
            let at = self.log.iter().position(|event| event.id == own.event);
            let stored = self.own.iter().find(|stored| stored.id == own.event);
            let state = stored.map(|stored| &stored.state);
            if own.cleared || application.dismissed.contains(&own.event) {
                assert_eq!(state, None, "{name}: {own:?} is forgotten");
                continue;
            }
            let state = state.unwrap_or_else(|| panic!("{name}: {own:?} is lost"));
            let is_settled = matches!(state, OwnState::Settled { .. });
            match at {
                Some(at) if at < self.below_cursor().len() => assert!(is_settled, "{own:?}: {state:?}"),
                // Settled before the repository was folded again.
                Some(_) if self.cursor.refolding => {}
                Some(_) => assert!(
                    matches!(state, OwnState::Pending | OwnState::Acked(_)),
                    "{own:?}: {state:?}"
                ),
                None if matches!(state, OwnState::Rejected { .. }) => assert_eq!(**name, *"closed", "{own:?}"),
                None => assert_eq!(state, &OwnState::Pending, "{own:?}"),
            }
            assert!(
                !acked.contains(&own.event) || *state != OwnState::Pending,
                "{own:?} was told acked"
            );
            let is_rejected = matches!(state, OwnState::Rejected { .. });
            assert!(
                !rejected.contains(&own.event) || is_rejected,
                "{own:?} was told rejected"
            );
            if *state == OwnState::Pending {
                outbox.push(own.event.clone());
            }
        }
        let pending = world.disk.reader().pending(LocalSequence(0), usize::MAX).unwrap();
        let pending = pending.into_iter().filter(|event| event.key.repository == *name);
        assert_eq!(
            pending.map(|event| event.id).collect::<Vec<_>>(),
            outbox,
            "{name}: the outbox"
        );
    }
}
