//! Namespaces, repositories, and the logs that they name together.

use crate::text::text_newtype;
use alloc::sync::Arc;
use core::fmt;

/// Why a name is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NameError {
    /// A namespace outside `[A-Za-z0-9_-]{1,64}`.
    #[error("a namespace is 1 to 64 of the characters A-Z, a-z, 0-9, _ and -")]
    Namespace,
    /// An empty repository name or one over [`RepositoryName::MAX_BYTES`].
    #[error("a repository name is 1 to 128 bytes long")]
    Length,
    /// A repository name with a control character.
    #[error("a repository name has no control characters")]
    Control,
    /// A repository name that stores keep for themselves.
    #[error("a repository name does not start with `_` or `system.`")]
    Reserved,
}

/// An isolated set of repositories: a tenant. `[A-Za-z0-9_-]{1,64}` (PROTOCOL.md section 2).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Namespace(Arc<str>);

impl Namespace {
    /// Longest namespace, in bytes.
    pub const MAX_BYTES: usize = 64;

    /// Checks and copies a name.
    pub fn new(name: &str) -> Result<Self, NameError> {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
        if name.is_empty() || name.len() > Self::MAX_BYTES || !name.bytes().all(allowed) {
            return Err(NameError::Namespace);
        }
        Ok(Self(name.into()))
    }
}

impl Default for Namespace {
    /// The namespace `default`, which is meant where none is named.
    fn default() -> Self {
        Self("default".into())
    }
}

/// The name of a repository: a log of events within a namespace.
///
/// UTF-8 text of 1 to 128 bytes without control characters, not starting with `_` or `system.`; compared byte for
/// byte (PROTOCOL.md section 2).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepositoryName(Arc<str>);

impl RepositoryName {
    /// Longest repository name, in bytes.
    pub const MAX_BYTES: usize = 128;

    /// Checks and copies a name.
    pub fn new(name: &str) -> Result<Self, NameError> {
        if name.is_empty() || name.len() > Self::MAX_BYTES {
            return Err(NameError::Length);
        }
        if name.chars().any(char::is_control) {
            return Err(NameError::Control);
        }
        if name.starts_with('_') || name.starts_with("system.") {
            return Err(NameError::Reserved);
        }
        Ok(Self(name.into()))
    }
}

macro_rules! name_newtype {
    ($name:ident) => {
        text_newtype!($name);
        impl AsRef<str> for $name {
            fn as_ref(&self) -> &str {
                self
            }
        }
        impl core::str::FromStr for $name {
            type Err = NameError;
            fn from_str(name: &str) -> Result<Self, NameError> {
                Self::new(name)
            }
        }
    };
}

name_newtype!(Namespace);
name_newtype!(RepositoryName);

/// One log: a repository within its namespace.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct LogName {
    /// The tenant.
    pub namespace: Namespace,
    /// The repository within it.
    pub repository: RepositoryName,
}

impl fmt::Display for LogName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.namespace, self.repository)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_namespace_is_short_and_plain() {
        assert!(Namespace::new("tenant-1_A").is_ok());
        for bad in ["", "a b", "ä", "a/b", &"x".repeat(65)] {
            assert_eq!(Namespace::new(bad), Err(NameError::Namespace), "{bad:?}");
        }
    }

    #[test]
    fn a_repository_is_any_printable_text_that_stores_do_not_reserve() {
        for good in ["users", "Benutzer ä/ö", "a.b", "system", &"x".repeat(128)] {
            assert!(RepositoryName::new(good).is_ok(), "{good:?}");
        }
        assert_eq!(RepositoryName::new(""), Err(NameError::Length));
        assert_eq!(RepositoryName::new(&"x".repeat(129)), Err(NameError::Length));
        assert_eq!(RepositoryName::new("a\u{0}b"), Err(NameError::Control));
        assert_eq!(RepositoryName::new("a\u{85}b"), Err(NameError::Control));
        assert_eq!(RepositoryName::new("_counters"), Err(NameError::Reserved));
        assert_eq!(RepositoryName::new("system.users"), Err(NameError::Reserved));
    }
}
