//! A TCP proxy that keeps what a client and a server said to each other.

use super::random::Random;
use super::server::free_port;
use super::wait::until;
use serde_json::Value;
use std::io::{self, Cursor, Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::thread;
use tungstenite::protocol::Role;
use tungstenite::{Message, WebSocket};

/// Forwards every connection to `upstream`.
pub(crate) struct Proxy {
    pub(crate) address: SocketAddr,
    shared: Arc<Shared>,
}

/// What a network does to a connection that has carried so many bytes in one direction.
pub(crate) struct Faults {
    pub(crate) kind: Fault,
    pub(crate) random: Random,
    pub(crate) after: Range<u64>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The connection ends.
    Cut,
    /// Nothing more comes through until there is a newer connection; then all of it does, late.
    Stall,
}

#[derive(Default)]
struct Shared {
    connections: Mutex<Vec<Recording>>,
    mended: AtomicBool,
}

#[derive(Default, Clone)]
struct Recording {
    from_client: Arc<Mutex<Vec<u8>>>,
    from_server: Arc<Mutex<Vec<u8>>>,
}

impl Proxy {
    pub(crate) fn start(upstream: SocketAddr) -> Self {
        Self::forward(upstream, None)
    }

    /// A proxy with faults, until [`Self::mend`].
    pub(crate) fn faulty(upstream: SocketAddr, faults: Faults) -> Self {
        Self::forward(upstream, Some(faults))
    }

    fn forward(upstream: SocketAddr, mut faults: Option<Faults>) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, free_port())).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared::default());
        let accepted = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(server) = TcpStream::connect(upstream) else {
                    continue;
                };
                if accepted.mended.load(Ordering::Relaxed) {
                    faults = None;
                }
                join(&client.unwrap(), &server, &accepted, faults.as_mut());
            }
        });
        Self { address, shared }
    }

    /// Spares connections from now on.
    pub(crate) fn mend(&self) {
        self.shared.mended.store(true, Ordering::Relaxed);
    }

    /// How many connections there have been.
    pub(crate) fn connections(&self) -> usize {
        self.shared.connections.lock().unwrap().len()
    }

    /// The frames that the client of the connection accepted as number `index` has sent.
    pub(crate) fn sent_by_client(&self, index: usize) -> Vec<Value> {
        let recording = self.shared.connections.lock().unwrap()[index].clone();
        frames(&recording.from_client, Role::Server)
    }

    /// The frames that it was sent.
    pub(crate) fn sent_by_server(&self, index: usize) -> Vec<Value> {
        let recording = self.shared.connections.lock().unwrap()[index].clone();
        frames(&recording.from_server, Role::Client)
    }
}

fn join(client: &TcpStream, server: &TcpStream, shared: &Arc<Shared>, mut faults: Option<&mut Faults>) {
    let recording = Recording::default();
    let mut connections = shared.connections.lock().unwrap();
    let number = connections.len();
    connections.push(recording.clone());
    for (from, to, record) in [
        (client, server, recording.from_client),
        (server, client, recording.from_server),
    ] {
        let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        let fault = faults.as_mut().map(|faults| faults.draw());
        let shared = Arc::clone(shared);
        thread::spawn(move || {
            let bytes = fault.map_or(u64::MAX, |(_, after)| after);
            let _ = pump((&from).take(bytes), &to, &record);
            let mut end = Shutdown::Both;
            if let Some((Fault::Stall, _)) = fault {
                until("a newer connection", || shared.is_over(number).then_some(()));
                let _ = pump(&from, &to, &record);
                // What the other direction still holds comes late, but comes.
                end = Shutdown::Write;
            }
            let _ = to.shutdown(end);
        });
    }
}

impl Faults {
    fn draw(&mut self) -> (Fault, u64) {
        let after = self.after.start + self.random.below(self.after.end - self.after.start);
        (self.kind, after)
    }
}

impl Shared {
    /// Whether the connection of this number stalls no longer.
    fn is_over(&self, number: usize) -> bool {
        self.mended.load(Ordering::Relaxed) || self.connections.lock().unwrap().len() > number + 1
    }
}

fn pump(mut from: impl Read, mut to: &TcpStream, record: &Mutex<Vec<u8>>) -> io::Result<()> {
    let mut buffer = [0; 16 << 10];
    loop {
        let length = from.read(&mut buffer)?;
        if length == 0 {
            return Ok(());
        }
        record.lock().unwrap().extend_from_slice(&buffer[..length]);
        to.write_all(&buffer[..length])?;
    }
}

/// Decodes what was recorded after the HTTP head; `reader` is the role of the side that read it.
fn frames(recorded: &Mutex<Vec<u8>>, reader: Role) -> Vec<Value> {
    let bytes = recorded.lock().unwrap().clone();
    let head = bytes.windows(4).position(|bytes| bytes == b"\r\n\r\n").unwrap();
    let mut socket = WebSocket::from_raw_socket(Recorded(Cursor::new(bytes[head + 4..].to_vec())), reader, None);
    let mut frames = Vec::new();
    while let Ok(message) = socket.read() {
        if let Message::Text(text) = message {
            frames.push(serde_json::from_str(&text).unwrap());
        }
    }
    frames
}

/// Reads what was recorded and takes no answer.
struct Recorded(Cursor<Vec<u8>>);

impl Read for Recorded {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Write for Recorded {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
