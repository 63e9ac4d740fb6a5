//! Reading from an extended server: one subscription, one ordered stream for each repository.

use super::beginning::Beginning;
use super::connection::trouble;
use super::inbox::{Incoming, Run};
use super::receive::ReadEvents;
use super::repository::{Reading, Repository, Restart, find};
use super::{Client, ClientAction, Notice, Out, Timer};
use crate::event::{Event, Json, Sequence};
use crate::wire::{ClientMessage, ClientRequest, CloseCode, Position, ServerError, Subscribe};
use alloc::format;
use alloc::vec::Vec;

/// Bytes of a `subscribe` beside the positions: more than its type, a `ref` and the longest epoch take, escaped.
const SUBSCRIBE_OVERHEAD: u64 = 1_024;
/// Bytes of a position beside the repository's name and the event's id.
const POSITION_OVERHEAD: u64 = 96;
/// The most bytes that a byte of text becomes in JSON.
const BYTES_ESCAPED: usize = 6;

impl Client {
    /// The connection is authenticated: looks at whose history and rights it has, and wants every stream.
    pub(super) fn start_streams(&mut self, first: bool) {
        let server = self.link.server.clone();
        for index in 0..self.repositories.len() {
            let cursor = &self.repositories[index].cursor;
            let differs = |known: Option<&str>, now: Option<&str>| known.is_some() && now.is_some() && known != now;
            let epoch = server.as_ref().map(|server| server.epoch.as_str());
            let scope = server.as_ref().map(|server| server.scope.as_str());
            if differs(cursor.epoch.as_ref().map(crate::wire::Epoch::as_str), epoch) {
                self.want_restart(index, Restart::History);
            } else if differs(cursor.scope.as_deref(), scope) {
                self.want_restart(index, Restart::Asked);
            }
            let repository = &mut self.repositories[index];
            let unknown = repository.cursor.epoch.is_none() || repository.cursor.scope.is_none();
            repository.adopt = server.is_some() && unknown;
            repository.beginning = Beginning::default();
            if repository.restart.is_none() {
                repository.stream.reading = Reading::Wanted;
                repository.plain.stop_pull();
            }
        }
        if !first {
            self.inbox.clear();
        }
    }

    /// Asks for the streams that are wanted, in as few messages as the server reads. Waits until the page under way is
    /// applied, because it moves a cursor.
    pub(super) fn subscribe(&mut self, out: &mut Out) {
        let Some(server) = self.link.server.as_ref().filter(|_| self.link.is_online()) else {
            return;
        };
        let is_wanted = |repository: &Repository| repository.stream.reading == Reading::Wanted;
        if self.jobs.is_applying() || !self.repositories.iter().any(is_wanted) {
            return;
        }
        let (epoch, max_bytes) = (server.epoch.clone(), server.limits.frame_bytes);
        let (mut messages, mut bytes) = (Vec::new(), 0);
        for repository in self.repositories.iter_mut().filter(|repository| is_wanted(repository)) {
            let position_bytes = position_bytes(repository);
            bytes += position_bytes;
            if messages.is_empty() || bytes > max_bytes {
                bytes = SUBSCRIBE_OVERHEAD + position_bytes;
                self.last_reference += 1;
                messages.push((self.last_reference, Vec::new()));
            }
            let stream = &mut repository.stream;
            stream.overlaps = stream.reference > 0;
            stream.moving = stream.overlaps;
            stream.reference = self.last_reference;
            stream.position = repository.cursor.after;
            stream.reading = Reading::Catching;
            let position = Position {
                after: repository.cursor.after,
                seen: repository.cursor.seen.clone(),
                fields: repository.fields.clone(),
            };
            if let Some((_, positions)) = messages.last_mut() {
                positions.push((repository.name.clone(), position));
            }
        }
        for (reference, positions) in messages {
            let message = ClientMessage::Subscribe(Subscribe {
                epoch: Some(epoch.clone()),
                repositories: positions,
            });
            let reference = Json::trusted(format!("{reference}").into());
            let request = ClientRequest {
                reference: Some(reference),
                message,
            };
            self.send_frame(request.encode(), out);
        }
    }

    /// A frame of a stream. One that does not continue it ends the connection: going on would leave a gap.
    pub(super) fn on_stream(&mut self, received: ReadEvents, out: &mut Out) {
        let message = &received.message;
        let Ok(index) = find(&self.repositories, &message.repository) else {
            return;
        };
        let stream = &self.repositories[index].stream;
        if !matches!(stream.reading, Reading::Catching | Reading::Current) {
            return;
        }
        let (Some(after), Some(last)) = (message.after, message.last) else {
            self.lose(
                CloseCode::PROTOCOL_MISUSE,
                "a frame of a stream says after and last sequence",
                out,
            );
            return;
        };
        if stream.moving && after != stream.position {
            return;
        }
        let fits = after == stream.position || (stream.overlaps && after < stream.position);
        for error in &received.unreadable {
            // It is left out: nothing would ever make it readable.
            trouble(format!("an event of the server cannot be read: {error}"), out);
        }
        let mut run = received.events;
        if !fits || !ascends(&run, after, last) {
            self.lose(CloseCode::PROTOCOL_MISUSE, "a frame does not continue the stream", out);
            return;
        }
        let stream = &mut self.repositories[index].stream;
        stream.moving = false;
        if last > stream.position {
            run.retain(|event| event.sequence > Some(stream.position));
            stream.position = last;
            self.inbox.push(Incoming::Run(Run {
                repository: index,
                events: run,
                last: Some(last),
                bytes: received.bytes,
            }));
        }
    }

    /// The stream of a repository has reached the head.
    pub(super) fn on_stream_complete(&mut self, repository: &str, reference: Option<u64>) {
        let Ok(index) = find(&self.repositories, repository) else {
            return;
        };
        let stream = &mut self.repositories[index].stream;
        let is_reply = match reference {
            Some(reference) => reference == stream.reference,
            None => !stream.moving,
        };
        if is_reply && stream.reading == Reading::Catching {
            stream.moving = false;
            self.inbox.push(Incoming::Complete { repository: index });
        }
    }

    pub(super) fn on_history_changed(&mut self, repository: &str) {
        let Ok(index) = find(&self.repositories, repository) else {
            return;
        };
        let repository = &self.repositories[index];
        // A new fold that is about to begin for another reason asks from 0, and is not told of the history again.
        if repository.stream.reading == Reading::Idle && repository.restart.is_none() {
            return;
        }
        // A beginning beyond the head is not another history; the filter would choose it again.
        let has_only_begun = repository.has_only_begun();
        let why = if has_only_begun {
            Restart::Asked
        } else {
            Restart::History
        };
        self.want_restart(index, why);
        if has_only_begun {
            self.repositories[index].beginning = Beginning::Known;
        }
    }

    /// A subscription was refused: later it is tried again; for good, the repository cannot be read and holds nothing
    /// else up.
    pub(super) fn on_subscribe_refused(&mut self, error: ServerError, reference: u64, out: &mut Out) {
        if self.on_first_refused(&error, reference) {
            trouble(error.message, out);
            return;
        }
        let named = error.repository.as_deref();
        let retryable = error
            .retryable
            .or(error.code.map(crate::wire::ErrorCode::retryable))
            .unwrap_or(false);
        for index in 0..self.repositories.len() {
            let repository = &mut self.repositories[index];
            let concerned = named.is_none_or(|name| name == &*repository.name);
            if !concerned || repository.stream.reference != reference || repository.stream.reading != Reading::Catching
            {
                continue;
            }
            repository.stream.reading = if retryable { Reading::Idle } else { Reading::Refused };
            if retryable {
                self.set_timer(Timer::Pull(index), self.config.timing.retry_delay);
            }
        }
        out.push(ClientAction::Notify(Notice::Trouble { message: error.message }));
    }

    /// A refused stream is tried again.
    pub(super) fn on_pull_timer(&mut self, index: usize) {
        let repository = &mut self.repositories[index];
        if repository.stream.reading == Reading::Idle && repository.restart.is_none() {
            repository.stream.reading = Reading::Wanted;
        }
        repository.plain.retry();
    }
}

/// At least as many bytes as a repository's position takes in a `subscribe`.
fn position_bytes(repository: &Repository) -> u64 {
    let id = repository.cursor.seen.as_ref().map_or(0, |(_, id)| id.len());
    let own = repository
        .fields
        .iter()
        .map(|(name, value)| name.len() + value.len() + 4);
    (BYTES_ESCAPED * (repository.name.len() + id + own.sum::<usize>())) as u64 + POSITION_OVERHEAD
}

/// Whether the sequences of a frame's events ascend from `after` to `last`.
fn ascends(events: &[Event], after: Sequence, last: Sequence) -> bool {
    let mut position = Some(after);
    let ascend = events.iter().all(|event| {
        let before = core::mem::replace(&mut position, event.sequence);
        event.sequence > before
    });
    ascend && position <= Some(last) && after <= last
}
