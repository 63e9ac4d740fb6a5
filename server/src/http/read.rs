//! Events that are read by HTTP.

use super::answer::{Answer, Refused, json, json_text};
use super::query::EventsQuery;
use super::service::Http;
use bytestring::ByteString;
use driftless::store::Done;
use driftless_core::event::{Envelope, EventBatch, EventId, Json, RecordId, Sequence, StoredEvent, Timestamp};
use driftless_core::name::{LogName, Namespace};
use driftless_core::server::{Page, PageRequest, Rights};
use hyper::StatusCode;
use serde::Serialize;
use std::fmt::Write;
use tokio::sync::oneshot;
use tokio::time::timeout;

/// Bytes of events after which an answer ends early, with `hasMore`.
const ANSWER_BYTES: usize = 2 << 20;

/// Events and bytes read from the store at a time.
const PAGE_EVENTS: usize = 1_000;
const PAGE_BYTES: usize = 1 << 20;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Repository {
    name: String,
    event_count: u64,
    max_sequence: u64,
}

#[derive(Serialize)]
struct Repositories {
    repositories: Vec<Repository>,
    count: usize,
}

impl Http {
    /// `GET /api/repositories`.
    pub(super) async fn repositories(&self, namespace: Namespace, rights: &Rights) -> Result<Answer, Refused> {
        let list = self
            .ask(|done| self.server.store().repositories(namespace, done))
            .await?;
        let readable = list.into_iter().filter(|summary| rights.read.allows(&summary.name));
        let repositories: Vec<_> = readable
            .map(|summary| Repository {
                name: summary.name.to_string(),
                event_count: summary.events,
                max_sequence: summary.head.get(),
            })
            .collect();
        let count = repositories.len();
        Ok(json(StatusCode::OK, &Repositories { repositories, count }))
    }

    /// `GET /api/events/{repository}`.
    pub(super) async fn events(&self, log: LogName, query: &EventsQuery) -> Result<Answer, Refused> {
        let mut found = Found::new(query);
        loop {
            let page = self.page(&log, found.position).await?;
            if found.take(&page) {
                break;
            }
        }
        let text = found.answer(&log);
        Ok(json_text(StatusCode::OK, text))
    }

    /// `GET /api/events/{repository}/{eventId}`.
    pub(super) async fn event(&self, log: LogName, id: EventId) -> Result<Answer, Refused> {
        let named = log.clone();
        let event = self.ask(|done| self.server.store().event(named, id, done)).await?;
        one_event(&log, event.as_ref(), "Event not found")
    }

    /// `GET /api/events/{repository}/byDataId/{dataId}`.
    pub(super) async fn newest(&self, log: LogName, record: RecordId) -> Result<Answer, Refused> {
        let named = log.clone();
        let event = self.ask(|done| self.server.store().newest(named, record, done)).await?;
        one_event(&log, event.as_ref(), "No event of that record")
    }

    async fn page(&self, log: &LogName, after: Sequence) -> Result<Page, Refused> {
        let page = PageRequest {
            log: log.clone(),
            after,
            max_events: PAGE_EVENTS,
            max_bytes: PAGE_BYTES,
        };
        self.ask(|done| self.server.store().read(page, done)).await
    }

    /// Asks the store, for as long as a request waits.
    pub(super) async fn ask<T: Send + 'static>(&self, question: impl FnOnce(Done<T>)) -> Result<T, Refused> {
        let (send, receive) = oneshot::channel();
        question(Box::new(move |result| {
            // Nobody waits any more if the request was dropped.
            let _ = send.send(result);
        }));
        match timeout(self.limits.store_timeout, receive).await {
            Ok(Ok(Ok(answer))) => Ok(answer),
            Ok(Ok(Err(failure))) => {
                tracing::warn!(%failure, "an HTTP request failed");
                Err(Refused::no_store())
            }
            Ok(Err(_)) | Err(_) => Err(Refused::no_store()),
        }
    }
}

/// What has been found for an answer.
struct Found<'a> {
    query: &'a EventsQuery,
    /// Everything up to here has been looked at.
    position: Sequence,
    head: Sequence,
    count: usize,
    /// The events, with commas between them.
    events: String,
}

impl<'a> Found<'a> {
    fn new(query: &'a EventsQuery) -> Self {
        Self {
            query,
            position: query.after,
            head: Sequence::ZERO,
            count: 0,
            events: String::new(),
        }
    }

    /// Takes what fits the query. True: the answer is complete.
    fn take(&mut self, page: &Page) -> bool {
        self.head = page.head;
        for index in 0..page.events.len() {
            if self.is_full() {
                return true;
            }
            let event = page.events.event(index).expect("the index is within the batch");
            self.take_event(&event);
        }
        self.is_full() || page.events.is_empty() || self.position >= self.head
    }

    fn is_full(&self) -> bool {
        self.count >= self.query.limit || self.events.len() >= ANSWER_BYTES
    }

    fn take_event(&mut self, event: &StoredEvent<'_>) {
        self.position = event.sequence;
        if self.query.since.is_some_and(|since| is_before(event.text, since)) {
            return;
        }
        if self.count > 0 {
            self.events.push(',');
        }
        self.events.push_str(event.text);
        self.count += 1;
    }

    fn answer(self, log: &LogName) -> String {
        // A position above the head is that of another history: what is there now ends at the head.
        let last = self.position.min(self.head);
        let has_more = self.position < self.head;
        let repository = json_string(&log.repository);
        let (events, count) = (self.events, self.count);
        format!(
            r#"{{"repository":{repository},"events":[{events}],"count":{count},"hasMore":{has_more},"lastSequence":{last}}}"#
        )
    }
}

/// Whether an event says that it was made before a moment; one without a readable time does not.
fn is_before(event: &str, since: Timestamp) -> bool {
    let Ok(json) = Json::parse(ByteString::from(event)) else {
        return false;
    };
    let created_at = Envelope::read(&json).ok().and_then(|envelope| envelope.created_at);
    created_at.is_some_and(|created_at| created_at < since)
}

fn one_event(log: &LogName, event: Option<&EventBatch>, missing: &'static str) -> Result<Answer, Refused> {
    let event = event.and_then(|batch| batch.event(0));
    let event = event.ok_or_else(|| Refused::not_found(missing))?;
    let mut text = String::with_capacity(event.text.len() + 64);
    let repository = json_string(&log.repository);
    write!(text, r#"{{"repository":{repository},"event":{}}}"#, event.text).expect("a string takes everything");
    Ok(json_text(StatusCode::OK, text))
}

fn json_string(text: &str) -> String {
    serde_json::to_string(text).expect("every text is a JSON string")
}
