//! The runtime of smol.

use super::dial::known;
use super::{Listener, Pending, Runtime, Socket, Timer};
use futures_util::stream::Stream;
use smol::Async;
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;

/// smol's global executor, which runs as soon as it is used.
#[derive(Clone, Copy, Debug, Default)]
pub struct Smol;

impl Runtime for Smol {
    fn spawn(&self, _: &'static str, task: Pending<'static, ()>) -> io::Result<()> {
        smol::spawn(task).detach();
        Ok(())
    }

    fn timer(&self) -> Box<dyn Timer> {
        Box::new(smol::Timer::never())
    }

    fn resolve(&self, host: String, port: u16) -> Pending<'static, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move { Ok(known(smol::net::resolve((host, port)).await?.into_iter())) })
    }

    fn connect(&self, address: SocketAddr) -> Pending<'static, io::Result<Box<dyn Socket>>> {
        Box::pin(async move { boxed(Async::<TcpStream>::connect(address).await?) })
    }

    fn listen(&self, address: SocketAddr) -> Pending<'static, io::Result<Box<dyn Listener>>> {
        Box::pin(async move {
            let listener = Async::<TcpListener>::bind(address)?;
            Ok(Box::new(listener) as Box<dyn Listener>)
        })
    }
}

fn boxed(socket: Async<TcpStream>) -> io::Result<Box<dyn Socket>> {
    socket.get_ref().set_nodelay(true)?;
    Ok(Box::new(socket))
}

impl Socket for Async<TcpStream> {
    fn is_vectored(&self) -> bool {
        true
    }
}

impl Listener for Async<TcpListener> {
    fn address(&self) -> io::Result<SocketAddr> {
        self.get_ref().local_addr()
    }

    fn accept(&mut self) -> Pending<'_, io::Result<(Box<dyn Socket>, SocketAddr)>> {
        Box::pin(async {
            let (socket, peer) = Self::accept(self).await?;
            Ok((boxed(socket)?, peer))
        })
    }
}

impl Timer for smol::Timer {
    fn set(&mut self, at: Instant) {
        self.set_at(at);
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        // A stream that fires once each time it is set.
        Pin::new(self).poll_next(cx).map(drop)
    }
}
