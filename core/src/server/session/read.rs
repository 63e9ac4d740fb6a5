//! Requests and subscriptions on their way to the hub.

use super::reply::error;
use super::{Session, SessionAction};
use crate::event::{Json, Sequence};
use crate::machine::Actions;
use crate::name::RepositoryName;
use crate::server::{HubRequest, Read, RequestKind, Subscription};
use crate::wire::{ErrorCode, RequestEvents, ServerError, Subscribe};
use bytestring::ByteString;

impl Session {
    /// A `request_events`.
    pub(super) fn read_one(
        &mut self,
        reference: Option<Json>,
        request: RequestEvents,
        out: &mut Actions<SessionAction>,
    ) {
        if !self.may_read(&request.repository) {
            return self.forbid_reading(reference, &request.repository, out);
        }
        let kind = RequestKind::One {
            repository: request.repository,
            after: request.after.unwrap_or(Sequence::ZERO),
            since: request.since,
        };
        let limit = request.limit;
        self.ask(Read { reference, kind, limit }, out);
    }

    /// A `request_all_events`. With a repository it is a `request_events` of all of it.
    pub(super) fn read_all(
        &mut self,
        reference: Option<Json>,
        repository: Option<RepositoryName>,
        limit: Option<u64>,
        out: &mut Actions<SessionAction>,
    ) {
        let Some(repository) = repository else {
            let kind = RequestKind::All;
            return self.ask(Read { reference, kind, limit }, out);
        };
        let request = RequestEvents {
            repository,
            after: None,
            since: None,
            limit,
            fields: alloc::vec::Vec::new(),
        };
        self.read_one(reference, request, out);
    }

    fn ask(&mut self, read: Read, out: &mut Actions<SessionAction>) {
        self.requests += 1;
        out.push(SessionAction::Hub(HubRequest::Read(read)));
    }

    /// A `subscribe`: the streams that are allowed start, each of the others gets its error.
    pub(super) fn subscribe(
        &mut self,
        reference: Option<Json>,
        subscribe: Subscribe,
        out: &mut Actions<SessionAction>,
    ) {
        let (allowed, forbidden) = subscribe
            .repositories
            .into_iter()
            .partition(|(repository, _)| self.may_read(repository));
        let forbidden: alloc::vec::Vec<_> = forbidden;
        for (repository, _) in &forbidden {
            self.forbid_reading(reference.clone(), repository, out);
        }
        let subscription = Subscription {
            reference,
            epoch: subscribe.epoch,
            repositories: allowed,
        };
        if !subscription.repositories.is_empty() {
            self.requests += 1;
            out.push(SessionAction::Hub(HubRequest::Subscribe(subscription)));
        }
    }

    fn may_read(&self, repository: &RepositoryName) -> bool {
        self.login
            .as_ref()
            .is_some_and(|login| login.rights.read.allows(repository))
    }

    fn forbid_reading(
        &mut self,
        reference: Option<Json>,
        repository: &RepositoryName,
        out: &mut Actions<SessionAction>,
    ) {
        let message = "The credentials do not allow the repository to be read.";
        let error = ServerError {
            repository: Some(ByteString::from(&**repository)),
            ..error(ErrorCode::Forbidden, message)
        };
        self.send_error(reference, error, out);
    }
}
