//! Read requests, one at a time for each connection, in order. A plain peer's request also moves its stream: live goes
//! on behind what was answered.

use super::answer::{Answer, Step};
use super::catch_up::{Progress, give_run};
use super::connection::{Connection, Target, Work};
use super::frame::sync_complete;
use super::log::{Reader, ReaderState};
use super::{Hub, HubAction};
use crate::event::{EventBatch, Json, Sequence};
use crate::machine::Actions;
use crate::name::RepositoryName;
use crate::server::{
    ConnectionId, Failure, HubReply, Page, PageRequest, Peer, Read, ReadId, RequestKind, StoreFailure,
};
use crate::wire::ErrorCode;
use alloc::collections::VecDeque;
use alloc::sync::Arc;
use alloc::vec::{self, Vec};

/// A read request.
#[derive(Clone, Debug)]
pub(super) struct Request {
    reference: Option<Json>,
    limit: Option<u64>,
    scope: Scope,
    /// The answer under way.
    answer: Option<Answer>,
    /// Whether the `limit` has cut an answer.
    is_cut: bool,
}

/// What a request asks for.
#[derive(Clone, Debug)]
enum Scope {
    /// The repository of `answer`.
    One,
    /// Every repository, which are not known yet.
    All,
    /// Every repository; these are left.
    Listed(vec::IntoIter<RepositoryName>),
}

/// What a request needs next.
enum Next {
    List,
    Page(PageRequest),
    Finish,
}

impl Request {
    fn new(read: Read) -> Self {
        let (scope, answer) = match read.kind {
            RequestKind::One {
                repository,
                after,
                since,
            } => (Scope::One, Some(Answer::new(repository, after, since, read.limit))),
            RequestKind::All => (Scope::All, None),
        };
        Self {
            reference: read.reference,
            limit: read.limit,
            scope,
            answer,
            is_cut: false,
        }
    }

    /// Moves on to the next readable repository, if the last one is done with.
    fn next_answer(&mut self, connection: &Connection) {
        if self.answer.is_none()
            && let Scope::Listed(names) = &mut self.scope
        {
            let name = names.find(|name| connection.may_read(name));
            self.answer = name.map(|name| Answer::new(name, Sequence::ZERO, None, self.limit));
        }
    }

    /// The one repository that it asks for.
    fn repository(&self) -> Option<&RepositoryName> {
        let answer = self.answer.as_ref().filter(|_| matches!(self.scope, Scope::One));
        answer.map(|answer| &answer.repository)
    }

    fn complete(&self) -> bytestring::ByteString {
        let position = self.answer.as_ref().map(|answer| answer.position);
        sync_complete(self.repository(), position, self.is_cut, self.reference.clone())
    }
}

impl Hub {
    /// Queues a request.
    pub(super) fn read_requested(&mut self, id: ConnectionId, read: Read, out: &mut Actions<HubAction>) {
        let most = self.config.limits.requests.saturating_mul(2).max(1);
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if connection.rights.is_none() {
            return;
        }
        // The session stops reading at the limit; what was read already is served, and more than that is refused.
        if connection.requests.len() >= most {
            let message = "The connection has too many unanswered requests.";
            return fail(id, &Request::new(read), ErrorCode::RateLimited, message, out);
        }
        connection.requests.push_back(Request::new(read));
        if connection.requests.len() == 1 {
            connection.work.insert(Work::Request);
        }
        self.pump(id, out);
    }

    /// Does what the first request needs next.
    pub(super) fn advance_request(&mut self, id: ConnectionId, budget: usize, out: &mut Actions<HubAction>) {
        self.start_answer(id);
        let Some(connection) = self.connections.get(&id) else {
            return;
        };
        let Some(request) = connection.requests.front() else {
            return;
        };
        let next = match (&request.answer, &request.scope) {
            (Some(answer), _) => Next::Page(PageRequest {
                log: connection.log(&answer.repository),
                after: answer.position,
                max_events: answer.page_events(&self.config.limits),
                max_bytes: budget,
            }),
            (None, Scope::All) => Next::List,
            (None, Scope::One | Scope::Listed(_)) => Next::Finish,
        };
        match next {
            Next::Page(page) => self.read_page(id, Target::Request { after: page.after }, page, out),
            Next::List => {
                let namespace = connection.namespace.clone();
                let read = self.start_read(id, Target::List);
                out.push(HubAction::ListRepositories { read, namespace });
            }
            Next::Finish => self.finish_request(id, out),
        }
    }

    /// Makes a plain peer's reader wait for the answer that begins. Where it has as many readers as it may have, no
    /// reader goes on behind the answer.
    fn start_answer(&mut self, id: ConnectionId) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let Some(mut request) = connection.requests.pop_front() else {
            return;
        };
        request.next_answer(connection);
        let started = request.answer.as_mut().filter(|answer| !answer.is_started);
        let started = started.map(|answer| {
            answer.is_started = true;
            (answer.repository.clone(), answer.position)
        });
        connection.requests.push_front(request);
        let Some((repository, position)) = started.filter(|_| connection.peer == Peer::Plain) else {
            return;
        };
        connection.forget_turns(&repository);
        let has_room = connection.repositories.len() < self.config.limits.streams;
        match self.logs.reader(&connection.namespace, &repository, id) {
            Some((reader, _)) => reader.state = ReaderState::Answering,
            None if has_room => self.add_reader(id, &repository, Reader::new(position, ReaderState::Answering)),
            None => {}
        }
    }

    /// The store has listed the repositories.
    pub(super) fn repositories_listed(
        &mut self,
        read: ReadId,
        result: Result<Vec<RepositoryName>, StoreFailure>,
        out: &mut Actions<HubAction>,
    ) {
        let Some((id, target)) = self.finish_read(read) else {
            return;
        };
        match result {
            Ok(names) if target == Target::List => {
                if let Some(connection) = self.connections.get_mut(&id)
                    && let Some(request) = connection.requests.front_mut()
                {
                    request.scope = Scope::Listed(names.into_iter());
                    connection.failures = 0;
                    connection.work.insert(Work::Request);
                }
            }
            Ok(_) if target == Target::Abandoned => {}
            Ok(_) | Err(_) => self.read_failed(id, target, out),
        }
        self.pump(id, out);
    }

    /// Gives the first request a page.
    pub(super) fn request_page(&mut self, id: ConnectionId, page: &Page, out: &mut Actions<HubAction>) -> Progress {
        let Some(connection) = self.connections.get_mut(&id) else {
            return Progress::Some;
        };
        let Some(mut request) = connection.requests.pop_front() else {
            return Progress::Some;
        };
        let Some(answer) = &mut request.answer else {
            return Progress::Some;
        };
        let before = answer.position;
        let is_above = answer.goal.is_none() && answer.position > page.head;
        let reader = self.logs.reader(&connection.namespace, &answer.repository, id);
        if is_above && reader.is_some_and(|(_, head)| head >= before) {
            // The store does not show yet what it has reported.
            connection.requests.push_front(request);
            connection.work.insert(Work::Request);
            return Progress::None;
        }
        let step = if is_above && connection.peer == Peer::Plain {
            // It has another history: it gets this one whole.
            answer.position = Sequence::ZERO;
            Step::Unfinished
        } else {
            answer.goal.get_or_insert(page.head);
            answer.position = if is_above { page.head } else { before };
            let reference = request.reference.as_ref();
            answer.give(&self.config.limits, (id, connection), reference, &page.events, out)
        };
        let is_stuck = answer.position == before && page.events.last() <= before;
        connection.requests.push_front(request);
        match step {
            Step::Finished { is_cut } => self.finish_answer(id, is_cut, out),
            Step::Unfinished => {
                connection.work.insert(Work::Request);
                if is_stuck {
                    return Progress::None;
                }
            }
        }
        Progress::Some
    }

    /// The first request is answered for one repository.
    fn finish_answer(&mut self, id: ConnectionId, is_cut: bool, out: &mut Actions<HubAction>) {
        let until = self.after(self.config.limits.plain_hold);
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let Some(request) = connection.requests.front_mut() else {
            return;
        };
        request.is_cut |= is_cut;
        let is_one = matches!(request.scope, Scope::One);
        let answered = request
            .answer
            .as_ref()
            .map(|answer| (answer.repository.clone(), answer.position));
        if !is_one {
            request.answer = None;
            connection.work.insert(Work::Request);
        }
        let mut behind = None;
        if let Some((repository, position)) = answered
            && let Some((reader, _)) = self.logs.reader(&connection.namespace, &repository, id)
            && connection.peer == Peer::Plain
        {
            reader.position = position;
            let missed = reader.take_missed();
            if is_cut {
                reader.state = ReaderState::Held;
                self.hold_until(id, &repository, until);
            } else {
                reader.state = ReaderState::CatchingUp;
                behind = Some((repository, missed));
            }
        }
        if is_one {
            self.finish_request(id, out);
        }
        if let Some((repository, missed)) = behind {
            self.go_on_live(id, &repository, &missed, out);
        }
    }

    /// A plain peer's reader goes on behind an answer: with what was committed while the last page was read.
    fn go_on_live(
        &mut self,
        id: ConnectionId,
        repository: &RepositoryName,
        missed: &VecDeque<Arc<EventBatch>>,
        out: &mut Actions<HubAction>,
    ) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let Some((reader, head)) = self.logs.reader(&connection.namespace, repository, id) else {
            return;
        };
        for run in missed {
            give_run(&self.config.limits, id, connection, repository, reader, run, out);
        }
        if reader.position < head {
            connection.work.insert(Work::Stream(repository.clone()));
        } else {
            reader.state = ReaderState::Live;
        }
    }

    /// The first request is answered.
    fn finish_request(&mut self, id: ConnectionId, out: &mut Actions<HubAction>) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let Some(request) = connection.requests.pop_front() else {
            return;
        };
        if matches!(request.scope, Scope::Listed(_)) {
            connection.has_all = true;
        }
        connection.give(id, request.complete(), out);
        self.request_done(id, out);
        self.next_request(id, out);
    }

    /// Turns to the next request, or lets the held readers of a plain peer go if there is none.
    fn next_request(&mut self, id: ConnectionId, out: &mut Actions<HubAction>) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if connection.requests.is_empty() {
            connection.work.remove(&Work::Request);
            self.release_due(id, out);
        } else {
            connection.work.insert(Work::Request);
        }
    }

    /// The store has failed an extended peer's first request.
    pub(super) fn fail_request(&mut self, id: ConnectionId, out: &mut Actions<HubAction>) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        if let Some(request) = connection.requests.pop_front() {
            let message = "The store is not available.";
            fail(id, &request, ErrorCode::StoreUnavailable, message, out);
            self.next_request(id, out);
        }
    }

    /// Ends the requests that the rights do not cover any more.
    pub(super) fn narrow_requests(&mut self, id: ConnectionId, out: &mut Actions<HubAction>) {
        let Some(connection) = self.connections.get_mut(&id) else {
            return;
        };
        let is_covered = |request: &Request| {
            let answer = request.answer.as_ref();
            answer.is_none_or(|answer| connection.may_read(&answer.repository))
        };
        if connection.requests.iter().all(is_covered) {
            return;
        }
        let requests: Vec<_> = connection.requests.drain(..).collect();
        for (index, mut request) in requests.into_iter().enumerate() {
            let lost = request
                .answer
                .as_ref()
                .is_some_and(|answer| !connection.may_read(&answer.repository));
            if lost && index == 0 {
                connection.abandon(|target| matches!(target, Target::Request { .. }));
            }
            if lost && matches!(request.scope, Scope::One) {
                let message = "The new credentials do not allow the repository to be read.";
                fail(id, &request, ErrorCode::Forbidden, message, out);
                continue;
            }
            if lost {
                request.answer = None;
            }
            connection.requests.push_back(request);
        }
        let under_way = |target: &Target| matches!(target, Target::Request { .. } | Target::List);
        if !connection
            .reading
            .as_ref()
            .is_some_and(|reading| under_way(&reading.target))
        {
            self.next_request(id, out);
        }
    }
}

/// Answers a request with an error.
fn fail(id: ConnectionId, request: &Request, code: ErrorCode, message: &'static str, out: &mut Actions<HubAction>) {
    let failure = Failure {
        reference: request.reference.clone(),
        repository: request.repository().cloned(),
        code,
        message,
    };
    for reply in [HubReply::Failed(failure), HubReply::ReadDone] {
        out.push(HubAction::Reply { connection: id, reply });
    }
}
