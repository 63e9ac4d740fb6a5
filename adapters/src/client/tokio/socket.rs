//! One connection: the handshake, reading and writing side by side, and the end of it.

use super::counted::{Counted, Counts};
use super::target::Target;
use async_tungstenite::WebSocketStream;
use async_tungstenite::tokio::{TokioAdapter, client_async_with_config};
use async_tungstenite::tungstenite::protocol::frame::coding::CloseCode as SocketCode;
use async_tungstenite::tungstenite::protocol::{CloseFrame, WebSocketConfig};
use async_tungstenite::tungstenite::{Bytes, Error, Message};
use async_tungstenite::{WebSocketReceiver, WebSocketSender};
use bytestring::ByteString;
use driftless_core::client::{ClientCredentials, ClientInput, SocketId};
use driftless_core::wire::CloseCode;
use futures_util::{SinkExt, StreamExt};
use std::future::poll_fn;
use std::sync::Arc;
use std::time::Duration;
use tokio::net::TcpStream;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, mpsc, oneshot, watch};
use tokio::time::timeout;

/// How long a connection that is being closed may take to send its close frame and to hear the server's.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(1);

/// Largest frame that is read. A plain server answers with everything it has in one frame; ours never sends more than
/// the largest event.
const FRAME_BYTES: usize = 64 << 20;

/// What a connection reads at a time, and holds of what it writes before the socket gets it.
const BUFFER_BYTES: usize = 64 << 10;

/// Payload written before it is flushed and reported: the grain in which the machine sees its output move.
const WRITE_BYTES: usize = 64 << 10;

/// Bytes of received frames between the socket and the machine, unless one frame is larger. The machine has a bound of
/// its own behind it.
const RECEIVED_BYTES: u32 = 256 << 10;

/// What a frame costs of [`RECEIVED_BYTES`] beside its payload, so that empty frames are bounded too.
const FRAME_COST: usize = 64;

/// Longest reason in a close frame (RFC 6455 section 5.5).
const REASON_BYTES: usize = 123;

type Stream = WebSocketStream<TokioAdapter<Counted<TcpStream>>>;
type Receiver = WebSocketReceiver<TokioAdapter<Counted<TcpStream>>>;
type Sender = WebSocketSender<TokioAdapter<Counted<TcpStream>>>;

/// Something that happened on a socket. Counts against the bound on received bytes until it is dropped.
#[derive(Debug)]
pub(super) struct SocketEvent {
    pub(super) input: ClientInput,
    _room: Option<OwnedSemaphorePermit>,
}

/// The client's end of a socket's task. Dropping it drops the connection.
#[derive(Debug)]
pub(super) struct Socket {
    /// Bounded by the machine, which sends no more than its window and answers.
    frames: mpsc::UnboundedSender<ByteString>,
    close: oneshot::Sender<(CloseCode, String)>,
    paused: watch::Sender<bool>,
}

impl Socket {
    /// A socket, and the task that connects and serves it until it is over. Every event goes to `events`.
    pub(super) fn new(
        socket: SocketId,
        target: Arc<Target>,
        credentials: ClientCredentials,
        events: mpsc::UnboundedSender<SocketEvent>,
    ) -> (Self, impl Future<Output = ()> + Send + 'static) {
        let (frames, frame_receiver) = mpsc::unbounded_channel();
        let (close, close_receiver) = oneshot::channel();
        let paused = watch::Sender::new(false);
        let connection = Connection {
            socket,
            events,
            room: Arc::new(Semaphore::new(RECEIVED_BYTES as usize)),
            paused: paused.subscribe(),
            counts: Arc::default(),
        };
        let task = connection.run(target, credentials, frame_receiver, close_receiver);
        (Self { frames, close, paused }, task)
    }

    pub(super) fn send(&self, frame: ByteString) {
        // A task that has ended has said so.
        let _ = self.frames.send(frame);
    }

    pub(super) fn pause(&self, paused: bool) {
        self.paused.send_replace(paused);
    }

    pub(super) fn close(self, code: CloseCode, reason: String) {
        let _ = self.close.send((code, reason));
    }
}

/// What a socket's task knows.
struct Connection {
    socket: SocketId,
    events: mpsc::UnboundedSender<SocketEvent>,
    room: Arc<Semaphore>,
    paused: watch::Receiver<bool>,
    counts: Arc<Counts>,
}

/// How serving a socket ended.
enum End {
    /// The connection is gone.
    Gone(String),
    /// The server closes it.
    Closed(Option<CloseFrame>),
    /// The machine wants it closed; `None`: the client is gone.
    Close(Option<(CloseCode, String)>),
}

impl Connection {
    async fn run(
        self,
        target: Arc<Target>,
        credentials: ClientCredentials,
        mut frames: mpsc::UnboundedReceiver<ByteString>,
        mut close: oneshot::Receiver<(CloseCode, String)>,
    ) {
        let connecting = connect(&target, &credentials, self.counts.clone());
        let connected = tokio::select! {
            connected = connecting => connected,
            _ = &mut close => return,
        };
        let stream = match connected {
            Ok(stream) => stream,
            Err(reason) => return self.gone(None, reason),
        };
        self.tell(ClientInput::Connected { socket: self.socket });
        let (mut sender, mut receiver) = stream.split();
        let end = tokio::select! {
            end = self.read(&mut receiver) => end,
            end = self.write(&mut sender, &mut frames) => end,
            asked = &mut close => End::Close(asked.ok()),
        };
        match end {
            End::Gone(reason) => self.gone(None, reason),
            End::Closed(frame) => {
                self.closed(frame);
                answer_close(receiver).await;
            }
            End::Close(None) => {}
            End::Close(Some((code, reason))) => close_politely(sender, receiver, code, reason).await,
        }
    }

    fn tell(&self, input: ClientInput) {
        // A client that is gone needs no news.
        let _ = self.events.send(SocketEvent { input, _room: None });
    }

    fn gone(&self, code: Option<CloseCode>, reason: String) {
        let socket = self.socket;
        self.tell(ClientInput::Disconnected { socket, code, reason });
    }

    fn closed(&self, frame: Option<CloseFrame>) {
        let (code, reason) = match frame {
            Some(frame) => (Some(CloseCode(frame.code.into())), frame.reason.as_str().to_owned()),
            None => (None, String::new()),
        };
        let reason = Some(reason).filter(|reason| !reason.is_empty());
        self.gone(
            code,
            reason.unwrap_or_else(|| "the server closed the connection".to_owned()),
        );
    }

    async fn read(&self, receiver: &mut Receiver) -> End {
        let mut paused = self.paused.clone();
        loop {
            // An error means that the client is gone, and with it this task soon.
            let _ = paused.wait_for(|paused| !*paused).await;
            match self.next(receiver).await {
                Some(Ok(Message::Text(text))) => self.received(text.into()).await,
                Some(Ok(Message::Close(frame))) => return End::Closed(frame),
                Some(Ok(_)) => self.tell(ClientInput::Alive { socket: self.socket }),
                Some(Err(error)) => return End::Gone(error.to_string()),
                None => return End::Gone("the server hung up".to_owned()),
            }
        }
    }

    /// The next message. Bytes that make none yet are told as a sign of life.
    async fn next(&self, receiver: &mut Receiver) -> Option<Result<Message, Error>> {
        let mut told = self.counts.read();
        poll_fn(|cx| {
            let next = receiver.poll_next_unpin(cx);
            let read = self.counts.read();
            if next.is_pending() && read > told {
                told = read;
                self.tell(ClientInput::Alive { socket: self.socket });
            }
            next
        })
        .await
    }

    async fn received(&self, payload: Bytes) {
        let cost = u32::try_from(payload.len() + FRAME_COST)
            .unwrap_or(u32::MAX)
            .min(RECEIVED_BYTES);
        let room = self.room.clone().acquire_many_owned(cost).await.ok();
        let frame = ByteString::try_from(payload).expect("the frame was checked to be UTF-8");
        let input = ClientInput::Frame {
            socket: self.socket,
            frame,
        };
        let _ = self.events.send(SocketEvent { input, _room: room });
    }

    async fn write(&self, sender: &mut Sender, frames: &mut mpsc::UnboundedReceiver<ByteString>) -> End {
        while let Some(first) = frames.recv().await {
            let written = self.write_some(sender, first, frames).await;
            match written {
                Ok(()) => {}
                // The reading side knows more: the server may have said why.
                Err(Error::ConnectionClosed | Error::AlreadyClosed | Error::Protocol(_)) => {
                    return std::future::pending().await;
                }
                Err(error) => return End::Gone(error.to_string()),
            }
        }
        End::Close(None)
    }

    /// Writes a frame and those behind it, up to a turn's worth, and flushes them together.
    async fn write_some(
        &self,
        sender: &mut Sender,
        first: ByteString,
        frames: &mut mpsc::UnboundedReceiver<ByteString>,
    ) -> Result<(), Error> {
        let start = self.counts.written();
        let (mut next, mut payload) = (Some(first), 0);
        while let Some(frame) = next {
            payload += frame.len();
            let text = frame.into_bytes().try_into().expect("a frame of the machine is text");
            sender.feed(Message::Text(text)).await?;
            next = if payload < WRITE_BYTES {
                frames.try_recv().ok()
            } else {
                None
            };
        }
        let mut reported = 0;
        let flushed = poll_fn(|cx| {
            let flushed = sender.poll_flush_unpin(cx);
            // A large frame on a slow link makes progress long before it is gone. What goes over the wire is a little
            // more than the payload.
            let written = usize::try_from(self.counts.written() - start)
                .unwrap_or(usize::MAX)
                .min(payload);
            if flushed.is_pending() && written > reported {
                self.flushed(written - reported);
                reported = written;
            }
            flushed
        });
        flushed.await?;
        self.flushed(payload - reported);
        Ok(())
    }

    fn flushed(&self, bytes: usize) {
        let socket = self.socket;
        self.tell(ClientInput::Flushed { socket, bytes });
    }
}

async fn connect(target: &Target, credentials: &ClientCredentials, counts: Arc<Counts>) -> Result<Stream, String> {
    let request = target.request(credentials).ok_or("the address makes no request")?;
    let tcp = TcpStream::connect((&*target.host, target.port)).await;
    let tcp = tcp.map_err(|error| format!("cannot reach {}:{}: {error}", target.host, target.port))?;
    // Frames are flushed when they are complete; waiting for more would only delay them.
    tcp.set_nodelay(true).map_err(|error| error.to_string())?;
    let config = WebSocketConfig::default()
        .read_buffer_size(BUFFER_BYTES)
        .write_buffer_size(BUFFER_BYTES)
        .max_frame_size(Some(FRAME_BYTES))
        .max_message_size(Some(FRAME_BYTES));
    match client_async_with_config(request, Counted::new(tcp, counts), Some(config)).await {
        Ok((stream, _)) => Ok(stream),
        Err(Error::Http(response)) => Err(format!("the server answered the handshake with {}", response.status())),
        Err(error) => Err(format!("the WebSocket handshake failed: {error}")),
    }
}

/// Sends the answer to a close frame, which the next read does, and waits for the server to hang up.
async fn answer_close(mut receiver: Receiver) {
    let _ = timeout(CLOSE_TIMEOUT, async {
        while let Some(Ok(_)) = receiver.next().await {}
    })
    .await;
}

/// The closing handshake (RFC 6455 section 7.1.2), as far as the server takes part in it in time.
async fn close_politely(mut sender: Sender, mut receiver: Receiver, code: CloseCode, reason: String) {
    let frame = CloseFrame {
        code: SocketCode::from(code.0),
        reason: cut(reason).into(),
    };
    let _ = timeout(CLOSE_TIMEOUT, async {
        if SinkExt::send(&mut sender, Message::Close(Some(frame))).await.is_ok() {
            while let Some(Ok(_)) = receiver.next().await {}
        }
    })
    .await;
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
