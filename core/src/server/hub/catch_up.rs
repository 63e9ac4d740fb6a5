//! Gives the readers that are behind one page of the store after the other.

use super::broadcast::index_behind;
use super::connection::{Connection, Reading, Target, Work};
use super::cut::frame_end;
use super::frame::{history_changed, overhead, sync_complete};
use super::log::{Reader, ReaderState};
use super::{Hub, HubAction, ServerLimits, Timer};
use crate::event::{Envelope, EventBatch, EventId, Json, Sequence};
use crate::machine::Actions;
use crate::name::RepositoryName;
use crate::server::{ConnectionId, Page, PageRequest, Peer, ReadId, StoreFailure};
use crate::wire::encode_events;

/// What has come of a page.
pub(super) enum Progress {
    /// Something, or there is no credit for more.
    Some,
    /// Nothing: the store does not show yet what it has, and has to be asked again later.
    None,
}

impl Hub {
    /// Lets the connection's work have the store in turns, as long as there is credit and no read under way.
    pub(super) fn pump(&mut self, id: ConnectionId, out: &mut Actions<HubAction>) {
        while let Some(connection) = self.connections.get_mut(&id) {
            let Some(budget) = connection.page_budget(&self.config.limits) else {
                return;
            };
            match connection.next_work() {
                Some(Work::Request) => self.advance_request(id, budget, out),
                Some(Work::Stream(repository)) => self.advance_stream(id, &repository, budget, out),
                None => return,
            }
        }
    }

    /// Reads the next page of a reader, or ends the reader if its epoch is not ours.
    fn advance_stream(
        &mut self,
        id: ConnectionId,
        repository: &RepositoryName,
        budget: usize,
        out: &mut Actions<HubAction>,
    ) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let Some((reader, _)) = self.logs.reader(&connection.namespace, repository, id) else {
            return;
        };
        if reader.start.as_ref().is_some_and(|start| start.epoch_changed) {
            return self.end_with_history_changed(id, repository, out);
        }
        reader.state = ReaderState::Reading;
        let seen = reader.start.as_ref().and_then(|start| start.seen.as_ref());
        let after = seen.map_or(reader.position, |(sequence, _)| sequence.previous());
        let target = Target::Stream {
            repository: repository.clone(),
            after,
        };
        let page = PageRequest {
            log: connection.log(repository),
            after,
            max_events: self.config.limits.page_events,
            max_bytes: budget,
        };
        self.read_page(id, target, page, out);
    }

    /// Sends a read to the store.
    pub(super) fn read_page(
        &mut self,
        id: ConnectionId,
        target: Target,
        page: PageRequest,
        out: &mut Actions<HubAction>,
    ) {
        let read = self.start_read(id, target);
        out.push(HubAction::Read { read, page });
    }

    /// Notes a read as under way.
    pub(super) fn start_read(&mut self, id: ConnectionId, target: Target) -> ReadId {
        self.last_read += 1;
        let read = ReadId(self.last_read);
        self.reads.insert(read, id);
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.reading = Some(Reading { read, target });
        }
        read
    }

    /// Whose read it was and what for; `None` if nothing waits for it.
    pub(super) fn finish_read(&mut self, read: ReadId) -> Option<(ConnectionId, Target)> {
        let finished = self.reads.remove(&read).and_then(|id| {
            let reading = self.connections.get_mut(&id)?.reading.take()?;
            Some((id, reading.target))
        });
        if finished.is_none() {
            self.ignored += 1;
        }
        finished
    }

    /// The store is done with a page.
    pub(super) fn page_read(&mut self, read: ReadId, result: Result<Page, StoreFailure>, out: &mut Actions<HubAction>) {
        let Some((id, target)) = self.finish_read(read) else {
            return;
        };
        let page = match result {
            Ok(page) if is_page(&page, &target) => with_whole_head(page),
            Ok(_) | Err(_) => return self.read_failed(id, target, out),
        };
        let progress = match target {
            Target::Stream { repository, .. } => self.stream_page(id, &repository, &page, out),
            Target::Request { .. } => self.request_page(id, &page, out),
            Target::List | Target::Abandoned => Progress::Some,
        };
        match progress {
            Progress::Some => self.reads_succeed(id),
            Progress::None => self.back_off(id),
        }
        self.pump(id, out);
    }

    /// Gives a reader a page, and what was committed while it was read.
    fn stream_page(
        &mut self,
        id: ConnectionId,
        repository: &RepositoryName,
        page: &Page,
        out: &mut Actions<HubAction>,
    ) -> Progress {
        let Some(connection) = self.connections.get_mut(&id) else {
            return Progress::Some;
        };
        let Some((reader, log_head)) = self.logs.reader(&connection.namespace, repository, id) else {
            return Progress::Some;
        };
        reader.state = ReaderState::CatchingUp;
        let missed = reader.take_missed();
        match judge(reader, page, log_head) {
            Verdict::Other => {
                self.end_with_history_changed(id, repository, out);
                return Progress::Some;
            }
            Verdict::Behind => {
                connection.work.insert(Work::Stream(repository.clone()));
                return Progress::None;
            }
            Verdict::Good => {}
        }
        let before = reader.position;
        for run in core::iter::once(&page.events).chain(missed.iter().map(|run| &**run)) {
            give_run(&self.config.limits, id, connection, repository, reader, run, out);
        }
        if reader.position < page.head.max(log_head) {
            connection.work.insert(Work::Stream(repository.clone()));
            let is_stuck = reader.position == before && page.events.is_empty();
            return if is_stuck { Progress::None } else { Progress::Some };
        }
        reader.state = ReaderState::Live;
        if let Some(start) = reader.start.take() {
            let frame = sync_complete(Some(repository), Some(reader.position), false, start.reference);
            connection.give(id, frame, out);
        }
        Progress::Some
    }

    /// Ends a reader whose history is not the store's.
    fn end_with_history_changed(
        &mut self,
        id: ConnectionId,
        repository: &RepositoryName,
        out: &mut Actions<HubAction>,
    ) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let reader = self.logs.reader(&connection.namespace, repository, id);
        let start = reader.and_then(|(reader, _)| reader.start.take());
        let reference = start.and_then(|start| start.reference);
        connection.give(id, history_changed(repository, &self.config.epoch, reference), out);
        self.drop_reader(id, repository);
    }

    /// A read has failed. A stream and a plain peer's request, which moves its streams, are tried again for as long as
    /// the connection lasts; an extended peer's request is answered with the failure.
    pub(super) fn read_failed(&mut self, id: ConnectionId, target: Target, out: &mut Actions<HubAction>) {
        if let Some(connection) = self.connections.get_mut(&id) {
            match target {
                Target::Stream { repository, .. } => {
                    if let Some((reader, _)) = self.logs.reader(&connection.namespace, &repository, id) {
                        reader.state = ReaderState::CatchingUp;
                        reader.take_missed();
                    }
                    connection.work.insert(Work::Stream(repository));
                }
                Target::Request { .. } | Target::List if connection.peer == Peer::Plain => {
                    connection.work.insert(Work::Request);
                }
                Target::Request { .. } | Target::List => self.fail_request(id, out),
                Target::Abandoned => {}
            }
            self.back_off(id);
        }
    }

    /// Lets a connection's reads wait: longer after each failure in a row.
    fn back_off(&mut self, id: ConnectionId) {
        let limits = &self.config.limits;
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let doubled = limits.read_retry_min.saturating_mul(1 << connection.failures.min(20));
        let delay = doubled.min(limits.read_retry_max);
        connection.failures = connection.failures.saturating_add(1);
        connection.backing_off = true;
        self.timers.set(Timer::Retry(id), self.after(delay));
    }

    fn reads_succeed(&mut self, id: ConnectionId) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.failures = 0;
        }
    }

    /// The wait after a failure is over.
    pub(super) fn retry_reads(&mut self, id: ConnectionId, out: &mut Actions<HubAction>) {
        if let Some(connection) = self.connections.get_mut(&id) {
            connection.backing_off = false;
            self.pump(id, out);
        }
    }
}

/// What a page says about a reader.
enum Verdict {
    /// The page goes on where the reader is.
    Good,
    /// The reader's history is not the store's.
    Other,
    /// The store does not show what it has reported or shown before: it has to be asked again later.
    Behind,
}

/// Compares a page with what the client says about its history, and with what is known of the store's.
fn judge(reader: &mut Reader, page: &Page, log_head: Sequence) -> Verdict {
    let Some(start) = &mut reader.start else {
        // The position comes from the store itself.
        let shows_more = page.head > reader.position || page.head >= log_head;
        let is_good = page.head >= reader.position && shows_more;
        return if is_good { Verdict::Good } else { Verdict::Behind };
    };
    let seen = start.seen.as_ref().map_or(Sequence::ZERO, |(sequence, _)| *sequence);
    let needed = reader.position.max(seen);
    if page.head < needed {
        return if needed <= log_head {
            Verdict::Behind
        } else {
            Verdict::Other
        };
    }
    match start.seen.take() {
        Some((sequence, id)) if !shows(page, sequence, &id) => Verdict::Other,
        // The page shows nothing new, though more was reported.
        None if page.head <= reader.position && page.head < log_head => Verdict::Behind,
        _ => Verdict::Good,
    }
}

/// Gives a reader the events of a run that are behind its position, frame by frame, while there is credit.
pub(super) fn give_run(
    limits: &ServerLimits,
    id: ConnectionId,
    connection: &mut Connection,
    repository: &RepositoryName,
    reader: &mut Reader,
    events: &EventBatch,
    out: &mut Actions<HubAction>,
) {
    if reader.position.next() < events.first() {
        // A page that was read to check an event behind the position, or a run with a gap before it.
        return;
    }
    let budget = limits.page_bytes.saturating_sub(overhead(repository, None));
    let is_plain = connection.peer == Peer::Plain;
    let mut from = index_behind(events, reader.position);
    while from < events.len() && connection.unflushed < limits.stream_bytes.max(1) {
        let to = frame_end(events, from, budget, is_plain);
        let text = events.text(from, to);
        let first = events.first().previous().get();
        let last = Sequence::new(first.saturating_add(to as u64));
        let span = (!is_plain).then_some((reader.position, last));
        connection.give(id, encode_events(repository, span, None, text), out);
        reader.position = last;
        from = to;
    }
}

/// Whether a page is what was asked for; anything else is the store's fault.
fn is_page(page: &Page, target: &Target) -> bool {
    match target {
        Target::Stream { after, .. } | Target::Request { after } => {
            page.events.is_empty() || page.events.first() == after.next()
        }
        Target::List => false,
        Target::Abandoned => true,
    }
}

/// A store that looked for the head before it read may have read more than that.
fn with_whole_head(mut page: Page) -> Page {
    if !page.events.is_empty() {
        page.head = page.head.max(page.events.last());
    }
    page
}

/// Whether the event that a client has seen is the first of the page that was read to check it.
fn shows(page: &Page, sequence: Sequence, id: &EventId) -> bool {
    let event = page.events.event(0).filter(|event| event.sequence == sequence);
    let text = event.and_then(|event| Json::parse(event.text).ok());
    text.is_some_and(|text| Envelope::read(&text).is_ok_and(|envelope| *envelope.id == **id))
}
