//! Reads of the application, on a thread beside the client.

use super::error::ClientError;
use super::queue::Queue;
use super::storage::named;
use crate::storage::Reader;
use async_channel::Sender;
use driftless_core::client::StorageFailure;
use futures_channel::oneshot;

/// Reads that may wait; past it a caller waits to ask.
const READS: usize = 64;

type Read = Box<dyn FnOnce(&mut dyn Reader) + Send>;

/// A reader of the storage on a thread of its own.
#[derive(Clone, Debug)]
pub(super) struct Reads {
    reads: Sender<Read>,
    /// Closed when the thread has ended.
    ended: Sender<()>,
}

impl Reads {
    pub(super) fn start(mut reader: Box<dyn Reader>) -> Result<Self, StorageFailure> {
        let (reads, receiver) = async_channel::bounded::<Read>(READS);
        let (ended, end) = async_channel::bounded(1);
        named("driftless-reads", move || {
            let receiver = Queue(receiver);
            while let Ok(read) = receiver.0.recv_blocking() {
                read(&mut *reader);
            }
            drop(reader);
            drop(end);
        })?;
        Ok(Self { reads, ended })
    }

    /// Has the reader do something.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut dyn Reader) -> Result<T, StorageFailure> + Send + 'static,
    ) -> Result<T, ClientError> {
        let (sender, receiver) = oneshot::channel();
        let read: Read = Box::new(move |reader: &mut dyn Reader| {
            // A caller that waits no more needs no answer.
            if !sender.is_canceled() {
                let _ = sender.send(read(reader));
            }
        });
        self.reads.send(read).await.map_err(|_| ClientError::Stopped)?;
        Ok(receiver.await.map_err(|_| ClientError::Stopped)??)
    }

    /// Ends the thread behind the reads that wait, and returns when it has ended.
    pub(super) async fn close(self) {
        self.reads.close();
        self.ended.closed().await;
    }
}
