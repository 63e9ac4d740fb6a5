//! Which records of a repository are asked for, once or for ever.

use crate::client::{ClientError, Results};
use crate::runtime::block_on;
use crate::storage::{Comparison, Direction};
use futures_channel::oneshot;
use futures_util::future::{Either, select};
use serde::de::DeserializeOwned;
use std::fmt;
use std::io;
use std::pin::pin;
use std::thread::{self, JoinHandle};

/// A question to a repository, which the storage answers.
#[must_use = "a question is asked by `all`, `count` or `watch`"]
pub struct Select<V>(pub(super) crate::client::Select<V>);

impl<V> Select<V> {
    /// Asks for one condition more.
    pub fn filter(self, field: impl Into<String>, comparison: Comparison) -> Self {
        Self(self.0.filter(field, comparison))
    }

    /// Orders by one field more, among those that are equal by the fields before it.
    pub fn order_by(self, field: impl Into<String>, direction: Direction) -> Self {
        Self(self.0.order_by(field, direction))
    }

    /// Asks for at most this many records.
    pub fn limit(self, records: usize) -> Self {
        Self(self.0.limit(records))
    }

    /// Leaves out so many of the first records.
    pub fn offset(self, records: usize) -> Self {
        Self(self.0.offset(records))
    }

    /// The records, as they are now.
    pub fn all(&self) -> Result<Results<V>, ClientError> {
        block_on(self.0.all())
    }

    /// How many records meet the conditions; order, limit and offset play no part.
    pub fn count(&self) -> Result<u64, ClientError> {
        block_on(self.0.count())
    }

    /// The records as they are now, and again whenever a change has made others of them.
    pub fn watch(self) -> Watch<V> {
        Watch(self.0.watch())
    }
}

impl<V: Send + 'static> Select<V> {
    /// Calls `tell` with every answer of [`Self::watch`], on a thread of its own, until what is returned is dropped or the
    /// client has stopped.
    pub fn watch_with(
        self,
        mut tell: impl FnMut(Result<Results<V>, ClientError>) + Send + 'static,
    ) -> io::Result<Watching> {
        let mut watch = self.0.watch();
        let (stop, mut stopped) = oneshot::channel::<()>();
        let thread = thread::Builder::new()
            .name("driftless-watch".to_owned())
            .spawn(move || {
                loop {
                    let next = pin!(watch.next());
                    match block_on(select(next, &mut stopped)) {
                        Either::Left((Some(answer), _)) => tell(answer),
                        Either::Left((None, _)) | Either::Right(_) => return,
                    }
                }
            })?;
        Ok(Watching {
            stop: Some(stop),
            thread: Some(thread),
        })
    }
}

impl<T: DeserializeOwned> Select<T> {
    /// Asks for deleted records too, whose value is `None`.
    pub fn include_deleted(self) -> Select<Option<T>> {
        Select(self.0.include_deleted())
    }
}

/// The answers to a question, as an iterator that waits for each. Ends when the client has stopped.
pub struct Watch<V>(crate::client::Watch<V>);

impl<V> Iterator for Watch<V> {
    type Item = Result<Results<V>, ClientError>;

    fn next(&mut self) -> Option<Self::Item> {
        block_on(self.0.next())
    }
}

/// A question that is being watched. Dropping it ends that, once a call that is under way has returned.
#[derive(Debug)]
#[must_use = "dropping it ends the watching"]
pub struct Watching {
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Drop for Watching {
    fn drop(&mut self) {
        drop(self.stop.take());
        let Some(thread) = self.thread.take() else { return };
        // A callback may drop what calls it.
        if thread.thread().id() != thread::current().id() {
            // A panic of the callback has been told already.
            let _ = thread.join();
        }
    }
}

impl<V> Clone for Select<V> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<V> fmt::Debug for Select<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<V> fmt::Debug for Watch<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
