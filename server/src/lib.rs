//! The Driftless server and the `driftless` command.
//!
//! | module | what it is |
//! |---|---|
//! | [`cli`] | the commands, their flags and their help |

pub mod cli;
