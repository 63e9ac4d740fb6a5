//! What the client and the server need of a runtime: sockets, timers and tasks.
//!
//! Everything that they do beside that is written once, as futures that run anywhere. A runtime is one small file:
//!
//! | runtime | feature | what it uses |
//! |---|---|---|
//! | `Tokio` | `tokio` | the tokio runtime that is current |
//! | `Smol` | `smol` | smol's global executor |
//! | `Threads` | `blocking` | a thread for each task, blocking sockets |
//!
//! Another one is added by implementing [`Runtime`].

mod alarm;
mod dial;
#[cfg(feature = "smol")]
mod smol;
#[cfg(feature = "blocking")]
mod threads;
#[cfg(feature = "tokio")]
mod tokio;

#[cfg(feature = "smol")]
pub use self::smol::Smol;
#[cfg(feature = "tokio")]
pub use self::tokio::Tokio;
pub(crate) use alarm::{Alarm, Clock, within};
pub(crate) use dial::dial;
#[cfg(feature = "blocking")]
pub use threads::{Threads, block_on};

use futures_io::{AsyncRead, AsyncWrite};
use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

/// Something that a runtime does, and what comes of it.
pub type Pending<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What the client and the server need of a runtime.
pub trait Runtime: fmt::Debug + Send + Sync + 'static {
    /// Runs a task to its end, beside everything else. `name` is for debuggers and task lists, where they show one.
    fn spawn(&self, name: &'static str, task: Pending<'static, ()>) -> io::Result<()>;

    /// A timer that is not set.
    fn timer(&self) -> Box<dyn Timer>;

    /// The addresses of a host, in the order in which they are to be tried.
    fn resolve(&self, host: String, port: u16) -> Pending<'static, io::Result<Vec<SocketAddr>>>;

    /// Opens a TCP connection with `TCP_NODELAY`: frames are gathered before they are written, waiting for more would
    /// only delay them. Dropping the future gives the attempt up.
    fn connect(&self, address: SocketAddr) -> Pending<'static, io::Result<Box<dyn Socket>>>;

    /// Listens for TCP connections.
    fn listen(&self, address: SocketAddr) -> Pending<'static, io::Result<Box<dyn Listener>>>;
}

/// One timer, which can be set again and again.
pub trait Timer: Send {
    /// Sets it for a moment, instead of the one that it was set for.
    fn set(&mut self, at: Instant);

    /// Ready once the moment has come; the task is woken then. Pending for ever if it is not set.
    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()>;
}

/// A connected stream socket.
pub trait Socket: AsyncRead + AsyncWrite + Send + Unpin + 'static {
    /// Whether many slices are written as fast as one. If not, they are copied together first.
    fn is_vectored(&self) -> bool {
        false
    }
}

/// A listening socket.
pub trait Listener: Send + 'static {
    /// The address that it listens on, with the real port.
    fn address(&self) -> io::Result<SocketAddr>;

    /// The next connection and where it comes from.
    fn accept(&mut self) -> Pending<'_, io::Result<(Box<dyn Socket>, SocketAddr)>>;
}

/// A runtime that is chosen while the program runs.
impl Runtime for Arc<dyn Runtime> {
    fn spawn(&self, name: &'static str, task: Pending<'static, ()>) -> io::Result<()> {
        (**self).spawn(name, task)
    }

    fn timer(&self) -> Box<dyn Timer> {
        (**self).timer()
    }

    fn resolve(&self, host: String, port: u16) -> Pending<'static, io::Result<Vec<SocketAddr>>> {
        (**self).resolve(host, port)
    }

    fn connect(&self, address: SocketAddr) -> Pending<'static, io::Result<Box<dyn Socket>>> {
        (**self).connect(address)
    }

    fn listen(&self, address: SocketAddr) -> Pending<'static, io::Result<Box<dyn Listener>>> {
        (**self).listen(address)
    }
}
