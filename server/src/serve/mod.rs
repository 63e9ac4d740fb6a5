//! Running a server: one listening socket, the connections on it, and a stop that loses nothing.

mod accept;
mod logging;
mod signal;
mod store_url;

pub use accept::{Listening, ServeConfig};
pub use logging::{LogFormat, LogObserver, start_logging};
pub use signal::Signals;
pub use store_url::{StoreUrl, StoreUrlError};
