//! The runtime of tokio.

use super::dial::known;
use super::{Listener, Pending, Runtime, Socket, Timer};
use futures_io::{AsyncRead, AsyncWrite};
use std::io::{self, IoSlice};
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Instant;
use tokio::io::ReadBuf;
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::Handle;
use tokio::time::{Sleep, sleep_until};

/// The tokio runtime that is current, with its I/O and time drivers.
#[derive(Clone, Copy, Debug, Default)]
pub struct Tokio;

impl Tokio {
    /// A socket of tokio's, as [`Server::serve_socket`](crate::server::Server::serve_socket) takes it.
    pub fn socket<T>(socket: T) -> Box<dyn Socket>
    where
        T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
    {
        Box::new(OnTokio(socket))
    }
}

impl Runtime for Tokio {
    fn spawn(&self, _: &'static str, task: Pending<'static, ()>) -> io::Result<()> {
        let runtime = Handle::try_current().map_err(io::Error::other)?;
        runtime.spawn(task);
        Ok(())
    }

    fn timer(&self) -> Box<dyn Timer> {
        Box::new(TokioTimer(None))
    }

    fn resolve(&self, host: String, port: u16) -> Pending<'static, io::Result<Vec<SocketAddr>>> {
        Box::pin(async move { Ok(known(tokio::net::lookup_host((host, port)).await?)) })
    }

    fn connect(&self, address: SocketAddr) -> Pending<'static, io::Result<Box<dyn Socket>>> {
        Box::pin(async move {
            let socket = TcpStream::connect(address).await?;
            socket.set_nodelay(true)?;
            Ok(Self::socket(socket))
        })
    }

    fn listen(&self, address: SocketAddr) -> Pending<'static, io::Result<Box<dyn Listener>>> {
        Box::pin(async move {
            let listener = TcpListener::bind(address).await?;
            Ok(Box::new(listener) as Box<dyn Listener>)
        })
    }
}

impl Listener for TcpListener {
    fn address(&self) -> io::Result<SocketAddr> {
        self.local_addr()
    }

    fn accept(&mut self) -> Pending<'_, io::Result<(Box<dyn Socket>, SocketAddr)>> {
        Box::pin(async {
            let (socket, peer) = Self::accept(self).await?;
            socket.set_nodelay(true)?;
            Ok((Tokio::socket(socket), peer))
        })
    }
}

/// Made when it is first set: a connection that is never timed has none.
struct TokioTimer(Option<Pin<Box<Sleep>>>);

impl Timer for TokioTimer {
    fn set(&mut self, at: Instant) {
        match &mut self.0 {
            Some(sleep) => sleep.as_mut().reset(at.into()),
            None => self.0 = Some(Box::pin(sleep_until(at.into()))),
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().map_or(Poll::Pending, |sleep| sleep.as_mut().poll(cx))
    }
}

/// A socket with tokio's traits, under those that the driver knows.
struct OnTokio<T>(T);

impl<T> Socket for OnTokio<T>
where
    T: tokio::io::AsyncRead + tokio::io::AsyncWrite + Send + Unpin + 'static,
{
    fn is_vectored(&self) -> bool {
        self.0.is_write_vectored()
    }
}

impl<T: tokio::io::AsyncRead + Unpin> AsyncRead for OnTokio<T> {
    fn poll_read(mut self: Pin<&mut Self>, cx: &mut Context<'_>, buffer: &mut [u8]) -> Poll<io::Result<usize>> {
        let mut buffer = ReadBuf::new(buffer);
        let read = Pin::new(&mut self.0).poll_read(cx, &mut buffer);
        read.map_ok(|()| buffer.filled().len())
    }
}

impl<T: tokio::io::AsyncWrite + Unpin> AsyncWrite for OnTokio<T> {
    fn poll_write(mut self: Pin<&mut Self>, cx: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(cx, bytes)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write_vectored(cx, slices)
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(cx)
    }

    fn poll_close(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(cx)
    }
}
