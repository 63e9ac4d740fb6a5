//! The server over real sockets: HTTP, the WebSocket below the protocol's messages, and the commands.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

mod cli_commands;
mod cli_serve;
mod cli_tls;
mod http_access;
mod http_hostile;
mod http_push;
mod http_read;
mod http_status;
mod support;
mod ws_close;
mod ws_handshake;
mod ws_memory;
