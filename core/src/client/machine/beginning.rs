//! Where this client's history of a filtered repository begins, as the application says.
//!
//! A filter chooses one place in the log. From there on everything is read, in order, and the rules of the cursor are
//! those of every repository: the beginning is a page without events that moves the cursor from 0 to there.

use super::inbox::{Incoming, Run};
use super::receive::ReadEvents;
use super::repository::{Reading, Repository};
use super::{Client, ClientAction, FilterId, Out, SyncFilter, Timer, find};
use crate::event::{Json, Sequence};
use crate::wire::{ClientMessage, ClientRequest, ErrorCode, RequestEvents, ServerError};
use alloc::format;

/// How far the beginning of a repository is known, on this connection.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) enum Beginning {
    /// The application has to be asked.
    #[default]
    Unknown,
    /// The application builds a filter.
    Building(FilterId),
    /// The server was asked, with this `ref`, for the first event that the filter lets through; its sequence, once it
    /// came.
    Asked(u64, Option<Sequence>),
    /// The cursor moves there.
    Moving,
    /// It is where the cursor stands.
    Known,
}

impl Repository {
    /// Whether the application has to give its filter before it is read.
    fn wants_filter(&self) -> bool {
        self.filtered && self.beginning == Beginning::Unknown && self.stream.reading == Reading::Wanted
    }

    /// Whether nothing was read since its history began at a place that a filter chose.
    pub(super) fn has_only_begun(&self) -> bool {
        self.filtered && self.cursor.seen.is_none() && self.cursor.after > Sequence::ZERO
    }

    fn is_asked(&self, reference: u64) -> bool {
        matches!(self.beginning, Beginning::Asked(asked, _) if asked == reference)
    }
}

impl Client {
    /// Asks the application for the filters of repositories that are about to be read. Others go on meanwhile.
    pub(super) fn ask_for_filters(&mut self, out: &mut Out) {
        if !self.link.is_online() {
            return;
        }
        for repository in self
            .repositories
            .iter_mut()
            .filter(|repository| repository.wants_filter())
        {
            self.last_filter += 1;
            let filter = FilterId(self.last_filter);
            repository.beginning = Beginning::Building(filter);
            repository.stream.reading = Reading::Beginning;
            out.push(ClientAction::BuildFilter {
                filter,
                repository: repository.name.clone(),
            });
        }
    }

    pub(super) fn on_filter_built(&mut self, filter: FilterId, result: Option<SyncFilter>, out: &mut Out) {
        let is_it = |repository: &Repository| repository.beginning == Beginning::Building(filter);
        let Some(index) = self.repositories.iter().position(is_it) else {
            self.ignored += 1;
            return;
        };
        let SyncFilter { after, since, fields } = result.unwrap_or_default();
        let repository = &mut self.repositories[index];
        repository.fields = fields;
        if repository.cursor.after > Sequence::ZERO {
            repository.beginning = Beginning::Known;
            repository.stream.reading = Reading::Wanted;
            return;
        }
        // A plain server's answer could not be told from a live event, and the published one ignores `since`.
        if since.is_none() || self.link.is_plain() {
            self.begin_at(index, after.unwrap_or_default());
            return;
        }
        self.last_reference += 1;
        let repository = &mut self.repositories[index];
        repository.beginning = Beginning::Asked(self.last_reference, None);
        let request = ClientRequest {
            reference: Some(Json::trusted(format!("{}", self.last_reference).into())),
            message: ClientMessage::RequestEvents(RequestEvents {
                repository: repository.name.clone(),
                after,
                since,
                limit: Some(1),
                fields: repository.fields.clone(),
            }),
        };
        self.send_frame(request.encode(), out);
    }

    /// Events that answer the question for the first one; whether they do.
    pub(super) fn on_first_event(&mut self, events: &ReadEvents, reference: Option<u64>) -> bool {
        let Some((index, reference)) = self.asked(&events.message.repository, reference) else {
            return false;
        };
        let first = events.events.first().and_then(|event| event.sequence);
        self.repositories[index].beginning = Beginning::Asked(reference, first);
        true
    }

    /// The end of the answer to the question for the first event; whether it is. Where there is none, the history begins
    /// at the head.
    pub(super) fn on_first_complete(
        &mut self,
        repository: &str,
        head: Option<Sequence>,
        reference: Option<u64>,
    ) -> bool {
        let Some((index, _)) = self.asked(repository, reference) else {
            return false;
        };
        let before = |first: Sequence| Sequence::new(first.get().saturating_sub(1));
        let after = match self.repositories[index].beginning {
            Beginning::Asked(_, Some(first)) => before(first),
            _ => head.unwrap_or_default(),
        };
        self.begin_at(index, after);
        true
    }

    /// The question for the first event is refused; whether it was one. For now: the application is asked again later.
    pub(super) fn on_first_refused(&mut self, error: &ServerError, reference: u64) -> bool {
        let is_it = |repository: &Repository| repository.is_asked(reference);
        let Some(index) = self.repositories.iter().position(is_it) else {
            return false;
        };
        let code = error.code.map(ErrorCode::retryable);
        let repository = &mut self.repositories[index];
        repository.beginning = Beginning::Unknown;
        if error.retryable.or(code).unwrap_or(false) {
            repository.stream.reading = Reading::Idle;
            self.set_timer(Timer::Pull(index), self.config.timing.retry_delay);
        } else {
            repository.stream.reading = Reading::Refused;
        }
        true
    }

    fn asked(&self, repository: &str, reference: Option<u64>) -> Option<(usize, u64)> {
        let (index, reference) = (find(&self.repositories, repository).ok()?, reference?);
        self.repositories[index]
            .is_asked(reference)
            .then_some((index, reference))
    }

    fn begin_at(&mut self, index: usize, after: Sequence) {
        let repository = &mut self.repositories[index];
        if after == Sequence::ZERO {
            repository.beginning = Beginning::Known;
            repository.stream.reading = Reading::Wanted;
            return;
        }
        repository.beginning = Beginning::Moving;
        self.inbox.push(Incoming::Run(Run {
            repository: index,
            events: alloc::vec::Vec::new(),
            last: Some(after),
            bytes: 0,
        }));
    }

    /// A page of a repository is durable: it may have been the one that moves the cursor to the beginning.
    pub(super) fn note_beginning(&mut self, index: usize) {
        let repository = &mut self.repositories[index];
        if repository.beginning == Beginning::Moving && repository.cursor.after > Sequence::ZERO {
            repository.beginning = Beginning::Known;
            repository.stream.reading = Reading::Wanted;
        }
    }
}
