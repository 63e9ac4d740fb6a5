//! One run of `driftless client`: lines in, notices and answers out.

use super::input::{Input, Op};
use super::line::Line;
use super::stdio::Output;
use super::writes::Writes;
use crate::cli::Failure;
use crate::serve::Signals;
use driftless::client::Status;
use driftless::client::{Client, ClientError, Feed, Record};
use driftless_core::client::{
    Change, ChangeKind, ClientCredentials, ConnectionState, Notice, Origin, RecordKey, RequestId, WriteError,
};
use driftless_core::event::{EventId, Json, RecordId, Sequence};
use driftless_core::name::RepositoryName;
use driftless_core::wire::ErrorCode;
use std::collections::BTreeSet;
use tokio::sync::mpsc;
use tokio::task::JoinSet;

/// Text put together before it is handed to stdout.
const TEXT_BYTES: usize = 64 << 10;

/// One run.
#[derive(Debug)]
pub(super) struct Session {
    client: Client,
    credentials: ClientCredentials,
    repositories: BTreeSet<RepositoryName>,
    connected: bool,
    writes: Writes,
    /// A line that was read and waits for its turn.
    held: Option<Input>,
    answers: JoinSet<Answer>,
    /// Whether an answer is under way that the next line waits for.
    asking: bool,
    stopping: bool,
    text: String,
}

/// An answer of the client's task. Notices of what went before are in the feed when it comes.
#[derive(Debug)]
enum Answer {
    Flushed(Result<(), ClientError>, Option<Json>),
    Status(Result<(Status, Vec<EventId>), ClientError>, Option<Json>),
    Stopped,
}

impl Session {
    pub(super) fn new(client: Client, credentials: ClientCredentials, repositories: BTreeSet<RepositoryName>) -> Self {
        Self {
            client,
            credentials,
            repositories,
            connected: false,
            writes: Writes::default(),
            held: None,
            answers: JoinSet::new(),
            asking: false,
            stopping: false,
            text: String::new(),
        }
    }

    /// Runs until it is told to stop, stdin ends, a signal comes or nobody reads stdout.
    pub(super) async fn run(
        mut self,
        mut feed: Feed,
        mut lines: mpsc::Receiver<Input>,
        output: Output,
        mut signals: Signals,
    ) -> Result<(), Failure> {
        let mut urgent = false;
        loop {
            let listening = self.held.is_none() && !self.asking && !self.stopping;
            tokio::select! {
                notice = feed.next() => match notice {
                    Some(notice) => self.notice(notice),
                    None => break,
                },
                Some(answer) = self.answers.join_next() => {
                    self.take_notices(&mut feed, usize::MAX);
                    self.answer(answer.unwrap_or(Answer::Stopped));
                }
                line = lines.recv(), if listening => {
                    let end = Input { request: None, op: Ok(Op::End) };
                    self.held = Some(line.unwrap_or(end));
                }
                _ = signals.next() => {
                    urgent = true;
                    self.stop();
                }
            }
            self.take_notices(&mut feed, TEXT_BYTES);
            self.take_line().await;
            let text = std::mem::take(&mut self.text);
            tokio::select! {
                written = output.write(text) => if !written {
                    // Nobody reads stdout.
                    self.stop();
                },
                // What is not written by now has no time to be.
                _ = signals.next() => {
                    urgent = true;
                    self.client.stop().await;
                    break;
                }
            }
        }
        output.finish(urgent).await;
        Ok(())
    }

    /// Takes the notices that are there, up to so much text.
    fn take_notices(&mut self, feed: &mut Feed, bytes: usize) {
        while self.text.len() < bytes
            && let Some(notice) = feed.try_next()
        {
            self.notice(notice);
        }
    }

    fn print(&mut self, line: Line) {
        self.text.push_str(&line.build());
        self.text.push('\n');
    }

    fn error(&mut self, message: &str, request: Option<&Json>) {
        self.print(Line::event("error").text("message", message).request(request));
    }

    fn notice(&mut self, notice: Notice) {
        match notice {
            Notice::Written { request, result } => return self.written(request, result),
            Notice::Changed { content: false, .. } => return,
            Notice::Changed {
                repository,
                record,
                data,
                origin,
                sequence,
                ..
            } => return self.changed(repository, record, data.as_ref(), origin, sequence),
            _ => self.writes.told(),
        }
        match notice {
            Notice::Connection(state) => self.connection(&state),
            Notice::Acked { repository, events } => {
                let ids = events.iter().map(|id| &**id);
                self.print(
                    Line::event("acked")
                        .text("repository", &repository)
                        .texts("eventIds", ids),
                );
            }
            Notice::Rejected {
                repository,
                event,
                body,
                code,
                message,
            } => self.print(
                Line::event("rejected")
                    .text("repository", &repository)
                    .text("eventId", &event)
                    .optional_text("code", code.map(ErrorCode::as_str))
                    .text("message", &message)
                    .json("body", Some(&body)),
            ),
            Notice::HistoryChanged { repository } => {
                self.print(Line::event("history_changed").text("repository", &repository));
            }
            Notice::Trouble { message } => self.error(&message, None),
            _ => {}
        }
    }

    fn written(&mut self, id: RequestId, result: Result<Vec<EventId>, WriteError>) {
        match result {
            Ok(_) => self.writes.written(id),
            Err(error) => {
                let request = self.writes.failed(id);
                self.error(&error.to_string(), request.as_ref());
            }
        }
    }

    fn changed(
        &mut self,
        repository: RepositoryName,
        record: RecordId,
        data: Option<&Json>,
        origin: Origin,
        sequence: Option<Sequence>,
    ) {
        let key = RecordKey { repository, record };
        let (origin, request) = match origin {
            Origin::Local => ("local", self.writes.changed(&key)),
            Origin::Remote => ("remote", None),
        };
        self.print(
            Line::event("changed")
                .text("repository", &key.repository)
                .text("id", &key.record)
                .json("data", data)
                .text("origin", origin)
                .number("sequence", sequence.map(Sequence::get))
                .request(request.as_ref()),
        );
    }

    fn connection(&mut self, state: &ConnectionState) {
        let connected = state.is_connected();
        if self.connected != connected {
            self.connected = connected;
            self.print(Line::event("connection").flag("connected", connected));
        }
        if let ConnectionState::AuthenticationFailed { message } = state {
            self.error(&format!("the server refused the credentials: {message}"), None);
        }
    }

    /// Does what the line that is held asks for, unless it has to wait.
    async fn take_line(&mut self) {
        let Some(input) = self.held.take() else {
            return;
        };
        let request = input.request;
        match input.op {
            Err(message) => self.error(&message, request.as_ref()),
            Ok(op) if self.has_to_wait(&op) => self.held = Some(Input { request, op: Ok(op) }),
            Ok(op) => {
                if let Err(error) = self.op(op, request.clone()).await {
                    self.error(&error.to_string(), request.as_ref());
                }
            }
        }
    }

    /// Whether something that was asked for before has to be durable first.
    fn has_to_wait(&self, op: &Op) -> bool {
        match op {
            Op::Upsert(repository, record, _) | Op::Delete(repository, record) => {
                let (repository, record) = (repository.clone(), record.clone());
                !self.writes.has_room(&RecordKey { repository, record })
            }
            Op::End => !self.writes.is_empty() || !self.answers.is_empty(),
            _ => !self.writes.is_empty(),
        }
    }

    async fn op(&mut self, op: Op, request: Option<Json>) -> Result<(), ClientError> {
        match op {
            Op::Upsert(repository, record, data) => {
                let kind = ChangeKind::Upsert { data, changed: None };
                self.write(repository, record, kind, request).await
            }
            Op::Delete(repository, record) => self.write(repository, record, ChangeKind::Delete, request).await,
            Op::Get(repository, record) => self.get(&repository, &record, request.as_ref()).await,
            Op::Query(repository) => self.query(&repository, request.as_ref()).await,
            Op::Status => {
                let client = self.client.clone();
                self.asking = true;
                self.answers
                    .spawn(async move { Answer::Status(status(&client).await, request) });
                Ok(())
            }
            Op::Flush => {
                let client = self.client.clone();
                self.answers
                    .spawn(async move { Answer::Flushed(client.flush().await, request) });
                Ok(())
            }
            Op::Token(token) => {
                self.credentials.token = Some(token);
                self.client.update_credentials(self.credentials.clone()).await
            }
            Op::Stop | Op::End => {
                self.stop();
                Ok(())
            }
        }
    }

    async fn write(
        &mut self,
        repository: RepositoryName,
        record: RecordId,
        kind: ChangeKind,
        request: Option<Json>,
    ) -> Result<(), ClientError> {
        let key = RecordKey {
            repository: repository.clone(),
            record: record.clone(),
        };
        let change = Change {
            repository,
            record,
            kind,
        };
        let id = self.client.submit(vec![change]).await?;
        self.writes.add(id, key, request);
        Ok(())
    }

    fn known(&self, repository: &RepositoryName) -> Result<(), ClientError> {
        if self.repositories.contains(repository) {
            return Ok(());
        }
        Err(WriteError::UnknownRepository(repository.clone()).into())
    }

    async fn get(
        &mut self,
        repository: &RepositoryName,
        record: &RecordId,
        request: Option<&Json>,
    ) -> Result<(), ClientError> {
        self.known(repository)?;
        let found = self.client.get(repository, record).await?;
        let found = found.unwrap_or_else(|| Record {
            id: record.clone(),
            data: None,
            pending: false,
            sequence: None,
        });
        let line = Line::event("record").text("repository", repository);
        self.print(described(line, &found).request(request));
        Ok(())
    }

    async fn query(&mut self, repository: &RepositoryName, request: Option<&Json>) -> Result<(), ClientError> {
        self.known(repository)?;
        let records = self.client.query(repository).await?;
        let records: Vec<String> = records
            .iter()
            .map(|record| described(Line::object(), record).build())
            .collect();
        let line = Line::event("records").text("repository", repository);
        self.print(
            line.raw("records", &format!("[{}]", records.join(",")))
                .request(request),
        );
        Ok(())
    }

    fn answer(&mut self, answer: Answer) {
        match answer {
            Answer::Flushed(Ok(()), request) => self.print(Line::event("flushed").request(request.as_ref())),
            Answer::Status(result, request) => {
                self.asking = false;
                match result {
                    Ok((status, pending)) => self.print(status_line(&status, &pending).request(request.as_ref())),
                    Err(error) => self.error(&error.to_string(), request.as_ref()),
                }
            }
            Answer::Flushed(Err(error), request) => self.error(&error.to_string(), request.as_ref()),
            Answer::Stopped => {}
        }
    }

    fn stop(&mut self) {
        if !self.stopping {
            self.stopping = true;
            self.held = None;
            let client = self.client.clone();
            self.answers.spawn(async move {
                client.stop().await;
                Answer::Stopped
            });
        }
    }
}

async fn status(client: &Client) -> Result<(Status, Vec<EventId>), ClientError> {
    Ok((client.status().await?, client.pending().await?))
}

fn status_line(status: &Status, pending: &[EventId]) -> Line {
    let cursors = status.cursors.iter();
    let cursors = cursors.fold(Line::object(), |line, (name, at)| line.number(name, Some(at.get())));
    let blocked = status.blocked.as_ref().map(ToString::to_string);
    Line::event("status")
        .flag("connected", status.connection.is_connected())
        .texts("pending", pending.iter().map(|id| &**id))
        .optional_text("blocked", blocked.as_deref())
        .raw("cursors", &cursors.build())
}

fn described(line: Line, record: &Record) -> Line {
    line.text("id", &record.id)
        .json("data", record.data.as_ref())
        .flag("pending", record.pending)
        .number("sequence", record.sequence.map(Sequence::get))
}
