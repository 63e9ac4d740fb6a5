//! How a command fails: a sentence for people and an exit status for scripts.

use std::fmt;
use std::process::ExitCode;

/// Why a command failed. Printed as `driftless: MESSAGE` on stderr; the kind decides the exit status.
#[derive(Debug)]
pub struct Failure {
    kind: Kind,
    message: String,
}

/// What a script can tell apart by the exit status. 2 is also what wrong flags end with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// It was tried and did not work.
    Failed = 1,
    /// The flags contradict each other or make no sense.
    Usage = 2,
    /// The store cannot be opened, read or written.
    Store = 3,
    /// The address cannot be listened on.
    Listen = 4,
    /// The server cannot be reached, or is not healthy.
    Unreachable = 5,
    /// The server refused the credentials.
    Refused = 6,
}

/// What `--help` says about exit statuses.
pub(crate) const EXIT_STATUS_HELP: &str = "\
Exit status: 0 done, 1 failed, 2 wrong usage, 3 the store cannot be used, 4 the address cannot be
listened on, 5 the server cannot be reached or is not healthy, 6 the credentials were refused.";

impl Failure {
    /// It was tried and did not work: exit status 1.
    pub fn failed(message: impl Into<String>) -> Self {
        Self::new(Kind::Failed, message)
    }

    /// The flags contradict each other or make no sense: exit status 2.
    pub fn usage(message: impl Into<String>) -> Self {
        Self::new(Kind::Usage, message)
    }

    /// The store cannot be opened, read or written: exit status 3.
    pub fn store(message: impl Into<String>) -> Self {
        Self::new(Kind::Store, message)
    }

    /// The address cannot be listened on: exit status 4.
    pub fn listen(message: impl Into<String>) -> Self {
        Self::new(Kind::Listen, message)
    }

    /// The server cannot be reached, or is not healthy: exit status 5.
    pub fn unreachable(message: impl Into<String>) -> Self {
        Self::new(Kind::Unreachable, message)
    }

    /// The server refused the credentials: exit status 6.
    pub fn refused(message: impl Into<String>) -> Self {
        Self::new(Kind::Refused, message)
    }

    fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self {
            kind,
            message: message.into(),
        }
    }

    /// The status that the process ends with.
    pub fn exit_code(&self) -> ExitCode {
        ExitCode::from(self.kind as u8)
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Failure {}
