//! One WebSocket connection: a session, the frames that come in and the frames that go out.
//!
//! Knows no runtime. A driver gives it turns with a socket that does not block:
//!
//! ```text
//!   mailbox ──▶ take_mail ─┐
//!   socket ───▶ read ──────┼─▶ Session ─▶ outgoing ─▶ write ──▶ socket
//!   timer ────▶ tick ──────┘      └─▶ hub, authenticator
//! ```

use super::duplex::{Counting, Duplex};
use super::host::{Host, HubMail, Replies};
use super::mailbox::Mailbox;
use super::outgoing::Outgoing;
use crate::runtime::Clock;
use crate::wall_clock;
use async_tungstenite::tungstenite::error::ProtocolError;
use async_tungstenite::tungstenite::protocol::frame::coding::CloseCode as SocketCode;
use async_tungstenite::tungstenite::protocol::{CloseFrame, Role, WebSocketConfig, WebSocketContext};
use async_tungstenite::tungstenite::{Error, Message};
use bytes::Bytes;
use bytestring::ByteString;
use driftless_core::name::Namespace;
use driftless_core::server::{
    AuthId, ConnectionId, Credentials, HubInput, HubRequest, Session, SessionAction, SessionInput,
};
use driftless_core::wire::CloseCode;
use driftless_core::{Actions, Instant, Machine};
use std::fmt;
use std::io::{self, Read, Write};
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

/// What a connection reads at a time, allocated as long as it lives: small, because most connections are idle.
const READ_BUFFER_BYTES: usize = 4 << 10;

/// Frames handled before others get a turn and answers are written.
const FRAMES_A_TURN: usize = 64;

/// Largest frame of a peer that has not authenticated: more than any `auth` needs, and far less than what a stranger
/// could make the server hold otherwise. A larger one closes the connection with 1009.
const STRANGER_FRAME_BYTES: usize = 1 << 20;

/// Pongs and the like that may wait for the socket; past it the peer is not read from.
const CONTROL_BYTES: usize = 4 << 10;

/// How long a connection that is being closed may take to send what is queued and to hear the peer's close frame.
const CLOSE_TIMEOUT: Duration = Duration::from_secs(3);

/// How a connection was opened.
#[derive(Clone)]
pub struct Opening {
    /// The namespace that the path of the request named.
    pub namespace: Namespace,
    /// The bearer token of the request, if it had one.
    pub token: Option<String>,
    /// Bytes that came behind the request and were read with it.
    pub read_ahead: Bytes,
}

/// Without the token: it must not reach a log.
impl fmt::Debug for Opening {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Opening")
            .field("namespace", &self.namespace)
            .field("token", &self.token.as_ref().map(|_| ".."))
            .field("read_ahead", &self.read_ahead.len())
            .finish()
    }
}

/// One WebSocket connection.
pub(crate) struct Connection {
    host: Arc<Host>,
    id: ConnectionId,
    session: Session,
    mailbox: Replies,
    mail: Vec<SessionInput>,
    websocket: WebSocketContext,
    outgoing: Outgoing,
    actions: Actions<SessionAction>,
    /// Whether the session wants frames.
    reading: bool,
    phase: Phase,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Open,
    /// Sends what is queued, our close frame last, and waits for the peer's until then.
    Closing(Instant),
    /// The peer's bytes cannot be told apart any more: sends what is queued and discards what comes, because a socket
    /// that is closed with bytes unread takes back what it has sent.
    Draining(Instant),
    /// Sends what is queued; nothing more is expected.
    Flushing(Instant),
    Gone,
}

impl Connection {
    /// Boxed, because a future that takes it by value holds it twice.
    pub(crate) fn open(host: Arc<Host>, opening: Opening) -> Box<Self> {
        let id = host.next_connection();
        let mailbox = Arc::new(Mailbox::new());
        host.hub.post(HubMail::Opened(id, mailbox.clone()));
        host.observer.opened(id, &opening.namespace);
        host.metrics.connections.add(1);
        host.metrics.connections_opened.add(1);
        let session = Session::new(
            host.clock.now(),
            host.session.clone(),
            id,
            opening.namespace,
            opening.token,
        );
        Box::new(Self {
            id,
            session,
            mailbox,
            mail: Vec::new(),
            websocket: websocket(&opening.read_ahead, host.session.limits.frame_bytes),
            outgoing: Outgoing::default(),
            actions: Actions::new(),
            reading: true,
            phase: Phase::Open,
            host,
        })
    }

    /// Whether the connection is over and the socket can be shut down.
    pub(crate) fn is_gone(&self) -> bool {
        self.phase == Phase::Gone
    }

    /// Whether the peer should hear that nothing more comes, so that it hangs up.
    pub(crate) fn wants_half_close(&self) -> bool {
        matches!(self.phase, Phase::Draining(_)) && self.outgoing.is_empty()
    }

    /// The clock of [`Self::next_wake`].
    pub(crate) fn clock(&self) -> Clock {
        self.host.clock
    }

    /// When [`Self::tick`] is due.
    pub(crate) fn next_wake(&self) -> Option<Instant> {
        match self.phase {
            Phase::Open => self.session.next_wake().map(|wake| wake.at),
            Phase::Closing(until) | Phase::Draining(until) | Phase::Flushing(until) => Some(until),
            Phase::Gone => None,
        }
    }

    /// Lets time pass.
    pub(crate) fn tick(&mut self) {
        match self.phase {
            Phase::Open => self.input(SessionInput::Tick),
            Phase::Closing(until) | Phase::Draining(until) | Phase::Flushing(until) => {
                if self.host.clock.now() >= until {
                    self.lost();
                }
            }
            Phase::Gone => {}
        }
    }

    /// Handles what came from the hub and others. Says whether there was anything.
    pub(crate) fn take_mail(&mut self, cx: &mut Context<'_>) -> bool {
        let mut mail = std::mem::take(&mut self.mail);
        let taken = self.mailbox.poll_take(cx, &mut mail) == Poll::Ready(());
        for input in mail.drain(..) {
            if self.phase == Phase::Open {
                self.input(input);
            }
        }
        self.mail = mail;
        taken
    }

    /// Handles the frames that the socket has, up to a turn's worth. Says whether there was any.
    pub(crate) fn read(&mut self, io: &mut impl Read) -> bool {
        let mut progress = false;
        for _ in 0..FRAMES_A_TURN {
            let read = match self.phase {
                Phase::Open if self.wants_frames() => self.read_frame(io),
                Phase::Closing(_) => self.read_until_close(io),
                Phase::Draining(_) => self.discard(io),
                Phase::Open | Phase::Flushing(_) | Phase::Gone => false,
            };
            if !read {
                break;
            }
            progress = true;
        }
        progress
    }

    /// Sends what is queued, as far as the socket takes it. Says whether it took anything: then frames that were not
    /// wanted may be wanted now.
    pub(crate) fn write(&mut self, io: &mut impl Write, vectored: bool) -> bool {
        if self.outgoing.is_empty() {
            return self.flushed();
        }
        let mut counting = Counting::new(io);
        let result = self.outgoing.write(&mut counting, vectored);
        let taken = counting.taken;
        self.host.metrics.bytes_sent.add_count(taken);
        let bytes = self.outgoing.take_flushed();
        if bytes > 0 && self.phase == Phase::Open {
            self.input(SessionInput::Flushed { bytes });
        }
        match result {
            Ok(()) => self.flushed() || taken > 0,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => taken > 0,
            Err(_) => {
                self.lost();
                true
            }
        }
    }

    /// Ends a connection that had nothing to wait for but its output.
    fn flushed(&mut self) -> bool {
        let over = matches!(self.phase, Phase::Flushing(_));
        if over {
            self.phase = Phase::Gone;
        }
        over
    }

    fn wants_frames(&self) -> bool {
        self.reading && self.outgoing.control_bytes() <= CONTROL_BYTES
    }

    /// Reads one frame; false if the socket has none.
    fn read_frame(&mut self, io: &mut impl Read) -> bool {
        let mut duplex = Duplex::new(io, &mut self.outgoing);
        let result = self.websocket.read(&mut duplex);
        let received = duplex.received;
        self.host.metrics.bytes_received.add_count(received);
        match result {
            Ok(message) => self.message(message),
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => {
                if received > 0 {
                    self.input(SessionInput::Alive);
                }
                return false;
            }
            Err(error) => self.unreadable(&error),
        }
        true
    }

    fn message(&mut self, message: Message) {
        match message {
            Message::Text(text) => {
                self.host.metrics.frames_received.add(1);
                let bytes: &Bytes = text.as_ref();
                let text = ByteString::try_from(bytes.clone()).expect("the frame was checked to be UTF-8");
                self.input(SessionInput::Frame(text));
            }
            Message::Binary(_) => {
                self.host.metrics.frames_received.add(1);
                self.input(SessionInput::Binary);
            }
            Message::Ping(_) | Message::Pong(_) | Message::Frame(_) => self.input(SessionInput::Alive),
            Message::Close(_) => {
                // Queues the answering close frame; the error that comes back says no more than that.
                let _ = self
                    .websocket
                    .flush(&mut Duplex::new(&mut io::empty(), &mut self.outgoing));
                self.end_session(Phase::Flushing(self.close_deadline()));
            }
        }
    }

    fn unreadable(&mut self, error: &Error) {
        match error {
            Error::Capacity(_) => {
                // The session answers with a close; the rest of the frame is still to come.
                self.input(SessionInput::TooBig);
                if self.phase != Phase::Open {
                    self.phase = Phase::Draining(self.close_deadline());
                }
            }
            Error::Utf8(_) => self.fail(SocketCode::Invalid, "a text frame is not UTF-8"),
            Error::Protocol(ProtocolError::ResetWithoutClosingHandshake) => self.lost(),
            Error::Protocol(_) => self.fail(SocketCode::Protocol, "the bytes are not WebSocket frames"),
            _ => self.lost(),
        }
    }

    /// Closes a connection whose peer breaks the WebSocket protocol, below what the session sees.
    fn fail(&mut self, code: SocketCode, reason: &'static str) {
        self.host.observer.closing(self.id, CloseCode(code.into()), reason);
        self.queue_close(code, reason.into());
        self.end_session(Phase::Draining(self.close_deadline()));
    }

    /// Reads on behind our close frame until the peer's; false if the socket has nothing.
    fn read_until_close(&mut self, io: &mut impl Read) -> bool {
        let mut duplex = Duplex::new(io, &mut self.outgoing);
        match self.websocket.read(&mut duplex) {
            Ok(Message::Close(_)) => self.phase = Phase::Flushing(self.close_deadline()),
            Ok(_) => {}
            Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return false,
            Err(Error::Capacity(_)) => self.phase = Phase::Draining(self.close_deadline()),
            Err(_) => self.lost(),
        }
        true
    }

    fn discard(&mut self, io: &mut impl Read) -> bool {
        match io.read(&mut [0; READ_BUFFER_BYTES]) {
            Ok(0) => self.lost(),
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => return false,
            Err(_) => self.lost(),
        }
        true
    }

    fn input(&mut self, input: SessionInput) {
        self.session.handle(self.host.clock.now(), input, &mut self.actions);
        while let Some(action) = self.actions.pop() {
            self.carry_out(action);
        }
    }

    fn carry_out(&mut self, action: SessionAction) {
        match action {
            SessionAction::Send(text) => {
                self.host.metrics.frames_sent.add(1);
                self.outgoing.text(text);
            }
            SessionAction::Close { code, reason } => self.close(code, reason),
            SessionAction::PauseReading => self.reading = false,
            SessionAction::ResumeReading => self.reading = true,
            SessionAction::Authenticate { auth, credentials } => self.authenticate(auth, credentials),
            SessionAction::Hub(request) => {
                if matches!(request, HubRequest::Attach { .. }) {
                    self.websocket
                        .set_config(|config| *config = socket_config(self.host.session.limits.frame_bytes));
                }
                let connection = self.id;
                self.host
                    .hub
                    .post(HubMail::Input(HubInput::Session { connection, request }));
            }
        }
    }

    fn authenticate(&self, auth: AuthId, credentials: Credentials) {
        let (mailbox, host) = (self.mailbox.clone(), self.host.clone());
        let decide = Box::new(move |result: Result<_, _>| {
            host.metrics.authentications_refused.add(u64::from(result.is_err()));
            mailbox.post(SessionInput::Authenticated {
                auth,
                result,
                server_time: wall_clock().to_string(),
            });
        });
        self.host.authenticator.authenticate(credentials, decide);
    }

    fn close(&mut self, code: CloseCode, reason: String) {
        if self.phase == Phase::Open {
            self.host.observer.closing(self.id, code, &reason);
            self.queue_close(SocketCode::from(code.0), reason);
            self.end_session(Phase::Closing(self.close_deadline()));
        }
    }

    fn queue_close(&mut self, code: SocketCode, reason: String) {
        let frame = CloseFrame {
            code,
            reason: reason.into(),
        };
        // Cannot fail: what it writes to is the queue.
        let _ = self
            .websocket
            .close(&mut Duplex::new(&mut io::empty(), &mut self.outgoing), Some(frame));
    }

    /// The socket is lost, or has had its time.
    fn lost(&mut self) {
        self.outgoing.clear();
        self.end_session(Phase::Gone);
    }

    fn end_session(&mut self, next: Phase) {
        let was_open = self.phase == Phase::Open;
        self.phase = next;
        if was_open {
            self.input(SessionInput::Closed);
        }
    }

    fn close_deadline(&self) -> Instant {
        self.host.clock.now() + CLOSE_TIMEOUT
    }
}

/// The hub hears of the end also when the driver is dropped in the middle.
impl Drop for Connection {
    fn drop(&mut self) {
        self.mailbox.close();
        self.host.hub.post(HubMail::Gone(self.id));
        self.host.metrics.connections.decrement();
        self.host.observer.closed(self.id);
    }
}

/// A WebSocket of a stranger. Takes a copy of what was read ahead: the original would keep the whole buffer of the HTTP
/// connection.
fn websocket(read_ahead: &[u8], frame_bytes: usize) -> WebSocketContext {
    let config = socket_config(frame_bytes.min(STRANGER_FRAME_BYTES));
    WebSocketContext::from_partially_read(read_ahead.to_vec(), Role::Server, Some(config))
}

fn socket_config(frame_bytes: usize) -> WebSocketConfig {
    WebSocketConfig::default()
        .read_buffer_size(READ_BUFFER_BYTES)
        // What it writes goes to the connection's own queue at once.
        .write_buffer_size(0)
        .max_frame_size(Some(frame_bytes))
        .max_message_size(Some(frame_bytes))
}
