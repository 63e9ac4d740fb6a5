//! The storage's thread.

use crate::storage::{Reader, Storage};
use async_channel::Receiver;
use driftless_core::client::{ClientInput, StorageFailure, StorageId, StorageRequest};
use futures_channel::oneshot;
use futures_util::stream::Stream;
use std::pin::Pin;
use std::sync::mpsc;
use std::task::{Context, Poll};
use std::thread;

/// The storage on a thread of its own. It has at most one request at a time: the machine asks for no more.
#[derive(Debug)]
pub(super) struct StorageThread {
    requests: mpsc::Sender<(StorageId, StorageRequest)>,
    replies: Pin<Box<Receiver<ClientInput>>>,
}

impl StorageThread {
    /// Starts the thread, and opens the storage and a reader of it there, because that may take its time.
    pub(super) async fn start<E: From<StorageFailure> + Send + 'static>(
        open: impl FnOnce() -> Result<Box<dyn Storage>, E> + Send + 'static,
    ) -> Result<(Self, Box<dyn Reader>), E> {
        let (requests, receiver) = mpsc::channel();
        let (sender, replies) = async_channel::unbounded();
        let (opened, reader) = oneshot::channel();
        named("driftless-storage", move || {
            let storage = open();
            match storage.and_then(|storage| Ok((storage.reader()?, storage))) {
                Ok((reader, storage)) => {
                    // If nobody waits, nobody will ask either, and the thread ends.
                    let _ = opened.send(Ok(reader));
                    serve(storage, &receiver, &sender);
                }
                Err(error) => {
                    let _ = opened.send(Err(error));
                }
            }
        })?;
        let gone = |_| StorageFailure {
            detail: "opening it failed".to_owned(),
        };
        let reader = reader.await.map_err(gone)??;
        let replies = Box::pin(replies);
        Ok((Self { requests, replies }, reader))
    }

    /// Asks. Should the thread be gone, [`Self::poll_reply`] says so.
    pub(super) fn ask(&self, storage: StorageId, request: StorageRequest) {
        let _ = self.requests.send((storage, request));
    }

    /// The next answer; `None` if the thread is gone.
    pub(super) fn poll_reply(&mut self, cx: &mut Context<'_>) -> Poll<Option<ClientInput>> {
        self.replies.as_mut().poll_next(cx)
    }

    /// Closes the storage, and returns when it is closed.
    pub(super) async fn close(self) {
        drop(self.requests);
        while self.replies.recv().await.is_ok() {}
    }
}

fn serve(
    mut storage: Box<dyn Storage>,
    requests: &mpsc::Receiver<(StorageId, StorageRequest)>,
    replies: &async_channel::Sender<ClientInput>,
) {
    while let Ok((id, request)) = requests.recv() {
        let result = storage.request(request);
        if replies.try_send(ClientInput::Stored { storage: id, result }).is_err() {
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
