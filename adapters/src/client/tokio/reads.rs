//! Reads of the application, on a thread beside the client.

use super::error::ClientError;
use super::storage::named;
use crate::storage::Reader;
use driftless_core::client::StorageFailure;
use tokio::sync::{mpsc, oneshot};

/// Reads that may wait; past it a caller waits to ask.
const READS: usize = 64;

type Call = Box<dyn FnOnce(&mut dyn Reader) + Send>;

enum Read {
    Call(Call),
    Close,
}

/// A reader of the storage on a thread of its own.
#[derive(Clone, Debug)]
pub(super) struct Reads(mpsc::Sender<Read>);

impl Reads {
    pub(super) fn start(mut reader: Box<dyn Reader>) -> Result<Self, StorageFailure> {
        let (sender, mut receiver) = mpsc::channel(READS);
        named("driftless-reads", move || {
            while let Some(Read::Call(call)) = receiver.blocking_recv() {
                call(&mut *reader);
            }
            drop(reader);
        })?;
        Ok(Self(sender))
    }

    /// Has the reader do something.
    pub(super) async fn call<T: Send + 'static>(
        &self,
        read: impl FnOnce(&mut dyn Reader) -> Result<T, StorageFailure> + Send + 'static,
    ) -> Result<T, ClientError> {
        let (sender, receiver) = oneshot::channel();
        let call: Call = Box::new(move |reader: &mut dyn Reader| {
            // A caller that waits no more needs no answer.
            if !sender.is_closed() {
                let _ = sender.send(read(reader));
            }
        });
        self.0.send(Read::Call(call)).await.map_err(|_| ClientError::Stopped)?;
        Ok(receiver.await.map_err(|_| ClientError::Stopped)??)
    }

    /// Ends the thread behind the reads that wait, and returns when it has ended.
    pub(super) async fn close(self) {
        if self.0.send(Read::Close).await.is_ok() {
            self.0.closed().await;
        }
    }
}
