//! Credentials that a connection shows and the rights that the host grants for them.

use crate::event::Json;
use crate::name::{Namespace, RepositoryName};
use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::fmt;
use core::time::Duration;

/// What a connection shows to be let in.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Credentials {
    /// The namespace that the connection is for.
    pub namespace: Namespace,
    /// The token: from `token`, else from an `Authorization` field of `auth` (without `Bearer `), else from the
    /// handshake.
    pub token: Option<String>,
    /// Every other field of `auth`.
    pub fields: Vec<(String, Json)>,
}

/// Without the secrets: they must not reach a log.
impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<&str> = self.fields.iter().map(|(name, _)| name.as_str()).collect();
        f.debug_struct("Credentials")
            .field("namespace", &self.namespace)
            .field("token", &self.token.as_ref().map(|_| ".."))
            .field("fields", &names)
            .finish()
    }
}

/// Which repositories of the namespace a right covers.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum Access {
    /// Every repository.
    All,
    /// These and no others.
    Only(BTreeSet<RepositoryName>),
}

impl Access {
    /// Whether the right covers a repository.
    pub fn allows(&self, repository: &RepositoryName) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.contains(repository),
        }
    }
}

/// What a subject may do in a namespace.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Rights {
    /// Names the read rights in `auth_success.scope`: equal scopes mean equal read rights. An opaque short text.
    pub scope: String,
    /// What may be read.
    pub read: Access,
    /// What may be written.
    pub write: Access,
}

impl Rights {
    /// Everything, under the scope `all`.
    pub fn all() -> Self {
        Self {
            scope: "all".into(),
            read: Access::All,
            write: Access::All,
        }
    }
}

/// Accepted credentials.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Grant {
    /// Who it is. Another subject on the same connection ends all its streams.
    pub subject: String,
    /// What it may do.
    pub rights: Arc<Rights>,
    /// After how long the credentials expire; `None`: never.
    pub valid_for: Option<Duration>,
}

/// Why credentials are not accepted.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub enum AuthRefusal {
    /// They are wrong or absent: `auth_failed`, close 4401. The message is one plain sentence without secrets.
    Refused(String),
    /// They are good, but not for this connection: `forbidden`, close 4403.
    Forbidden(String),
    /// Whoever decides cannot be reached: `internal`, close 1011.
    Unavailable,
}
