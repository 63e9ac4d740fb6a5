//! The Driftless server and the `driftless` command.
