//! What becomes of events that a server refused for good.

use crate::client::{Client, ClientError, Receipt, Rejection};
use driftless_core::client::{Change, ChangeKind, LocalSequence, OwnEvent, OwnState};
use driftless_core::event::{Event, Json, Operation};

/// Rejections that one read takes from the storage.
const PAGE: usize = 100;

impl Client {
    /// The own events that a server refused for good and that nobody has dismissed, in the order in which they were
    /// written.
    pub async fn rejections(&self) -> Result<Vec<Rejection>, ClientError> {
        let (mut rejections, mut after) = (Vec::new(), LocalSequence(0));
        loop {
            let page = self.rejected(after, PAGE).await?;
            let complete = page.len() < PAGE;
            after = page.last().map_or(after, |event| event.local);
            rejections.extend(page.into_iter().filter_map(rejection));
            if complete {
                return Ok(rejections);
            }
        }
    }

    /// Makes the change of a rejected event once more, as a new event, and dismisses the old one.
    pub async fn retry(&self, rejection: &Rejection) -> Result<Receipt, ClientError> {
        self.again(rejection, None).await
    }

    /// Writes other data in place of a rejected event, and dismisses that. A rejected delete becomes an upsert.
    pub async fn revise(&self, rejection: &Rejection, data: Json) -> Result<Receipt, ClientError> {
        self.again(rejection, Some(data)).await
    }

    /// Dismisses a rejected event: it is forgotten.
    pub async fn dismiss(&self, rejection: &Rejection) -> Result<(), ClientError> {
        let dismiss = vec![(rejection.repository.clone(), rejection.event.clone())];
        self.write_and_dismiss(Vec::new(), dismiss).await.map(drop)
    }

    async fn again(&self, rejection: &Rejection, data: Option<Json>) -> Result<Receipt, ClientError> {
        let event = Event::read(&rejection.body).map_err(|error| ClientError::Encode(error.to_string()))?;
        let kind = match (data, event.data, event.operation) {
            (Some(data), ..) => ChangeKind::Upsert { data, changed: None },
            (None, _, Operation::Delete) => ChangeKind::Delete,
            (None, data, _) => ChangeKind::Upsert {
                data: data.unwrap_or_else(null),
                changed: event
                    .changed
                    .map(|fields| fields.iter().map(ToString::to_string).collect()),
            },
        };
        let change = Change {
            repository: rejection.repository.clone(),
            record: event.record_id,
            kind,
        };
        let dismiss = vec![(rejection.repository.clone(), rejection.event.clone())];
        self.write_and_dismiss(vec![change], dismiss).await
    }
}

fn null() -> Json {
    Json::parse("null").expect("null is JSON")
}

fn rejection(event: OwnEvent) -> Option<Rejection> {
    let OwnState::Rejected { code, message } = event.state else {
        return None;
    };
    Some(Rejection {
        repository: event.key.repository,
        event: event.id,
        body: event.body,
        code,
        message,
    })
}
