//! How a command ends when it does not end well.

use std::fmt;
use std::process::ExitCode;

/// Why a command does not end well.
#[derive(Debug)]
pub(super) enum Failure {
    /// A guarantee did not hold; it was printed.
    Found,
    /// The command could not do its work.
    Unable(String),
}

impl Failure {
    pub(super) fn unable(message: impl Into<String>) -> Self {
        Self::Unable(message.into())
    }

    pub(super) fn exit_code(&self) -> ExitCode {
        match self {
            Self::Found => ExitCode::FAILURE,
            Self::Unable(_) => ExitCode::from(2),
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Found => f.write_str("a guarantee did not hold"),
            Self::Unable(message) => f.write_str(message),
        }
    }
}

/// What could not be printed because nobody reads any more is no failure of the command's.
impl From<std::io::Error> for Failure {
    fn from(error: std::io::Error) -> Self {
        Self::unable(format!("cannot print: {error}"))
    }
}
