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

#[cfg(all(test, feature = "tokio"))]
mod tests {
    use super::*;
    use crate::runtime::{Listener, Timer, Tokio};
    use std::future::{pending, ready};

    /// A name whose addresses answer as their ports say: 1 never, 2 with a refusal, any other at once.
    #[derive(Debug)]
    struct Named(Vec<u16>);

    impl Runtime for Named {
        fn spawn(&self, _: &'static str, _: Pending<'static, ()>) -> io::Result<()> {
            unreachable!("nothing is spawned")
        }

        fn timer(&self) -> Box<dyn Timer> {
            Tokio.timer()
        }

        fn resolve(&self, _: String, _: u16) -> Pending<'static, io::Result<Vec<SocketAddr>>> {
            let address = |port: &u16| SocketAddr::from(([127, 0, 0, 1], *port));
            Box::pin(ready(Ok(self.0.iter().map(address).collect())))
        }

        fn connect(&self, address: SocketAddr) -> Pending<'static, io::Result<Box<dyn Socket>>> {
            match address.port() {
                1 => Box::pin(pending()),
                2 => Box::pin(ready(Err(io::ErrorKind::ConnectionRefused.into()))),
                _ => Box::pin(ready(Ok(Tokio::socket(tokio::io::duplex(1).0)))),
            }
        }

        fn listen(&self, _: SocketAddr) -> Pending<'static, io::Result<Box<dyn Listener>>> {
            unreachable!("nobody listens")
        }
    }

    async fn reached(ports: &[u16]) -> Result<(), io::ErrorKind> {
        let runtime: Arc<dyn Runtime> = Arc::new(Named(ports.to_vec()));
        let socket = dial(&runtime, "name".to_owned(), 80).await;
        socket.map(drop).map_err(|error| error.kind())
    }

    #[tokio::test]
    async fn an_address_that_does_not_answer_keeps_no_other_from_being_reached() {
        assert_eq!(reached(&[1, 2, 1, 80]).await, Ok(()));
        assert_eq!(reached(&[2, 80]).await, Ok(()));
        assert_eq!(reached(&[2, 2]).await, Err(io::ErrorKind::ConnectionRefused));
        assert_eq!(reached(&[]).await, Err(io::ErrorKind::NotFound));
    }
}
