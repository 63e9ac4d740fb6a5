//! What the application is asked and told while the client syncs.

use driftless_core::client::{ClientInput, FilterId, Notice, SyncFilter};
use driftless_core::event::Sequence;
use driftless_core::name::RepositoryName;
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::collections::BTreeMap;
use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

/// A page of a repository's log that is durable on this device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Applied {
    /// Which repository.
    pub repository: RepositoryName,
    /// Everything up to here is applied.
    pub after: Sequence,
    /// How many events the page had; 0 for one that only moves the cursor, past events that are not for this reader.
    pub events: usize,
}

/// Says where a repository begins.
pub(super) type FilterCallback = Box<dyn Fn() -> Building + Send>;

/// The filter that the application answers with.
pub(super) type Building = Pin<Box<dyn Future<Output = Option<SyncFilter>> + Send>>;

/// Is told of each page.
pub(super) type AppliedCallback = Box<dyn FnMut(Applied) + Send>;

/// The application's callbacks.
#[derive(Default)]
pub(super) struct Hooks {
    pub(super) filters: BTreeMap<RepositoryName, FilterCallback>,
    pub(super) applied: Option<AppliedCallback>,
    building: FuturesUnordered<Pin<Box<dyn Future<Output = ClientInput> + Send>>>,
}

impl Hooks {
    /// Asks where a repository begins.
    pub(super) fn build(&self, filter: FilterId, repository: &RepositoryName) {
        let building = self.filters.get(repository).map(|callback| callback());
        self.building.push(Box::pin(async move {
            let result = match building {
                Some(building) => building.await,
                None => None,
            };
            ClientInput::FilterBuilt { filter, result }
        }));
    }

    /// An answer of the application.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ClientInput> {
        match self.building.poll_next_unpin(cx) {
            Poll::Ready(Some(input)) => Poll::Ready(input),
            _ => Poll::Pending,
        }
    }

    pub(super) fn hear(&mut self, notice: &Notice) {
        if let (
            Some(applied),
            Notice::Applied {
                repository,
                after,
                events,
            },
        ) = (&mut self.applied, notice)
        {
            applied(Applied {
                repository: repository.clone(),
                after: *after,
                events: *events,
            });
        }
    }
}

impl fmt::Debug for Hooks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hooks")
            .field("filters", &self.filters.keys())
            .field("building", &self.building.len())
            .finish_non_exhaustive()
    }
}
