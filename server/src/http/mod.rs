//! One port for everything: the WebSocket, and the HTTP API of PROTOCOL.md section 8.
//!
//! | module | what it is |
//! |---|---|
//! | `route` | what a request is for |
//! | `origin` | which web pages may call |
//! | `service` | takes a request through origin, route, authentication and handler |
//! | `body` | reads a request's body within its limits |
//! | `push`, `read` | events in, events out |
//! | `status` | health, readiness and metrics |
//! | `upgrade` | the WebSocket handshake |
//! | `stall` | gives up on a peer that reads no answer |
//! | `answer` | responses and errors |

mod answer;
mod body;
mod origin;
mod push;
mod query;
mod read;
mod route;
mod service;
mod stall;
mod status;
mod upgrade;

pub use origin::{Origins, OriginsError};
pub use service::{Http, HttpLimits};
