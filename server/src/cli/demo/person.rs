//! Somebody with a client.

use super::stage::Voice;
use crate::cli::Failure;
use driftless::Tokio;
use driftless::client::{Client, ClientError};
use driftless_core::client::{MergeFields, Timing};
use driftless_core::event::{EventId, Json};
use serde_json::Value;
use std::path::PathBuf;
use std::time::Duration;
use tokio::time::{Instant, sleep, timeout_at};

/// The repository of the demonstration.
const TASKS: &str = "tasks";

/// How soon a lost connection is tried again: sooner than in real life, where it is three seconds.
const RECONNECT_DELAY: Duration = Duration::from_millis(200);

/// Far longer than anything here takes.
const DEADLINE: Duration = Duration::from_secs(20);

/// How often somebody looks again when nothing is told.
const LOOK_AGAIN: Duration = Duration::from_millis(100);

/// Somebody with a client.
#[derive(Debug)]
pub(super) struct Person {
    pub(super) voice: Voice,
    client: Client,
}

impl Person {
    /// Opens a client on its own file.
    pub(super) async fn start(voice: Voice, url: String, file: PathBuf) -> Result<Self, Failure> {
        let timing = Timing {
            reconnect_delay: RECONNECT_DELAY,
            reconnect_delay_max: 2 * RECONNECT_DELAY,
            ..Timing::default()
        };
        let client = Client::builder(url)
            .repository(TASKS, MergeFields)
            .timing(timing)
            .sqlite(file);
        let client = client
            .open(Tokio)
            .await
            .map_err(|error| Failure::failed(error.to_string()))?;
        Ok(Self { voice, client })
    }

    /// Makes or replaces a task.
    pub(super) async fn upsert(&self, id: &str, data: &str) -> Result<(), Failure> {
        let data = Json::parse(data.to_owned()).expect("the story's data is JSON");
        self.client.upsert(TASKS, id, data).await?;
        Ok(())
    }

    /// Deletes a task.
    pub(super) async fn delete(&self, id: &str) -> Result<(), Failure> {
        self.client.delete(TASKS, id).await?;
        Ok(())
    }

    /// The tasks, in order of their ids.
    pub(super) async fn tasks(&self) -> Result<Vec<(String, Json)>, Failure> {
        let records = self.client.query(TASKS).await?;
        let task = |record: driftless::client::Record| Some((record.id.to_string(), record.data?));
        Ok(records.into_iter().filter_map(task).collect())
    }

    /// The events that wait for the server.
    pub(super) async fn pending(&self) -> Result<Vec<EventId>, Failure> {
        Ok(self.client.pending().await?)
    }

    /// Waits until a task has this data; `None`: until it is gone.
    pub(super) async fn sees(&self, id: &str, data: Option<&str>) -> Result<(), Failure> {
        let what = format!("{} to see the change of `{id}`", self.voice.name());
        self.wait(&what, async || {
            let found = self.client.get(TASKS, id).await?.and_then(|record| record.data);
            Ok(found.as_deref().map(value) == data.map(value))
        })
        .await
    }

    /// Waits until the connection is up or down.
    pub(super) async fn is_connected(&self, connected: bool) -> Result<(), Failure> {
        let what = format!("{}'s connection", self.voice.name());
        self.wait(&what, async || {
            Ok(self.client.status().await?.connection.is_connected() == connected)
        })
        .await
    }

    /// Waits until everything is with the server.
    pub(super) async fn flush(&self) -> Result<(), Failure> {
        let what = format!("{}'s outbox to be empty", self.voice.name());
        self.wait(&what, async || Ok(self.client.status().await?.pending == 0))
            .await
    }

    /// Waits until this one and another see the same.
    pub(super) async fn agrees_with(&self, other: &Self) -> Result<Vec<(String, Json)>, Failure> {
        let deadline = Instant::now() + DEADLINE;
        loop {
            let (mine, theirs) = (self.tasks().await?, other.tasks().await?);
            if mine == theirs {
                return Ok(mine);
            }
            if Instant::now() >= deadline {
                return Err(Failure::failed("the two do not see the same"));
            }
            sleep(LOOK_AGAIN).await;
        }
    }

    pub(super) async fn stop(self) {
        self.client.stop().await;
    }

    /// Looks whenever something is told, until it is so.
    async fn wait(&self, what: &str, is_so: impl AsyncFn() -> Result<bool, ClientError>) -> Result<(), Failure> {
        let deadline = Instant::now() + DEADLINE;
        let mut notices = self.client.notices();
        while !is_so().await? {
            if Instant::now() >= deadline {
                return Err(Failure::failed(format!("waited in vain for {what}")));
            }
            // Told or not, it is time to look again.
            let _ = timeout_at(Instant::now() + LOOK_AGAIN, notices.next()).await;
        }
        Ok(())
    }
}

/// JSON without its order of fields: a merge need not keep anybody's.
fn value(json: &str) -> Value {
    serde_json::from_str(json).expect("what a client keeps is JSON")
}

impl From<ClientError> for Failure {
    fn from(error: ClientError) -> Self {
        Self::failed(error.to_string())
    }
}
