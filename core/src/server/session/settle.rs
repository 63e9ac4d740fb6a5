//! The replies to a push: one `ack` of what is durable, one `error` of what can never be stored, one of what has to be
//! sent again.

use super::push::{PendingPush, Rejected};
use super::reply::{error, naming};
use super::{Session, SessionAction};
use crate::event::Sequence;
use crate::machine::Actions;
use crate::server::{Peer, PushId, PushResult, Refusal};
use crate::wire::{ErrorCode, encode_ack};
use alloc::vec::Vec;

impl Session {
    /// The hub is done with a push.
    pub(super) fn pushed(&mut self, push: PushId, results: &[PushResult], out: &mut Actions<SessionAction>) {
        let Some(push) = self.pushes.remove(&push) else {
            self.ignored += 1;
            return;
        };
        self.push_bytes -= push.bytes;
        self.reply(push, results, out);
        self.stop_if_done(out);
    }

    /// Answers a push: `ack` first.
    pub(super) fn reply(&mut self, mut push: PendingPush, results: &[PushResult], out: &mut Actions<SessionAction>) {
        let peer = self.peer;
        let acked = results
            .iter()
            .filter_map(move |result| Some((&result.id, place(result, peer)?)));
        if acked.clone().next().is_some() {
            let frame = encode_ack(&push.repository, acked, push.reference.as_ref());
            self.send_frame(frame, out);
            self.refusals = 0;
        }
        let mut retry = Vec::new();
        if results.iter().any(|result| place(result, peer).is_none()) {
            retry = push.take_refused(results, peer);
        }
        let rejected = core::mem::take(&mut push.rejected);
        self.send_refusals(&push, &rejected, out);
        self.send_refusals(&push, &retry, out);
        if let Some(first) = retry.first() {
            self.count_refusal(first.code, out);
        }
    }

    /// One `error` that names all these events, with the code of the first.
    fn send_refusals(&mut self, push: &PendingPush, refused: &[Rejected], out: &mut Actions<SessionAction>) {
        if let Some(first) = refused.first() {
            let events = refused.iter().map(|event| (event.index as u64, event.id.as_ref()));
            let error = naming(error(first.code, first.message.clone()), &push.repository, events);
            self.send_error(push.reference.clone(), error, out);
        }
    }
}

impl PendingPush {
    /// Sorts what the hub has refused: conflicts to the rejected, and gives back what has to be sent again.
    fn take_refused(&mut self, results: &[PushResult], peer: Peer) -> Vec<Rejected> {
        let mut retry = Vec::new();
        for (place_of_result, result) in results.iter().enumerate() {
            let index = self.indexes.get(place_of_result).copied().unwrap_or(place_of_result);
            let refused = |code, message: &str| Rejected {
                index,
                id: Some(result.id.clone()),
                code,
                message: message.into(),
            };
            match result.outcome {
                Ok(_) => {}
                Err(Refusal::Conflict(_)) if peer == Peer::Plain => {}
                Err(Refusal::Conflict(_)) => {
                    let message = "The event id is taken by an event with another body.";
                    self.rejected.push(refused(ErrorCode::EventIdConflict, message));
                }
                Err(Refusal::Retry(code)) => retry.push(refused(code, retry_message(code))),
            }
        }
        self.rejected.sort_by_key(|event| event.index);
        retry
    }
}

/// Where a result puts the event, if it is to be acked. A plain peer gets an ack for a conflict too, as the published
/// server would give: it would send the event for ever otherwise.
fn place(result: &PushResult, peer: Peer) -> Option<Sequence> {
    match result.outcome {
        Ok(sequence) => Some(sequence),
        Err(Refusal::Conflict(sequence)) if peer == Peer::Plain => Some(sequence),
        Err(_) => None,
    }
}

fn retry_message(code: ErrorCode) -> &'static str {
    match code {
        ErrorCode::StoreUnavailable => "The store did not take the events; send them again, in order.",
        ErrorCode::RateLimited => "The server does not take the events now; send them again, in order.",
        _ => "The events were not stored; send them again, in order.",
    }
}
