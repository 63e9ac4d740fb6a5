//! All of a client's disk against the model: after a start, a copy, and at the end.

use super::commit::{Look, bit};
use super::{Checks, DiskView, Invariant};
use crate::model::{Repository, read_event};
use driftless_core::client::{Cursor, OwnEvent, OwnState, State, StoredRecord};
use std::collections::BTreeMap;

impl Checks {
    /// Compares all of a client's disk.
    pub(super) fn whole_disk(&mut self, client: usize, disk: &dyn DiskView) {
        for repository in 0..self.model.len() {
            self.disk_cursor(client, repository, disk);
            let layers = self.disk_own(client, repository, disk);
            if !self.is_plain_server && !self.clients[client].replicas[repository].is_deceived {
                self.disk_records(client, repository, disk, &layers);
            }
        }
    }

    fn disk_cursor(&mut self, client: usize, repository: usize, disk: &dyn DiskView) {
        let name = &self.model.repository(repository).name;
        let cursor = disk.cursor(name).cloned().unwrap_or_default();
        let replica = &self.clients[client].replicas[repository];
        let holds = cursor == replica.cursor;
        self.verdict.check(Invariant::ExactlyOnceEffect, holds, || {
            let durable = &replica.cursor;
            format!("client {client} has the cursor {cursor:?} of {name}, and {durable:?} was durable")
        });
    }

    /// Compares the own events, and gives the local layers by record.
    fn disk_own(&mut self, client: usize, repository: usize, disk: &dyn DiskView) -> BTreeMap<u32, Vec<OwnEvent>> {
        let model = self.model.repository(repository);
        let (mut count, mut wrong) = (0, None);
        let mut layers: BTreeMap<u32, Vec<OwnEvent>> = BTreeMap::new();
        disk.each_own(&model.name, &mut |own| {
            count += 1;
            let entry = model.events.find(&own.id).and_then(|id| self.book.get(repository, id));
            let author = entry.and_then(|entry| entry.author.as_ref());
            let holder = entry.and_then(|entry| entry.holder(client));
            let is_known = author.is_some_and(|author| author.body == own.body)
                && holder.is_some_and(|holder| holder.stand == own.state && holder.local == own.local.0);
            if !is_known {
                wrong = Some(format!("{own:?}, known as {holder:?}"));
            }
            if let (OwnState::Pending | OwnState::Acked(_), Some(author)) = (&own.state, author) {
                layers.entry(author.record).or_default().push(own.clone());
            }
        });
        let name = &model.name;
        let expected = self.clients[client].replicas[repository].own.len();
        self.verdict
            .check(Invariant::NothingLost, wrong.is_none() && count == expected, || {
                format!("client {client} has {count} own events of {name} on its disk of {expected}; {wrong:?}")
            });
        for layer in layers.values_mut() {
            layer.sort_by_key(|own| own.local);
        }
        layers
    }

    fn disk_records(
        &mut self,
        client: usize,
        repository: usize,
        disk: &dyn DiskView,
        layers: &BTreeMap<u32, Vec<OwnEvent>>,
    ) {
        let model = self.model.repository(repository);
        let replica = &self.clients[client].replicas[repository];
        let mut found = None;
        for (index, history) in model.histories().iter().enumerate().rev() {
            if replica.histories & bit(index) == 0 {
                continue;
            }
            let look = Look {
                model,
                history,
                cursor: &replica.cursor,
            };
            match all_records(&look, disk, layers) {
                Ok(()) => {
                    self.verdict.counts.count(Invariant::ExactlyOnceEffect);
                    self.verdict.counts.count(Invariant::Convergence);
                    return;
                }
                Err(wrong) => found = found.or(Some(wrong)),
            }
        }
        let (invariant, message) = found.unwrap_or_else(|| {
            let message = "the cursor is of no history".into();
            (Invariant::ExactlyOnceEffect, message)
        });
        let message = format!("client {client}, {}: {message}", model.name);
        self.verdict.fail(invariant, message);
    }
}

/// Every record on a disk is what a history and the local layer make of it, and none is missing.
fn all_records(
    look: &Look<'_>,
    disk: &dyn DiskView,
    layers: &BTreeMap<u32, Vec<OwnEvent>>,
) -> Result<(), (Invariant, String)> {
    look.seen().map_err(|message| (Invariant::ExactlyOnceEffect, message))?;
    let (mut confirmed, mut shown, mut wrong) = (0, 0, Ok(()));
    disk.each_record(&look.model.name, &mut |record| {
        let number = look.model.records.find(&record.key.record);
        let is_of_now = record.generation == look.cursor.generation;
        confirmed += usize::from(is_of_now && record.confirmed.is_some());
        let layer = number.and_then(|number| layers.get(&number));
        shown += usize::from(layer.is_some());
        if wrong.is_ok() {
            wrong = one_record(look, number, record, layer.map_or(&[], Vec::as_slice));
        }
    });
    wrong?;
    let expected = look.history.records(look.cursor.after.get()).count();
    if confirmed != expected {
        let message = format!(
            "{confirmed} records are confirmed at cursor {}, not {expected}",
            look.cursor.after
        );
        return Err((Invariant::ExactlyOnceEffect, message));
    }
    if shown != layers.len() {
        let message = format!("{shown} of {} records with own events are there", layers.len());
        return Err((Invariant::Convergence, message));
    }
    Ok(())
}

fn one_record(
    look: &Look<'_>,
    number: Option<u32>,
    record: &StoredRecord,
    layer: &[OwnEvent],
) -> Result<(), (Invariant, String)> {
    look.record(number, record)
        .map_err(|message| (Invariant::ExactlyOnceEffect, message))?;
    if record.generation != look.cursor.generation {
        return is_left_over(look.cursor, record);
    }
    let visible = visible(look.model, record.confirmed.as_deref(), layer);
    let pending = layer.iter().any(|own| own.state == OwnState::Pending);
    if record.visible.as_deref() == visible.as_ref() && record.pending == pending {
        return Ok(());
    }
    let message = format!("{record:?} is shown, and the log and its own events make {visible:?}");
    Err((Invariant::Convergence, message))
}

/// A record of an older generation is there only until the repository is folded again, or while a new own event is
/// on it that was written meanwhile.
fn is_left_over(cursor: &Cursor, record: &StoredRecord) -> Result<(), (Invariant, String)> {
    if cursor.refolding {
        return Ok(());
    }
    let message = format!("{record:?} is of an older generation than {cursor:?}");
    Err((Invariant::Convergence, message))
}

/// What the application sees: the local layer on top of what is confirmed.
fn visible(model: &Repository, confirmed: Option<&State>, layer: &[OwnEvent]) -> Option<State> {
    let mut visible = confirmed.cloned();
    for own in layer {
        let Some(mut event) = read_event(own.body.text()) else {
            continue;
        };
        event.sequence = match own.state {
            OwnState::Acked(sequence) => sequence,
            _ => None,
        };
        let mut state = model.policy.fold(visible.as_ref(), &event);
        state.sequence = event.sequence;
        visible = Some(state);
    }
    visible
}
