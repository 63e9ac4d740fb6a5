//! What goes into a hub and what comes out.

use crate::name::{Namespace, RepositoryName};
use crate::server::{
    Append, AppendId, Appended, Committed, ConnectionId, HubReply, HubRequest, Page, PageRequest, ReadId, StoreFailure,
};
use alloc::vec::Vec;

/// What can happen to a [`super::Hub`].
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HubInput {
    /// A session asks for something.
    Session {
        /// Which connection.
        connection: ConnectionId,
        /// What.
        request: HubRequest,
    },
    /// A [`HubAction::Append`] is done.
    Appended {
        /// Which append.
        append: AppendId,
        /// Its durable outcome.
        result: Result<Appended, StoreFailure>,
    },
    /// A [`HubAction::Read`] is done.
    PageRead {
        /// Which read.
        read: ReadId,
        /// The page.
        result: Result<Page, StoreFailure>,
    },
    /// A [`HubAction::ListRepositories`] is done.
    Repositories {
        /// Which read.
        read: ReadId,
        /// The names of all repositories of the namespace.
        result: Result<Vec<RepositoryName>, StoreFailure>,
    },
    /// A log has grown. The only way in which the hub learns of new events, its own included.
    Committed(Committed),
    /// Time has passed.
    Tick,
}

/// What a [`super::Hub`] asks its host to do.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum HubAction {
    /// Give this to the session of a connection.
    Reply {
        /// Which connection.
        connection: ConnectionId,
        /// What.
        reply: HubReply,
    },
    /// Commit these events durably, then complete with [`HubInput::Appended`].
    Append {
        /// Names it in the completion.
        append: AppendId,
        /// The events.
        events: Append,
    },
    /// Read a page, then complete with [`HubInput::PageRead`].
    Read {
        /// Names it in the completion.
        read: ReadId,
        /// Which page.
        page: PageRequest,
    },
    /// List a namespace's repositories, then complete with [`HubInput::Repositories`].
    ListRepositories {
        /// Names it in the completion.
        read: ReadId,
        /// Which namespace.
        namespace: Namespace,
    },
}
