//! A WebSocket peer that sends exactly what a test says and shows exactly what came.

use super::event::Event;
use super::wait::PATIENCE;
use serde::Deserialize;
use serde_json::Value;
use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};
use tungstenite::{Error, Message, WebSocket};

/// Any frame of a server.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Frame {
    #[serde(rename = "type")]
    pub(crate) kind: String,
    #[serde(rename = "ref")]
    pub(crate) reference: Option<Value>,
    pub(crate) repository: Option<String>,
    #[serde(default)]
    events: Vec<Box<RawValue>>,
    #[serde(default)]
    pub(crate) event_ids: Vec<String>,
    #[serde(default)]
    pub(crate) indexes: Vec<u64>,
    #[serde(default)]
    pub(crate) repositories: BTreeMap<String, Vec<String>>,
    #[serde(default)]
    pub(crate) sequences: BTreeMap<String, BTreeMap<String, u64>>,
    pub(crate) after_sequence: Option<u64>,
    pub(crate) last_sequence: Option<u64>,
    pub(crate) has_more: Option<bool>,
    pub(crate) code: Option<String>,
    pub(crate) message: Option<String>,
    pub(crate) retryable: Option<bool>,
    /// The frame as it came.
    #[serde(skip)]
    pub(crate) text: String,
}

impl Frame {
    fn parse(text: &str) -> Self {
        let mut frame: Self = serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"));
        text.clone_into(&mut frame.text);
        frame
    }

    pub(crate) fn events(&self) -> Vec<Event> {
        self.events.iter().cloned().map(Event::from).collect()
    }
}

/// The connection is gone, with the close code if one came.
#[derive(Debug)]
pub(crate) struct Gone(pub(crate) Option<u16>);

/// A raw peer. It answers `ping` frames while it reads, and hides them from the test.
pub(crate) struct Peer {
    socket: WebSocket<TcpStream>,
    silent: bool,
}

impl Peer {
    /// A connection that has not authenticated.
    pub(crate) fn open(address: SocketAddr) -> Self {
        Self::try_open(address).unwrap()
    }

    pub(crate) fn try_open(address: SocketAddr) -> Option<Self> {
        let stream = TcpStream::connect(address).ok()?;
        stream.set_nodelay(true).ok()?;
        stream.set_read_timeout(Some(PATIENCE)).ok()?;
        let url = format!("ws://{address}/sync");
        let (socket, _) = tungstenite::client::client(url, stream).ok()?;
        Some(Self { socket, silent: false })
    }

    /// An authenticated peer as the seed documents describe it.
    pub(crate) fn plain(address: SocketAddr) -> Self {
        let mut peer = Self::open(address);
        peer.send(r#"{"type":"auth"}"#);
        peer.expect("auth_success");
        peer
    }

    /// An authenticated peer that negotiated version 1.
    pub(crate) fn extended(address: SocketAddr) -> Self {
        let mut peer = Self::open(address);
        peer.send(r#"{"type":"auth","protocol":1}"#);
        peer.expect("auth_success");
        peer
    }

    /// Subscribes one repository.
    pub(crate) fn subscribe(&mut self, repository: &str, after: u64) {
        self.send(&format!(
            r#"{{"type":"subscribe","repositories":{{"{repository}":{{"afterSequence":{after}}}}}}}"#
        ));
    }

    pub(crate) fn send(&mut self, frame: &str) {
        self.try_send(frame).unwrap();
    }

    pub(crate) fn try_send(&mut self, frame: &str) -> Result<(), Gone> {
        self.socket.send(Message::text(frame)).map_err(|_| Gone(None))
    }

    /// Answers no `ping` from now on.
    pub(crate) fn stay_silent(&mut self) {
        self.silent = true;
    }

    /// Sends a frame; false if the network does not take all of it within this time. The rest of it waits for
    /// [`Self::flush`].
    pub(crate) fn send_within(&mut self, frame: &str, time: Duration) -> bool {
        self.socket.get_ref().set_write_timeout(Some(time)).unwrap();
        let sent = self.socket.send(Message::text(frame));
        self.socket.get_ref().set_write_timeout(None).unwrap();
        match sent {
            Ok(()) => true,
            Err(Error::Io(error)) if is_timeout(error.kind()) => false,
            Err(error) => panic!("{error}"),
        }
    }

    pub(crate) fn flush(&mut self) {
        self.socket.flush().unwrap();
    }

    pub(crate) fn send_binary(&mut self, payload: &'static [u8]) {
        self.socket.send(Message::binary(payload)).unwrap();
    }

    /// The next frame.
    pub(crate) fn receive(&mut self) -> Frame {
        self.try_receive().unwrap()
    }

    /// The next frame, which has to be of this kind.
    pub(crate) fn expect(&mut self, kind: &str) -> Frame {
        let frame = self.receive();
        assert_eq!(frame.kind, kind, "{}", frame.text);
        frame
    }

    /// The next frame of this kind; others on the way are dropped.
    pub(crate) fn skip_to(&mut self, kind: &str) -> Frame {
        loop {
            let frame = self.receive();
            if frame.kind == kind {
                return frame;
            }
        }
    }

    /// The next frame that is not part of the stream.
    pub(crate) fn skip_to_reply(&mut self) -> Frame {
        loop {
            let frame = self.receive();
            if frame.kind != "events" {
                return frame;
            }
        }
    }

    /// Collects the events of a repository's stream up to `last`, whatever else comes.
    pub(crate) fn events_up_to(&mut self, repository: &str, last: u64) -> Vec<Event> {
        let mut events: Vec<Event> = Vec::new();
        while events.last().is_none_or(|event| event.sequence() < last) {
            let frame = self.skip_to("events");
            if frame.repository.as_deref() == Some(repository) {
                events.extend(frame.events());
            }
        }
        events
    }

    /// Reads until the server has closed the connection; the close code.
    pub(crate) fn closed(&mut self) -> Option<u16> {
        loop {
            if let Err(Gone(code)) = self.try_receive() {
                return code;
            }
        }
    }

    pub(crate) fn try_receive(&mut self) -> Result<Frame, Gone> {
        self.receive_within(PATIENCE)?
            .ok_or_else(|| panic!("waited in vain for a frame"))
    }

    /// The next frame, if one comes within this time.
    pub(crate) fn receive_within(&mut self, time: Duration) -> Result<Option<Frame>, Gone> {
        let deadline = Instant::now() + time;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            // A timeout of zero would mean none.
            let timeout = Some(left.max(Duration::from_millis(1)));
            self.socket.get_ref().set_read_timeout(timeout).unwrap();
            match self.socket.read() {
                Ok(Message::Text(text)) => {
                    let frame = Frame::parse(&text);
                    if frame.kind != "ping" {
                        return Ok(Some(frame));
                    }
                    if !self.silent {
                        self.try_send(r#"{"type":"pong"}"#)?;
                    }
                }
                Ok(Message::Close(close)) => return Err(Gone(close.map(|close| close.code.into()))),
                Ok(_) => {}
                Err(Error::Io(error)) if is_timeout(error.kind()) => {
                    if left.is_zero() {
                        return Ok(None);
                    }
                }
                Err(_) => return Err(Gone(None)),
            }
        }
    }
}

fn is_timeout(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::WouldBlock | ErrorKind::TimedOut)
}
