//! The storage's thread.

use crate::storage::Storage;
use driftless_core::client::{ClientInput, StorageFailure, StorageId, StorageRequest};
use std::sync::mpsc;
use std::thread;
use tokio::sync::mpsc as async_mpsc;

/// The storage on a thread of its own. It has at most one request at a time: the machine asks for no more.
#[derive(Debug)]
pub(super) struct StorageThread {
    requests: mpsc::Sender<(StorageId, StorageRequest)>,
    replies: async_mpsc::UnboundedReceiver<ClientInput>,
}

impl StorageThread {
    pub(super) fn start(storage: Box<dyn Storage>) -> Result<Self, StorageFailure> {
        let (requests, receiver) = mpsc::channel();
        let (sender, replies) = async_mpsc::unbounded_channel();
        named("driftless-storage", move || serve(storage, &receiver, &sender))?;
        Ok(Self { requests, replies })
    }

    /// Asks. Should the thread be gone, [`Self::reply`] says so.
    pub(super) fn ask(&self, storage: StorageId, request: StorageRequest) {
        let _ = self.requests.send((storage, request));
    }

    /// The next answer; `None` if the thread is gone. Nothing is lost when the future is dropped.
    pub(super) async fn reply(&mut self) -> Option<ClientInput> {
        self.replies.recv().await
    }

    /// Closes the storage, and returns when it is closed.
    pub(super) async fn close(mut self) {
        drop(self.requests);
        while self.replies.recv().await.is_some() {}
    }
}

fn serve(
    mut storage: Box<dyn Storage>,
    requests: &mpsc::Receiver<(StorageId, StorageRequest)>,
    replies: &async_mpsc::UnboundedSender<ClientInput>,
) {
    while let Ok((id, request)) = requests.recv() {
        let result = storage.request(request);
        if replies.send(ClientInput::Stored { storage: id, result }).is_err() {
            break;
        }
    }
    // Closed before the channel: who waits for the channel's end may open the same file.
    drop(storage);
}

/// Starts a thread with a name, for debuggers and task lists.
pub(super) fn named(name: &str, run: impl FnOnce() + Send + 'static) -> Result<(), StorageFailure> {
    let started = thread::Builder::new().name(name.to_owned()).spawn(run);
    started.map(drop).map_err(|error| StorageFailure {
        detail: format!("no thread for it: {error}"),
    })
}
