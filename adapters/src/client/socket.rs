//! One connection: the handshake, reading and writing, and the end of it.

use super::counted::{Counted, Counts};
use super::target::Target;
use crate::runtime::{Runtime, Socket, dial, within};
use async_tungstenite::tungstenite::http::StatusCode;
use async_tungstenite::tungstenite::protocol::frame::coding::CloseCode as SocketCode;
use async_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use async_tungstenite::tungstenite::{Bytes, Error, Message};
use async_tungstenite::{WebSocketStream, client_async_with_config};
use bytestring::ByteString;
use driftless_core::client::{ClientCredentials, ClientInput, SocketId};
use driftless_core::wire::CloseCode;
use futures_util::{Sink, SinkExt, StreamExt};
use std::collections::VecDeque;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};
use std::time::Duration;

/// What a connection reads at a time, and holds of what it writes before the socket gets it.
const BUFFER_BYTES: usize = 64 << 10;

/// Payload written before it is flushed and reported: the grain in which the machine sees its output move.
const WRITE_BYTES: usize = 64 << 10;

/// Longest reason in a close frame (RFC 6455 section 5.5).
const REASON_BYTES: usize = 123;

type Stream = WebSocketStream<Counted<Box<dyn Socket>>>;

/// An open connection. What it does not do at once it does when it is polled again.
pub(super) struct Connection {
    id: SocketId,
    stream: Stream,
    counts: Arc<Counts>,
    /// Frames to send. Bounded by the machine, which sends no more than its window and answers.
    frames: VecDeque<ByteString>,
    /// What is being flushed.
    flushing: Option<Flushing>,
    paused: bool,
    /// Bytes read that were told as a sign of life, by a frame or without one.
    told: u64,
    /// Whether nothing can be written any more.
    deaf: bool,
}

/// Frames that were given to the socket together.
struct Flushing {
    /// Bytes written before them.
    start: u64,
    /// Bytes of payload in them.
    payload: usize,
    /// Of those, what was reported as flushed.
    reported: usize,
}

/// Opens a connection.
pub(super) async fn connect(
    id: SocketId,
    runtime: Arc<dyn Runtime>,
    target: Arc<Target>,
    frame_bytes: usize,
    credentials: ClientCredentials,
) -> Result<Connection, Unconnected> {
    let request = target.request(&credentials);
    let request = request.ok_or_else(|| Unconnected::from("the address makes no request".to_owned()))?;
    let (host, port) = (&target.host, target.port);
    let socket = dial(&runtime, host.clone(), port).await;
    let socket = socket.map_err(|error| format!("cannot reach {host}:{port}: {error}"))?;
    let socket = target.secure(socket).await?;
    let counts = Arc::<Counts>::default();
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
        .max_frame_size(Some(frame_bytes))
        .max_message_size(Some(frame_bytes));
    match client_async_with_config(request, Counted::new(socket, counts.clone()), Some(config)).await {
        Ok((stream, _)) => Ok(Connection {
            id,
            stream,
            counts,
            frames: VecDeque::new(),
            flushing: None,
            paused: false,
            told: 0,
            deaf: false,
        }),
        Err(Error::Http(response)) => Err(Unconnected {
            code: refusal(response.status()),
            reason: format!("the server answered the handshake with {}", response.status()),
        }),
        Err(error) => Err(format!("the WebSocket handshake failed: {error}").into()),
    }
}

/// Why no connection was made.
pub(super) struct Unconnected {
    /// What the server would have closed a connection with.
    pub(super) code: Option<CloseCode>,
    pub(super) reason: String,
}

impl From<String> for Unconnected {
    fn from(reason: String) -> Self {
        Self { code: None, reason }
    }
}

/// A proxy that looks at credentials refuses them before there is a connection to close.
fn refusal(status: StatusCode) -> Option<CloseCode> {
    match status {
        StatusCode::UNAUTHORIZED => Some(CloseCode::UNAUTHENTICATED),
        StatusCode::FORBIDDEN => Some(CloseCode::FORBIDDEN),
        _ => None,
    }
}

impl Connection {
    pub(super) fn id(&self) -> SocketId {
        self.id
    }

    pub(super) fn send(&mut self, frame: ByteString) {
        self.frames.push_back(frame);
    }

    pub(super) fn pause(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// The next thing that happens on the socket: something came, something was taken, or it is over.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<ClientInput> {
        if let Poll::Ready(input) = self.poll_write(cx) {
            return Poll::Ready(input);
        }
        if self.paused {
            return Poll::Pending;
        }
        self.poll_read(cx)
    }

    fn poll_read(&mut self, cx: &mut Context<'_>) -> Poll<ClientInput> {
        let socket = self.id;
        let next = self.stream.poll_next_unpin(cx);
        let read = self.counts.read();
        let is_alive = read > std::mem::replace(&mut self.told, read);
        match next {
            Poll::Ready(Some(Ok(Message::Text(text)))) => {
                let payload: Bytes = text.into();
                let frame = ByteString::try_from(payload).expect("the frame was checked to be UTF-8");
                Poll::Ready(ClientInput::Frame { socket, frame })
            }
            Poll::Ready(Some(Ok(Message::Close(frame)))) => Poll::Ready(self.closed(frame)),
            Poll::Ready(Some(Ok(_))) => Poll::Ready(ClientInput::Alive { socket }),
            Poll::Ready(Some(Err(error))) => Poll::Ready(self.gone(None, error.to_string())),
            Poll::Ready(None) => Poll::Ready(self.gone(None, "the server hung up".to_owned())),
            // Bytes that make no message yet are a sign of life all the same.
            Poll::Pending if is_alive => Poll::Ready(ClientInput::Alive { socket }),
            Poll::Pending => Poll::Pending,
        }
    }

    fn poll_write(&mut self, cx: &mut Context<'_>) -> Poll<ClientInput> {
        loop {
            if self.deaf || (self.flushing.is_none() && self.frames.is_empty()) {
                return Poll::Pending;
            }
            match ready!(self.poll_write_some(cx)) {
                Ok(Some(bytes)) => {
                    let socket = self.id;
                    return Poll::Ready(ClientInput::Flushed { socket, bytes });
                }
                Ok(None) => {}
                // The reading side knows more: the server may have said why.
                Err(Error::ConnectionClosed | Error::AlreadyClosed | Error::Protocol(_)) => self.deaf = true,
                Err(error) => return Poll::Ready(self.gone(None, error.to_string())),
            }
        }
    }

    /// Gives the socket a turn's worth of frames, or goes on flushing them. Says how many more bytes of payload it has
    /// taken, if any.
    fn poll_write_some(&mut self, cx: &mut Context<'_>) -> Poll<Result<Option<usize>, Error>> {
        let mut stream = Pin::new(&mut self.stream);
        let flushing = match &mut self.flushing {
            Some(flushing) => flushing,
            None => self.flushing.insert(Flushing {
                start: self.counts.written(),
                payload: 0,
                reported: 0,
            }),
        };
        while flushing.payload < WRITE_BYTES && flushing.reported == 0 && !self.frames.is_empty() {
            match stream.as_mut().poll_ready(cx) {
                Poll::Ready(ready) => ready?,
                Poll::Pending => break,
            }
            let Some(frame) = self.frames.pop_front() else { break };
            flushing.payload += frame.len();
            let text = frame.into_bytes().try_into().expect("a frame of the machine is text");
            stream.as_mut().start_send(Message::Text(text))?;
        }
        let is_flushed = match stream.as_mut().poll_flush(cx) {
            Poll::Ready(flushed) => flushed.map(|()| true)?,
            Poll::Pending => false,
        };
        // A large frame on a slow link makes progress long before it is gone. What goes over the wire is a little more
        // than the payload.
        let written = usize::try_from(self.counts.written() - flushing.start).unwrap_or(usize::MAX);
        let taken = if is_flushed {
            flushing.payload
        } else {
            written.min(flushing.payload)
        };
        let more = taken - std::mem::replace(&mut flushing.reported, taken);
        if is_flushed {
            self.flushing = None;
        }
        match more {
            0 if !is_flushed => Poll::Pending,
            0 => Poll::Ready(Ok(None)),
            more => Poll::Ready(Ok(Some(more))),
        }
    }

    fn gone(&self, code: Option<CloseCode>, reason: String) -> ClientInput {
        let socket = self.id;
        ClientInput::Disconnected { socket, code, reason }
    }

    fn closed(&self, frame: Option<CloseFrame>) -> ClientInput {
        let (code, reason) = match frame {
            Some(frame) => (Some(CloseCode(frame.code.into())), frame.reason.as_str().to_owned()),
            None => (None, String::new()),
        };
        let reason = Some(reason).filter(|reason| !reason.is_empty());
        self.gone(
            code,
            reason.unwrap_or_else(|| "the server closed the connection".to_owned()),
        )
    }

    /// The closing handshake (RFC 6455 section 7.1.2), as far as the server takes part in it in time. Without a code
    /// the server has closed, and what is left is the answer, which the next read sends.
    pub(super) async fn close(
        mut self,
        runtime: Arc<dyn Runtime>,
        limit: Duration,
        close: Option<(CloseCode, String)>,
    ) {
        let closing = async {
            if let Some((code, reason)) = close {
                let frame = CloseFrame {
                    code: SocketCode::from(code.0),
                    reason: cut(reason).into(),
                };
                if SinkExt::send(&mut self.stream, Message::Close(Some(frame)))
                    .await
                    .is_err()
                {
                    return;
                }
            }
            while let Some(Ok(_)) = self.stream.next().await {}
        };
        within(&*runtime, limit, closing).await;
    }
}

fn cut(mut reason: String) -> String {
    reason.truncate(reason.floor_char_boundary(REASON_BYTES));
    reason
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_cut_to_what_a_close_frame_holds() {
        assert_eq!(cut("short".to_owned()), "short");
        let long = cut("ä".repeat(100));
        assert_eq!(long.len(), 122);
    }
}
