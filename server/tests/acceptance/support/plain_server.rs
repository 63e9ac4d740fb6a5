//! A server with the habits of the published one, as `docs/PROTOCOL.md` section 10 lists them.
//!
//! It sends every new event to everyone, its sender included, before the ack; sends an old event again when it is
//! pushed again; answers a pull with the newest event of each record, at most 100, without saying that there are
//! more; and acks without sequences.

use serde_json::{Value, json};
use std::collections::{BTreeMap, HashSet};
use std::io::ErrorKind;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Mutex, MutexGuard};
use std::thread;
use std::time::Duration;
use tungstenite::{Error, Message, WebSocket};

/// Most events in the answer to a pull.
const PULL: usize = 100;

/// How long a connection waits for its peer before it looks for broadcasts.
const TURN: Duration = Duration::from_millis(2);

/// What it does beside its habits.
#[derive(Default)]
pub(crate) struct Script {
    /// Events of others, in the package's spelling; each time that somebody authenticates, the next one happens
    /// before anything that this connection asks for is answered.
    pub(crate) on_auth: Vec<Value>,
    /// So many pushes are stored and broadcast, but the connection is cut instead of an ack.
    pub(crate) lost_acks: usize,
}

#[derive(Default)]
struct World {
    script: Script,
    log: Vec<Value>,
    connections: Vec<Sender<String>>,
}

/// The server, of one repository.
pub(crate) struct PlainServer {
    pub(crate) url: String,
    repository: &'static str,
    world: Arc<Mutex<World>>,
}

impl PlainServer {
    pub(crate) fn start(repository: &'static str, script: Script) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address: SocketAddr = listener.local_addr().unwrap();
        let world = Arc::new(Mutex::new(World {
            script,
            ..World::default()
        }));
        let shared = Arc::clone(&world);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let shared = Arc::clone(&shared);
                thread::spawn(move || Connection::accept(stream.unwrap(), repository, shared).run());
            }
        });
        Self {
            url: format!("ws://{address}/sync"),
            repository,
            world,
        }
    }

    /// Another client's event: stored and broadcast.
    pub(crate) fn happen(&self, event: Value) {
        lock(&self.world).store(self.repository, event);
    }

    /// Broadcasts an event that was broadcast before.
    pub(crate) fn repeat(&self, id: &str) {
        let world = lock(&self.world);
        let event = world.log.iter().find(|event| event["_event_id"] == id).unwrap().clone();
        world.broadcast(self.repository, &event);
    }

    /// Ends every connection.
    pub(crate) fn cut(&self) {
        lock(&self.world).connections.clear();
    }

    /// Everything stored, in order.
    pub(crate) fn log(&self) -> Vec<Value> {
        lock(&self.world).log.clone()
    }
}

impl World {
    fn store(&mut self, repository: &str, mut event: Value) {
        let known = self.log.iter().find(|known| known["_event_id"] == event["_event_id"]);
        if let Some(known) = known {
            self.broadcast(repository, known);
            return;
        }
        event["serverSequence"] = json!(self.log.len() + 1);
        self.broadcast(repository, &event);
        self.log.push(event);
    }

    fn broadcast(&self, repository: &str, event: &Value) {
        let frame = json!({"type": "events", "repository": repository, "events": [event]}).to_string();
        for connection in &self.connections {
            let _ = connection.send(frame.clone());
        }
    }

    fn pull(&self, after: u64) -> Vec<&Value> {
        let mut records = HashSet::new();
        let newest: BTreeMap<u64, &Value> = self
            .log
            .iter()
            .rev()
            .filter(|event| records.insert(event["_data_id"].as_str().unwrap()))
            .map(|event| (event["serverSequence"].as_u64().unwrap(), event))
            .filter(|(sequence, _)| *sequence > after)
            .collect();
        newest.into_values().take(PULL).collect()
    }
}

struct Connection {
    socket: WebSocket<TcpStream>,
    repository: &'static str,
    world: Arc<Mutex<World>>,
    broadcasts: Option<Receiver<String>>,
}

/// The connection is over.
struct Over;

impl Connection {
    fn accept(stream: TcpStream, repository: &'static str, world: Arc<Mutex<World>>) -> Self {
        let socket = tungstenite::accept(stream).unwrap();
        socket.get_ref().set_read_timeout(Some(TURN)).unwrap();
        Self {
            socket,
            repository,
            world,
            broadcasts: None,
        }
    }

    fn run(mut self) {
        while self.turn().is_ok() {}
    }

    fn turn(&mut self) -> Result<(), Over> {
        match self.socket.read() {
            Ok(Message::Text(text)) => self.handle(&serde_json::from_str(&text).unwrap())?,
            Ok(_) => {}
            Err(Error::Io(error)) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return Err(Over),
        }
        self.send_broadcasts()
    }

    fn handle(&mut self, frame: &Value) -> Result<(), Over> {
        match frame["type"].as_str().unwrap() {
            "auth" => self.authenticate(),
            "ping" => self.send(&json!({"type": "pong"})),
            "push_event" => self.push(std::slice::from_ref(&frame["event"])),
            "push_events_batch" => self.push(frame["events"].as_array().unwrap()),
            "request_events" => self.answer(frame["afterSequence"].as_u64().unwrap_or(0)),
            _ => Ok(()),
        }
    }

    fn authenticate(&mut self) -> Result<(), Over> {
        self.send(&json!({"type": "auth_success"}))?;
        let (sender, receiver) = channel();
        self.broadcasts = Some(receiver);
        let mut world = lock(&self.world);
        world.connections.push(sender);
        if !world.script.on_auth.is_empty() {
            let event = world.script.on_auth.remove(0);
            world.store(self.repository, event);
        }
        drop(world);
        self.send_broadcasts()
    }

    fn push(&mut self, events: &[Value]) -> Result<(), Over> {
        let mut world = lock(&self.world);
        for event in events {
            world.store(self.repository, event.clone());
        }
        let lost = world.script.lost_acks > 0;
        world.script.lost_acks = world.script.lost_acks.saturating_sub(1);
        drop(world);
        if lost {
            return Err(Over);
        }
        self.send_broadcasts()?;
        let ids: Vec<&Value> = events.iter().map(|event| &event["_event_id"]).collect();
        self.send(&json!({"type": "ack", "eventIds": ids, "repositories": {self.repository: ids}}))
    }

    fn answer(&mut self, after: u64) -> Result<(), Over> {
        let world = Arc::clone(&self.world);
        let world = lock(&world);
        let events = world.pull(after);
        if !events.is_empty() {
            self.send(&json!({"type": "events", "repository": self.repository, "events": events}))?;
        }
        self.send(&json!({"type": "sync_complete", "repository": self.repository}))
    }

    fn send_broadcasts(&mut self) -> Result<(), Over> {
        let Some(broadcasts) = self.broadcasts.take() else {
            return Ok(());
        };
        let frames: Vec<String> = broadcasts.try_iter().collect();
        for frame in frames {
            self.socket.send(Message::text(frame)).map_err(|_| Over)?;
        }
        let cut = matches!(broadcasts.try_recv(), Err(std::sync::mpsc::TryRecvError::Disconnected));
        self.broadcasts = Some(broadcasts);
        if cut { Err(Over) } else { Ok(()) }
    }

    fn send(&mut self, frame: &Value) -> Result<(), Over> {
        self.socket.send(Message::text(frame.to_string())).map_err(|_| Over)
    }
}

fn lock(world: &Mutex<World>) -> MutexGuard<'_, World> {
    world.lock().unwrap()
}
