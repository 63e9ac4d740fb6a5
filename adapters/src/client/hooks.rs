//! What the application is asked and told while the client syncs.

use driftless_core::client::{ClientInput, FilterId, Notice, SyncFilter};
use driftless_core::event::Sequence;
use driftless_core::name::RepositoryName;
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
    /// The filters that are being built: one for each repository, for its newest connection.
    building: Vec<(RepositoryName, FilterId, Building)>,
}

impl Hooks {
    /// Asks where a repository begins.
    pub(super) fn build(&mut self, filter: FilterId, repository: RepositoryName) {
        self.building.retain(|(other, ..)| *other != repository);
        let building = match self.filters.get(&repository) {
            Some(callback) => callback(),
            None => Box::pin(std::future::ready(None)),
        };
        self.building.push((repository, filter, building));
    }

    /// An answer of the application.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ClientInput> {
        for index in 0..self.building.len() {
            let (_, filter, building) = &mut self.building[index];
            let filter = *filter;
            if let Poll::Ready(result) = building.as_mut().poll(cx) {
                drop(self.building.remove(index));
                return Poll::Ready(ClientInput::FilterBuilt { filter, result });
            }
        }
        Poll::Pending
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
