//! A server that says what a test tells it to.

use super::soon;
use async_tungstenite::WebSocketStream;
use async_tungstenite::tokio::{TokioAdapter, accept_hdr_async};
use async_tungstenite::tungstenite::Message;
use async_tungstenite::tungstenite::handshake::server::{Request, Response};
use async_tungstenite::tungstenite::http::HeaderMap;
use futures_util::{SinkExt, StreamExt};
use serde_json::{Value, json};
use std::fmt::Write;
use tokio::net::{TcpListener, TcpStream};

/// Where clients connect to.
pub(crate) struct Peers(TcpListener);

/// The server's end of one connection.
pub(crate) struct Peer {
    pub(crate) socket: WebSocketStream<TokioAdapter<TcpStream>>,
    /// Of the handshake.
    pub(crate) headers: HeaderMap,
    /// The `ref` of the subscription.
    reference: Value,
}

impl Peers {
    pub(crate) async fn listen() -> Self {
        Self(TcpListener::bind("127.0.0.1:0").await.unwrap())
    }

    pub(crate) fn url(&self) -> String {
        format!("ws://{}/sync", self.0.local_addr().unwrap())
    }

    /// A connection before its handshake.
    pub(crate) async fn accept_raw(&self) -> TcpStream {
        soon("a connection", self.0.accept()).await.unwrap().0
    }

    /// A connection after its handshake.
    pub(crate) async fn accept(&self) -> Peer {
        let tcp = self.accept_raw().await;
        let mut headers = HeaderMap::new();
        #[expect(clippy::result_large_err, reason = "the signature is the library's")]
        let keep = |request: &Request, response: Response| {
            headers = request.headers().clone();
            Ok(response)
        };
        let socket = soon("a handshake", accept_hdr_async(tcp, keep)).await.unwrap();
        Peer {
            socket,
            headers,
            reference: Value::Null,
        }
    }

    /// A connection that is authenticated and has subscribed from `after`; the log's head is there too.
    pub(crate) async fn accept_live(&self, after: u64) -> Peer {
        let mut peer = self.accept().await;
        peer.authenticate().await;
        assert_eq!(peer.subscribed().await, after);
        peer.complete(after).await;
        peer
    }
}

impl Peer {
    pub(crate) async fn send(&mut self, frame: &Value) {
        self.send_text(frame.to_string()).await;
    }

    pub(crate) async fn send_text(&mut self, frame: String) {
        SinkExt::send(&mut self.socket, Message::text(frame)).await.unwrap();
    }

    /// The next text frame, if it comes before the end.
    pub(crate) async fn next(&mut self) -> Option<Value> {
        soon("a frame", async {
            loop {
                match self.socket.next().await {
                    Some(Ok(Message::Text(text))) => return Some(serde_json::from_str(&text).unwrap()),
                    Some(Ok(_)) => {}
                    Some(Err(_)) | None => return None,
                }
            }
        })
        .await
    }

    /// The next frame of a type; others are passed over.
    pub(crate) async fn expect(&mut self, frame_type: &str) -> Value {
        loop {
            let frame = self
                .next()
                .await
                .unwrap_or_else(|| panic!("the end came before {frame_type}"));
            if frame["type"] == frame_type {
                return frame;
            }
        }
    }

    pub(crate) async fn authenticate(&mut self) -> Value {
        let auth = self.expect("auth").await;
        assert_eq!(auth["protocol"], 1);
        self.send(&json!({
            "type": "auth_success", "protocol": 1, "epoch": "an epoch", "scope": "all",
            "serverTime": "2025-01-23T10:00:00.000Z", "heartbeatMs": 30_000,
            "limits": { "frameBytes": 1 << 24, "eventBytes": 1 << 24, "batchEvents": 10_000 },
        }))
        .await;
        auth
    }

    /// Where `users` is subscribed from.
    pub(crate) async fn subscribed(&mut self) -> u64 {
        let subscribe = self.expect("subscribe").await;
        self.reference = subscribe["ref"].clone();
        subscribe["repositories"]["users"]["afterSequence"].as_u64().unwrap()
    }

    /// The stream of `users` has reached the head.
    pub(crate) async fn complete(&mut self, last: u64) {
        let frame =
            json!({ "type": "sync_complete", "repository": "users", "lastSequence": last, "ref": self.reference });
        self.send(&frame).await;
    }

    /// Streams the events `after + 1 ..= last` of `users`: record `r<sequence>` becomes `{"n":<sequence>}`.
    pub(crate) async fn stream(&mut self, after: u64, last: u64) {
        let frame = self.stream_frame(after, last, "");
        self.send_text(frame).await;
    }

    /// The frame of [`Self::stream`], with as much padding in each event.
    pub(crate) fn stream_frame(&self, after: u64, last: u64, padding: &str) -> String {
        let mut events = String::new();
        for at in after + 1..=last {
            let comma = if events.is_empty() { "" } else { "," };
            write!(
                events,
                r#"{comma}{{"_event_id":"e{at}","_operation":0,"_created_at":"2025-01-23T10:00:00Z","_data_id":"r{at}","_data":{{"n":{at}{padding}}},"serverSequence":{at}}}"#
            )
            .unwrap();
        }
        format!(
            r#"{{"type":"events","repository":"users","events":[{events}],"afterSequence":{after},"lastSequence":{last},"ref":{}}}"#,
            self.reference
        )
    }

    /// The events that are pushed next.
    pub(crate) async fn pushed(&mut self) -> Vec<Value> {
        loop {
            let frame = self.next().await.expect("the end came before a push");
            match frame["type"].as_str() {
                Some("push_event") => return vec![frame["event"].clone()],
                Some("push_events_batch") => return frame["events"].as_array().unwrap().clone(),
                _ => {}
            }
        }
    }

    /// Acks events as stored from `first` on.
    pub(crate) async fn ack(&mut self, events: &[Value], first: u64) {
        let ids: Vec<&str> = events
            .iter()
            .map(|event| event["_event_id"].as_str().unwrap())
            .collect();
        let sequences: serde_json::Map<String, Value> = ids
            .iter()
            .zip(first..)
            .map(|(id, at)| ((*id).to_owned(), at.into()))
            .collect();
        self.send(&json!({
            "type": "ack", "eventIds": ids, "repositories": { "users": ids }, "sequences": { "users": sequences },
        }))
        .await;
    }
}
