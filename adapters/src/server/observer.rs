//! What a server tells its owner, for logs.

use driftless_core::name::Namespace;
use driftless_core::server::{ConnectionId, StoreFailure};
use driftless_core::wire::CloseCode;

/// Is told what happens, on the thread where it happens. Must not block.
pub trait Observer: Send + Sync + 'static {
    /// A connection was handed over.
    fn opened(&self, connection: ConnectionId, namespace: &Namespace) {
        let _ = (connection, namespace);
    }

    /// The server closes a connection. One that its peer closes, or that is lost, has no code.
    fn closing(&self, connection: ConnectionId, code: CloseCode, reason: &str) {
        let _ = (connection, code, reason);
    }

    /// A connection is over.
    fn closed(&self, connection: ConnectionId) {
        let _ = connection;
    }

    /// The store did not do what it was asked. Peers hear that, but not why.
    fn store_failed(&self, failure: &StoreFailure) {
        let _ = failure;
    }
}

/// Tells nobody.
#[derive(Clone, Copy, Debug, Default)]
pub struct Unobserved;

impl Observer for Unobserved {}
