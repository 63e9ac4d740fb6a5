//! A TCP proxy that keeps what a client and a server said to each other.

use super::random::Random;
use super::server::free_port;
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
    connections: Arc<Mutex<Vec<Recording>>>,
    mended: Arc<AtomicBool>,
}

/// After how many bytes each direction of a connection breaks.
type Cuts = Option<(Random, Range<u64>)>;

#[derive(Default, Clone)]
struct Recording {
    from_client: Arc<Mutex<Vec<u8>>>,
    from_server: Arc<Mutex<Vec<u8>>>,
}

impl Proxy {
    pub(crate) fn start(upstream: SocketAddr) -> Self {
        Self::forward(upstream, None)
    }

    /// A proxy that cuts every connection after a random number of bytes in either direction, until [`Self::mend`].
    pub(crate) fn cutting(upstream: SocketAddr, random: Random, after: Range<u64>) -> Self {
        Self::forward(upstream, Some((random, after)))
    }

    fn forward(upstream: SocketAddr, mut cuts: Cuts) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, free_port())).unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(Mutex::new(Vec::new()));
        let mended = Arc::new(AtomicBool::new(cuts.is_none()));
        let proxy = Self {
            address,
            connections: Arc::clone(&connections),
            mended: Arc::clone(&mended),
        };
        thread::spawn(move || {
            for client in listener.incoming() {
                let Ok(server) = TcpStream::connect(upstream) else {
                    continue;
                };
                let recording = Recording::default();
                connections.lock().unwrap().push(recording.clone());
                let mut limit = || match &mut cuts {
                    Some((random, after)) if !mended.load(Ordering::Relaxed) => {
                        after.start + random.below(after.end - after.start)
                    }
                    _ => u64::MAX,
                };
                join(&client.unwrap(), &server, &recording, [limit(), limit()]);
            }
        });
        proxy
    }

    /// Cuts no more connections than there are.
    pub(crate) fn mend(&self) {
        self.mended.store(true, Ordering::Relaxed);
    }

    /// How many connections there have been.
    pub(crate) fn connections(&self) -> usize {
        self.connections.lock().unwrap().len()
    }

    /// The frames that the client of the connection accepted as number `index` has sent.
    pub(crate) fn sent_by_client(&self, index: usize) -> Vec<Value> {
        let recording = self.connections.lock().unwrap()[index].clone();
        frames(&recording.from_client, Role::Server)
    }

    /// The frames that it was sent.
    pub(crate) fn sent_by_server(&self, index: usize) -> Vec<Value> {
        let recording = self.connections.lock().unwrap()[index].clone();
        frames(&recording.from_server, Role::Client)
    }
}

fn join(client: &TcpStream, server: &TcpStream, recording: &Recording, limits: [u64; 2]) {
    for (from, to, record, limit) in [
        (client, server, &recording.from_client, limits[0]),
        (server, client, &recording.from_server, limits[1]),
    ] {
        let (from, to) = (from.try_clone().unwrap(), to.try_clone().unwrap());
        let record = Arc::clone(record);
        thread::spawn(move || {
            let _ = pump((&from).take(limit), &to, &record);
            let _ = to.shutdown(Shutdown::Both);
            let _ = from.shutdown(Shutdown::Both);
        });
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
