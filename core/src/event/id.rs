//! Event ids, record ids and sequences.

use crate::text::text_newtype;
use bytestring::ByteString;
use core::fmt;

/// Why an id is not one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// The id is the empty string.
    #[error("an id is not empty")]
    Empty,
    /// The id is longer than [`EventId::MAX_BYTES`] or [`RecordId::MAX_BYTES`].
    #[error("an id is at most {0} bytes long")]
    TooLong(usize),
}

/// The id that a client chose for an event: unique for ever within a repository, 1 to 256 bytes (PROTOCOL.md
/// section 2). Shares the buffer that it was read from.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct EventId(ByteString);

/// The id of the record that an event changes (the seed documents call it data id), 1 to [`Self::MAX_BYTES`] bytes.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordId(ByteString);

macro_rules! id_newtype {
    ($name:ident, $max:expr) => {
        impl $name {
            /// Longest id, in bytes.
            pub const MAX_BYTES: usize = $max;

            /// Checks the length and takes the text; give it a slice of a larger buffer to share that buffer.
            pub fn new(text: impl Into<ByteString>) -> Result<Self, IdError> {
                let text = text.into();
                if text.is_empty() {
                    return Err(IdError::Empty);
                }
                if text.len() > Self::MAX_BYTES {
                    return Err(IdError::TooLong(Self::MAX_BYTES));
                }
                Ok(Self(text))
            }

            /// The same id in a buffer of its own, so that it does not keep a frame alive.
            #[must_use]
            pub fn detached(&self) -> Self {
                Self(ByteString::from(&*self.0))
            }

            /// The id as shared text.
            pub fn text(&self) -> &ByteString {
                &self.0
            }
        }
        text_newtype!($name);
    };
}

id_newtype!(EventId, 256);
id_newtype!(RecordId, 1024);

/// A position in a log: 1 is its first event, no number is left out. [`Sequence::ZERO`] is before the first.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Sequence(u64);

impl Sequence {
    /// Before the first event.
    pub const ZERO: Self = Self(0);
    /// The last position there can be. Stores keep sequences as signed 64-bit integers.
    pub const MAX: Self = Self(i64::MAX as u64);

    /// The position with this number; above [`Self::MAX`] counts as [`Self::MAX`].
    pub const fn new(number: u64) -> Self {
        if number > Self::MAX.0 { Self::MAX } else { Self(number) }
    }

    /// The number.
    pub const fn get(self) -> u64 {
        self.0
    }

    /// The next position; [`Self::MAX`] stays.
    #[must_use]
    pub const fn next(self) -> Self {
        Self::new(self.0 + 1)
    }

    /// The position before this one; zero stays.
    #[must_use]
    pub const fn previous(self) -> Self {
        Self(self.0.saturating_sub(1))
    }
}

impl fmt::Display for Sequence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
