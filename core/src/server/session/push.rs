//! Events on their way to the hub.

use super::reply::error;
use super::{Session, SessionAction};
use crate::event::{EventId, Json, NewEvent, event_id};
use crate::machine::Actions;
use crate::name::{LogName, NameError, RepositoryName};
use crate::server::{HubRequest, PushId};
use crate::wire::{ErrorCode, ServerError, encode_ack};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// A push that the hub has not answered.
#[derive(Clone, Debug)]
pub(super) struct PendingPush {
    pub(super) reference: Option<Json>,
    pub(super) repository: RepositoryName,
    pub(super) bytes: usize,
    /// What the session has rejected.
    pub(super) rejected: Vec<Rejected>,
    /// The places of the others in the batch; empty if nothing was rejected.
    pub(super) indexes: Vec<usize>,
}

/// An event that can never be stored.
#[derive(Clone, Debug)]
pub(super) struct Rejected {
    pub(super) index: usize,
    pub(super) id: Option<EventId>,
    pub(super) code: ErrorCode,
    pub(super) message: String,
}

impl Session {
    /// Validates a push and gives the hub what is valid. Before any of it is stored, all of it is looked at.
    pub(super) fn push(
        &mut self,
        reference: Option<Json>,
        repository: &str,
        events: &[Json],
        out: &mut Actions<SessionAction>,
    ) {
        let name = match self.writable(repository) {
            Ok(name) => name,
            Err(error) => {
                let error = self.naming_all(error, repository, events);
                if let Ok(name) = self.named(repository) {
                    self.release(name, error.event_ids.clone(), out);
                }
                return self.send_error(reference, error, out);
            }
        };
        let most = self.config.limits.batch_events;
        if events.len() > most {
            // The events themselves are not at fault, so they are not named.
            let message = format!("The batch has more than {most} events; send it in parts.");
            let error = error(ErrorCode::BatchTooLarge, message);
            let repository = Some(repository.into());
            return self.send_error(reference, ServerError { repository, ..error }, out);
        }
        let (valid, push) = self.validate(reference, name, events);
        let rejected = push.rejected.iter().filter_map(|event| event.id.clone());
        self.release(push.repository.clone(), rejected.collect(), out);
        if !valid.is_empty() {
            self.send_to_hub(push, valid, out);
        } else if events.is_empty() {
            let frame = encode_ack(repository, [], push.reference.as_ref());
            self.send_frame(frame, out);
        } else {
            self.reply(push, &[], out);
        }
    }

    /// The repository, if it is one and the peer may write it.
    fn writable(&mut self, repository: &str) -> Result<RepositoryName, ServerError> {
        let named = self.named(repository);
        let name = named.map_err(|fault| error(ErrorCode::InvalidRepository, fault.to_string()))?;
        let may_write =
            |name: &RepositoryName| self.login.as_ref().is_some_and(|login| login.rights.write.allows(name));
        if may_write(&name) {
            return Ok(name);
        }
        let message = "The credentials do not allow the repository to be written.";
        Err(error(ErrorCode::Forbidden, message))
    }

    /// The name, without a new allocation if it is the one that came last.
    fn named(&mut self, repository: &str) -> Result<RepositoryName, NameError> {
        match &self.last_repository {
            Some(last) if **last == *repository => Ok(last.clone()),
            _ => {
                let name = RepositoryName::new(repository)?;
                self.last_repository = Some(name.clone());
                Ok(name)
            }
        }
    }

    /// Parts the events that can be stored from those that can not.
    fn validate(
        &self,
        reference: Option<Json>,
        repository: RepositoryName,
        events: &[Json],
    ) -> (Vec<NewEvent>, PendingPush) {
        let mut valid = Vec::with_capacity(events.len());
        let mut push = PendingPush {
            reference,
            repository,
            bytes: 0,
            rejected: Vec::new(),
            indexes: Vec::new(),
        };
        for (index, event) in events.iter().enumerate() {
            match self.check(event) {
                Ok(new) => {
                    if !push.rejected.is_empty() {
                        push.indexes.push(index);
                    }
                    push.bytes += new.body.len();
                    valid.push(new);
                }
                Err((code, message)) => {
                    if push.rejected.is_empty() {
                        push.indexes.extend(0..index);
                    }
                    let id = event_id(event);
                    push.rejected.push(Rejected {
                        index,
                        id,
                        code,
                        message,
                    });
                }
            }
        }
        (valid, push)
    }

    fn check(&self, event: &Json) -> Result<NewEvent, (ErrorCode, String)> {
        let most = self.config.limits.event_bytes;
        if event.len() > most {
            let message = format!("The event is larger than {most} bytes.");
            return Err((ErrorCode::EventTooLarge, message));
        }
        NewEvent::read(event).map_err(|fault| (ErrorCode::InvalidEvent, fault.to_string()))
    }

    fn send_to_hub(&mut self, push: PendingPush, events: Vec<NewEvent>, out: &mut Actions<SessionAction>) {
        self.last_push += 1;
        let id = PushId(self.last_push);
        let log = self.log(push.repository.clone());
        self.push_bytes += push.bytes;
        self.pushes.insert(id, push);
        out.push(SessionAction::Hub(HubRequest::Push { push: id, log, events }));
    }

    fn log(&self, repository: RepositoryName) -> LogName {
        LogName {
            namespace: self.namespace.clone(),
            repository,
        }
    }

    /// Lets the hub not wait for events that are refused for good: their client takes them for answered, and what comes
    /// behind them is next.
    fn release(&self, repository: RepositoryName, events: Vec<EventId>, out: &mut Actions<SessionAction>) {
        if !events.is_empty() {
            let log = self.log(repository);
            out.push(SessionAction::Hub(HubRequest::Release { log, events }));
        }
    }

    /// Lets the hub refuse what comes behind the first event of a refused push, until that event comes again.
    pub(super) fn hold_first(&mut self, repository: &str, events: &[Json], out: &mut Actions<SessionAction>) {
        let first = events.iter().find_map(|event| self.check(event).ok());
        if let Some(first) = first
            && let Ok(name) = self.writable(repository)
        {
            let log = self.log(name);
            let event = first.id.detached();
            out.push(SessionAction::Hub(HubRequest::Hold { log, event }));
        }
    }
}
