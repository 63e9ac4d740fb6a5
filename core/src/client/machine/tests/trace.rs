//! One line for each action, for snapshots.

use super::*;
use crate::client::{State, StorageChange, Transaction};

pub(super) fn line(action: &ClientAction) -> String {
    match action {
        ClientAction::Connect { socket, .. } => format!("connect {}", socket.0),
        ClientAction::Send { frame, .. } => format!("send {}", frame.replace(env!("CARGO_PKG_VERSION"), "VERSION")),
        ClientAction::Close { socket, code, reason } => format!("close {} {code} {reason}", socket.0),
        ClientAction::PauseReading { .. } => "pause".into(),
        ClientAction::ResumeReading { .. } => "resume".into(),
        ClientAction::BuildFilter { filter, repository } => format!("build filter {} {repository}", filter.0),
        ClientAction::Storage { request, .. } => format!("storage {}", storage(request)),
        ClientAction::Notify(notice) => format!("notify {notice:?}"),
    }
}

fn storage(request: &StorageRequest) -> String {
    match request {
        StorageRequest::Load { records, own, .. } => {
            let records: Vec<_> = records.iter().map(|key| &key.record).collect();
            let own: Vec<_> = own.iter().map(|(_, id)| id).collect();
            format!("load {records:?} own {own:?}")
        }
        StorageRequest::Commit(Transaction { changes }) => {
            let changes: Vec<_> = changes.iter().map(change).collect();
            format!("commit {}", changes.join("; "))
        }
        other => format!("{other:?}"),
    }
}

fn change(change: &StorageChange) -> String {
    match change {
        StorageChange::Record(record) => {
            let state = |state: &Option<Arc<State>>| match state {
                Some(state) => format!(
                    "{:?}@{}",
                    state.data,
                    state.sequence.map_or("-".into(), |at| at.to_string())
                ),
                None => "none".into(),
            };
            let pending = if record.pending { " pending" } else { "" };
            let (confirmed, visible) = (state(&record.confirmed), state(&record.visible));
            format!("record {} = {confirmed} / {visible}{pending}", record.key.record)
        }
        StorageChange::AddOwn(own) => format!("own {} {}", own.local.0, own.id),
        StorageChange::SetOwn { event, state, .. } => format!("set {event} {state:?}"),
        StorageChange::Cursor { cursor, .. } => {
            let flag = if cursor.refolding { " refolding" } else { "" };
            format!("cursor {} of generation {}{flag}", cursor.after, cursor.generation)
        }
        StorageChange::DoubtSettled { .. } => "doubt settled".into(),
        StorageChange::PruneSettled { before_ms, keep, .. } => format!("prune before {before_ms} keep {keep}"),
        StorageChange::DropOwn { event, .. } => format!("drop {event}"),
        StorageChange::Clear { repository } => format!("clear {repository}"),
    }
}
