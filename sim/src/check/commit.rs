//! What a client makes durable: its own events (6.6) and its records with their cursor (6.5, 6.7, 6.11).

use super::book::may_move;
use super::client::{Clearing, Layer, News};
use super::{Checks, DiskView, Invariant};
use crate::model::{History, Repository};
use driftless_core::client::{Cursor, OwnEvent, OwnState, RecordKey, StorageChange, StoredRecord, Transaction};
use driftless_core::event::{EventId, RecordId, Sequence};
use driftless_core::name::RepositoryName;

/// Where a repository's cursor stood before a transaction, and where it stands now.
struct Move<'a> {
    repository: usize,
    before: Cursor,
    now: &'a Cursor,
}

impl Checks {
    pub(super) fn transaction(&mut self, client: usize, made: &Transaction, disk: &dyn DiskView) {
        let mut touched: Vec<usize> = Vec::new();
        let mut moves: Vec<Move<'_>> = Vec::new();
        for change in &made.changes {
            match change {
                StorageChange::Cursor { repository, cursor } => {
                    if let Some(repository) = self.model.find(repository) {
                        let replica = &mut self.clients[client].replicas[repository];
                        let before = core::mem::replace(&mut replica.cursor, cursor.clone());
                        moves.push(Move {
                            repository,
                            before,
                            now: cursor,
                        });
                        touched.push(repository);
                    }
                }
                StorageChange::Record(record) => {
                    let repository = self.model.find(&record.key.repository);
                    touched.extend(repository.filter(|repository| !touched.contains(repository)));
                }
                StorageChange::AddOwn(own) => self.own_added(client, own),
                StorageChange::SetOwn {
                    repository,
                    event,
                    state,
                } => self.own_moved(client, repository, event, state),
                StorageChange::DoubtSettled { repository } => self.doubted(client, repository),
                StorageChange::PruneSettled {
                    repository,
                    before_ms,
                    keep,
                } => self.pruned(client, repository, *before_ms, *keep),
                StorageChange::DropOwn { repository, event } => self.dropped(client, repository, event),
                StorageChange::Clear { repository } => self.cleared(client, repository),
            }
        }
        touched.sort_unstable();
        touched.dedup();
        for moved in &moves {
            self.cursor_moved(client, moved);
        }
        for repository in touched {
            let before = moves.iter().find(|moved| moved.repository == repository);
            self.records(client, repository, before.map(|moved| &moved.before), made, disk);
        }
    }

    fn own_added(&mut self, client: usize, own: &OwnEvent) {
        let Some(repository) = self.model.find(&own.key.repository) else {
            return;
        };
        let known = self.model.repository(repository).events.find(&own.id);
        let is_new = known.is_none_or(|id| self.book.get(repository, id).is_none_or(|entry| entry.author.is_none()));
        self.verdict.check(Invariant::NothingLost, is_new, || {
            format!("client {client} gives the id {} a second time", own.id)
        });
        let state = &mut self.clients[client];
        let is_later = own.local.0 > state.last_local;
        state.last_local = state.last_local.max(own.local.0);
        self.verdict.check(Invariant::WriterOrder, is_later, || {
            format!(
                "client {client} gives its event {} a place that it gave before: {}",
                own.id, own.local.0
            )
        });
        let (id, record) = self.book.add(&mut self.model, repository, client, own);
        let replica = &mut self.clients[client].replicas[repository];
        replica.own.push(id);
        replica.count(record, None, Some(&own.state));
    }

    fn own_moved(&mut self, client: usize, name: &RepositoryName, event: &EventId, to: &OwnState) {
        let Some(repository) = self.model.find(name) else {
            return;
        };
        let Some(id) = self.model.repository(repository).events.find(event) else {
            return;
        };
        let was_stored = {
            let histories = self.model.repository(repository).histories();
            let places = histories.iter().rev().filter_map(|history| history.place(id));
            match to {
                OwnState::Acked(Some(at)) => places.clone().any(|place| place == at.get()),
                _ => places.clone().next().is_some(),
            }
        };
        let entry = self.book.entry(repository, id);
        let record = entry.author.as_ref().map_or(0, |author| author.record);
        let Some(holder) = entry.holder_mut(client) else { return };
        let from = core::mem::replace(&mut holder.stand, to.clone());
        let may = may_move(&from, to, was_stored, holder.is_refused);
        self.verdict.check(Invariant::NothingLost, may, || {
            format!(
                "client {client} moves its event {event} of {name} from {from:?} to {to:?}, and the server did not say so"
            )
        });
        let client = &mut self.clients[client];
        client.replicas[repository].count(record, Some(&from), Some(to));
        if matches!(to, OwnState::Rejected { .. }) && from != *to {
            client.to_tell.push((repository, id));
        }
    }

    fn doubted(&mut self, client: usize, name: &RepositoryName) {
        let Some(repository) = self.model.find(name) else {
            return;
        };
        let replica = &mut self.clients[client].replicas[repository];
        for id in &replica.own {
            let entry = self.book.entry(repository, *id);
            if let Some(holder) = entry.holder_mut(client)
                && matches!(holder.stand, OwnState::Settled { .. })
            {
                holder.stand = OwnState::Doubted;
            }
        }
        replica.settled = 0;
    }

    /// Forgets settled events as storage does: those from before a moment, and the oldest beyond a number.
    fn pruned(&mut self, client: usize, name: &RepositoryName, before_ms: i64, keep: usize) {
        let Some(repository) = self.model.find(name) else {
            return;
        };
        let replica = &mut self.clients[client].replicas[repository];
        let mut settled = Vec::with_capacity(replica.settled);
        for id in &replica.own {
            let holder = self.book.get(repository, *id).and_then(|entry| entry.holder(client));
            if let Some(holder) = holder
                && let OwnState::Settled { at_ms } = holder.stand
            {
                settled.push((at_ms, holder.local, *id));
            }
        }
        settled.sort_unstable();
        let old = settled.iter().filter(|(at_ms, ..)| *at_ms < before_ms).count();
        let gone = old.max(settled.len().saturating_sub(keep));
        if gone == 0 {
            return;
        }
        for (_, _, id) in &settled[..gone] {
            let entry = self.book.entry(repository, *id);
            entry.holders.retain(|holder| holder.client != client);
            entry.is_pruned = true;
        }
        replica.settled -= gone;
        let book = &self.book;
        replica.own.retain(|id| {
            book.get(repository, *id)
                .is_some_and(|entry| entry.holder(client).is_some())
        });
    }

    /// The application has dismissed an event: only one that was refused for good goes that way.
    fn dropped(&mut self, client: usize, name: &RepositoryName, event: &EventId) {
        let Some(repository) = self.model.find(name) else {
            return;
        };
        let Some(id) = self.model.repository(repository).events.find(event) else {
            return;
        };
        let entry = self.book.entry(repository, id);
        let stand = entry.holder(client).map(|holder| holder.stand.clone());
        entry.holders.retain(|holder| holder.client != client);
        entry.is_given_up = true;
        let is_rejected = matches!(stand, Some(OwnState::Rejected { .. }));
        self.verdict.check(Invariant::NothingLost, is_rejected, || {
            format!("client {client} drops its event {event} of {name}, which stands at {stand:?}")
        });
        self.clients[client].replicas[repository].own.retain(|own| *own != id);
    }

    /// The application has given a repository up: what it wrote there is not waited for any more.
    fn cleared(&mut self, client: usize, name: &RepositoryName) {
        let Some(repository) = self.model.find(name) else {
            return;
        };
        let state = &mut self.clients[client];
        let replica = &mut state.replicas[repository];
        for id in core::mem::take(&mut replica.own) {
            let entry = self.book.entry(repository, id);
            entry.holders.retain(|holder| holder.client != client);
            entry.is_given_up = true;
        }
        replica.clearing = Clearing::Done;
        replica.forget_stream();
        replica.cursor = Cursor::default();
        replica.histories = u64::MAX;
        replica.layer.clear();
        (replica.unsettled, replica.settled) = (0, 0);
        (replica.news, replica.is_deceived) = (News::None, false);
        state.to_tell.retain(|(of, _)| *of != repository);
    }

    fn cursor_moved(&mut self, client: usize, moved: &Move<'_>) {
        let Move {
            repository,
            before,
            now,
        } = moved;
        let name = &self.model.repository(*repository).name;
        let again = now.generation > before.generation;
        let holds = if again {
            now.after.get() == 0 && now.refolding
        } else {
            now.generation == before.generation && now.after >= before.after && (before.refolding || !now.refolding)
        };
        self.verdict.check(Invariant::ExactlyOnceEffect, holds, || {
            format!("client {client} moves its cursor of {name} from {before:?} to {now:?}")
        });
        let replica = &mut self.clients[client].replicas[*repository];
        if again {
            replica.histories = u64::MAX;
            let other_epoch = before.epoch.is_some() && before.epoch != now.epoch;
            replica.is_deceived = false;
            replica.news = match replica.news {
                News::ToTell => News::ToTell,
                News::None if other_epoch => News::ToTell,
                News::Told | News::None => News::None,
            };
        } else if now.after > before.after {
            replica.apply(now.after.get());
            let told = replica.news != News::ToTell;
            self.verdict.check(Invariant::ChangedHistoryNoticed, told, || {
                format!("client {client} applies events of another history of {name} and has not told its application")
            });
        }
    }

    /// The histories of a mask of which everything that the cursor has passed is confirmed: an own event that stayed in
    /// the local layer would count twice. An error if there is none.
    fn effects(&self, client: usize, repository: usize, from: u64, mask: u64) -> Result<u64, String> {
        let model = self.model.repository(repository);
        let to = self.clients[client].replicas[repository].cursor.after.get();
        let kept = |id| {
            let holder = self.book.get(repository, id).and_then(|entry| entry.holder(client));
            holder.filter(|own| matches!(own.stand, OwnState::Pending | OwnState::Acked(_)))
        };
        let (mut holds, mut found) = (0u64, None);
        for (index, history) in model.histories().iter().enumerate().rev() {
            if mask & bit(index) == 0 {
                continue;
            }
            let mut events = history.events(from, to).iter();
            match events.find_map(|event| Some((event.id, kept(event.id)?))) {
                Some(event) => found = found.or(Some(event)),
                None => holds |= bit(index),
            }
        }
        match found {
            Some((id, own)) if holds == 0 => Err(format!(
                "client {client} has applied {} of {} up to {to}, and keeps it {:?} in its local layer",
                model.events.text(id),
                model.name,
                own.stand
            )),
            _ => Ok(holds),
        }
    }

    /// The records that a transaction touches are the fold of a history up to the cursor.
    fn records(
        &mut self,
        client: usize,
        repository: usize,
        before: Option<&Cursor>,
        made: &Transaction,
        disk: &dyn DiskView,
    ) {
        let replica = &self.clients[client].replicas[repository];
        if self.is_plain_server || replica.is_deceived {
            return;
        }
        let from = before.unwrap_or(&replica.cursor).after.get();
        let mask = self.with_newest(repository, replica.histories, from);
        self.find_written(repository, made);
        let mut result = self.agreeing(client, repository, mask, before, made, disk);
        let wider = if result.is_err() {
            self.alike(repository, mask, from)
        } else {
            mask
        };
        if wider != mask {
            result = self.agreeing(client, repository, wider, before, made, disk);
        }
        match result {
            Ok(agreeing) => {
                self.verdict.counts.count(Invariant::ExactlyOnceEffect);
                self.verdict.counts.count(Invariant::ChangedHistoryNoticed);
                match self.effects(client, repository, from, agreeing) {
                    Ok(histories) => {
                        let replica = &mut self.clients[client].replicas[repository];
                        if replica.cursor.after.get() > 0 {
                            replica.histories = histories;
                        }
                    }
                    Err(message) => self.verdict.fail(Invariant::ExactlyOnceEffect, message),
                }
                self.visible(client, repository, made);
            }
            Err(message) => self.disagree(client, repository, wider, before, &message),
        }
    }

    /// Finds the records of a repository that a transaction writes.
    fn find_written(&mut self, repository: usize, made: &Transaction) {
        let model = self.model.repository(repository);
        self.written.clear();
        for (place, change) in made.changes.iter().enumerate() {
            if let StorageChange::Record(record) = change
                && *record.key.repository == *model.name
            {
                self.written.push((place, model.records.find(&record.key.record)));
            }
        }
    }

    /// Which of the histories of a mask agree with a transaction.
    fn agreeing(
        &mut self,
        client: usize,
        repository: usize,
        mask: u64,
        before: Option<&Cursor>,
        made: &Transaction,
        disk: &dyn DiskView,
    ) -> Result<u64, String> {
        let model = self.model.repository(repository);
        let cursor = &self.clients[client].replicas[repository].cursor;
        let before = before.unwrap_or(cursor);
        let (mut agreeing, mut found) = (0u64, None);
        for (index, history) in model.histories().iter().enumerate().rev() {
            if mask & bit(index) == 0 {
                continue;
            }
            self.stamp += 1;
            let look = Look { model, history, cursor };
            let stamps = (&mut self.stamps[repository], self.stamp);
            match look.transaction(before, written(&self.written, made), disk, stamps) {
                Ok(()) => agreeing |= bit(index),
                Err(message) => found = found.or(Some(message)),
            }
        }
        if agreeing != 0 {
            return Ok(agreeing);
        }
        Err(found.unwrap_or_else(|| "its cursor is of no history".into()))
    }

    /// The histories that hold the same events up to a cursor as one of a mask, and those of the mask: what a restore
    /// has taken away may come back in the same order.
    pub(super) fn alike(&self, repository: usize, mask: u64, cursor: u64) -> u64 {
        let histories = self.model.repository(repository).histories();
        let known: Vec<_> = (0..histories.len()).filter(|index| mask & bit(*index) != 0).collect();
        let mut wider = mask;
        for (index, history) in histories.iter().enumerate() {
            if known.iter().any(|known| histories[*known].is_alike(history, cursor)) {
                wider |= bit(index);
            }
        }
        wider
    }

    /// A mask, and the newest history if it holds the same events up to a cursor: who goes on with it may write records
    /// that an older one would have made, too.
    fn with_newest(&self, repository: usize, mask: u64, cursor: u64) -> u64 {
        let newest = bit(self.model.repository(repository).histories().len() - 1);
        if mask & newest == 0 {
            mask | self.alike(repository, mask, cursor) & newest
        } else {
            mask
        }
    }

    fn disagree(&mut self, client: usize, repository: usize, mask: u64, before: Option<&Cursor>, message: &str) {
        let model = self.model.repository(repository);
        let newest = model.histories().len() - 1;
        let is_of_another = mask & bit(newest) == 0;
        let replica = &mut self.clients[client].replicas[repository];
        let before = before.unwrap_or(&replica.cursor);
        let place = |seen: Option<&(Sequence, EventId)>| {
            let (sequence, id) = seen?;
            let place = model.log().place(model.events.find(id)?);
            Some(place == Some(sequence.get()))
        };
        if is_of_another && place(before.seen.as_ref()) == Some(true) {
            replica.is_deceived = true;
            return;
        }
        let invariant = if is_of_another && place(replica.cursor.seen.as_ref()) == Some(true) {
            Invariant::ChangedHistoryNoticed
        } else {
            Invariant::ExactlyOnceEffect
        };
        let message = format!("client {client}, {}, from {}: {message}", model.name, before.after);
        self.verdict.fail(invariant, message);
    }

    /// A record without a local layer shows what is confirmed, and what is pending is flagged.
    fn visible(&mut self, client: usize, repository: usize, made: &Transaction) {
        let replica = &self.clients[client].replicas[repository];
        for (number, record) in written(&self.written, made) {
            let layer = number.map_or_else(Layer::default, |number| replica.layer(number));
            let is_shown = layer.all > 0 || record.visible == record.confirmed;
            let is_flagged = record.pending == (layer.pending > 0);
            self.verdict.check(Invariant::Convergence, is_shown && is_flagged, || {
                format!("client {client} shows {record:?}, and its local layer there is {layer:?}")
            });
        }
    }
}

/// The records that were found in a transaction, with their numbers.
fn written<'a>(
    found: &'a [(usize, Option<u32>)],
    made: &'a Transaction,
) -> impl Iterator<Item = (Option<u32>, &'a StoredRecord)> {
    found.iter().filter_map(|(place, number)| match &made.changes[*place] {
        StorageChange::Record(record) => Some((*number, record)),
        _ => None,
    })
}

/// The bit of a history.
pub(super) fn bit(history: usize) -> u64 {
    1 << history.min(63)
}

/// A client's records looked at with one history in mind.
pub(super) struct Look<'a> {
    pub(super) model: &'a Repository,
    pub(super) history: &'a History,
    pub(super) cursor: &'a Cursor,
}

impl Look<'_> {
    fn transaction<'w>(
        &self,
        before: &Cursor,
        written: impl Iterator<Item = (Option<u32>, &'w StoredRecord)>,
        disk: &dyn DiskView,
        (stamps, stamp): (&mut Vec<u64>, u64),
    ) -> Result<(), String> {
        self.seen()?;
        stamps.resize(self.model.records.len(), 0);
        for (number, record) in written {
            self.record(number, record)?;
            if let Some(number) = number {
                stamps[number as usize] = stamp;
            }
        }
        let from = if before.generation == self.cursor.generation {
            before.after.get()
        } else {
            0
        };
        for event in self.history.events(from, self.cursor.after.get()) {
            let known = &mut stamps[event.record as usize];
            if *known != stamp {
                *known = stamp;
                self.untouched(event.record, disk)?;
            }
        }
        Ok(())
    }

    /// The last event applied is where the cursor says.
    pub(super) fn seen(&self) -> Result<(), String> {
        let after = self.cursor.after.get();
        if after == 0 {
            return Ok(());
        }
        let seen = self.cursor.seen.as_ref();
        let is_event = |id: &EventId| {
            let event = self.history.event(after);
            event.is_some_and(|event| self.model.events.text(event.id) == id.text())
        };
        if seen.is_some_and(|(sequence, id)| sequence.get() == after && is_event(id)) {
            return Ok(());
        }
        let head = self.history.len();
        Err(format!(
            "its cursor {after} with {seen:?} is not in the log, whose head is {head}"
        ))
    }

    /// A record of the generation of now is the fold up to the cursor.
    pub(super) fn record(&self, number: Option<u32>, record: &StoredRecord) -> Result<(), String> {
        if record.generation != self.cursor.generation {
            return Ok(());
        }
        let after = self.cursor.after.get();
        let version = number.and_then(|number| self.history.version(number, after));
        if record.confirmed.as_deref() == version {
            return Ok(());
        }
        let (id, confirmed) = (&record.key.record, &record.confirmed);
        Err(format!(
            "record {id} is {confirmed:?} at cursor {after}, and the log says {version:?}"
        ))
    }

    /// A record that an event up to the cursor has changed, and the transaction has not written.
    fn untouched(&self, number: u32, disk: &dyn DiskView) -> Result<(), String> {
        let id = self.model.records.text(number);
        let key = RecordKey {
            repository: self.model.name.clone(),
            record: RecordId::new(id.clone()).map_err(|error| error.to_string())?,
        };
        match disk.record(&key) {
            Some(record) if record.generation == self.cursor.generation => self.record(Some(number), record),
            _ => Err(format!("record {id} is not there at cursor {}", self.cursor.after)),
        }
    }
}
