//! Live queries.

use super::item::{Results, results};
use super::select::Select;
use crate::client::{ClientError, Notices};
use crate::storage::QueryRow;
use driftless_core::client::Notice;
use driftless_core::event::RecordId;
use driftless_core::name::RepositoryName;
use futures_util::stream::{self, Stream};
use std::collections::HashSet;
use std::fmt;

/// The answers to a question: the one of now first, then one whenever a change has made another of it. Made by
/// [`Select::watch`].
///
/// A change that cannot concern the question (of a record that is neither in the last answer nor meets the conditions,
/// where there is no offset) costs a comparison; one that can costs the query once more, however many changes have come together. An answer that is
/// the same as the last is not told. Keeps its client running.
pub struct Watch<V> {
    select: Select<V>,
    notices: Notices,
    /// What was told last; `None` before the first answer.
    last: Option<Vec<QueryRow>>,
    /// The records in it.
    shown: HashSet<RecordId>,
    /// Whether something has changed since, for all that is known.
    stale: bool,
}

impl<V> Watch<V> {
    pub(super) fn new(select: Select<V>) -> Self {
        // Before the first answer, so that no change falls between the two.
        let notices = select.client.notices();
        Self {
            select,
            notices,
            last: None,
            shown: HashSet::new(),
            stale: true,
        }
    }

    /// The next answer; `None` once the client has stopped. Nothing is lost when the future is dropped. After an error,
    /// which the storage gives or a question that [`Query::check`](crate::storage::Query::check) refuses, the question is
    /// asked again at the next change.
    pub async fn next(&mut self) -> Option<Result<Results<V>, ClientError>> {
        loop {
            if !self.stale {
                self.change().await?;
                // Before the answer: whoever drops this future meanwhile asks again.
                self.stale = true;
            }
            let rows = self.select.rows().await;
            self.stale = false;
            let rows = match rows {
                Ok(rows) => rows,
                Err(ClientError::Stopped) => return None,
                Err(error) => return Some(Err(error)),
            };
            if self.last.as_ref() != Some(&rows) {
                self.shown = rows.iter().map(|row| row.record.clone()).collect();
                self.last = Some(rows.clone());
                return Some(Ok(results(rows, self.select.read)));
            }
        }
    }

    /// The answers as a stream, for combinators.
    pub fn into_stream(self) -> impl Stream<Item = Result<Results<V>, ClientError>> {
        stream::unfold(self, async |mut watch| Some((watch.next().await?, watch)))
    }

    /// Returns once something has changed that may matter; `None` if the client has stopped.
    async fn change(&mut self) -> Option<()> {
        loop {
            let mut notice = Some(self.notices.next().await?);
            let mut matters = false;
            // What has come together is looked at together.
            while let Some(one) = notice {
                // Who has missed some cannot know.
                matters = matters || one.map_or(true, |one| self.concerns(&one));
                notice = self.notices.try_next();
            }
            if matters {
                return Some(());
            }
        }
    }

    fn concerns(&self, notice: &Notice) -> bool {
        let is_shown = |record: &_| self.shown.contains(record);
        // A record among those that are left out moves all behind it, and nothing is known of it.
        let is_hidden = self.select.query.offset > 0;
        let is_here = |repository: &RepositoryName| self.select.repository == *repository;
        match notice {
            Notice::Changed {
                repository,
                record,
                data,
                ..
            } => is_here(repository) && (is_hidden || is_shown(record) || self.select.query.matches(data.as_ref())),
            Notice::Dismissed { repository, record, .. } => is_here(repository) && is_shown(record),
            Notice::Rejected { repository, .. }
            | Notice::Cleared { repository }
            | Notice::HistoryChanged { repository } => is_here(repository),
            _ => false,
        }
    }
}

impl<V> fmt::Debug for Watch<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Watch").field(&self.select).finish()
    }
}
