//! The Driftless server and the `driftless` command.
//!
//! | module | what it is |
//! |---|---|
//! | [`cli`] | the commands, their flags and their help |
//! | [`http`] | the WebSocket handshake and the HTTP API on one port |
//! | [`serve`] | running a server: listening, connections, a stop that loses nothing |
//! | [`store`] | the durable stores |

pub mod cli;
pub mod http;
pub mod serve;
pub mod store;
