//! A server that is embedded: sockets that its owner brings, and what the owner is told.

#![cfg(feature = "tokio")]
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails there")]

use async_tungstenite::WebSocketStream;
use async_tungstenite::tokio::TokioAdapter;
use async_tungstenite::tungstenite::Message;
use async_tungstenite::tungstenite::protocol::Role;
use driftless::Tokio;
use driftless::core::event::{EventBatch, EventId, Json, NewEvent, RecordId};
use driftless::core::name::{LogName, Namespace, RepositoryName};
use driftless::core::server::{Append, Appended, ConnectionId, Page, PageRequest, Refusal};
use driftless::core::wire::{CloseCode, Epoch, ErrorCode};
use driftless::server::{Listening, Observer, Opening, Server, ServerConfig, StaticToken};
use driftless::store::{CommitSink, Done, Memory, RepositorySummary, Store};
use futures_util::StreamExt;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::net::TcpStream;
use tokio::sync::oneshot;
use tokio::time::timeout;

type Peer = WebSocketStream<TokioAdapter<DuplexStream>>;

/// A connection over a pipe in memory, which takes one slice at a time and few bytes.
async fn connect(server: &Server, token: Option<&str>) -> Peer {
    let (near, far) = tokio::io::duplex(64);
    let opening = Opening {
        namespace: Namespace::default(),
        token: token.map(Into::into),
        read_ahead: Vec::new().into(),
    };
    tokio::spawn(server.serve_socket(Tokio::socket(far), opening));
    WebSocketStream::from_raw_socket(TokioAdapter::new(near), Role::Client, None).await
}

async fn say(peer: &mut Peer, text: &str) {
    peer.send(Message::text(text)).await.unwrap();
}

/// The next frame; a close as its code.
async fn hear(peer: &mut Peer) -> String {
    match peer.next().await.unwrap().unwrap() {
        Message::Text(text) => text.to_string(),
        Message::Close(frame) => u16::from(frame.unwrap().code).to_string(),
        other => panic!("{other:?}"),
    }
}

fn log() -> LogName {
    LogName {
        namespace: Namespace::default(),
        repository: RepositoryName::new("users").unwrap(),
    }
}

fn event(id: &str) -> NewEvent {
    NewEvent::read(&Json::parse(format!(r#"{{"eventId":"{id}"}}"#)).unwrap()).unwrap()
}

#[tokio::test]
async fn any_socket_is_served_and_events_without_one_reach_it() {
    let server = Server::start(ServerConfig::new(Arc::new(Memory::new())), Tokio).unwrap();
    let mut peer = connect(&server, None).await;
    say(&mut peer, r#"{"type":"auth","protocol":1}"#).await;
    assert!(hear(&mut peer).await.contains("auth_success"));
    let subscribe = r#"{"type":"subscribe","repositories":{"users":{"afterSequence":0}}}"#;
    say(&mut peer, subscribe).await;
    assert!(hear(&mut peer).await.contains("sync_complete"));
    let results = server.push(log(), vec![event("a"), event("b")]).await;
    let sequences: Vec<_> = results.iter().map(|result| result.outcome.unwrap().get()).collect();
    assert_eq!(sequences, [1, 2]);
    let events = hear(&mut peer).await;
    assert!(events.contains(r#"[{"eventId":"a","serverSequence":1},{"eventId":"b","serverSequence":2}]"#));
    assert!(server.push(log(), Vec::new()).await.is_empty());
    assert_eq!(server.metrics().events_appended.value(), 2);
}

#[tokio::test]
async fn a_shutdown_closes_every_connection_and_those_that_come_later() {
    let server = Server::start(ServerConfig::new(Arc::new(Memory::new())), Tokio).unwrap();
    let mut peer = connect(&server, None).await;
    say(&mut peer, r#"{"type":"auth"}"#).await;
    hear(&mut peer).await;
    let reader = tokio::spawn(async move { hear(&mut peer).await });
    server.shutdown().await;
    assert_eq!(reader.await.unwrap(), "1012");
    let mut late = connect(&server, None).await;
    assert_eq!(hear(&mut late).await, "1012");
}

#[tokio::test]
async fn connections_do_not_outlive_the_server() {
    let server = Server::start(ServerConfig::new(Arc::new(Memory::new())), Tokio).unwrap();
    let mut peer = connect(&server, None).await;
    say(&mut peer, r#"{"type":"auth"}"#).await;
    hear(&mut peer).await;
    drop(server);
    assert_eq!(hear(&mut peer).await, "1012");
}

#[test]
fn the_token_of_an_opening_does_not_show_in_debug_output() {
    let opening = Opening {
        namespace: Namespace::default(),
        token: Some("secret".into()),
        read_ahead: Vec::new().into(),
    };
    assert!(!format!("{opening:?}").contains("secret"));
}

#[derive(Default)]
struct Notes(Mutex<Vec<String>>);

impl Observer for Notes {
    fn opened(&self, connection: ConnectionId, namespace: &Namespace) {
        self.note(format!("opened {} {namespace}", connection.0));
    }
    fn closing(&self, connection: ConnectionId, code: CloseCode, _: &str) {
        self.note(format!("closing {} {code}", connection.0));
    }
    fn closed(&self, connection: ConnectionId) {
        self.note(format!("closed {}", connection.0));
    }
}

impl Notes {
    fn note(&self, note: String) {
        self.0.lock().unwrap().push(note);
    }
}

#[tokio::test]
async fn the_owner_is_told_of_connections() {
    let notes = Arc::new(Notes::default());
    let config = ServerConfig {
        observer: notes.clone(),
        authenticator: Arc::new(StaticToken::new("secret").unwrap()),
        ..ServerConfig::new(Arc::new(Memory::new()))
    };
    let server = Server::start(config, Tokio).unwrap();
    let mut peer = connect(&server, Some("wrong")).await;
    say(&mut peer, r#"{"type":"auth"}"#).await;
    assert!(hear(&mut peer).await.contains("auth_failed"));
    assert_eq!(hear(&mut peer).await, "4401");
    while peer.next().await.is_some() {}
    server.shutdown().await;
    let notes = notes.0.lock().unwrap().clone();
    assert_eq!(notes, ["opened 0 default", "closing 0 4401", "closed 0"]);
    assert_eq!(server.metrics().authentications_refused.value(), 1);
    assert_eq!(server.metrics().connections.value(), 0);
}

/// A store with a fault of its own.
struct Faulty(Memory);

impl Store for Faulty {
    fn epoch(&self) -> Epoch {
        self.0.epoch()
    }
    fn append(&self, _: Append, _: Done<Appended>) {
        panic!("a fault in the store");
    }
    fn read(&self, page: PageRequest, done: Done<Page>) {
        self.0.read(page, done);
    }
    fn repositories(&self, namespace: Namespace, done: Done<Vec<RepositorySummary>>) {
        self.0.repositories(namespace, done);
    }
    fn event(&self, log: LogName, id: EventId, done: Done<Option<EventBatch>>) {
        self.0.event(log, id, done);
    }
    fn newest(&self, log: LogName, record: RecordId, done: Done<Option<EventBatch>>) {
        self.0.newest(log, record, done);
    }
    fn check(&self, done: Done<()>) {
        self.0.check(done);
    }
    fn watch(&self, sink: CommitSink) {
        self.0.watch(sink);
    }
}

#[tokio::test]
async fn the_owner_is_told_when_the_hub_has_failed() {
    let server = Server::start(ServerConfig::new(Arc::new(Faulty(Memory::new()))), Tokio).unwrap();
    let mut peer = connect(&server, None).await;
    let results = server.push(log(), vec![event("a")]).await;
    assert_eq!(results[0].outcome, Err(Refusal::Retry(ErrorCode::StoreUnavailable)));
    server.failed().await;
    // Nobody waits for an answer that never comes.
    while peer.next().await.is_some() {}
    server.shutdown().await;
}

#[tokio::test]
async fn a_stranger_who_says_nothing_does_not_hold_a_stop_up() {
    let server = Server::start(ServerConfig::new(Arc::new(Memory::new())), Tokio).unwrap();
    let listening = Listening::bind(server, "127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listening.address().unwrap();
    let (stop, asked) = oneshot::channel::<()>();
    let running = tokio::spawn(listening.run(async { asked.await.unwrap_or(()) }));
    let _silent = TcpStream::connect(address).await.unwrap();
    // Accepted behind the silent one, and told why it is not served.
    let mut lost = TcpStream::connect(address).await.unwrap();
    lost.write_all(b"GET /nowhere HTTP/1.1\r\nHost: x\r\n\r\n")
        .await
        .unwrap();
    let mut answer = String::new();
    lost.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 404"), "{answer}");
    drop(lost);
    drop(stop);
    // Far less than a handshake may take.
    let stopped = timeout(Duration::from_secs(5), running).await;
    assert_eq!(stopped.expect("it stops").unwrap(), Ok(()));
}
