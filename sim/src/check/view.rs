//! What the checks look at: disks and machines, from outside.

use driftless_core::client::{Blocked, Client, ConnectionState, Cursor, OwnEvent, RecordKey, StoredRecord};
use driftless_core::event::Sequence;
use driftless_core::name::RepositoryName;
use driftless_core::wire::Epoch;

/// What is durable on a client's disk.
pub trait DiskView {
    /// How far a repository is read; `None` if the disk does not know it.
    fn cursor(&self, repository: &RepositoryName) -> Option<&Cursor>;
    /// One record.
    fn record(&self, key: &RecordKey) -> Option<&StoredRecord>;
    /// All records of a repository.
    fn each_record(&self, repository: &RepositoryName, visit: &mut dyn FnMut(&StoredRecord));
    /// All own events of a repository, whatever their state.
    fn each_own(&self, repository: &RepositoryName, visit: &mut dyn FnMut(&OwnEvent));
}

/// What is durable in the server's store, in the default namespace.
pub trait StoreView {
    /// Its epoch.
    fn epoch(&self) -> &Epoch;
    /// The sequence of a log's last event; zero for an empty log.
    fn head(&self, repository: &RepositoryName) -> Sequence;
}

/// A running client as the end of a run looks at it.
pub struct ClientEnd<'a> {
    /// Which one.
    pub client: usize,
    /// Whether it is connected and says that it is current; for one that connects for rounds alone, whether it rests
    /// between two of them.
    pub live: bool,
    /// How many of its events it knows not to be acked.
    pub pending: u64,
    /// Why it does not send them.
    pub blocked: Option<Blocked>,
    /// Its disk; `None` for a peer that keeps nothing.
    pub disk: Option<&'a dyn DiskView>,
}

impl<'a> ClientEnd<'a> {
    /// How one of our clients stands.
    pub fn of(client: usize, machine: &Client, is_real_time: bool, disk: &'a dyn DiskView) -> Self {
        let live = match machine.connection() {
            ConnectionState::Live => true,
            ConnectionState::Offline { .. } => !is_real_time,
            _ => false,
        };
        Self {
            client,
            live,
            pending: machine.pending(),
            blocked: machine.blocked(),
            disk: Some(disk),
        }
    }
}
