//! What a client was given and what it asked for, as text for snapshots.

use driftless_core::Instant;
use driftless_core::client::{
    ClientAction, ClientInput, Notice, StorageChange, StorageReply, StorageRequest, StoredRecord, Transaction,
};

/// Lines of `seconds  what`. Ticks and reports of flushed bytes are left out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Trace(Vec<String>);

impl Trace {
    /// The lines since the last call.
    pub(crate) fn take(&mut self) -> String {
        std::mem::take(&mut self.0).join("\n")
    }

    /// The last few lines, each cut short.
    pub(crate) fn tail(&self, lines: usize) -> String {
        let last = self.0.iter().skip(self.0.len().saturating_sub(lines));
        last.map(|line| format!("    {line:.250}"))
            .collect::<Vec<_>>()
            .join("\n")
    }

    pub(crate) fn input(&mut self, now: Instant, input: &ClientInput) {
        let line = match input {
            ClientInput::Tick | ClientInput::Flushed { .. } | ClientInput::Alive { .. } => return,
            ClientInput::Frame { frame, .. } => format!("< {frame}"),
            ClientInput::Connected { .. } => "< connected".into(),
            ClientInput::Disconnected { code, reason, .. } => match code {
                Some(code) => format!("< disconnected ({code}, {reason})"),
                None => format!("< disconnected ({reason})"),
            },
            ClientInput::Stored { result, .. } => match result {
                Ok(StorageReply::Committed) => "< committed".into(),
                Ok(reply) => format!("< {}", reply_text(reply)),
                Err(failure) => format!("< {failure}"),
            },
            ClientInput::Write(write) => format!("* write {:?}", write.changes),
            other => format!("* {other:?}"),
        };
        self.line(now, &line);
    }

    pub(crate) fn action(&mut self, now: Instant, action: &ClientAction) {
        let line = match action {
            ClientAction::Connect { .. } => "> connect".into(),
            ClientAction::Send { frame, .. } => format!("> {frame}"),
            ClientAction::Close { code, reason, .. } => format!("> close ({code}, {reason})"),
            ClientAction::PauseReading { .. } => "> pause".into(),
            ClientAction::ResumeReading { .. } => "> resume".into(),
            ClientAction::BuildFilter { repository, .. } => format!("> build filter {repository}"),
            ClientAction::Storage { request, .. } => format!("> {}", request_text(request)),
            ClientAction::Notify(Notice::Connection(state)) => format!("! {state:?}"),
            ClientAction::Notify(notice) => format!("! {notice:?}"),
        };
        self.line(now, &line);
    }

    fn line(&mut self, now: Instant, what: &str) {
        let micros = now.as_micros();
        self.0
            .push(format!("{:3}.{:03} {what}", micros / 1_000_000, micros / 1_000 % 1_000));
    }
}

fn request_text(request: &StorageRequest) -> String {
    match request {
        StorageRequest::Open { repositories } => format!("open {repositories:?}"),
        StorageRequest::Load { records, own, .. } => {
            let records: Vec<_> = records.iter().map(|key| &key.record).collect();
            let own: Vec<_> = own.iter().map(|(_, id)| id).collect();
            format!("load {records:?}, own {own:?}")
        }
        StorageRequest::Outbox { repository, after, .. } => format!("outbox {repository} after {}", after.0),
        StorageRequest::Unsettled { repository, after, .. } => format!("unsettled {repository} after {}", after.0),
        StorageRequest::Stale {
            repository, generation, ..
        } => format!("stale {repository} before {generation}"),
        StorageRequest::Commit(transaction) => format!("commit {}", transaction_text(transaction)),
    }
}

fn reply_text(reply: &StorageReply) -> String {
    match reply {
        StorageReply::Opened(opened) => {
            let row = |row: &driftless_core::client::RepositoryRow| {
                format!("{} after {}, {} pending", row.name, row.cursor.after, row.pending)
            };
            format!(
                "opened {}",
                opened.repositories.iter().map(row).collect::<Vec<_>>().join(", ")
            )
        }
        StorageReply::Loaded {
            records, layers, own, ..
        } => {
            format!(
                "loaded {} records, {} in layers, {} own",
                records.len(),
                layers.len(),
                own.len()
            )
        }
        StorageReply::Outbox(events) => format!("outbox of {}", events.len()),
        StorageReply::Unsettled(events) => format!("unsettled {}", events.len()),
        StorageReply::Stale(records) => format!("stale {}", records.len()),
        StorageReply::Committed => "committed".into(),
    }
}

fn transaction_text(transaction: &Transaction) -> String {
    transaction
        .changes
        .iter()
        .map(change_text)
        .collect::<Vec<_>>()
        .join("; ")
}

fn change_text(change: &StorageChange) -> String {
    match change {
        StorageChange::Record(record) => format!("{} = {}", record.key.record, record_text(record)),
        StorageChange::AddOwn(event) => format!("own {} {:?}", event.id, event.state),
        StorageChange::SetOwn { event, state, .. } => format!("own {event} {state:?}"),
        StorageChange::Cursor { repository, cursor } => {
            let seen = cursor
                .seen
                .as_ref()
                .map(|(sequence, id)| format!(" seen {sequence} {id}"));
            let refolding = if cursor.refolding { " refolding" } else { "" };
            format!(
                "{repository} after {}{}{refolding}",
                cursor.after,
                seen.unwrap_or_default()
            )
        }
        StorageChange::DoubtSettled { repository } => format!("doubt {repository}"),
        StorageChange::PruneSettled { repository, .. } => format!("prune {repository}"),
        StorageChange::DropOwn { event, .. } => format!("drop {event}"),
        StorageChange::Clear { repository } => format!("clear {repository}"),
    }
}

fn record_text(record: &StoredRecord) -> String {
    let state = |state: &Option<std::sync::Arc<driftless_core::client::State>>| match state {
        None => "-".to_owned(),
        Some(state) => {
            let sequence = state
                .sequence
                .map_or_else(|| "own".into(), |sequence| format!("@{sequence}"));
            let data = state
                .data
                .as_ref()
                .map_or_else(|| "deleted".into(), ToString::to_string);
            format!("{data}{sequence}")
        }
    };
    let pending = if record.pending { " pending" } else { "" };
    format!("{} / {}{pending}", state(&record.confirmed), state(&record.visible))
}
