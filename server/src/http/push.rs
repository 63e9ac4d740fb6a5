//! Events that come by HTTP.

use super::answer::{Answer, Refused, json};
use super::service::Http;
use bytestring::ByteString;
use driftless_core::event::{EnvelopeError, EventId, Json, NewEvent};
use driftless_core::name::{LogName, RepositoryName};
use driftless_core::server::{PushResult, Refusal};
use driftless_core::wire::ErrorCode;
use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use tokio::time::timeout;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Pushed<'a> {
    status: &'static str,
    repository: &'a str,
    event_id: &'a str,
    server_sequence: u64,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    conflicts: Vec<&'a str>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct PushedBatch<'a> {
    status: &'static str,
    repository: &'a str,
    event_ids: Vec<&'a str>,
    count: usize,
    sequences: BTreeMap<&'a str, u64>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    conflicts: Vec<&'a str>,
}

#[derive(Deserialize)]
struct Batch<'a> {
    #[serde(borrow)]
    events: Option<&'a RawValue>,
}

impl Http {
    /// `POST /api/events/{repository}`.
    pub(super) async fn push(&self, log: LogName, text: &ByteString) -> Result<Answer, Refused> {
        let event = Json::parse(text.clone()).map_err(|error| Refused::bad(error.to_string()))?;
        let event = self.new_event(&event)?;
        let repository = log.repository.clone();
        let stored = Stored::read(self.store_events(log, vec![event]).await?)?;
        let (id, sequence) = stored.events.first().ok_or_else(Refused::no_store)?;
        let pushed = Pushed {
            status: "success",
            repository: &repository,
            event_id: id,
            server_sequence: *sequence,
            conflicts: stored.conflicts(),
        };
        Ok(json(StatusCode::CREATED, &pushed))
    }

    /// `POST /api/events/{repository}/batch`: one invalid event, and nothing is stored.
    pub(super) async fn push_batch(&self, log: LogName, text: &ByteString) -> Result<Answer, Refused> {
        let events = self.batch(text)?;
        let repository: RepositoryName = log.repository.clone();
        let stored = Stored::read(self.store_events(log, events).await?)?;
        let pushed = PushedBatch {
            status: "success",
            repository: &repository,
            event_ids: stored.events.iter().map(|(id, _)| &**id).collect(),
            count: stored.events.len(),
            sequences: stored.events.iter().map(|(id, sequence)| (&**id, *sequence)).collect(),
            conflicts: stored.conflicts(),
        };
        Ok(json(StatusCode::CREATED, &pushed))
    }

    fn batch(&self, text: &ByteString) -> Result<Vec<NewEvent>, Refused> {
        let whole = Json::parse(text.clone()).map_err(|error| Refused::bad(error.to_string()))?;
        if !whole.starts_with('{') {
            return Err(Refused::bad("The request's body is not a JSON object"));
        }
        let batch: Batch<'_> = serde_json::from_str(&whole).map_err(|error| Refused::bad(error.to_string()))?;
        let events = batch
            .events
            .ok_or_else(|| Refused::bad("Missing required field: events"))?;
        let events: Vec<&RawValue> =
            serde_json::from_str(events.get()).map_err(|_| Refused::bad("`events` is not an array"))?;
        let most = self.server.limits().batch_events;
        if events.len() > most {
            let message = format!("The batch has more than {most} events");
            return Err(Refused::too_large(ErrorCode::BatchTooLarge, message));
        }
        let read = |(index, event): (usize, &RawValue)| {
            let event = Json::parse(text.slice_ref(event.get())).map_err(|error| Refused::bad(error.to_string()))?;
            self.new_event(&event).map_err(|refused| refused.at(index))
        };
        events.into_iter().enumerate().map(read).collect()
    }

    fn new_event(&self, event: &Json) -> Result<NewEvent, Refused> {
        let event = NewEvent::read(event).map_err(|error| match error {
            // The published server's words.
            EnvelopeError::NoEventId => Refused::invalid_event("Missing required field: _event_id"),
            error => Refused::invalid_event(error.to_string()),
        })?;
        let most = self.server.limits().event_bytes;
        if event.body.len() > most {
            let message = format!("The event is larger than {most} bytes");
            return Err(Refused::too_large(ErrorCode::EventTooLarge, message));
        }
        Ok(event)
    }

    async fn store_events(&self, log: LogName, events: Vec<NewEvent>) -> Result<Vec<PushResult>, Refused> {
        timeout(self.limits.store_timeout, self.server.push(log, events))
            .await
            .map_err(|_| Refused::no_store())
    }
}

/// Events that are all durable now.
struct Stored {
    events: Vec<(EventId, u64)>,
    /// Places of those whose id is taken by an event with another body.
    conflicting: Vec<usize>,
}

impl Stored {
    fn read(results: Vec<PushResult>) -> Result<Self, Refused> {
        let (mut events, mut conflicting) = (Vec::with_capacity(results.len()), Vec::new());
        for (index, PushResult { id, outcome }) in results.into_iter().enumerate() {
            let sequence = match outcome {
                Ok(sequence) => sequence,
                Err(Refusal::Conflict(sequence)) => {
                    conflicting.push(index);
                    sequence
                }
                Err(Refusal::Retry(code)) => return Err(retry(code)),
            };
            events.push((id, sequence.get()));
        }
        Ok(Self { events, conflicting })
    }

    fn conflicts(&self) -> Vec<&str> {
        self.conflicting.iter().map(|index| &*self.events[*index].0).collect()
    }
}

fn retry(code: ErrorCode) -> Refused {
    match code {
        ErrorCode::RateLimited => Refused::rate_limited("Too many events are waiting for the store; try again"),
        ErrorCode::ShuttingDown => Refused::new(
            StatusCode::SERVICE_UNAVAILABLE,
            ErrorCode::ShuttingDown,
            "The server is stopping; try again",
        ),
        _ => Refused::no_store(),
    }
}
