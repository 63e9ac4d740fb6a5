//! The frames that a hub gives beside `events`: `sync_complete` and `history_changed`; and what `events` frames weigh.

use crate::event::{Json, Sequence};
use crate::name::RepositoryName;
use crate::wire::{Epoch, ServerMessage, ServerReply, SyncComplete};
use bytestring::ByteString;

/// Bytes of an `events` frame beside its events, its repository's name and its `ref`, at most.
const FIXED_BYTES: usize = 160;

/// Bytes that an `events` frame has beside its events, at most.
pub(super) fn overhead(repository: &RepositoryName, reference: Option<&Json>) -> usize {
    // A byte of the name takes at most two in JSON: it has no control characters.
    FIXED_BYTES + 2 * repository.len() + reference.map_or(0, |reference| reference.len())
}

/// A `sync_complete`.
pub(super) fn sync_complete(
    repository: Option<&RepositoryName>,
    last: Option<Sequence>,
    has_more: bool,
    reference: Option<Json>,
) -> ByteString {
    let repository = repository.map(|name| ByteString::from(&**name));
    let message = ServerMessage::SyncComplete(SyncComplete {
        repository,
        last,
        has_more,
    });
    ServerReply { reference, message }.encode()
}

/// A `history_changed`.
pub(super) fn history_changed(repository: &RepositoryName, epoch: &Epoch, reference: Option<Json>) -> ByteString {
    let message = ServerMessage::HistoryChanged {
        repository: ByteString::from(&**repository),
        epoch: epoch.clone(),
    };
    ServerReply { reference, message }.encode()
}
