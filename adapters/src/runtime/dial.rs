//! Connecting to a name that has several addresses.

use super::{Pending, Runtime, Socket, within};
use futures_util::stream::{FuturesUnordered, StreamExt};
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

/// How long an address has before the next one is tried as well (RFC 8305 section 5): one that does not answer must not
/// keep others from being reached.
const NEXT_ADDRESS_AFTER: Duration = Duration::from_millis(250);

/// Connects to the first of a name's addresses that answers.
pub(crate) async fn dial(runtime: &Arc<dyn Runtime>, host: String, port: u16) -> io::Result<Box<dyn Socket>> {
    let addresses = runtime.resolve(host, port).await?;
    let mut attempts: FuturesUnordered<Pending<'static, io::Result<Box<dyn Socket>>>> = FuturesUnordered::new();
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for address in addresses {
        attempts.push(runtime.connect(address));
        match within(&**runtime, NEXT_ADDRESS_AFTER, first(&mut attempts)).await {
            Some(Ok(socket)) => return Ok(socket),
            Some(Err(error)) => failure = error,
            None => {}
        }
    }
    if attempts.is_empty() {
        return Err(failure);
    }
    first(&mut attempts).await
}

/// The first attempt that succeeds; the last failure if none does.
async fn first<F>(attempts: &mut FuturesUnordered<F>) -> io::Result<Box<dyn Socket>>
where
    F: Future<Output = io::Result<Box<dyn Socket>>>,
{
    let mut failure = io::Error::new(io::ErrorKind::NotFound, "no address is left");
    while let Some(connected) = attempts.next().await {
        match connected {
            Ok(socket) => return Ok(socket),
            Err(error) => failure = error,
        }
    }
    Err(failure)
}

/// The addresses of a name, as the system says.
pub(super) fn known(addresses: impl Iterator<Item = SocketAddr>) -> Vec<SocketAddr> {
    let mut known = Vec::new();
    for address in addresses {
        if !known.contains(&address) {
            known.push(address);
        }
    }
    known
}
